"""A store seen from below a prefix.

Everything above the stores speaks in keys without the prefix, so an archive that is copied
to another place, under another prefix, still says the same of itself.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from archiver.errors import StoreError
from archiver.model.answers import Answer, Found
from archiver.stores.custody import custody_of
from archiver.stores.protocol import Hashing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from types import TracebackType

    from archiver.model.answers import Listed, Stored
    from archiver.model.shipment import Retain
    from archiver.stores.custody import Kept
    from archiver.stores.protocol import Store

__all__ = ["Prefixed"]


class Prefixed:
    """``store`` with ``prefix/`` put before every key. An empty prefix changes nothing."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = f"{prefix}/" if prefix else ""
        self.name = f"{store.name}/{prefix}" if prefix else store.name
        self.concurrency = store.concurrency

    async def __aenter__(self) -> Self:
        """Open the store."""
        await self._store.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the store."""
        await self._store.__aexit__(kind, error, trace)

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        sha256: str,
        metadata: Mapping[str, str],
        retain: Retain | None = None,
    ) -> Stored:
        """Store below the prefix."""
        return await self._store.put(
            self._prefix + key, body, sha256=sha256, metadata=metadata, retain=retain
        )

    async def head(self, key: str) -> Found:
        """Look below the prefix."""
        found = await self._store.head(self._prefix + key)
        return replace(found, key=key)

    async def digests(self, keys: Sequence[str]) -> list[Found | None]:
        """Hash below the prefix: where the bytes lie, or after fetching them."""
        if isinstance(self._store, Hashing):
            found = await self._store.digests([self._prefix + key for key in keys])
            return [one and replace(one, key=key) for key, one in zip(keys, found, strict=True)]
        return [await self._fetched(key) for key in keys]

    async def _fetched(self, key: str) -> Found | None:
        try:
            body = await self.get(key)
        except StoreError as error:
            if error.refusal.answer is not Answer.NOT_FOUND:
                raise
            return None
        sha256 = await asyncio.to_thread(lambda: hashlib.sha256(body).hexdigest())
        return Found(key=key, size=len(body), sha256=sha256, metadata={})

    async def get(self, key: str) -> bytes:
        """Read below the prefix."""
        return await self._store.get(self._prefix + key)

    async def list(self, prefix: str, *, after: str = "") -> AsyncIterator[Listed]:
        """List below the prefix."""
        start = self._prefix + after if after else ""
        async for listed in self._store.list(self._prefix + prefix, after=start):
            yield replace(listed, key=listed.key.removeprefix(self._prefix))

    async def delete(self, key: str) -> None:
        """Remove below the prefix."""
        await self._store.delete(self._prefix + key)

    @property
    def can_lock(self) -> bool:
        """Whether the store below keeps locks and holds."""
        return custody_of(self._store).can_lock

    async def kept(self, key: str) -> Kept | None:
        """Ask below the prefix."""
        kept = await custody_of(self._store).kept(self._prefix + key)
        return kept and replace(kept, key=key)

    async def hold(self, key: str, *, on: bool) -> None:
        """Hold below the prefix."""
        await custody_of(self._store).hold(self._prefix + key, on=on)

    async def reveal(self, key: str) -> None:
        """Reveal below the prefix."""
        await custody_of(self._store).reveal(self._prefix + key)

    async def destroy(self, key: str) -> None:
        """Destroy below the prefix."""
        await custody_of(self._store).destroy(self._prefix + key)

    async def remains(self, prefix: str) -> AsyncIterator[str]:
        """Name what is left below the prefix."""
        async for key in custody_of(self._store).remains(self._prefix + prefix):
            yield key.removeprefix(self._prefix)
