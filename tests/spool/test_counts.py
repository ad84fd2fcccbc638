"""What was captured and dropped is counted with it, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from laptop import line, lines, patched

from archiver.durable import files
from archiver.sealing.purge import purge_tenant
from archiver.spool import counts
from archiver.spool.counts import Counts

if TYPE_CHECKING:
    from laptop import Laptop


def counted(laptop: Laptop, tenant: str = "acme") -> Counts:
    """Read the counts of a tenant."""
    with laptop.engine.spool.transaction() as db:
        return counts.read(db, tenant)


def shipped(laptop: Laptop) -> int:
    """Count the records in the bucket."""
    return sum(body.count(b"\n") for body in laptop.archive().chunks.values())


def test_a_tenant_that_nothing_is_known_of_has_zeros(laptop: Laptop) -> None:
    """No row, no error."""
    assert counted(laptop, "beta") == Counts(0, 0, None)


def test_every_captured_record_is_counted_once(laptop: Laptop) -> None:
    """Through sealing, shipping and restarts the count is what the archive holds."""
    chat = laptop.claude("c1")
    for number in range(3):
        laptop.append(chat, lines(number, number + 10))
        laptop.look()
        laptop.crash()
    assert counted(laptop) == Counts(6, 0, None)
    laptop.write(chat, lines(5))
    laptop.look()
    captured = counted(laptop).captured
    assert captured > 6
    assert shipped(laptop) == captured
    assert counted(laptop).captured == captured


def test_what_was_not_committed_is_not_counted(laptop: Laptop) -> None:
    """A crash before the commit takes back the count with the records."""
    laptop.write(laptop.claude("c1"), lines(1, 2))

    def died(point: str) -> None:
        if point == "spool.before-commit" and laptop.engine.spool._db.total_changes > before:
            raise SystemExit

    before = laptop.engine.spool._db.total_changes
    with patched(files, "observer", died), pytest.raises(SystemExit):
        laptop.look()
    laptop.crash()
    assert counted(laptop).captured == 0
    laptop.look()
    assert counted(laptop).captured == 2


def test_what_a_purge_drops_is_counted_with_its_reason(laptop: Laptop) -> None:
    """Spooled and sealed records; what was shipped is not; the difference is in the store."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1, 2))
    laptop.look()
    laptop.ship()
    laptop.append(chat, lines(3))
    laptop.look()
    laptop.seal()
    laptop.append(chat, lines(4) + line(5))
    laptop.look()
    purge_tenant(laptop.engine.spool, "acme")
    assert counted(laptop) == Counts(5, 3, counts.PURGED)
    purge_tenant(laptop.engine.spool, "acme")
    assert counted(laptop) == Counts(5, 3, counts.PURGED)


def test_a_purge_of_nothing_gives_no_reason(laptop: Laptop) -> None:
    """Nothing was dropped, so nothing is explained."""
    purge_tenant(laptop.engine.spool, "acme")
    assert counted(laptop) == Counts(0, 0, None)


def test_a_purge_that_dies_dropped_nothing(laptop: Laptop) -> None:
    """Records and counts go in one transaction."""
    laptop.write(laptop.claude("c1"), lines(1, 2))
    laptop.look()

    def died(point: str) -> None:
        if point == "spool.before-commit":
            raise SystemExit

    with patched(files, "observer", died), pytest.raises(SystemExit):
        purge_tenant(laptop.engine.spool, "acme")
    laptop.crash()
    assert counted(laptop) == Counts(2, 0, None)
    assert laptop.engine.spool.backlog("acme").spooled_records == 2
