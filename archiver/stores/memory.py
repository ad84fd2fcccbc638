"""A store in memory that can be told what goes wrong: for tests and dry runs.

It keeps every promise of the protocol until its `FaultPlan` says otherwise, and it keeps
its objects across openings, so one instance can outlive many clients:

    store = MemoryStore(FaultPlan((Fault("put", LoseAnswer(), nth=1),)))
    async with store:
        await store.put("a", b"x", sha256=…, metadata={})   # StoreError, UNREACHABLE
        await store.get("a")                                 # b"x": it was stored all the same
    assert store.calls == [Call("put", "a"), Call("get", "a")]

Limits: nothing survives the process; one event loop at a time; etags are made up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.model.answers import Answer, Found, Listed, Stored
from archiver.stores.faults import Corrupt, CutListing, Forget, Plant
from archiver.stores.memory_custody import MemoryCustody
from archiver.stores.memory_session import Call, Object, cut, end
from archiver.stores.refusals import check_body, refuse, refuse_lock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from archiver.model.shipment import Retain

__all__ = ["Call", "MemoryStore", "Object"]

_R2_SECONDS_PER_WRITE = 1.0  # per key; R2's error 10058


class MemoryStore(MemoryCustody):
    """Objects in a dict. See `MemorySession` for what can be set."""

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        sha256: str,
        metadata: Mapping[str, str],
        retain: Retain | None = None,
    ) -> Stored:
        """Store the bytes, as the plan allows."""
        effects = await self._begin("put", key)
        for effect in effects:
            if isinstance(effect, Plant):
                self.objects[key] = Object(effect.body, {})
        check_body(key, body, sha256)
        if retain and not self.can_lock:
            raise refuse_lock(self.name)
        self._claim(key)
        kept = _flip(body) if Corrupt() in effects else body
        self.objects[key] = Object(kept, {**metadata, "sha256": sha256}, retain)
        end("put", key, effects)
        return Stored(etag=f'"{sha256[:32]}"', sha256=sha256)

    async def head(self, key: str) -> Found:
        """Tell size, metadata and the sha256 that the metadata names."""
        effects = await self._begin("head", key)
        found = self._object(key)
        end("head", key, effects)
        metadata = {} if Forget() in effects else dict(found.metadata)
        return Found(key, len(found.body), metadata.get("sha256", ""), metadata)

    async def get(self, key: str) -> bytes:
        """Give the bytes."""
        effects = await self._begin("get", key)
        body = self._object(key).body
        end("get", key, effects)
        return _flip(body) if Corrupt() in effects else body

    async def list(self, prefix: str, *, after: str = "") -> AsyncIterator[Listed]:
        """List what is there when the listing begins."""
        effects = await self._begin("list", prefix)
        limit = min((e.keys for e in effects if isinstance(e, CutListing)), default=None)
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        lines = [Listed(key, len(self.objects[key].body)) for key in keys[:limit]]
        for line in lines:
            yield line
        if limit is not None:
            raise cut("list", prefix)
        end("list", prefix, effects)

    async def delete(self, key: str) -> None:
        """Remove an object, or hide it where the bucket has versions."""
        effects = await self._begin("delete", key)
        found = self._object(key)
        del self.objects[key]
        if self.can_lock:
            self.older.setdefault(key, []).append(found)
        end("delete", key, effects)

    def _claim(self, key: str) -> None:
        """Raise where the key is taken, in the manner of the personality."""
        now = self._clock()
        if self.plan.personality == "r2":
            if now - self._written.get(key, -_R2_SECONDS_PER_WRITE) < _R2_SECONDS_PER_WRITE:
                raise refuse(Answer.BUSY, f"memory: put {key}: 10058", code="10058", status=429)
            self._written[key] = now
            if key in self.objects:
                code = "ObjectLockedByBucketPolicy"
                raise refuse(Answer.LOCKED, f"memory: put {key}: {code}", code=code, status=403)
        elif key in self.objects:
            code = "PreconditionFailed"
            raise refuse(Answer.EXISTS, f"memory: put {key}: {code}", code=code, status=412)

    def _object(self, key: str) -> Object:
        try:
            return self.objects[key]
        except KeyError:
            raise refuse(
                Answer.NOT_FOUND, f"memory: there is no {key}", code="NoSuchKey", status=404
            ) from None


def _flip(body: bytes) -> bytes:
    return body[:-1] + bytes([body[-1] ^ 1]) if body else b"\0"
