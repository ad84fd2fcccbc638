"""The clock of this machine, as far as a store confirmed it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archiver.spool import clock
from archiver.spool.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path


def test_each_store_confirms_for_its_own_tenant(tmp_path: Path) -> None:
    """The last time counts, and it is there after a restart."""
    with Spool.open(tmp_path) as spool, spool.transaction() as db:
        spool.ensure_tenant("acme")
        spool.ensure_tenant("beta")
        clock.confirm(db, "acme", "2036-01-31T09:30:00.000Z")
        clock.confirm(db, "acme", "2027-01-31T09:30:00.000Z")
    with Spool.open(tmp_path) as spool, spool.transaction() as db:
        assert clock.confirmed(db, "acme") == datetime(2027, 1, 31, 9, 30, tzinfo=UTC)
        assert clock.confirmed(db, "beta") is None
        assert clock.confirmed(db, "nobody") is None
