"""Writing the next manifest of a tenant's chain.

A manifest lists what the store has confirmed since the last one, and names the last one's
sha256. It is sealed like a chunk: its bytes are in the spool before it is sent, in the same
transaction that moves the chain on. When nothing happened for a day it is written all the
same, so that silence can be told from deletion; the first one a day after the tenant was first
enabled on this device, or earlier, when there is something to list.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from archiver import __version__
from archiver.durable import files
from archiver.format import manifests
from archiver.format.keys import ManifestKey
from archiver.format.times import parse_rfc3339, rfc3339
from archiver.model.record import FORMAT_VERSION
from archiver.model.shipment import Manifest, Window
from archiver.spool import chunks
from archiver.spool.chunks import ManifestRow

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.spool.spool import Spool

__all__ = ["EVERY", "write_manifest"]

EVERY: Final = timedelta(days=1)
"""A manifest is written at least this often, also when nothing happened."""

_MOST_CHUNKS: Final = 2000


def _recent(since: str, now: datetime) -> bool:
    """Tell whether a time is less than a day ago; one of the future is not."""
    return timedelta() <= now - parse_rfc3339(since) < EVERY


def write_manifest(spool: Spool, tenant: str, *, now: datetime, retention_days: int | None) -> bool:
    """Write one manifest if one is due; tell whether it was. Call again until it is not."""
    spool.ensure_tenant(tenant)
    with spool.transaction() as db:
        seq, previous, last_at, enabled_at = db.execute(
            "SELECT next_manifest, last_manifest, last_manifest_at, enabled_at"
            " FROM tenants WHERE id = ?",
            (tenant,),
        ).fetchone()
        news = chunks.unlisted(db, tenant, _MOST_CHUNKS)
        since = last_at or enabled_at
        if not news.rows and (since is None or _recent(since, now)):
            return False
        made_at = rfc3339(now)
        manifest = Manifest(
            v=FORMAT_VERSION,
            tenant=tenant,
            device=spool.device,
            seq=seq,
            previous=previous,
            created_at=made_at,
            window=Window(since=last_at, until=made_at),
            software=f"archiver {__version__}",
            retention_days=retention_days,
            chunks=news.delivered,
            quarantined=news.quarantined,
            recovered=news.recovered,
        )
        body = manifests.encode(manifest)
        sha256 = hashlib.sha256(body).hexdigest()
        key = str(ManifestKey("", tenant, spool.device, seq, sha256[:16]))
        chunks.add_manifest(db, ManifestRow(tenant, seq, key, sha256, body), news.rows, made_at)
    files.reached("manifest.written")
    return True
