"""What is known of this machine's clock: the time at which a tenant's store last took something.

A store of S3 takes what is sent only from whom has its time, or nearly (15 minutes), so that was
a true one. A folder takes things at any time: there the machine's clock is believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.format.times import parse_rfc3339

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

__all__ = ["confirm", "confirmed"]


def confirm(db: sqlite3.Connection, tenant: str, at: str) -> None:
    """Keep that a tenant's store took something when this clock said ``at`` (RFC 3339, UTC)."""
    db.execute("UPDATE tenants SET confirmed_at = ? WHERE id = ?", (at, tenant))


def confirmed(db: sqlite3.Connection, tenant: str) -> datetime | None:
    """Give the newest such time; ``None`` where the store never took anything yet."""
    row = db.execute("SELECT confirmed_at FROM tenants WHERE id = ?", (tenant,)).fetchone()
    return parse_rfc3339(row[0]) if row and row[0] else None
