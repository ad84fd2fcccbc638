"""Purging: what was never sent goes, what was sent stays whole, and the gap explains itself."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import zstandard
from laptop import line, lines, read_archive, verified

from archiver.sealing.purge import purge_tenant
from archiver.spool import counts

if TYPE_CHECKING:
    from laptop import Laptop


def test_after_a_purge_nothing_waits_and_no_file_is_left(laptop: Laptop) -> None:
    """Spooled records and sealed chunks of the tenant are gone from this machine."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1, 2))
    laptop.look()
    laptop.seal()
    laptop.append(chat, lines(3))
    laptop.look()
    purge_tenant(laptop.engine.spool, "acme")
    backlog = laptop.engine.spool.backlog("acme")
    assert (backlog.spooled_records, backlog.pending_chunks) == (0, 0)
    assert list((laptop.state / "sealed").rglob("*.zst")) == []


def test_a_file_whose_records_were_purged_is_captured_anew_after_what_was_sent(
    laptop: Laptop,
) -> None:
    """The archive has no gap in the file's log, and its last state is what the file holds."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1, 2))
    laptop.look()
    laptop.ship()
    laptop.append(chat, lines(3))
    laptop.look()
    laptop.seal()
    laptop.append(chat, lines(4))
    laptop.look()
    purge_tenant(laptop.engine.spool, "acme")
    laptop.crash()
    laptop.look()
    laptop.ship()
    archive = read_archive(laptop.bucket, whole=False)
    assert archive.states("c1.jsonl")[0] == lines(1, 2)
    assert archive.states("c1.jsonl")[-1] == lines(1, 2, 3, 4)


def test_the_number_of_a_purged_chunk_is_accounted_for(laptop: Laptop) -> None:
    """Verification reports the purged chunk as given up, and nothing as lost or damaged."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1))
    laptop.look()
    laptop.ship()
    laptop.append(chat, lines(2))
    laptop.look()
    laptop.seal()
    purge_tenant(laptop.engine.spool, "acme")
    laptop.ship()
    report = verified(laptop.bucket)
    assert {str(finding.code) for finding in report.findings} == {"chunk-purged"}


def test_another_tenants_backlog_is_not_touched(laptop: Laptop) -> None:
    """Purging one tenant leaves what the others have waiting."""
    laptop.write(laptop.claude("c1"), lines(1))
    laptop.look()
    purge_tenant(laptop.engine.spool, "beta")
    assert laptop.engine.spool.backlog("acme").spooled_records == 1


def test_no_position_is_used_twice_where_later_records_were_shipped_already(
    laptop: Laptop,
) -> None:
    """The first day's few records wait, the second day's many are in the store: a hole stays."""
    chat = laptop.claude("c1")
    first = line(1, timestamp="2026-01-30T10:00:00.000Z")
    later = b"".join(
        line(number, timestamp="2026-01-31T10:00:00.000Z", noise="w" * 1000)
        for number in range(2, 1500)
    )
    laptop.tenants[0]["chunk"] = {"max_bytes": 2**20}
    laptop.apply()
    laptop.write(chat, first + later)
    laptop.look()
    assert laptop.engine.seal() > 0
    asyncio.run(laptop.engine.ship("acme", force=True))
    assert laptop.engine.spool.backlog("acme").spooled_records > 0
    purge_tenant(laptop.engine.spool, "acme")
    laptop.crash()
    laptop.look()
    laptop.ship()
    positions = [
        json.loads(one)["position"]
        for path in laptop.bucket.rglob("*.zst")
        for one in zstandard.ZstdDecompressor().decompress(path.read_bytes()).splitlines()
    ]
    assert len(positions) > 1500
    assert len(set(positions)) == len(positions)


def test_a_tenant_that_this_machine_does_not_know_is_not_begun(laptop: Laptop) -> None:
    """There is nothing to purge, and no row is left of the name."""
    purge_tenant(laptop.engine.spool, "beta")
    assert laptop.engine.spool.tenants() == ["acme"]


def test_what_was_taken_over_from_a_damaged_spool_is_not_counted_as_dropped(
    laptop: Laptop,
) -> None:
    """It was captured by an earlier device identity, and is in no count of this one."""
    laptop.write(laptop.claude("c1"), lines(1, 2))
    laptop.look()
    laptop.seal()
    laptop.halt()
    (laptop.state / "spool.db").write_bytes(b"no database" * 500)
    laptop.start()
    assert laptop.opened is not None
    assert laptop.opened.recovered == 1
    laptop.look()
    purge_tenant(laptop.engine.spool, "acme")
    with laptop.engine.spool.transaction() as db:
        assert counts.read(db, "acme") == counts.Counts(2, 2, counts.PURGED)
    assert list((laptop.state / "sealed").rglob("*.zst")) == []
