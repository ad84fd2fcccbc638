"""What this device captured for a tenant, and what of it was dropped: on a human's word, or by age.

Promise: ``captured`` grows in the transaction that spools the records (a trigger of the schema
does it, whoever spools), ``dropped`` in the one that drops them. So the two differ by exactly
what is in chunks, shipped or not, or waits to be: a hole in the archive that is no larger than
``dropped`` was made on purpose, and a larger one was not.

Limit: they count this device identity's records. What was taken over from a damaged spool was
captured by an earlier one, and is in neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

__all__ = ["EXPIRED", "PURGED", "Counts", "drop", "read"]

PURGED: Final = "purged"
"""The reason of what ``archiver purge`` dropped."""

EXPIRED: Final = "expired"
"""The reason of what was older than its retention before it could be sent."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Records of one tenant since this device identity began; ``reason`` of the last drop."""

    captured: int = 0
    dropped: int = 0
    reason: str | None = None


def read(db: sqlite3.Connection, tenant: str) -> Counts:
    """Give the counts of a tenant; zeros where this spool never held anything of it."""
    row = db.execute(
        "SELECT captured_records, dropped_records, dropped_reason FROM tenants WHERE id = ?",
        (tenant,),
    ).fetchone()
    return Counts(*row) if row else Counts()


def drop(db: sqlite3.Connection, tenant: str, records: int, reason: str) -> None:
    """Count records that are dropped within the caller's transaction."""
    if records:
        db.execute(
            "UPDATE tenants SET dropped_records = dropped_records + ?, dropped_reason = ?"
            " WHERE id = ?",
            (records, reason, tenant),
        )
