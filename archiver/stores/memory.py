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

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from archiver.model.answers import Answer, Found, Listed, Stored
from archiver.stores.faults import (
    Corrupt,
    CutListing,
    FaultPlan,
    Forget,
    Hang,
    LoseAnswer,
    Plant,
    Refuse,
    Slow,
)
from archiver.stores.refusals import check_body, refuse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import TracebackType

    from archiver.errors import StoreError
    from archiver.model.shipment import Retain
    from archiver.stores.faults import Effect, Fault, Verb

__all__ = ["Call", "MemoryStore", "Object"]

_R2_SECONDS_PER_WRITE = 1.0  # per key; R2's error 10058


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the log: a verb and its key (of a list: its prefix)."""

    verb: Verb
    key: str


@dataclass(frozen=True, slots=True)
class Object:
    """What is stored under one key."""

    body: bytes
    metadata: Mapping[str, str]
    retain: Retain | None = None


class MemoryStore:
    """Objects in a dict. ``clock`` gives seconds and matters to the R2 personality only."""

    name = "memory"

    def __init__(
        self, plan: FaultPlan | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.plan = plan or FaultPlan()
        self.objects: dict[str, Object] = {}
        self.calls: list[Call] = []
        self.concurrency = 2 if self.plan.personality == "r2" else 4
        self._clock = clock
        self._written: dict[str, float] = {}
        self._matches: Counter[Fault] = Counter()

    async def __aenter__(self) -> Self:
        """Open; there is nothing to do."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close; the objects stay."""

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
        self._claim(key)
        kept = _flip(body) if Corrupt() in effects else body
        self.objects[key] = Object(kept, {**metadata, "sha256": sha256}, retain)
        _end("put", key, effects)
        return Stored(etag=f'"{sha256[:32]}"', sha256=sha256)

    async def head(self, key: str) -> Found:
        """Tell size, metadata and the sha256 that the metadata names."""
        effects = await self._begin("head", key)
        found = self._object(key)
        _end("head", key, effects)
        metadata = {} if Forget() in effects else dict(found.metadata)
        return Found(key, len(found.body), metadata.get("sha256", ""), metadata)

    async def get(self, key: str) -> bytes:
        """Give the bytes."""
        effects = await self._begin("get", key)
        body = self._object(key).body
        _end("get", key, effects)
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
            raise _cut("list", prefix)
        _end("list", prefix, effects)

    async def delete(self, key: str) -> None:
        """Remove an object."""
        effects = await self._begin("delete", key)
        self._object(key)
        del self.objects[key]
        _end("delete", key, effects)

    async def _begin(self, verb: Verb, key: str) -> tuple[Effect, ...]:
        """Log the call, wait and refuse as planned; give the effects that are left to do."""
        self.calls.append(Call(verb, key))
        effects = self._effects(verb, key)
        for effect in effects:
            if isinstance(effect, Slow):
                await asyncio.sleep(effect.seconds)
            elif isinstance(effect, Hang):
                await asyncio.get_running_loop().create_future()
            elif isinstance(effect, Refuse):
                raise refuse(
                    effect.answer,
                    f"memory: {verb} {key}: {effect.code}",
                    code=effect.code,
                    status=effect.status,
                    server_time=effect.server_time,
                )
        await asyncio.sleep(0)  # every other store lets others run here too
        return effects

    def _effects(self, verb: Verb, key: str) -> tuple[Effect, ...]:
        effects = []
        for fault in self.plan.faults:
            if fault.verb == verb and (fault.key is None or fault.key(key)):
                self._matches[fault] += 1
                if fault.nth in (None, self._matches[fault]):
                    effects.append(fault.effect)
        return tuple(effects)

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


def _end(verb: Verb, key: str, effects: tuple[Effect, ...]) -> None:
    if LoseAnswer() in effects:
        raise _cut(verb, key)


def _cut(verb: Verb, key: str) -> StoreError:
    code = "ConnectionClosedError"
    return refuse(Answer.UNREACHABLE, f"memory: {verb} {key}: {code}", code=code)


def _flip(body: bytes) -> bytes:
    return body[:-1] + bytes([body[-1] ^ 1]) if body else b"\0"
