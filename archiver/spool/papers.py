"""Small objects on their way to a tenant's store, their bytes in the database: papers.

A device's enrolment and its wrapped month keys go before any chunk, so that nothing is ever
stored that nobody can open or attribute; manifests go after the chunks that they list.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from archiver.model.shipment import KeyEntry
from archiver.spool.chunks import DELIVERED, EXPIRED, PENDING, PURGED, QUARANTINED

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

__all__ = [
    "AHEAD",
    "Paper",
    "PaperKind",
    "add",
    "add_manifest",
    "deliver",
    "enrolled_key",
    "month_recipient",
    "next_seq",
    "pending",
    "quarantine",
    "remember_enrolment",
    "remember_month",
    "unlisted_keys",
]


class PaperKind(StrEnum):
    """What a paper is."""

    ENROLMENT = "enrolment"
    MONTH_KEY = "month-key"
    MANIFEST = "manifest"


AHEAD: Final = (PaperKind.ENROLMENT, PaperKind.MONTH_KEY)
"""What goes before chunks."""


@dataclass(frozen=True, slots=True)
class Paper:
    """An object that waits to be shipped: these bytes, for ever. ``seq`` counts its kind."""

    tenant: str
    kind: PaperKind
    seq: int
    key: str
    sha256: str
    body: bytes


def add(db: sqlite3.Connection, paper: Paper, made_at: str) -> None:
    """Write a paper within the caller's transaction."""
    db.execute(
        "INSERT INTO papers (tenant, kind, seq, state, key, sha256, body, made_at)"
        " VALUES (?,?,?,?,?,?,?,?)",
        (
            paper.tenant,
            paper.kind,
            paper.seq,
            PENDING,
            paper.key,
            paper.sha256,
            paper.body,
            made_at,
        ),
    )


def next_seq(db: sqlite3.Connection, tenant: str, kind: PaperKind) -> int:
    """Give the next number of a kind that is not numbered elsewhere."""
    (last,) = db.execute(
        "SELECT COALESCE(MAX(seq), 0) FROM papers WHERE tenant = ? AND kind = ?", (tenant, kind)
    ).fetchone()
    return int(last) + 1


def pending(
    db: sqlite3.Connection, tenant: str, kinds: Sequence[PaperKind], limit: int
) -> list[Paper]:
    """Give the oldest papers of these kinds that no store holds yet."""
    marks = ",".join("?" * len(kinds))
    rows = db.execute(
        "SELECT tenant, kind, seq, key, sha256, body FROM papers WHERE tenant = ? AND state = ?"  # noqa: S608 - only marks
        f" AND kind IN ({marks}) ORDER BY id LIMIT ?",
        (tenant, PENDING, *kinds, limit),
    )
    return [Paper(row[0], PaperKind(row[1]), *row[2:]) for row in rows.fetchall()]


def unlisted_keys(db: sqlite3.Connection, tenant: str) -> tuple[KeyEntry, ...]:
    """Give the delivered month keys that no manifest lists."""
    rows = db.execute(
        "SELECT key, sha256, LENGTH(body) FROM papers WHERE tenant = ? AND kind = ? AND state = ?"
        " AND manifest IS NULL ORDER BY id",
        (tenant, PaperKind.MONTH_KEY, DELIVERED),
    )
    return tuple(KeyEntry(*row) for row in rows.fetchall())


def add_manifest(
    db: sqlite3.Connection, manifest: Paper, rows: tuple[int, ...], made_at: str
) -> None:
    """Write a manifest, mark what it lists, and move the tenant's chain on."""
    add(db, manifest, made_at)
    db.executemany(
        "UPDATE chunks SET manifest = ? WHERE id = ?", ((manifest.seq, row) for row in rows)
    )
    db.execute(
        "UPDATE papers SET manifest = ? WHERE tenant = ? AND kind = ? AND state = ?"
        " AND manifest IS NULL",
        (manifest.seq, manifest.tenant, PaperKind.MONTH_KEY, DELIVERED),
    )
    db.execute(
        "UPDATE tenants SET next_manifest = ?, last_manifest = ?, last_manifest_at = ?"
        " WHERE id = ?",
        (manifest.seq + 1, manifest.sha256, made_at, manifest.tenant),
    )


def deliver(db: sqlite3.Connection, tenant: str, sha256: str) -> None:
    """Note that the store has a paper, and forget what is needed no more.

    A month key is kept until a manifest that lists it is stored too; a manifest takes with it
    the delivered chunks and keys that it lists.
    """
    row = db.execute(
        "SELECT kind, seq FROM papers WHERE tenant = ? AND sha256 = ?", (tenant, sha256)
    ).fetchone()
    if row is None:
        return
    kind, seq = row
    if kind == PaperKind.MONTH_KEY:
        db.execute(
            "UPDATE papers SET state = ? WHERE tenant = ? AND kind = ? AND seq = ?",
            (DELIVERED, tenant, kind, seq),
        )
        return
    db.execute("DELETE FROM papers WHERE tenant = ? AND kind = ? AND seq = ?", (tenant, kind, seq))
    if kind == PaperKind.MANIFEST:
        db.execute(
            "DELETE FROM chunks WHERE tenant = ? AND manifest = ? AND state IN (?, ?, ?)",
            (tenant, seq, DELIVERED, PURGED, EXPIRED),
        )
        db.execute("DELETE FROM papers WHERE tenant = ? AND manifest = ?", (tenant, seq))


def quarantine(db: sqlite3.Connection, tenant: str, sha256: str) -> None:
    """Take a paper out of shipping; its bytes stay."""
    db.execute(
        "UPDATE papers SET state = ? WHERE tenant = ? AND sha256 = ?",
        (QUARANTINED, tenant, sha256),
    )


def month_recipient(
    db: sqlite3.Connection,
    tenant: str,
    subject: str,
    month: str,
    officers: str,
    *,
    since: str,
    now: str,
) -> str | None:
    """Give the public key that this person's month is sealed to, if it was made.

    One that was made before ``since`` counts no more, and neither does one that was made under a
    policy that said another time: this machine's clock may have been ahead of the admin's.
    """
    row = db.execute(
        "SELECT recipient FROM months WHERE tenant = ? AND subject = ? AND month = ?"
        " AND officers = ? AND since = ? AND (made_at >= since OR since > ?)",
        (tenant, subject, month, officers, since, now),
    ).fetchone()
    return row[0] if row else None


def remember_month(
    db: sqlite3.Connection,
    tenant: str,
    subject: str,
    month: str,
    officers: str,
    recipient: str,
    *,
    since: str,
    now: str,
) -> None:
    """Remember the public key of a month; its private part was wrapped and forgotten.

    An older key of the same month and officers is forgotten: nothing more is sealed to it.
    """
    db.execute(
        "INSERT OR REPLACE INTO months VALUES (?,?,?,?,?,?,?)",
        (tenant, subject, month, officers, recipient, now, since),
    )


def enrolled_key(db: sqlite3.Connection, tenant: str) -> str | None:
    """Give the public key that was written for the tenant's admin, if any was."""
    row = db.execute("SELECT enrolled FROM tenants WHERE id = ?", (tenant,)).fetchone()
    return row[0] if row else None


def remember_enrolment(db: sqlite3.Connection, tenant: str, public: str) -> None:
    """Remember which public key was written for the tenant's admin."""
    db.execute("UPDATE tenants SET enrolled = ? WHERE id = ?", (public, tenant))
