"""Publishing this device's public key to a tenant, once for each key."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from archiver import __version__
from archiver.evidence import enrolment
from archiver.evidence.enrolment import Enrolment
from archiver.format.keys import EnrolmentKey
from archiver.format.times import rfc3339
from archiver.model.record import FORMAT_VERSION
from archiver.spool import papers
from archiver.spool.papers import Paper, PaperKind

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.evidence.note import Signer
    from archiver.spool.spool import Spool

__all__ = ["enrol"]


def enrol(
    spool: Spool,
    tenant: str,
    signer: Signer,
    *,
    subject: str,
    now: datetime,
    again: bool = False,
    earlier: str | None = None,
) -> bool:
    """Write the enrolment of this device's key, if the tenant has not got it; tell whether.

    ``subject`` is the pseudonym of the machine's user; ``again`` publishes it once more.
    ``earlier`` names a device that this machine was before it lost its state, whose key
    ``signer`` has: what it left behind must be vouched for by that key.
    """
    spool.ensure_tenant(tenant)
    with spool.transaction() as db:
        if not again and earlier is None and papers.enrolled_key(db, tenant):
            return False
        public = str(signer.public)
        made_at = rfc3339(now)
        request = Enrolment(
            v=FORMAT_VERSION,
            tenant=tenant,
            device=earlier or spool.device,
            key=public,
            subject=subject,
            created_at=made_at,
            software=f"archiver {__version__}",
        )
        body = enrolment.sign(request, signer)
        sha256 = hashlib.sha256(body).hexdigest()
        seq = papers.next_seq(db, tenant, PaperKind.ENROLMENT)
        key = str(EnrolmentKey("", tenant, request.device, sha256[:16]))
        papers.add(db, Paper(tenant, PaperKind.ENROLMENT, seq, key, sha256, body), made_at)
        if earlier is None:
            papers.remember_enrolment(db, tenant, public)
    return True
