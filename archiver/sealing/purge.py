"""Dropping what was never sent, on a human's word.

Sequence numbers of dropped chunks stay used: the next manifest of the tenant's chain, should
it be enabled again, lists them as quarantined, so the gap explains itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.durable import files
from archiver.spool import chunks, streams
from archiver.spool.spool import SEALED

if TYPE_CHECKING:
    from archiver.spool.spool import Spool

__all__ = ["purge_tenant"]


def purge_tenant(spool: Spool, tenant: str) -> None:
    """Forget spooled records, capture state and sealed files of a tenant."""
    with spool.transaction() as db:
        db.execute("DELETE FROM batches WHERE tenant = ?", (tenant,))
        streams.drop_tenant(db, tenant)
        for sealed in chunks.pending(db, tenant, 2**31):
            chunks.quarantine(db, tenant, sealed.entry.sha256, "purged")
        db.execute("UPDATE tenants SET waiting = NULL, failures = 0 WHERE id = ?", (tenant,))
    folder = spool.folder / SEALED / tenant
    if folder.is_dir():
        for path in folder.iterdir():
            files.remove(path)
    spool.give_space_back()
