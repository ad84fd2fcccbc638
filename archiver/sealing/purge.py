"""Dropping what was never sent, on a human's word.

Two things must stay true for whoever reads the archive later:

* the numbers of dropped chunks stay used, and the tenant's next manifest lists them as
  quarantined, so that the gap explains itself;
* the log of a file whose records were dropped goes on where the archive's copy of it ends, with
  a rewind to nothing: whatever is captured later stands on its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archiver.durable import files
from archiver.format.frame import unpack
from archiver.format.lines import decode_lines
from archiver.sealing.seal import sealed_path
from archiver.spool import batches, chunks, streams

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from archiver.spool.spool import Spool

__all__ = ["purge_tenant"]

Place = tuple[str, str, str]


def purge_tenant(spool: Spool, tenant: str) -> None:
    """Drop the spooled records and the sealed, unsent chunks of a tenant."""
    with spool.transaction() as db:
        pending = chunks.pending(db, tenant, 2**31)
        paths = [sealed_path(spool.folder, tenant, one.entry.key) for one in pending]
        first: dict[Place, int] = {}
        for place, position in _dropped(db, tenant, [path.read_bytes() for path in paths]):
            first[place] = min(position, first.get(place, position))
        for place, position in first.items():
            _begin_anew(db, tenant, place, position)
        batches.drop_tenant(db, tenant)
        for one in pending:
            chunks.purge(db, tenant, one.entry.sha256)
        db.execute("UPDATE tenants SET waiting = NULL, failures = 0 WHERE id = ?", (tenant,))
    for path in paths:
        files.remove(path)
    spool.give_space_back()


def _dropped(
    db: sqlite3.Connection, tenant: str, bodies: list[bytes]
) -> Iterator[tuple[Place, int]]:
    """Yield where records are about to be dropped, and their positions."""
    yield from batches.positions(db, tenant)
    for body in bodies:
        for record in decode_lines(unpack(body)):
            yield (record.assistant, record.conversation, record.stream), record.position


def _begin_anew(db: sqlite3.Connection, tenant: str, place: Place, position: int) -> None:
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
        position=position,
        fields={},
        entries_key=None,
        absent=True,
    )
    streams.save(db, anew)
