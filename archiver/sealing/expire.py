"""Giving up what is older than its retention before it was sent.

A chunk whose receipt was lost may have been stored, and removed again by the store when its time
was over: sending it once more would bring back what the company had to be rid of. So what waits
here expires here too, and is accounted for: the next manifest lists the numbers as ``expired`` and
counts the records as dropped. What stays true of the logs: `archiver.sealing.drop`. What is in no
chunk yet is sealed first, and then as old as when it was spooled: `archiver.sealing.lifetime`.

Nothing goes before this machine's clock was confirmed (`archiver.spool.clock`): what counts is the
time of the last thing that the tenant's store took, and that was a true one. A clock that is set
years ahead delivers nothing, and so nothing is given up; what is older than its retention by that
clock only waits. At least the daily manifest is taken once the clock is right. Limit: a folder
takes things at any time, so there the machine's clock is believed.

A file that nobody touched since stays as it is and is not captured again; one that goes on is
captured anew, as it is then. Call it while nothing is being captured: the states of the logs
are written here as well.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.durable import files
from archiver.errors import ArchiverError
from archiver.format.times import rfc3339
from archiver.sealing import docket
from archiver.sealing.drop import continue_logs, in_sealed, on_change
from archiver.sealing.lifetime import class_of
from archiver.sealing.seal import sealed_path
from archiver.spool import chunks, clock, counts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from archiver.model.shipment import ClassTerms
    from archiver.sealing.drop import Piece
    from archiver.spool.chunks import Sealed
    from archiver.spool.spool import Spool

__all__ = ["expire"]


def expire(spool: Spool, tenant: str, terms: Iterable[ClassTerms], now: datetime) -> int:
    """Give up what a tenant's terms have outlived; give the count of records that went.

    The numbers and counts are durable before the first sealed file goes; a file that a crash
    leaves is swept at the next start.
    """
    bounded = [one for one in terms if one.days is not None]
    if not bounded:
        return 0
    gone: list[Sealed] = []
    with spool.transaction() as db:
        pieces: list[Piece] = []
        confirmed = clock.confirmed(db, tenant)
        if confirmed is None:
            return 0
        now = min(now, confirmed)
        for one in bounded:
            until = rfc3339(now - timedelta(days=one.days or 0))
            for sealed in chunks.pending_since(db, tenant, until):
                if class_of(sealed.entry.key) == one.klass:
                    gone.append(sealed)
                    pieces += _pieces(spool, sealed)
                    chunks.expire(db, tenant, sealed.entry.sha256)
        # All at once: what goes of a log may lie in several chunks, and be its end together.
        records = continue_logs(db, tenant, pieces, on_change)
        counts.drop(db, tenant, records, counts.EXPIRED)
    files.reached("expire.committed")
    for sealed in gone:
        path = sealed_path(spool.folder, tenant, sealed.entry.key)
        files.remove(path)
        docket.remove(path)
    return records


def _pieces(spool: Spool, one: Sealed) -> list[Piece]:
    """Give what goes with a chunk; of one that rotted here, no log is known, only a count."""
    path = sealed_path(spool.folder, one.tenant, one.entry.key)
    try:
        return list(in_sealed(spool.device, [path]))
    except (ArchiverError, OSError, ValueError):
        own = path.name.startswith(spool.device)
        return [(("", "", ""), 0, one.entry.records)] if own else []
