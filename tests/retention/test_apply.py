"""What is due expires: ordered, then removed, completed after any crash; nothing else goes."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from expiring import apply, begin, expiries, planned, today
from fleet import DESKTOP, LAPTOP
from holding import ADA, BOB, Office, hold, without_locks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archiver.durable import files
from archiver.errors import ArchiverError, EvidenceError, NotOrdered, StoreError
from archiver.evidence.orders import Expiry
from archiver.format.times import rfc3339
from archiver.model.answers import Answer
from archiver.model.shipment import ClassTerms, Retain
from archiver.retention import examine, expire
from archiver.retention import hold as holds
from archiver.retention.erase import Wanted, order, plan
from archiver.retention.examine import Batch, Refused
from archiver.retention.listing import look, overtaken
from archiver.retention.remove import finish
from archiver.retention.sets import ChunkSet
from archiver.stores.faults import Fault, FaultPlan, LoseAnswer, Refuse

if TYPE_CHECKING:
    from archiver.retention.listing import Known
    from archiver.stores.faults import Verb
    from archiver.witness.place import Place


@pytest.fixture(params=["", "ai"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    """Give a tenant in an empty bucket with Object Lock, 400 days ago."""
    made = Office(tmp_path / "admin", prefix=request.param)
    begin(made)
    return made


async def old_and_new(office: Office) -> tuple[list[str], list[str]]:
    """Have two people say something long ago, and one again later; give what is due, and not."""
    old = [office.chunk(LAPTOP, ADA), office.chunk(LAPTOP, ADA), office.chunk(DESKTOP, BOB)]
    await office.settle()
    office.pass_days(300)
    new = [office.chunk(LAPTOP, ADA)]
    await office.settle()
    await today(office)
    return old, new


class Killed(BaseException):
    """The process ends here."""


async def test_what_is_due_goes_in_all_versions_and_the_rest_stays(office: Office) -> None:
    """The order says what and why; what is not due is there byte for byte."""
    old, new = await old_and_new(office)
    await office.store.delete(old[0])  # hidden under a marker, its bytes are there still
    rest = {key: one for key, one in office.store.objects.items() if key not in old}
    done = await apply(office)
    assert not any(office.keeps(key) for key in old)
    assert all(office.keeps(key) for key in new)
    after = {key: one for key, one in office.store.objects.items() if "_orders/" not in key}
    assert after == rest
    assert (done.removed.removed, done.ordered, done.exit_status) == (3, 3, 0)
    (one,) = await expiries(office)
    assert isinstance(one.deed, Expiry)
    assert (one.by, one.deed.days, one.deed.policy) == ("records", 365, "5" * 64)
    runs = [(named.device, named.runs) for named in one.deed.chunks]
    assert runs == [(LAPTOP, ((1, 2),)), (DESKTOP, ((1, 1),))] or runs == sorted(runs)
    assert one.deed.stored_bytes == done.removed.stored_bytes


async def test_a_second_run_has_nothing_to_do(office: Office) -> None:
    """And gives no order."""
    await old_and_new(office)
    await apply(office)
    done = await apply(office)
    assert (done.due, done.orders, done.completed.removed) == (0, [], 0)
    assert len(await expiries(office)) == 1


async def test_a_verification_knows_it_from_loss(office: Office) -> None:
    """Before and after the next checkpoint."""
    await old_and_new(office)
    before = await office.codes()
    await apply(office)
    office.now = datetime.now(UTC)
    after = await office.codes()
    await office.checkpoint(force=True)
    assert (after, await office.codes()) == (before, before)


async def test_one_order_for_each_class(office: Office) -> None:
    """Because each has its own days."""
    office.chunk()
    key = office.chunk()
    entry = office._waiting[LAPTOP].pop()
    other = entry.key.replace("class=standard", "class=legal")
    office._waiting[LAPTOP].append(msgspec.structs.replace(entry, key=other))
    place = key.replace("class=standard", "class=legal")
    office.store.objects[place] = office.store.objects.pop(key)
    await office.settle()
    await today(office)
    legal = {"class": "legal", "days": 100, "conversations": {"assistants": ["cline"]}}
    done = await apply(office, classes=[legal])
    deeds = [one.deed for one in await expiries(office)]
    said = [(one.klass, one.days, one.count) for one in deeds if isinstance(one, Expiry)]
    assert said == [("legal", 100, 1), ("standard", 365, 1)]
    assert done.removed.removed == 2
    assert not office.chunks()


async def test_record_only_leaves_the_removal_to_the_lifecycle(office: Office) -> None:
    """Also of what earlier orders left; without it the next run removes."""
    old, _ = await old_and_new(office)
    done = await apply(office, record_only=True)
    assert (done.ordered, done.removed.removed) == (3, 0)
    assert all(office.keeps(key) for key in old)
    assert (await apply(office, record_only=True)).completed.removed == 0
    assert (await apply(office)).completed.removed == 3
    assert not any(office.keeps(key) for key in old)


async def test_record_only_says_that_no_lifecycle_works_under_a_hold(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """What another hold covers does not matter: the rules of the tenant are off."""
    await old_and_new(office)
    await holds.add(office.desk, hold(subject=BOB), by="x", now=datetime.now(UTC))
    await apply(office, record_only=True)
    assert "Not while a hold is in force" in capsys.readouterr().err


async def test_what_is_held_stays_and_goes_after_the_release(office: Office) -> None:
    """Told, and no failure."""
    old, _ = await old_and_new(office)
    await holds.add(office.desk, hold(subject=ADA), by="x", now=datetime.now(UTC))
    done = await apply(office)
    assert [key for key in old if office.keeps(key)] == old[:2]
    assert (done.removed.removed, done.exit_status) == (1, 0)
    assert office.held() == set(old[:2]) | {key for key in office.chunks() if ADA in key}
    await holds.release(office.desk, "case-1", reason="x", by="x", now=datetime.now(UTC))
    stays = await apply(office)  # the hold is off in the orders, and on in the store
    assert (stays.refused, stays.exit_status) == ({str(Refused.HELD): 2}, 1)
    assert (await apply(office)).removed.removed == 2
    assert not any(office.keeps(key) for key in old)


async def test_a_hold_that_comes_after_the_order_stops_the_removal(office: Office) -> None:
    """The order stands; when the hold is released it is done."""
    old, _ = await old_and_new(office)
    await apply(office, record_only=True)
    await holds.add(office.desk, hold(subject=BOB), by="x", now=datetime.now(UTC))
    done = await apply(office)
    assert (done.completed.removed, done.completed.held) == (2, 1)
    assert office.keeps(old[2])


async def test_a_hold_that_comes_in_the_middle_is_obeyed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left then stays."""
    monkeypatch.setattr("archiver.retention.remove._PAGE", 1)
    old, _ = await old_and_new(office)
    await apply(office, record_only=True)
    asked = 0

    async def then_a_hold(place: Place, known: Known) -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:
            await holds.add(office.desk, hold(), by="x", now=datetime.now(UTC))
        return await overtaken(place, known)

    monkeypatch.setattr("archiver.retention.remove.overtaken", then_a_hold)
    done = await finish(office.desk)
    assert (done.removed, done.held) == (1, 2)
    assert sum(office.keeps(key) for key in old) == 2


