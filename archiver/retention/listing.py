"""Every chunk that manifests of a tenant list, as who decides about holds and erasures sees them.

Covered manifests come from the roll-ups that checkpoints name, so the admin's word stands behind
them. What is newer comes from the devices' own folders, and nobody's signature on it is looked
at: enough for a hold, which may hold too much, and never enough to destroy anything.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archiver.archive.catalogue import open_manifest, rebase
from archiver.archive.fetch import in_turn, no_progress
from archiver.archive.rollups import fetch_rollup, manifests_in, newer
from archiver.archive.runs import joined
from archiver.errors import Damaged
from archiver.format.keys import Series
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
    from archiver.model.shipment import ChunkEntry, ClassTerms, Manifest
    from archiver.witness.chains import Statements
    from archiver.witness.memory import Memory
    from archiver.witness.orders import Orders
    from archiver.witness.place import Place
    from archiver.witness.register import Desk

__all__ = ["Known", "ListedChunk", "listed_chunks", "look", "look_at"]

_ROLLUPS_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Known:
    """The admin's two chains that decide here, each held to what this machine remembers."""

    orders: Orders
    chain: Statements


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
    return Known(found, chain)


@dataclass(frozen=True, slots=True)
class ListedChunk:
    """A chunk as one manifest lists it; ``key`` is where it lies now.

    ``created_at`` and ``terms`` (``None`` where it names none of that class) are the manifest's.
    ``covered`` says that a checkpoint holds that manifest fixed.
    """

    key: ChunkKey
    entry: ChunkEntry
    created_at: str
    terms: ClassTerms | None
    covered: bool


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
    async with aclosing(_manifests(place, chain, progress)) as found:
        async for key, body, covered in found:
            try:
                manifest = open_manifest(key, body)[0]
            except Damaged:
                continue
            for one in _chunks(place, manifest, covered=covered):
                yield one


def _chunks(place: Place, manifest: Manifest, *, covered: bool) -> Iterator[ListedChunk]:
    terms = {one.klass: one for one in manifest.retention}
    for entry in (*manifest.chunks, *manifest.recovered):
        if key := rebase(entry, place.prefix, place.tenant):
            yield ListedChunk(key, entry, manifest.created_at, terms.get(key.klass), covered)


async def _manifests(
    place: Place, chain: Statements, progress: Callable[[int, int], None]
) -> AsyncGenerator[tuple[ManifestKey, bytes, bool], None]:
    store, covered = place.store, dict[str, "Runs"]()
    entries = [entry for one in chain.all for entry in one.rollups]
    done, total = 0, sum(entry.count for entry in entries)

    async def rollup(entry: RollupEntry) -> list[tuple[ManifestKey, bytes]]:
        try:
            body = await patiently(lambda: fetch_rollup(store, place.prefix, entry))
            return list(manifests_in(entry, body))
        except Damaged:
            return []  # its manifests come as not covered, from their own objects

    async with aclosing(in_turn(entries, rollup, limit=_ROLLUPS_AT_ONCE)) as found:
        async for lines in found:
            for key, body in lines:
                covered[key.device] = joined(covered.get(key.device, ()), key.seq)
                done += 1
                yield key, body, True
                progress(done, total)

    async def get(key: ManifestKey) -> bytes:
        return await patiently(lambda: store.get(str(key)))

    keys = [key async for key in newer(store, place.prefix, place.tenant, covered)]
    total = done + len(keys)
    async with aclosing(in_turn(keys, get, limit=store.concurrency * 4)) as bodies:
        for key in keys:
            done += 1
            yield key, await anext(bodies), False
            progress(done, total)
