"""Dropping what was never sent, on a human's word. What stays true: `archiver.sealing.drop`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from archiver.durable import files
from archiver.sealing import docket
from archiver.sealing.drop import captured_anew, continue_logs, in_sealed
from archiver.sealing.seal import sealed_path
from archiver.spool import batches, chunks, counts

if TYPE_CHECKING:
    from archiver.spool.spool import Spool

__all__ = ["purge_tenant"]


def purge_tenant(spool: Spool, tenant: str) -> None:
    """Drop the spooled records and the sealed, unsent chunks of a tenant, and count them."""
    with spool.transaction() as db:
        pending = chunks.pending(db, tenant, 2**31)
        paths = [sealed_path(spool.folder, tenant, one.entry.key) for one in pending]
        pieces = itertools.chain(batches.positions(db, tenant), in_sealed(spool.device, paths))
        dropped = continue_logs(db, tenant, pieces, captured_anew)
        counts.drop(db, tenant, dropped, counts.PURGED)
        batches.drop_tenant(db, tenant)
        for one in pending:
            chunks.purge(db, tenant, one.entry.sha256)
        db.execute("UPDATE tenants SET waiting = NULL, failures = 0 WHERE id = ?", (tenant,))
    for path in paths:
        files.remove(path)
        docket.remove(path)
    spool.give_space_back()
