"""The month keys of this device: made, wrapped to the officers, known by their public part.

The wrapped key and the public part are written in one transaction. A process that dies before
it has published nothing and sealed nothing to the key; after it, the wrapped key goes to the
store before any chunk does.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from archiver.format.times import rfc3339
from archiver.spool import papers
from archiver.spool.papers import Paper, PaperKind
from archiver.vault.layout import VaultKey
from archiver.vault.months import officers_id
from archiver.vault.wrap import make_month

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.spool.spool import Spool
    from archiver.spool.values import Group

__all__ = ["recipient_of", "wrapped_key"]

_MONTH = len("2026-01")


def recipient_of(
    spool: Spool, group: Group, officers: tuple[str, ...], now: datetime, *, since: str = ""
) -> str:
    """Give the public key that chunks of this group are sealed to, made where there is none.

    Other ``officers`` than before make a new key for the same month, and so does a key that was
    made before ``since`` (RFC 3339, UTC) or under another ``since``: what was sealed to that
    stays so, and stays readable as long as its wrapped key is there.
    """
    month, known = group.day[:_MONTH], officers_id(officers)
    with spool.transaction() as db:
        place = (group.tenant, group.subject, month, known)
        at = rfc3339(now)
        found = papers.month_recipient(db, *place, since=since, now=at)
        if found is not None:
            return found
        made, wrap = make_month(group.tenant, group.subject, month, spool.device, officers)
        paper = Paper(
            group.tenant,
            PaperKind.MONTH_KEY,
            papers.next_seq(db, group.tenant, PaperKind.MONTH_KEY),
            str(VaultKey.of(made, wrap)),
            hashlib.sha256(wrap).hexdigest(),
            wrap,
        )
        papers.add(db, paper, at)
        papers.remember_month(db, *place, made.recipient, since=since, now=at)
    return made.recipient


def wrapped_key(spool: Spool, tenant: str, key_id: str) -> tuple[str, bytes] | None:
    """Give object key and bytes of a wrapped key while this machine still holds them."""
    with spool.transaction() as db:
        row = db.execute(
            "SELECT key, body FROM papers WHERE tenant = ? AND kind = ? AND key LIKE ?",
            (tenant, PaperKind.MONTH_KEY, f"%-{key_id}-%"),
        ).fetchone()
    return (row[0], row[1]) if row else None