async def test_what_the_store_locks_stays_and_is_told(office: Office) -> None:
    """By governance or compliance, also where no manifest spoke of a lock."""
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    locked = [
        office.chunk(retain=Retain("compliance", later)),
        office.chunk(retain=Retain("governance", later)),
    ]
    office.chunk()
    await office.settle()
    await today(office)
    done = await apply(office)
    assert done.refused == {str(Refused.LOCKED): 2}
    assert (done.removed.removed, done.exit_status) == (1, 2)
    assert all(office.keeps(key) for key in locked)


async def test_a_lock_that_came_after_the_order_keeps_it_and_is_told(office: Office) -> None:
    """Somebody put it on in the store; when it has run out, the order is done."""
    old, _ = await old_and_new(office)
    await apply(office, record_only=True)
    one, later = office.store.objects[old[0]], datetime.now(UTC) + timedelta(days=9)
    office.store.objects[old[0]] = dataclasses.replace(one, retain=Retain("governance", later))
    done = await apply(office)
    assert (done.completed.removed, done.completed.keys, done.exit_status) == (2, [old[0]], 1)
    office.store.objects[old[0]] = one
    assert (await apply(office)).completed.removed == 1
    assert not office.keeps(old[0])


async def test_what_was_altered_stays_for_somebody_to_look_at(office: Office) -> None:
    """Of another size, or of another hash."""
    old, _ = await old_and_new(office)
    body = office.store.objects[old[0]]
    office.store.objects[old[0]] = dataclasses.replace(body, body=body.body + b"x")
    office.store.objects[old[2]] = dataclasses.replace(
        office.store.objects[old[2]], metadata={"sha256": "0" * 64}
    )
    done = await apply(office)
    assert done.refused == {str(Refused.ALTERED): 2}
    assert (done.removed.removed, done.exit_status) == (1, 1)
    assert sorted(done.keys[Refused.ALTERED]) == sorted([old[0], old[2]])


