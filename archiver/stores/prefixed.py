"""A store seen from below a prefix.

Everything above the stores speaks in keys without the prefix, so an archive that is copied
to another place, under another prefix, still says the same of itself.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from archiver.model.answers import Found
from archiver.stores.protocol import Hashing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import TracebackType

    from archiver.model.answers import Listed, Stored
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
        self, key: str, body: bytes, *, sha256: str, metadata: Mapping[str, str]
    ) -> Stored:
        """Store below the prefix."""
        return await self._store.put(self._prefix + key, body, sha256=sha256, metadata=metadata)

    async def head(self, key: str) -> Found:
        """Look below the prefix."""
        found = await self._store.head(self._prefix + key)
        return replace(found, key=key)

    async def digest(self, key: str) -> Found:
        """Hash below the prefix: where the bytes lie, or after fetching them."""
        if isinstance(self._store, Hashing):
            return replace(await self._store.digest(self._prefix + key), key=key)
        body = await self.get(key)
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
