"""Each chunk that is due is looked at in the store, before anything is ordered.

Refused, and told: what the store keeps under a lock or a legal hold of its own; what is not the
bytes that its manifest lists, which somebody should look at first; a number with two different
chunks; what is gone already, unless a lifecycle rule of the bucket may have taken it by now.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from archiver.archive.fetch import in_turn, no_progress
from archiver.evidence.orders import MAX_BYTES
from archiver.retention.believed import believed_manifests, claims
from archiver.retention.due import counted_from, due_at
from archiver.retention.said import MAX_CHUNK_BYTES
from archiver.retention.sets import ChunkSet
from archiver.stores.custody import custody_of
from archiver.witness.place import patiently

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from archiver.format.keys import ChunkKey
    from archiver.model.shipment import ChunkEntry
    from archiver.retention.listing import Known, ListedManifest
    from archiver.retention.plan import Plan
    from archiver.stores.custody import Kept
    from archiver.witness.place import Place

__all__ = ["Batch", "Examined", "Refused", "examine"]

_AT_ONCE: Final = 4
"""Chunks that are asked about together, for each put that the store likes at once."""

_PAGE: Final = 1000
_TOLD: Final = 20
_ROOM: Final = MAX_BYTES - 64 * 1024
_RUN_BYTES: Final = len("[123456789012,123456789012],")
_DEVICE_BYTES: Final = len('{"device":"0123456789abcdef","runs":[]},')


class Refused(StrEnum):
    """Why a chunk that is due is not ordered to go."""

    LOCKED = "locked by the store"
    HELD = "held by the store alone"
    ALTERED = "not what its manifest lists"
    TWICE = "another chunk has its number"
    GONE = "gone before its order"


@dataclass(slots=True)
class Batch:
    """What one order will name: chunks of one class, as many as it has room for."""

    klass: str
    days: int
    chunks: ChunkSet = field(default_factory=ChunkSet)
    count: int = 0
    stored_bytes: int = 0
    _devices: set[str] = field(default_factory=set)

    def add(self, key: ChunkKey, entry: ChunkEntry) -> None:
        """Add a chunk."""
        self.chunks.add(key)
        self.count += 1
        self.stored_bytes += entry.stored_bytes
        self._devices.add(key.device)

    @property
    def full(self) -> bool:
        """Tell whether the order would become larger than one that is read."""
        return self.chunks.runs * _RUN_BYTES + len(self._devices) * _DEVICE_BYTES >= _ROOM


@dataclass(slots=True)
class Examined:
    """What may be ordered to go, and what not: counts by reason, and the first few keys.

    ``absent`` counts those in the batches that are gone already, so late that the store's own
    lifecycle may have taken them.
    """

    batches: list[Batch] = field(default_factory=list)
    absent: int = 0
    counts: dict[Refused, int] = field(default_factory=dict)
    keys: dict[Refused, list[str]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Count the chunks of all batches."""
        return sum(one.count for one in self.batches)

    @property
    def stored_bytes(self) -> int:
        """Give the bytes of all batches."""
        return sum(one.stored_bytes for one in self.batches)

    def refuse(self, why: Refused, key: ChunkKey) -> None:
        """Note that a chunk is not ordered to go."""
        self.counts[why] = self.counts.get(why, 0) + 1
        if len(told := self.keys.setdefault(why, [])) < _TOLD:
            told.append(str(key))


class _Candidate(NamedTuple):
    """A chunk that is due. ``late`` says that a lifecycle rule may have taken it."""

    key: ChunkKey
    entry: ChunkEntry
    late: bool


async def examine(
    place: Place,
    known: Known,
    this: Plan,
    *,
    grace: timedelta,
    progress: Callable[[int, int], None] = no_progress,
) -> Examined:
    """Look at each chunk that is due in the store; nothing is changed.

    ``grace`` is the time after a chunk's end from which the store's own lifecycle may remove it.
    """
    run = _Examination(place, this, grace)
    async with aclosing(believed_manifests(place, known, progress=progress)) as manifests:
        async for one in manifests:
            if one.floor is not None:
                await run.take(one)
    return await run.end()


class _Examination:
    """Looks at what is due, page by page, each number once."""

    def __init__(self, place: Place, this: Plan, grace: timedelta) -> None:
        self._plan, self._grace = this, grace
        self._custody = custody_of(place.store)
        self._limit = place.store.concurrency * _AT_ONCE
        self._page: list[_Candidate] = []
        self._again: dict[tuple[str, int], dict[str, _Candidate]] = {}
        self._open: dict[str, Batch] = {}
        self._done = Examined()

    async def take(self, one: ListedManifest) -> None:
        for key, entry in claims(one):
            if key in self._plan.due:
                candidate = _Candidate(key, entry, self._late(one, key))
                if key in self._plan.again:
                    same = self._again.setdefault((key.device, key.seq), {})
                    same.setdefault(str(key), candidate)
                else:
                    self._page.append(candidate)
        if len(self._page) >= _PAGE:
            await self._look()

    async def end(self) -> Examined:
        for same in self._again.values():
            if len(same) == 1:
                self._page += same.values()
            else:
                for candidate in same.values():
                    self._done.refuse(Refused.TWICE, candidate.key)
        await self._look()
        self._done.batches += (self._open[klass] for klass in sorted(self._open))
        return self._done

    def _late(self, one: ListedManifest, key: ChunkKey) -> bool:
        since = counted_from(one.created_at, one.floor or "")
        due = due_at(since, self._plan.terms[key.klass].days)
        own = key.device == one.device
        return own and due is not None and due <= self._plan.at - self._grace

    async def _look(self) -> None:
        page, self._page = self._page, []

        async def ask(one: _Candidate) -> Kept | None:
            return await patiently(lambda: self._custody.kept(str(one.key)))

        async with aclosing(in_turn(page, ask, limit=self._limit)) as replies:
            for one in page:
                self._judge(one, await anext(replies))

    def _judge(self, one: _Candidate, kept: Kept | None) -> None:
        if why := _against(one, kept, self._plan.at):
            self._done.refuse(why, one.key)
            return
        self._done.absent += kept is None
        klass = one.key.klass
        if klass not in self._open:
            self._open[klass] = Batch(klass, self._plan.terms[klass].days or 0)
        batch = self._open[klass]
        batch.add(one.key, one.entry)
        if batch.full:
            self._done.batches.append(self._open.pop(klass))


def _against(one: _Candidate, kept: Kept | None, now: datetime) -> Refused | None:
    """Say what speaks against ordering a chunk to go, as the store keeps it."""
    if not 0 < one.entry.stored_bytes <= MAX_CHUNK_BYTES:
        return Refused.ALTERED  # nor could an order add such sizes up
    if kept is None:
        return None if one.late else Refused.GONE
    if kept.held:
        return Refused.HELD
    if kept.retain and kept.retain.until > now:
        return Refused.LOCKED
    same = kept.size == one.entry.stored_bytes and kept.sha256 in ("", one.entry.sha256)
    return None if same else Refused.ALTERED
