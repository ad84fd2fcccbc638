"""Dropping what was never sent, on a human's word.

Two things must stay true for whoever reads the archive later:

* the numbers of dropped chunks stay used, and the tenant's next manifest lists them as
  quarantined, so that the gap explains itself;
* the log of a file whose records were dropped goes on where the archive's copy of it ends, with
  a rewind to nothing: whatever is captured later stands on its own. Where a later chunk was
  shipped before an earlier one (a store refused just that one), the hole stays in the log, and
  verification names it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

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
    spool.ensure_tenant(tenant)
    with spool.transaction() as db:
        pending = chunks.pending(db, tenant, 2**31)
        paths = [sealed_path(spool.folder, tenant, one.entry.key) for one in pending]
        (shipped,) = db.execute(
            "SELECT last_delivered_seq FROM tenants WHERE id = ?", (tenant,)
        ).fetchone()
        first = dict(batches.positions(db, tenant))
        holed: set[Place] = set()
        for one, path in zip(pending, paths, strict=True):
            for place, position in _positions(path.read_bytes()):
                first[place] = min(position, first.get(place, position))
                if one.entry.seq < shipped:
                    holed.add(place)
        for place, position in first.items():
            _begin_anew(db, tenant, place, None if place in holed else position)
        batches.drop_tenant(db, tenant)
        for one in pending:
            chunks.purge(db, tenant, one.entry.sha256)
        db.execute("UPDATE tenants SET waiting = NULL, failures = 0 WHERE id = ?", (tenant,))
    for path in paths:
        files.remove(path)
    spool.give_space_back()


def _positions(body: bytes) -> Iterator[tuple[Place, int]]:
    for record in decode_lines(unpack(body)):
        yield (record.assistant, record.conversation, record.stream), record.position


def _begin_anew(db: sqlite3.Connection, tenant: str, place: Place, position: int | None) -> None:
    """Forget what was captured of a file; its log goes on at ``position``, or where it was."""
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
        position=state.position if position is None else position,
        fields={},
        entries_key=None,
        absent=True,
    )
    streams.save(db, anew)
