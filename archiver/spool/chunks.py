"""Sealed chunks and manifests, from their sealing to the manifest that lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.model.shipment import ChunkEntry, Receipt

if TYPE_CHECKING:
    import sqlite3

__all__ = [
    "DELIVERED",
    "PENDING",
    "PURGED",
    "QUARANTINED",
    "ManifestRow",
    "Sealed",
    "Unlisted",
    "add",
    "add_manifest",
    "deliver",
    "deliver_manifest",
    "known",
    "pending",
    "pending_manifests",
    "purge",
    "quarantine",
    "quarantine_manifest",
    "unlisted",
]

PENDING: Final = "pending"
DELIVERED: Final = "delivered"
QUARANTINED: Final = "quarantined"
PURGED: Final = "purged"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed chunk that waits to be shipped."""

    tenant: str
    entry: ChunkEntry


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Chunks that no manifest lists yet."""

    rows: tuple[int, ...]
    delivered: tuple[ChunkEntry, ...]
    recovered: tuple[ChunkEntry, ...]
    quarantined: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """A manifest that waits to be shipped: these bytes, for ever."""

    tenant: str
    seq: int
    key: str
    sha256: str
    body: bytes


_entry = msgspec.json.Decoder(ChunkEntry)


def add(
    db: sqlite3.Connection, tenant: str, entry: ChunkEntry, sealed_at: str, *, foreign: bool = False
) -> None:
    """Write the row of a chunk whose file is durable already."""
    db.execute(
        "INSERT INTO chunks (tenant, seq, state, entry, sha256, stored_bytes, sealed_at,"
        " foreign_device) VALUES (?,?,?,?,?,?,?,?)",
        (
            tenant,
            entry.seq,
            PENDING,
            msgspec.json.encode(entry),
            entry.sha256,
            entry.stored_bytes,
            sealed_at,
            foreign,
        ),
    )


def pending(db: sqlite3.Connection, tenant: str, limit: int) -> list[Sealed]:
    """Give the oldest chunks that no store holds yet."""
    rows = db.execute(
        "SELECT entry FROM chunks WHERE tenant = ? AND state = ? ORDER BY id LIMIT ?",
        (tenant, PENDING, limit),
    )
    return [Sealed(tenant, _entry.decode(entry)) for (entry,) in rows.fetchall()]


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


def quarantine_manifest(db: sqlite3.Connection, tenant: str, sha256: str) -> None:
    """Take a manifest out of shipping; its bytes stay."""
    db.execute(
        "UPDATE manifests SET state = ? WHERE tenant = ? AND sha256 = ?",
        (QUARANTINED, tenant, sha256),
    )


def unlisted(db: sqlite3.Connection, tenant: str, limit: int) -> Unlisted:
    """Give the delivered and quarantined chunks that no manifest lists."""
    rows = db.execute(
        "SELECT id, state, foreign_device, entry FROM chunks WHERE tenant = ? AND state != ?"
        " AND manifest IS NULL ORDER BY id LIMIT ?",
        (tenant, PENDING, limit),
    ).fetchall()
    entries = [(state, foreign, _entry.decode(entry)) for _, state, foreign, entry in rows]
    return Unlisted(
        tuple(row[0] for row in rows),
        tuple(entry for state, foreign, entry in entries if state == DELIVERED and not foreign),
        tuple(entry for state, foreign, entry in entries if state == DELIVERED and foreign),
        tuple(entry.seq for state, foreign, entry in entries if state != DELIVERED),
    )


def add_manifest(
    db: sqlite3.Connection, manifest: ManifestRow, rows: tuple[int, ...], made_at: str
) -> None:
    """Write a manifest, mark what it lists, and move the tenant's chain on."""
    db.execute(
        "INSERT INTO manifests VALUES (?,?,?,?,?,?,?)",
        (
            manifest.tenant,
            manifest.seq,
            PENDING,
            manifest.key,
            manifest.sha256,
            manifest.body,
            made_at,
        ),
    )
    db.executemany(
        "UPDATE chunks SET manifest = ? WHERE id = ?", ((manifest.seq, row) for row in rows)
    )
    db.execute(
        "UPDATE tenants SET next_manifest = ?, last_manifest = ?, last_manifest_at = ?"
        " WHERE id = ?",
        (manifest.seq + 1, manifest.sha256, made_at, manifest.tenant),
    )


def pending_manifests(db: sqlite3.Connection, tenant: str, limit: int) -> list[ManifestRow]:
    """Give the oldest manifests that no store holds yet."""
    rows = db.execute(
        "SELECT tenant, seq, key, sha256, body FROM manifests WHERE tenant = ? AND state = ?"
        " ORDER BY seq LIMIT ?",
        (tenant, PENDING, limit),
    )
    return [ManifestRow(*row) for row in rows.fetchall()]


def deliver_manifest(db: sqlite3.Connection, tenant: str, sha256: str) -> None:
    """Forget a shipped manifest and the delivered chunks that it lists: the store has them."""
    row = db.execute(
        "SELECT seq FROM manifests WHERE tenant = ? AND sha256 = ?", (tenant, sha256)
    ).fetchone()
    if row is None:
        return
    db.execute(
        "DELETE FROM chunks WHERE tenant = ? AND manifest = ? AND state IN (?, ?)",
        (tenant, row[0], DELIVERED, PURGED),
    )
    db.execute("DELETE FROM manifests WHERE tenant = ? AND seq = ?", (tenant, row[0]))
