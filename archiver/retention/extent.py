"""How much a hold covers now, from manifests alone; what was ordered to go is not counted."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.archive.fetch import no_progress
from archiver.archive.holds import matches
from archiver.evidence.orders import Erasure, Expiry
from archiver.retention.listing import listed_chunks
from archiver.retention.sets import ChunkSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from archiver.evidence.orders import Hold
    from archiver.retention.listing import Known, ListedChunk
    from archiver.witness.place import Place

__all__ = ["Extent", "extents"]


@dataclass(slots=True)
class Extent:
    """What a hold covers now: chunks, stored bytes, devices, people, first and last day."""

    chunks: int = 0
    stored_bytes: int = 0
    devices: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    first: str = ""
    last: str = ""
    _seen: ChunkSet = field(default_factory=ChunkSet, repr=False)

    def add(self, one: ListedChunk) -> None:
        """Count a chunk, once."""
        if not self._seen.add(one.key):
            return
        self.chunks += 1
        self.stored_bytes += one.entry.stored_bytes
        self.devices.add(one.key.device)
        self.subjects.add(one.key.subject)
        self.first = min(self.first or one.key.day, one.key.day)
        self.last = max(self.last, one.key.day)


async def extents(
    place: Place,
    known: Known,
    wanted: Iterable[Hold],
    *,
    progress: Callable[[int, int], None] = no_progress,
) -> dict[str, Extent]:
    """Tell what each of some holds covers now, by id. What was ordered to go is left out."""
    chosen = list(wanted)
    found = {hold.id: Extent() for hold in chosen}
    gone = _gone(known)
    if not chosen:
        return found
    async with aclosing(listed_chunks(place, known.chain, progress=progress)) as listing:
        async for one in listing:
            if one.key not in gone:
                for hold in chosen:
                    if matches(hold, one.key, one.entry):
                        found[hold.id].add(one)
    return found


def _gone(known: Known) -> ChunkSet:
    """Give the chunks that were ordered to go."""
    deeds = [order.deed for order in known.orders.all]
    going = [deed for deed in deeds if isinstance(deed, Expiry | Erasure)]
    return ChunkSet.of(one for deed in going for one in deed.chunks)
