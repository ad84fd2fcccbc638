"""Sealed chunks, from their sealing to the manifest that lists them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.model.shipment import ChunkEntry, Receipt

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

__all__ = [
    "DELIVERED",
    "EXPIRED",
    "PENDING",
    "PURGED",
    "QUARANTINED",
    "Sealed",
    "Unlisted",
    "add",
    "date",
    "deliver",
    "expire",
    "known",
    "pending",
    "pending_since",
    "purge",
    "quarantine",
    "unlisted",
]

PENDING: Final = "pending"
DELIVERED: Final = "delivered"
QUARANTINED: Final = "quarantined"
PURGED: Final = "purged"
EXPIRED: Final = "expired"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed chunk that waits to be shipped; its retention runs from ``sealed_at``."""

    tenant: str
    entry: ChunkEntry
    sealed_at: str


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Chunks that no manifest lists yet.

    Of those in quarantine, given up by a human, or past their retention, the numbers; not of
    chunks that another device identity sealed: those numbers are not this one's to explain.
    """

    rows: tuple[int, ...]
    delivered: tuple[ChunkEntry, ...]
    recovered: tuple[ChunkEntry, ...]
    quarantined: tuple[int, ...]
    purged: tuple[int, ...]
    expired: tuple[int, ...]


_entry = msgspec.json.Decoder(ChunkEntry)


def add(
    db: sqlite3.Connection,
    tenant: str,
    entry: ChunkEntry,
    sealed_at: str,
    *,
    undated: bool = False,
    foreign: bool = False,
) -> None:
    """Write the row of a chunk whose file is durable already.

    ``undated`` says that ``sealed_at`` is of a clock that was wrong: see `date`.
    """
    db.execute(
        "INSERT INTO chunks (tenant, seq, state, entry, sha256, stored_bytes, sealed_at,"
        " undated, foreign_device) VALUES (?,?,?,?,?,?,?,?,?)",
        (
            tenant,
            entry.seq,
            PENDING,
            msgspec.json.encode(entry),
            entry.sha256,
            entry.stored_bytes,
            sealed_at,
            undated,
            foreign,
        ),
    )


def date(db: sqlite3.Connection, tenant: str, now: str) -> None:
    """Let the time of chunks that were sealed by a wrong clock run from ``now``."""
    db.execute(
        "UPDATE chunks SET sealed_at = ?, undated = 0 WHERE tenant = ? AND undated = 1",
        (now, tenant),
    )


def pending(
    db: sqlite3.Connection,
    tenant: str,
    limit: int,
    wanted: Callable[[Sealed], bool] = lambda _: True,
) -> list[Sealed]:
    """Give the oldest chunks that no store holds yet and that are ``wanted``."""
    rows = db.execute(
        "SELECT entry, sealed_at FROM chunks WHERE tenant = ? AND state = ? ORDER BY id",
        (tenant, PENDING),
    )
    found = (Sealed(tenant, _entry.decode(entry), at) for entry, at in rows)
    return list(islice(filter(wanted, found), limit))


def pending_since(db: sqlite3.Connection, tenant: str, until: str) -> list[Sealed]:
    """Give the chunks that no store holds yet and that were sealed at ``until`` or before.

    Not those of which nobody knows when that was.
    """
    rows = db.execute(
        "SELECT entry, sealed_at FROM chunks WHERE tenant = ? AND state = ? AND sealed_at <= ?"
        " AND undated = 0 ORDER BY id",
        (tenant, PENDING, until),
    )
    return [Sealed(tenant, _entry.decode(entry), at) for entry, at in rows.fetchall()]


def known(db: sqlite3.Connection, sha256_start: str) -> bool:
    """Tell whether a pending or quarantined chunk starts with this sha256."""
    row = db.execute(
        "SELECT 1 FROM chunks WHERE sha256 >= ? AND sha256 < ? AND state IN (?, ?)",
        (sha256_start, sha256_start + "g", PENDING, QUARANTINED),
    ).fetchone()
    return row is not None


def deliver(db: sqlite3.Connection, tenant: str, receipt: Receipt, size: int) -> None:
    """Keep the receipt: from now on the sealed file may go. ``size`` in stored bytes."""
    db.execute(
        "UPDATE chunks SET state = ?, receipt = ? WHERE tenant = ? AND sha256 = ? AND state = ?",
        (DELIVERED, msgspec.json.encode(receipt), tenant, receipt.sha256, PENDING),
    )
    db.execute(
        "UPDATE tenants SET delivered_chunks = delivered_chunks + 1,"
        " delivered_bytes = delivered_bytes + ?, last_delivered_at = ? WHERE id = ?",
        (size, receipt.at, tenant),
    )


def quarantine(db: sqlite3.Connection, tenant: str, sha256: str, reason: str) -> None:
    """Take a chunk out of shipping; its row and file stay."""
    db.execute(
        "UPDATE chunks SET state = ?, reason = ? WHERE tenant = ? AND sha256 = ?",
        (QUARANTINED, reason, tenant, sha256),
    )


def purge(db: sqlite3.Connection, tenant: str, sha256: str) -> None:
    """Give a chunk up; its number stays used."""
    db.execute(
        "UPDATE chunks SET state = ? WHERE tenant = ? AND sha256 = ?", (PURGED, tenant, sha256)
    )


def expire(db: sqlite3.Connection, tenant: str, sha256: str) -> None:
    """Give a chunk up that is older than its retention; its number stays used."""
    db.execute(
        "UPDATE chunks SET state = ? WHERE tenant = ? AND sha256 = ?", (EXPIRED, tenant, sha256)
    )


def unlisted(db: sqlite3.Connection, tenant: str, limit: int) -> Unlisted:
    """Give the chunks that no manifest lists and that are pending no more."""
    rows = db.execute(
        "SELECT id, state, foreign_device, entry FROM chunks WHERE tenant = ? AND state != ?"
        " AND manifest IS NULL ORDER BY id LIMIT ?",
        (tenant, PENDING, limit),
    ).fetchall()
    entries = [(state, foreign, _entry.decode(entry)) for _, state, foreign, entry in rows]

    def numbers(of: str) -> tuple[int, ...]:
        return tuple(entry.seq for state, foreign, entry in entries if state == of and not foreign)

    return Unlisted(
        tuple(row[0] for row in rows),
        tuple(entry for state, foreign, entry in entries if state == DELIVERED and not foreign),
        tuple(entry for state, foreign, entry in entries if state == DELIVERED and foreign),
        numbers(QUARANTINED),
        numbers(PURGED),
        numbers(EXPIRED),
    )