async def test_what_is_gone_before_its_order_is_no_lawful_expiry(office: Office) -> None:
    """Until the lifecycle may have taken it: then the order says that it was due."""
    old, _ = await old_and_new(office)
    office.drop(old[0])
    done = await apply(office, grace_days=90)
    assert (done.refused, done.exit_status) == ({str(Refused.GONE): 1}, 1)
    assert "chunk-missing" in await office.codes()
    done = await apply(office, grace_days=30)
    assert (done.ordered, done.absent, done.refused) == (1, 1, {})
    office.now = datetime.now(UTC)
    assert "chunk-missing" not in await office.codes()


async def test_two_chunks_under_one_number_stay(office: Office) -> None:
    """An order could not say which it means."""
    office.chunk()
    await office.settle()
    office._numbers[LAPTOP] = 0
    office.chunk(day="2026-03-11", said="c2")
    await office.settle()
    await today(office)
    done = await apply(office)
    assert (done.refused, done.ordered) == ({str(Refused.TWICE): 2}, 0)
    assert len(office.chunks()) == 2


async def test_what_is_not_covered_waits(office: Office) -> None:
    """With the advice to sign a checkpoint; the exit code says that something waits."""
    office.chunk()
    await office.settle()
    key = office.chunk()
    office.list_all()
    office.now = datetime.now(UTC) - timedelta(days=2)
    await office.checkpoint()
    begin(office, 390)
    late = office.chunk()
    office.list_all()
    done = await apply(office)
    assert not office.keeps(key)
    assert (done.waits, done.exit_status, office.keeps(late)) == (1, 2, True)


async def test_nobody_expires_anything_without_a_checkpoint(office: Office) -> None:
    """All of it waits."""
    key = office.chunk()
    office.list_all()
    done = await apply(office)
    assert (done.waits, done.orders, office.keeps(key)) == (1, [], True)


@pytest.mark.parametrize("days", [-1, 40])
async def test_a_clock_that_disagrees_with_the_last_checkpoint_stops_all(
    office: Office, days: float
) -> None:
    """Behind it, or so far ahead that the clock may be the reason."""
    old, _ = await old_and_new(office)
    office.now = datetime.now(UTC) - timedelta(days=days)
    if days < 0:
        await office.checkpoint(force=True)
    else:
        for name in office.names("_checkpoints/")[-1:]:
            office.drop(name)
        office.memory = office.memory.with_name("other")
    with pytest.raises(EvidenceError, match="this clock"):
        await apply(office)
    assert all(office.keeps(key) for key in old)


async def test_a_shortened_policy_needs_a_yes_of_its_own(office: Office) -> None:
    """Which ``--yes`` is not."""
    office.terms = ClassTerms("standard", 1000)
    old, _ = await old_and_new(office)
    with pytest.raises(NotOrdered, match="3 chunks of acme are due only because the policy"):
        await apply(office)
    assert all(office.keeps(key) for key in old)
    assert not await expiries(office)
    assert (await apply(office, accept_shortened=True)).removed.removed == 3


