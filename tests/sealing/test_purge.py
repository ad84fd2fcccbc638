"""Purging: what was never sent goes, what was sent stays whole, and the gap explains itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from laptop import lines, read_archive, verified

from archiver.sealing.purge import purge_tenant

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
    """Verification reports the purged chunk as set aside, and nothing as lost or damaged."""
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
    assert {str(finding.code) for finding in report.findings} == {"chunk-quarantined"}


def test_another_tenants_backlog_is_not_touched(laptop: Laptop) -> None:
    """Purging one tenant leaves what the others have waiting."""
    laptop.write(laptop.claude("c1"), lines(1))
    laptop.look()
    purge_tenant(laptop.engine.spool, "beta")
    assert laptop.engine.spool.backlog("acme").spooled_records == 1
