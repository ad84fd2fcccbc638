"""One pass over every manifest of a tenant: listed, fetched in batches, admitted, taken in."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from archiver.archive.admission import admit, too_long
from archiver.archive.fetch import Budget, in_turn
from archiver.archive.objects import BATCH
from archiver.evidence.note import MAX_NOTE_BYTES
from archiver.format.keys import ManifestKey

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from archiver.archive.admission import Admitted
    from archiver.archive.coverage import Coverage
    from archiver.archive.objects import Objects
    from archiver.archive.signers import Signers

__all__ = ["ManifestPass"]

_BATCHES: Final = 3
_BATCH_BYTES: Final = 16 * 1024 * 1024
_IN_FLIGHT: Final = 64 * 1024 * 1024


class ManifestPass:
    """Yields manifests as they are admitted. ``count`` is their number once listed.

    ``strangers`` are the keys of objects that lie among them and are none.
    """

    def __init__(self, objects: Objects, signers: Signers, covered: Coverage | None) -> None:
        self._objects = objects
        self._signers = signers
        self._covered = covered
        self.count = 0
        self.strangers: list[str] = []

    async def run(self, progress: Callable[[int, int], None]) -> AsyncGenerator[Admitted, None]:
        """Read them in the order of keys. Signatures are looked at in a thread."""
        batches, sizes = await self._listed()
        budget = Budget(_IN_FLIGHT)

        async def ask(batch: tuple[str, int]) -> list[Admitted]:
            async with budget.taken(batch[1]):
                return await self._admitted(batch[0].split("\n"), sizes)

        def taken() -> Iterable[tuple[str, int]]:
            while batches:
                yield batches.popleft()

        done = 0
        async with aclosing(in_turn(taken(), ask, limit=_BATCHES)) as admitted:
            async for ones in admitted:
                for one in ones:
                    yield one
                    done += 1
                    progress(done, self.count)

    async def _listed(self) -> tuple[deque[tuple[str, int]], dict[str, int]]:
        """Give the keys of all manifests in batches, as text, each with the bytes that it has.

        Those that are too long to be fetched come with their sizes as well.
        """
        batches: deque[tuple[str, int]] = deque()
        batch: list[str] = []
        weight = 0
        sizes: dict[str, int] = {}
        async for listed in self._objects.listing("_manifests/"):
            if not isinstance(self._objects.key(listed.key), ManifestKey):
                self.strangers.append(listed.key)
                continue
            if listed.size > MAX_NOTE_BYTES:
                sizes[listed.key] = listed.size
            size = 0 if listed.key in sizes else listed.size
            if batch and (len(batch) == BATCH or weight + size > _BATCH_BYTES):
                batches.append(("\n".join(batch), weight))
                batch, weight = [], 0
            self.count += 1
            batch.append(listed.key)
            weight += size
        if batch:
            batches.append(("\n".join(batch), weight))
        return batches, sizes

    async def _admitted(self, keys: list[str], sizes: dict[str, int]) -> list[Admitted]:
        bodies = await self._objects.several([key for key in keys if key not in sizes])
        return await asyncio.to_thread(self._admit_all, keys, sizes, deque(bodies))

    def _admit_all(
        self, keys: list[str], sizes: dict[str, int], bodies: deque[bytes | None]
    ) -> list[Admitted]:
        found = []
        for text in keys:
            key = self._objects.key(text)
            assert isinstance(key, ManifestKey)  # noqa: S101 - so they were listed
            if text in sizes:
                found.append(too_long(key, sizes[text]))
            elif (body := bodies.popleft()) is not None:
                found.append(admit(key, body, self._signers, self._covered))
        return found