async def test_an_order_that_came_since_the_plan_stops_it(office: Office) -> None:
    """It may be a hold."""
    await old_and_new(office)
    this, known = await planned(office), await look(office.desk)
    found = await examine.examine(office.place, known, this, grace=timedelta(30))
    await holds.add(office.desk, hold(), by="x", now=datetime.now(UTC))
    with pytest.raises(NotOrdered, match="since this was planned"):
        await expire.order(office.desk, this, found, policy=None, by="x", now=datetime.now(UTC))
    assert not await expiries(office)


async def test_what_was_erased_is_not_let_expire_as_well(office: Office) -> None:
    """One order is enough."""
    await old_and_new(office)
    this = await plan(office.desk, Wanted(ADA), now=datetime.now(UTC))
    await order(office.desk, this, basis="x", reason="x", by="x", now=datetime.now(UTC))
    done = await apply(office)
    (one,) = await expiries(office)
    assert isinstance(one.deed, Expiry)
    assert (done.ordered, [named.device for named in one.deed.chunks]) == (1, [DESKTOP])


async def test_an_order_never_becomes_larger_than_one_that_is_read(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has no room goes into the next."""
    monkeypatch.setattr(examine, "_ROOM", 60)
    old, _ = await old_and_new(office)
    done = await apply(office)
    deeds = [one.deed for one in await expiries(office)]
    assert [one.count for one in deeds if isinstance(one, Expiry)] == [1, 1, 1]
    assert (done.removed.removed, len(old)) == (3, 3)


def test_a_batch_knows_how_much_an_order_of_it_holds() -> None:
    """Never less than what is written."""
    batch = Batch("standard", 1)
    for device in range(3):
        for seq in (10**12 - 1, 5, 7, 10**11):
            batch.chunks.add_runs(f"{device:016x}", ((seq, seq),))
        batch._devices.add(f"{device:016x}")
    written = len(msgspec.json.encode(batch.chunks.named))
    said = batch.chunks.runs * examine._RUN_BYTES + len(batch._devices) * examine._DEVICE_BYTES
    assert written <= said + 2


async def test_a_busy_store_is_waited_for(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question is asked again."""
    monkeypatch.setattr("archiver.witness.place._WAITS", (0, 0))
    old, _ = await old_and_new(office)
    busy = tuple(Fault(verb, Refuse(Answer.BUSY), nth=1) for verb in ("kept", "destroy"))
    office.store.plan = FaultPlan(busy)
    assert (await apply(office)).removed.removed == len(old)


async def test_in_a_folder_without_locks_it_is_the_same(office: Office) -> None:
    """What is held there is held by the record."""
    without_locks(office)
    old, new = await old_and_new(office)
    await holds.add(office.desk, hold(subject=BOB), by="x", now=datetime.now(UTC))
    done = await apply(office)
    assert (done.removed.removed, done.exit_status) == (2, 0)
    assert office.chunks() == {old[2], *new}


STEPS: list[tuple[Verb, int]] = [
    (verb, nth)
    for verb, count in (("put", 1), ("get", 12), ("list", 12), ("kept", 3), ("destroy", 3))
    for nth in range(1, count + 1)
]


@pytest.mark.parametrize("effect", [Refuse(Answer.CREDENTIALS), LoseAnswer()], ids=["no", "cut"])
@pytest.mark.parametrize(("verb", "nth"), STEPS)
async def test_a_store_that_fails_anywhere_leaves_what_the_next_run_completes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: Verb,
    nth: int,
    effect: Refuse | LoseAnswer,
) -> None:
    """Nothing goes without an order, and after the next run everything due is gone."""
    monkeypatch.setattr("archiver.witness.place._WAITS", ())
    office = Office(tmp_path / "admin")
    begin(office)
    old, new = await old_and_new(office)
    office.store._matches.clear()
    office.store.plan = FaultPlan((Fault(verb, effect, nth=nth),))
    with contextlib.suppress(StoreError):
        await apply(office)
    office.store.plan = FaultPlan()
    if not all(office.keeps(key) for key in old):
        assert len(await expiries(office)) == 1
    await apply(office)
    assert not any(office.keeps(key) for key in old)
    assert all(office.keeps(key) for key in new)
    assert len(await expiries(office)) == 1


