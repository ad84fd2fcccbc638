"""Dropping what was never sent, on a human's word.

Three things must stay true for whoever reads the archive later:

* the numbers of dropped chunks stay used, and the tenant's next manifest lists them as
  quarantined, so that the gap explains itself;
* dropped records are counted in the same transaction (`archiver.spool.counts`);
* no position of a file's log is used twice. Where all that was dropped of it is the end of its
  log, the log goes on there, with a rewind to nothing: whatever is captured later stands on its
  own. Where something later was kept (it was shipped or set aside before), the hole stays.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from archiver.durable import files
from archiver.format.frame import unpack
from archiver.format.keys import ChunkKey, parse_key
from archiver.format.lines import decode_lines
from archiver.sealing import docket
from archiver.sealing.seal import sealed_path
from archiver.spool import batches, chunks, counts, streams

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.sealing.docket import Docket
    from archiver.spool.spool import Spool

__all__ = ["purge_tenant"]

Place = tuple[str, str, str]


def purge_tenant(spool: Spool, tenant: str) -> None:
    """Drop the spooled records and the sealed, unsent chunks of a tenant, and count them."""
    with spool.transaction() as db:
        pending = chunks.pending(db, tenant, 2**31)
        paths = [sealed_path(spool.folder, tenant, one.entry.key) for one in pending]
        first: dict[Place, int] = {}
        dropped: Counter[Place] = Counter()
        for place, position, records in _dropped(db, spool.device, tenant, paths):
            first[place] = min(position, first.get(place, position))
            dropped[place] += records
        for place, position in first.items():
            _begin_anew(db, tenant, place, position, dropped[place])
        counts.drop(db, tenant, dropped.total(), counts.PURGED)
        batches.drop_tenant(db, tenant)
        for one in pending:
            chunks.purge(db, tenant, one.entry.sha256)
        db.execute("UPDATE tenants SET waiting = NULL, failures = 0 WHERE id = ?", (tenant,))
    for path in paths:
        files.remove(path)
        docket.remove(path)
    spool.give_space_back()


def _dropped(
    db: sqlite3.Connection, device: str, tenant: str, sealed: list[Path]
) -> Iterator[tuple[Place, int, int]]:
    """Yield place, first position and count of what goes.

    What another device identity had captured is in no log of this one.
    """
    yield from batches.positions(db, tenant)
    for path in sealed:
        if docket.path_of(path).exists():
            yield from _closed(docket.read(path), device)
            continue
        for record in decode_lines(unpack(path.read_bytes())):
            if record.device == device:
                place = (record.assistant, record.conversation, record.stream)
                yield place, record.position, 1


def _closed(told: Docket, device: str) -> Iterator[tuple[Place, int, int]]:
    """Yield the same of a chunk that this machine cannot open."""
    key = parse_key(told.entry.key)
    if isinstance(key, ChunkKey) and key.device == device:
        for one in told.places:
            yield (one.assistant, one.conversation, one.stream), one.position, one.records


def _begin_anew(
    db: sqlite3.Connection, tenant: str, place: Place, first: int, dropped: int
) -> None:
    """Forget what was captured of a file; its log goes on at ``first`` if that was its end."""
    state = streams.find(db, tenant, *place)
    if state is None:
        return
    streams.keep_marks(db, state.id, 0)
    anew = replace(
        state,
        glance=None,
        consumed=0,
        prefix=b"",
        entries=0,
        position=first if first + dropped == state.position else state.position,
        fields={},
        entries_key=None,
        absent=True,
    )
    streams.save(db, anew)
