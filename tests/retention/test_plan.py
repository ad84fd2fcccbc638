"""What would expire, when and why: counted from covered manifests, and from nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from expiring import begin, planned, today
from fleet import DESKTOP, LAPTOP
from holding import ADA, BOB, Office, hold

from archiver.format.keys import parse_key
from archiver.format.times import rfc3339
from archiver.model.shipment import ClassTerms
from archiver.retention import hold as holds
from archiver.retention.due import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.format.keys import ChunkKey
    from archiver.retention.plan import Plan


@pytest.fixture(params=["", "ai"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    """Give a tenant in an empty bucket, 400 days ago."""
    made = Office(tmp_path / "admin", prefix=request.param)
    begin(made)
    return made


def counts(this: Plan) -> dict[Verdict, int]:
    """Count by verdict."""
    return {one: count for one in Verdict if (count := this.count(one).chunks)}


def due(this: Plan) -> list[int]:
    """Give the numbers that are due, of all devices."""
    runs = (run for one in this.due.named for run in one.runs)
    return sorted(seq for first, last in runs for seq in range(first, last + 1))


async def test_what_is_due_and_what_is_coming_by_class_and_month(office: Office) -> None:
    """With bytes, and with the date of the next."""
    office.chunk()
    office.chunk(DESKTOP, BOB)
    await office.settle()
    office.pass_days(200)
    at = office.now
    late = office.chunk()
    await office.settle()
    await today(office)
    this = await planned(office)
    assert counts(this) == {Verdict.DUE: 2, Verdict.COMING: 1}
    coming = this.count(Verdict.COMING)
    assert coming.first is not None
    assert abs(coming.first - (at + timedelta(days=365))) < timedelta(seconds=1)
    assert coming.stored_bytes == len(office.store.objects[late].body)
    months = {month for _, verdict, month in this.groups if verdict is Verdict.COMING}
    assert months == {f"{at + timedelta(days=365):%Y-%m}"}


async def test_no_chunk_is_asked_for_and_nothing_is_changed(office: Office) -> None:
    """Roll-ups, checkpoints and orders are read, and what is newer is listed."""
    office.chunk()
    await office.settle()
    await today(office)
    before, seen = dict(office.store.objects), len(office.store.calls)
    await planned(office)
    asked = office.store.calls[seen:]
    assert {one.verb for one in asked} == {"list", "get"}
    assert not [one for one in asked if "class=" in one.key]
    assert office.store.objects == before


async def test_what_no_checkpoint_covers_is_not_due(office: Office) -> None:
    """However old its device says that it is."""
    office.chunk()
    await office.settle()
    office.chunk()
    office.list_all()
    this = await planned(office)
    assert counts(this) == {Verdict.DUE: 1, Verdict.UNCOVERED: 1}
    assert due(this) == [1]


async def test_a_device_whose_clock_says_1999_makes_nothing_expire_early(office: Office) -> None:
    """Also the very first that a tenant ever has."""
    right, office.now = office.now, datetime(1999, 12, 31, tzinfo=UTC)
    office.chunk()
    office.list_all()
    office.now = right + timedelta(days=300)
    await office.approve(LAPTOP)
    await office.checkpoint()
    wrong, office.now = office.now, datetime(1999, 12, 31, 1, tzinfo=UTC)
    office.chunk()
    office.list_all()
    office.now = wrong + timedelta(days=1)
    await office.checkpoint()
    await today(office)
    assert counts(await planned(office)) == {Verdict.COMING: 2}
    assert counts(await planned(office, 98)) == {Verdict.DUE: 2}


async def test_of_a_number_that_is_listed_twice_every_listing_must_be_due(office: Office) -> None:
    """Whoever lists a chunk again cannot make it go sooner, whichever is covered first."""
    office.chunk()
    await office.settle()
    office.chunk(DESKTOP)
    office.pass_days(100)
    (entry,) = office._waiting[DESKTOP]
    office.list_all()
    office.manifest(LAPTOP, recovered=(entry,), retention=[office.terms], also=[DESKTOP])
    await office.approve(DESKTOP)
    await office.checkpoint()
    office.pass_days(200)
    office.manifest(LAPTOP, recovered=(entry,), retention=[office.terms], also=[DESKTOP])
    await office.checkpoint()
    await today(office)
    assert counts(await planned(office, 200)) == {Verdict.DUE: 1, Verdict.COMING: 1}
    both = await planned(office, 50)
    assert counts(both) == {Verdict.DUE: 2}
    assert [one.device for one in both.again.named] == [DESKTOP]


async def test_a_device_speaks_for_its_own_chunks_only(office: Office) -> None:
    """What it lists as its own and is not, nobody listed."""
    office.chunk(DESKTOP)
    stolen = office._waiting.pop(DESKTOP)
    office._waiting[LAPTOP] = stolen
    await office.settle()
    await today(office)
    assert counts(await planned(office)) == {}


async def test_held_chunks_are_told_and_not_due(office: Office) -> None:
    """Of a matter, a person or everybody."""
    office.chunk(LAPTOP, ADA)
    office.chunk(DESKTOP, BOB)
    await office.settle()
    await today(office)
    await holds.add(office.desk, hold(subject=ADA), by="x", now=datetime.now(UTC))
    this = await planned(office)
    assert counts(this) == {Verdict.DUE: 1, Verdict.HELD: 1}
    assert [one.device for one in this.due.named] == [DESKTOP]


async def test_a_shortened_policy_is_counted_and_never_touches_what_is_locked(
    office: Office,
) -> None:
    """Both are said with counts."""
    office.terms = ClassTerms("standard", 1000)
    office.chunk()
    await office.settle()
    office.terms = ClassTerms("standard", 1000, "governance")
    office.chunk()
    await office.settle()
    await today(office)
    this = await planned(office, 30)
    assert counts(this) == {Verdict.DUE: 1, Verdict.LOCKED: 1}
    short = this.shortened["standard"]
    assert (short.chunks, short.now, this.early) == (2, 1, 1)
    (locked,) = (one for (_, what, _), one in this.groups.items() if what is Verdict.LOCKED)
    assert locked.until
    assert locked.until > datetime.now(UTC) + timedelta(days=500)


async def test_classes_that_stay_for_ever_or_are_not_named_stay(office: Office) -> None:
    """And are told apart."""
    office.chunk()
    await office.settle()
    await today(office)
    assert counts(await planned(office, None)) == {Verdict.INDEFINITE: 1}
    assert counts(await planned(office, 30, **{"class": "other"})) == {Verdict.UNKNOWN: 1}


async def test_a_roll_up_that_was_altered_makes_its_chunks_not_covered(office: Office) -> None:
    """Only what the admin's signature stands for is believed."""
    office.chunk()
    await office.settle()
    await today(office)
    (name,) = office.names("_rollups/")
    office.put(name, office.store.objects[name].body + b"x")
    assert counts(await planned(office)) == {Verdict.UNCOVERED: 1}


async def test_a_manifest_that_lies_about_itself_is_left_out(office: Office) -> None:
    """Of another time or tenant; nothing of it is due."""
    office.chunk()
    entries = tuple(office._waiting.pop(LAPTOP))
    office.manifest(LAPTOP, chunks=entries, tenant="other")
    office.manifest(LAPTOP, chunks=entries, created_at="yesterday")
    assert counts(await planned(office)) == {}


def test_keys_are_what_they_were(office: Office) -> None:
    """The office's chunks lie where a device puts them."""
    key: ChunkKey = parse_key(office.chunk())  # type: ignore[assignment]
    assert (key.prefix, key.subject) == (office.prefix, ADA)
    assert rfc3339(office.now) < rfc3339(datetime.now(UTC))