@pytest.mark.parametrize(
    ("point", "nth"), [("retention.ordered", 1), *(("retention.removed", n) for n in (1, 2, 3))]
)
async def test_a_process_that_dies_anywhere_leaves_what_the_next_run_completes(
    office: Office, monkeypatch: pytest.MonkeyPatch, point: str, nth: int
) -> None:
    """Between any two durable steps."""
    old, new = await old_and_new(office)
    seen = 0

    def die(name: str) -> None:
        nonlocal seen
        seen += name == point
        if seen == nth and name == point:
            raise Killed

    monkeypatch.setattr(files, "observer", die)
    with pytest.raises(Killed):
        await apply(office)
    monkeypatch.setattr(files, "observer", lambda _: None)
    assert len(await expiries(office)) == 1
    done = await apply(office)
    assert done.orders == []
    assert not any(office.keeps(key) for key in old)
    assert all(office.keeps(key) for key in new)


async def test_what_merely_looks_like_a_chunk_that_was_ordered_stays(office: Office) -> None:
    """A number is not enough: the very key must be listed."""
    old, _ = await old_and_new(office)
    planted = old[0].replace("dt=2026-03-10", "dt=2026-03-11")
    office.store.objects[planted] = office.store.objects[old[0]]
    await apply(office)
    assert (await apply(office)).completed.removed == 0
    assert office.keeps(planted)


chunks = st.tuples(
    st.sampled_from([LAPTOP, DESKTOP]),
    st.sampled_from([ADA, BOB]),
    st.integers(0, 500),  # shipped so many days ago
    st.integers(-9000, 300),  # the device's clock is off by so many days
    st.booleans(),  # locked by the store
    st.booleans(),  # covered
)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(chunks, min_size=1, max_size=6),
    st.integers(1, 500),
    st.none() | st.sampled_from([ADA, BOB]),
)
def test_nothing_that_is_not_due_held_locked_or_uncovered_is_ever_ordered(
    arrivals: list[Any], days: int, holder: str | None
) -> None:
    """Whatever arrives when, whatever clocks say."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_arrive_and_apply(Path(folder), arrivals, days, holder))


async def _arrive_and_apply(
    folder: Path, arrivals: list[Any], days: int, holder: str | None
) -> None:
    office = Office(folder / "admin")
    begin(office, 600)
    office.list_all()
    for device in (LAPTOP, DESKTOP):
        office.manifest(device)
    await office.approve(LAPTOP, DESKTOP)
    await office.checkpoint()
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    began, counted = office.now, dict[str, datetime]()
    for device, who, ago, off, locked, covered in sorted(arrivals, key=lambda one: -one[2]):
        begin(office, ago)
        if covered:
            await office.checkpoint(force=True)
        signed = office.now if covered else began
        key = office.chunk(device, who, retain=Retain("governance", later) if locked else None)
        entries, office._waiting = office._waiting[device], {}
        said = office.now + timedelta(days=off)
        office.manifest(device, chunks=tuple(entries), created_at=rfc3339(said))
        if covered:
            await office.checkpoint()
        counted[key] = datetime.max.replace(tzinfo=UTC)
        if not locked and who != holder:
            # A millisecond: times of documents are cut off there.
            counted[key] = max(said, signed) - timedelta(milliseconds=1)
    with contextlib.suppress(ArchiverError):
        if holder:
            await holds.add(office.desk, hold(subject=holder), by="x", now=datetime.now(UTC))
        await apply(office, days, accept_shortened=True)
    gone = {key for key in counted if not office.keeps(key)}
    assert all(datetime.now(UTC) - counted[key] >= timedelta(days=days) for key in gone)
    ordered = ChunkSet.of(
        named
        for one in await expiries(office)
        if isinstance(one.deed, Expiry)
        for named in one.deed.chunks
    )
    assert len(ordered) == len(gone)
