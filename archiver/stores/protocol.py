"""The five verbs that archiver asks of a store, and nothing else.

Promise of every implementation, checked by one contract suite over all of them:

* ``put`` stores the bytes whole or not at all, and never replaces an object: a key that
  exists is refused with `Answer.EXISTS`, also when two writers race (`Answer.LOCKED` where
  a lock rule of R2 speaks first).
* ``put`` refuses a body that does not have its ``sha256`` with `Answer.CORRUPT`, before a
  byte leaves; S3 and Ceph compare once more on arrival.
* after ``put`` returned, ``get`` gives those bytes and ``list`` names the key.
* ``list`` yields keys in ascending byte order.
* ``delete`` of a key that is not there is refused with `Answer.NOT_FOUND`.
* the only error that leaves a verb is `StoreError`, whatever happened inside.

Stores do not retry, wait or judge: the delivery rules do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from types import TracebackType

    from archiver.model.answers import Found, Listed, Stored
    from archiver.model.shipment import Retain

__all__ = ["Hashing", "Store"]


@runtime_checkable
class Store(Protocol):
    """An opened store. Use it as an async context manager; it is open inside only."""

    name: str
    """Where it is, for humans: ``s3://bucket/prefix at https://…``. Never a secret."""

    concurrency: int
    """How many puts at once this store likes (R2: 2)."""

    async def __aenter__(self) -> Self:
        """Open connections; raise `StoreError` where that fails already."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        ...

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        sha256: str,
        metadata: Mapping[str, str],
        retain: Retain | None = None,
    ) -> Stored:
        """Store ``body`` under ``key`` if nothing is there.

        ``sha256`` is the hex digest of ``body``, computed by the caller when it was sealed.
        ``metadata`` holds short ASCII values; a folder keeps none. ``retain`` locks the object
        with the very same put, or the put is refused (CONFIGURATION): never stored unlocked.
        """
        ...

    async def head(self, key: str) -> Found:
        """Tell size and sha256 of one object."""
        ...

    async def get(self, key: str) -> bytes:
        """Give the bytes of one object."""
        ...

    def list(self, prefix: str, *, after: str = "") -> AsyncIterator[Listed]:
        """Yield every key that starts with ``prefix`` and sorts after ``after``."""
        ...

    async def delete(self, key: str) -> None:
        """Remove one object. Used by doctor's probe; shipping never deletes."""
        ...


@runtime_checkable
class Hashing(Protocol):
    """A store that can hash objects where they lie, for less than fetching them costs."""

    async def digests(self, keys: Sequence[str]) -> list[Found | None]:
        """Tell size and sha256 of objects' bytes as they are read now, never metadata.

        Together, because the way there may cost as much as an object; ``None`` for one that is
        not there.
        """
        ...
