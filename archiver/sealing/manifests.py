"""Writing the next manifest of a tenant's chain.

A manifest lists what the store has confirmed since the last one, and names the last one's
sha256. It is a signed note (C2SP) of this device. It is sealed like a chunk: its bytes are in
the spool before it is sent, in the same transaction that moves the chain on. When nothing
happened for a day it is written all the same, so that silence can be told from deletion; the
first one a day after the tenant was first enabled on this device, or earlier, when there is
something to list.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from archiver import __version__
from archiver.durable import files
from archiver.evidence import note
from archiver.format import manifests
from archiver.format.keys import ManifestKey
from archiver.format.times import parse_rfc3339, rfc3339
from archiver.model.record import FORMAT_VERSION
from archiver.model.shipment import Manifest, RecordCounts, Window
from archiver.sealing.lifetime import class_of
from archiver.spool import chunks, counts, papers
from archiver.spool.papers import Paper, PaperKind

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.evidence.device import DeviceSigner
    from archiver.model.shipment import ChunkEntry, ClassTerms
    from archiver.spool.spool import Spool

__all__ = ["EVERY", "Terms", "device_of", "write_manifest"]

EVERY: Final = timedelta(days=1)
"""A manifest is written at least this often, also when nothing happened."""

_MOST_CHUNKS: Final = 2000


def _recent(since: str, now: datetime) -> bool:
    """Tell whether a time is less than a day ago; one of the future is not."""
    return timedelta() <= now - parse_rfc3339(since) < EVERY


@dataclass(frozen=True, slots=True)
class Terms:
    """What a manifest says of the policy that was in force."""

    retention: tuple[ClassTerms, ...] = ()
    policy: str | None = None


def device_of(entry: ChunkEntry) -> str:
    """Tell which device sealed a listed chunk."""
    return entry.key.rsplit("/", 1)[-1][:16]


def write_manifest(
    spool: Spool, tenant: str, *, now: datetime, terms: Terms, signer: DeviceSigner
) -> bool:
    """Write one manifest if one is due; tell whether it was. Call again until it is not.

    ``signer`` has this device's key. Where chunks are listed that an earlier device of this
    machine sealed, that device's key signs too: nobody can speak for another device.
    """
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
        kept = counts.read(db, tenant)
        classes = {class_of(entry.key) for entry in (*news.delivered, *news.recovered)}
        manifest = Manifest(
            v=FORMAT_VERSION,
            tenant=tenant,
            device=spool.device,
            seq=seq,
            previous=previous,
            created_at=made_at,
            window=Window(since=last_at, until=made_at),
            software=f"archiver {__version__}",
            policy=terms.policy,
            retention=tuple(one for one in terms.retention if one.klass in classes),
            records=RecordCounts(kept.captured, kept.dropped, kept.reason),
            chunks=news.delivered,
            keys=papers.unlisted_keys(db, tenant),
            quarantined=news.quarantined,
            purged=news.purged,
            expired=news.expired,
            recovered=news.recovered,
        )
        earlier = sorted({device_of(entry) for entry in news.recovered})
        signers = (signer, *(signer.of(device) for device in earlier))
        body = note.write(manifests.encode(manifest), *signers)
        sha256 = hashlib.sha256(body).hexdigest()
        key = str(ManifestKey("", tenant, spool.device, seq, sha256[:16]))
        paper = Paper(tenant, PaperKind.MANIFEST, seq, key, sha256, body)
        papers.add_manifest(db, paper, news.rows, made_at)
    files.reached("manifest.written")
    return True
