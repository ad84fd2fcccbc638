"""Every chunk that manifests of a tenant list, as who decides about holds and erasures sees them.

Covered manifests come from the roll-ups that checkpoints name, so the admin's word stands behind
them. What is newer comes from the devices' own folders, and nobody's signature on it is looked
at: enough for a hold, which may hold too much, and never enough to destroy anything.

Of each manifest only what decides here is read, and nothing is kept: a million chunks cost a
roll-up's memory.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from archiver.archive.fetch import in_turn, no_progress
from archiver.archive.rollups import fetch_rollup, manifests_in, newer
from archiver.archive.runs import joined
from archiver.errors import Damaged
from archiver.evidence.note import MAX_NOTE_BYTES
from archiver.format.keys import Series, series_folder
from archiver.retention.said import chunks_of, read
from archiver.witness.chains import follow_statements
from archiver.witness.memory import recall
from archiver.witness.orders import check_orders, read_orders
from archiver.witness.place import patiently

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from archiver.archive.runs import Runs
    from archiver.archive.signers import Trust
    from archiver.evidence.statement import RollupEntry
    from archiver.format.keys import ChunkKey, ManifestKey
    from archiver.model.shipment import ChunkEntry, ClassTerms
    from archiver.witness.chains import Statements
    from archiver.witness.memory import Memory
    from archiver.witness.orders import Orders
    from archiver.witness.place import Place
    from archiver.witness.register import Desk

__all__ = [
    "Known",
    "ListedChunk",
    "ListedManifest",
    "listed_chunks",
    "listed_manifests",
    "look",
    "look_at",
    "overtaken",
]

_ROLLUPS_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Known:
    """The admin's two chains that decide here, each held to what this machine remembers.

    ``trust`` and ``memory`` are those that they were read with.
    """

    orders: Orders
    chain: Statements
    trust: Trust
    memory: Memory


async def look(desk: Desk) -> Known:
    """Read orders and checkpoints; raise `EvidenceError` where one of them is not sound."""
    return await look_at(desk.place, desk.trust, recall(desk.memory, desk.place))


async def look_at(place: Place, trust: Trust, memory: Memory) -> Known:
    """Read them as `look` does, for who has no key to sign with."""
    found = await read_orders(place, trust, memory)
    bodies = await place.series(Series.CHECKPOINTS)
    chain = follow_statements(bodies, trust, place.tenant)
    memory.check("checkpoint", memory.statement, chain.hashes)
    check_orders(chain, found)
    return Known(found, chain, trust, memory)


async def overtaken(place: Place, known: Known) -> bool:
    """Tell, by one short listing, whether there are orders that are not ``known``."""
    folder = series_folder(place.prefix, place.tenant, Series.ORDERS)
    newest = known.orders.newest.seq if known.orders.newest else 0
    return any([True async for _ in place.store.list(folder, after=f"{folder}{newest:012d}-~")])


@dataclass(frozen=True, slots=True)
class ListedChunk:
    """A chunk as one manifest lists it; ``key`` is where it lies now.

    ``created_at`` and ``terms`` (``None`` where it names none of that class) are the manifest's.
    ``covered`` says that a checkpoint holds that manifest fixed; ``floor`` as in
    `ListedManifest`.
    """

    key: ChunkKey
    entry: ChunkEntry
    created_at: str
    terms: ClassTerms | None
    covered: bool
    floor: str


class ListedManifest(NamedTuple):
    """What one manifest lists, and since when.

    ``floor`` is a time before which none of it was there, by the admin's word: that of the
    checkpoint before the one that first covers the manifest, or, of the very first checkpoint,
    its own. It is ``None`` where no checkpoint covers the manifest. ``own`` chunks are its
    device's, ``recovered`` ones another's. ``body`` are the stored bytes.
    """

    device: str
    created_at: str
    floor: str | None
    terms: tuple[ClassTerms, ...]
    own: list[tuple[ChunkKey, ChunkEntry]]
    recovered: list[tuple[ChunkKey, ChunkEntry]]
    body: bytes = b""

    def terms_of(self, klass: str) -> ClassTerms | None:
        """Give what it said of a class; ``None`` where it said nothing."""
        return next((one for one in self.terms if one.klass == klass), None)

    def chunk(self, key: ChunkKey, entry: ChunkEntry) -> ListedChunk:
        """Give one of its chunks, by itself."""
        covered, terms = self.floor is not None, self.terms_of(key.klass)
        return ListedChunk(key, entry, self.created_at, terms, covered, self.floor or "")


async def listed_chunks(
    place: Place,
    chain: Statements,
    *,
    progress: Callable[[int, int], None] = no_progress,
) -> AsyncGenerator[ListedChunk, None]:
    """Yield every listed chunk, those that are covered first; one may come more than once.

    ``progress`` is called with the manifests read and their number as far as it is known.
    What cannot be read is left out.
    """
    async with aclosing(listed_manifests(place, chain, progress=progress)) as found:
        async for one in found:
            for key, entry in (*one.own, *one.recovered):
                yield one.chunk(key, entry)


async def listed_manifests(
    place: Place,
    chain: Statements,
    *,
    progress: Callable[[int, int], None] = no_progress,
) -> AsyncGenerator[ListedManifest, None]:
    """Yield what every manifest lists, as `listed_chunks` does."""
    async with aclosing(_manifests(place, chain, progress)) as found:
        async for key, body, floor in found:
            try:
                said = read(key, body)
            except (msgspec.MsgspecError, ValueError, RecursionError):
                continue
            yield ListedManifest(
                said.device,
                said.created_at,
                floor,
                said.retention,
                chunks_of(place, said.chunks),
                chunks_of(place, said.recovered),
                body,
            )


async def _manifests(
    place: Place, chain: Statements, progress: Callable[[int, int], None]
) -> AsyncGenerator[tuple[ManifestKey, bytes, str | None], None]:
    store, covered = place.store, dict[str, "Runs"]()
    entries = list(_rollups(chain))
    done, total = 0, sum(entry.count for entry, _ in entries)

    async def rollup(one: tuple[RollupEntry, str]) -> bytes:
        try:
            return await patiently(lambda: fetch_rollup(store, place.prefix, one[0]))
        except Damaged:
            return b""  # its manifests come as not covered, from their own objects

    async with aclosing(in_turn(entries, rollup, limit=_ROLLUPS_AT_ONCE)) as bodies:
        for entry, floor in entries:
            for key, body in _sound(entry, await anext(bodies)):
                covered[key.device] = joined(covered.get(key.device, ()), key.seq)
                done += 1
                yield key, body, floor
                progress(done, total)

    async def get(key: ManifestKey) -> bytes:
        return await patiently(lambda: store.get(str(key)))

    fresh = newer(store, place.prefix, place.tenant, covered, at_most=MAX_NOTE_BYTES)
    keys = [key async for key in fresh]
    total = done + len(keys)
    async with aclosing(in_turn(keys, get, limit=store.concurrency * 4)) as bodies:
        for key in keys:
            done += 1
            yield key, await anext(bodies), None
            progress(done, total)


def _rollups(chain: Statements) -> Iterator[tuple[RollupEntry, str]]:
    """Yield every roll-up, and the time before which nothing that it lists was there."""
    before: str | None = None
    for one in chain.all:
        for entry in one.rollups:
            yield entry, before or one.created_at
        before = one.created_at


def _sound(entry: RollupEntry, body: bytes) -> Iterator[tuple[ManifestKey, bytes]]:
    """Yield the manifests of a roll-up as far as it can be read, if it is the one signed for."""
    try:
        yield from manifests_in(entry, body)
    except Damaged:
        return
