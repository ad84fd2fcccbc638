"""One person's months made unreadable: whole or not at all, ordered first, completed always."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from fleet import DESKTOP, LAPTOP
from holding import ADA, BOB, Office, hold, without_locks

from archiver.errors import MustStay, NotArchived, NotOrdered, StoreError
from archiver.evidence.orders import Erasure, Hold
from archiver.model.answers import Answer
from archiver.model.shipment import ClassTerms, Retain
from archiver.retention import hold as holds
from archiver.retention.destroy import finish
from archiver.retention.erase import Plan, Wanted, order, plan
from archiver.retention.listing import look
from archiver.stores.faults import Fault, FaultPlan, LoseAnswer, Refuse
from archiver.stores.memory import Object

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.retention.destroy import Done

ONE, TWO = "1" * 16, "3" * 16
LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)


@pytest.fixture(params=["", "ai"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    """Give a tenant in an empty bucket with Object Lock, below a prefix or not."""
    made = Office(tmp_path / "admin")
    made.prefix = request.param
    made.now = datetime.now(UTC)
    return made


async def erase(office: Office, subject: str = ADA, **when: Any) -> tuple[Plan, tuple[Done, ...]]:
    """Plan, order and do it."""
    this = await plan(office.desk, Wanted(subject, **when), now=office.now)
    await order(office.desk, this, basis="Art. 17", reason="asked", by="dpo", now=office.now)
    return this, await finish(office.desk)


async def refused(office: Office, subject: str = ADA, **when: Any) -> MustStay:
    """Give the refusal; nothing may have changed for it."""
    before = dict(office.store.objects)
    with pytest.raises(MustStay) as caught:
        await plan(office.desk, Wanted(subject, **when), now=office.now)
    assert office.store.objects == before
    return caught.value


async def erasures(office: Office) -> list[Erasure]:
    """Give what was ordered."""
    deeds = [one.deed for one in (await look(office.desk)).orders.all]
    return [one for one in deeds if isinstance(one, Erasure)]


async def two_people(office: Office) -> tuple[dict[str, Object], list[str]]:
    """Have two people say something, sealed; give all that is Bob's, and Ada's chunks."""
    wrap = office.wrap(LAPTOP, ADA)
    other = office.wrap(DESKTOP, BOB, key_id=TWO)
    mine = [office.chunk(LAPTOP, ADA, key_id=ONE) for _ in range(3)]
    theirs = [office.chunk(DESKTOP, BOB, key_id=TWO) for _ in range(2)]
    await office.settle()
    return {key: office.store.objects[key] for key in (other, *theirs)}, [wrap, *mine]


async def test_wraps_and_chunks_go_and_a_second_person_is_untouched(office: Office) -> None:
    """Byte for byte; the order says what it was about."""
    theirs, mine = await two_people(office)
    this, (done,) = await erase(office)
    assert not any(office.keeps(key) for key in mine)
    assert {key: office.store.objects[key] for key in theirs} == theirs
    assert (done.wraps, done.removed, done.stay, done.complete) == (1, 3, 0, True)
    (deed,) = await erasures(office)
    assert (deed.subject, deed.keys, deed.count) == (ADA, (ONE,), 3)
    assert [(one.device, one.runs) for one in deed.chunks] == [(LAPTOP, ((1, 3),))]
    assert (deed.basis, deed.reason, this.months) == ("Art. 17", "asked", ("2026-03",))


async def test_every_wrap_goes_also_rewraps_and_hidden_ones(office: Office) -> None:
    """In all versions: what a plain delete left behind would open everything."""
    theirs, mine = await two_people(office)
    again = office.wrap(LAPTOP, ADA, listed=False)
    await office.store.delete(again)
    await office.store.delete(mine[0])
    _, (done,) = await erase(office)
    assert not office.keeps(again)
    assert not office.keeps(mine[0])
    assert done.wraps == 2
    assert theirs


async def test_only_the_months_that_were_asked_for(office: Office) -> None:
    """Both included; the key of another month opens what it opened."""
    keys = {}
    for number, month in enumerate(("2026-01", "2026-02", "2026-03", "2026-04"), 1):
        key_id = str(number) * 16
        keys[month] = (
            office.wrap(LAPTOP, ADA, month, key_id=key_id),
            office.chunk(LAPTOP, ADA, f"{month}-10", key_id=key_id),
        )
    await office.settle()
    await erase(office, since="2026-02", until="2026-03")
    left = {month for month, both in keys.items() if all(map(office.keeps, both))}
    gone = {month for month, both in keys.items() if not any(map(office.keeps, both))}
    assert (left, gone) == ({"2026-01", "2026-04"}, {"2026-02", "2026-03"})


async def test_what_governance_keeps_stays_as_noise(office: Office) -> None:
    """Its keys are gone all the same; when the lock has run out it is removed."""
    wrap = office.wrap()
    locked = office.chunk(key_id=ONE, retain=Retain("governance", LATER))
    free = office.chunk(key_id=ONE)
    await office.settle()
    this, (done,) = await erase(office)
    assert (this.stay, done.stay, done.removed, done.complete) == (1, 1, 1, True)
    assert (office.keeps(wrap), office.keeps(free), office.keeps(locked)) == (False, False, True)
    office.store._now = lambda: LATER + timedelta(days=1)
    (done,) = await finish(office.desk)
    assert (done.removed, done.stay, office.keeps(locked)) == (1, 0, False)
    assert await finish(office.desk) == ()


@pytest.mark.parametrize("key_id", [ONE, None])
async def test_a_compliance_lock_refuses_all_of_it_until_its_date(
    office: Office, key_id: str | None
) -> None:
    """One chunk is enough, sealed or not."""
    office.wrap()
    office.chunk(key_id=key_id, retain=Retain("compliance", LATER))
    office.chunk(key_id=key_id)
    await office.settle()
    error = await refused(office)
    assert f"a compliance lock runs on 1 chunk, on the last until {LATER.date()}" in str(error)
    assert f"after {LATER.date()}" in error.advice
    office.now = LATER + timedelta(seconds=1)
    office.store._now = lambda: LATER + timedelta(seconds=1)
    await erase(office)
    assert office.chunks() == set()


@pytest.mark.parametrize(("lock", "key_id"), [("compliance", ONE), ("rule", None)])
async def test_where_the_store_cannot_tell_the_manifest_s_terms_count(
    tmp_path: Path, lock: Any, key_id: str | None
) -> None:
    """From when the manifest was made; a rule keeps what is in clear, and sealed ones are noise."""
    office = Office(tmp_path / "admin", terms=ClassTerms("standard", 30, lock))
    without_locks(office)
    office.wrap()
    office.chunk(key_id=key_id)
    await office.settle()
    until = (office.now + timedelta(days=29)).date().isoformat()
    assert until in str(await refused(office))
    office.now += timedelta(days=30)
    await erase(office)
    assert office.chunks() == set()


async def test_a_rule_does_not_keep_keys_from_being_destroyed(tmp_path: Path) -> None:
    """What is sealed becomes noise, and may be refused its removal."""
    office = Office(tmp_path / "admin", terms=ClassTerms("standard", 30, "rule"))
    without_locks(office)
    wrap, key = office.wrap(), office.chunk(key_id=ONE)
    await office.settle()
    this = await plan(office.desk, Wanted(ADA), now=office.now)
    await order(office.desk, this, basis="x", reason="x", by="x", now=office.now)
    office.store.plan = FaultPlan(
        (Fault("destroy", Refuse(Answer.LOCKED), key=lambda text: text.endswith(key)),)
    )
    (done,) = await finish(office.desk)
    assert (this.stay, done.stay, done.complete) == (1, 1, True)
    assert (office.keeps(wrap), office.keeps(key)) == (False, True)


async def test_what_is_in_clear_must_be_removable(office: Office) -> None:
    """Else destroying keys would only look like an erasure."""
    office.chunk(retain=Retain("governance", LATER))
    await office.settle()
    error = await refused(office)
    assert f"1 chunk in clear may not be removed before {LATER.date()}" in str(error)


async def test_what_is_in_clear_is_removed_in_all_versions(office: Office) -> None:
    """Also under a delete marker."""
    seen, hidden = office.chunk(), office.chunk()
    await office.settle()
    await office.store.delete(hidden)
    _, (done,) = await erase(office)
    assert (office.keeps(seen), office.keeps(hidden), done.removed) == (False, False, 2)


@pytest.mark.parametrize(
    "says", [{}, {"subject": ADA}, {"since": "2026-03-10", "until": "2026-03-10"}]
)
async def test_a_hold_on_any_chunk_refuses_all_of_it(office: Office, says: dict[str, str]) -> None:
    """Named, with the matter; after its release it may be."""
    await two_people(office)
    await holds.add(office.desk, hold(**says), by="x", now=office.now)
    error = await refused(office)
    assert "the hold case-1 (matter 4711) covers 3 chunks" in str(error)
    assert "archiver hold release case-1" in error.advice
    await holds.release(office.desk, "case-1", reason="x", by="x", now=office.now)
    await erase(office)
    assert len(office.chunks()) == 2


async def test_a_hold_on_what_may_still_arrive_keeps_its_keys(office: Office) -> None:
    """A device may have chunks that are sealed to them."""
    wrap = office.wrap()
    await office.settle()
    await holds.add(office.desk, hold(subject=ADA, since="2026-03-31"), by="x", now=office.now)
    assert "covers what still arrives of these months" in str(await refused(office))
    await holds.release(office.desk, "case-1", reason="x", by="x", now=office.now)
    other = hold("case-2", subject=ADA, since="2026-04-01")
    await holds.add(office.desk, other, by="x", now=office.now)
    await erase(office)
    assert not office.keeps(wrap)


async def test_a_hold_of_others_forbids_nothing(office: Office) -> None:
    """Nor does one of another conversation in clear."""
    theirs, _ = await two_people(office)
    office.chunk(LAPTOP, ADA, said="c1")
    await office.settle()
    await holds.add(office.desk, hold(subject=BOB), by="x", now=office.now)
    other = Hold(
        id="c", matter="m", reason="r", subject=BOB, assistant="cline", conversation="c-else"
    )
    await holds.add(office.desk, other, by="x", now=office.now)
    await erase(office)
    assert {key: office.store.objects[key] for key in theirs} == theirs
    assert len(office.chunks()) == 2


async def test_a_hold_of_one_conversation_in_clear_lets_the_others_go(office: Office) -> None:
    """There are no keys that could open what still arrives of it."""
    office.chunk(said="c1")
    await office.settle()
    other = Hold(
        id="c", matter="m", reason="r", subject=ADA, assistant="cline", conversation="c-else"
    )
    await holds.add(office.desk, other, by="x", now=office.now)
    await erase(office)
    assert office.chunks() == set()


async def test_a_legal_hold_that_no_order_speaks_of_is_asked_about(office: Office) -> None:
    """It may be of a release that was not applied, or somebody's own."""
    _, mine = await two_people(office)
    await office.store.hold(mine[1], on=True)
    assert "no hold in force speaks of" in str(await refused(office))


async def test_what_no_checkpoint_covers_refuses_all_of_it(office: Office) -> None:
    """Listed or not: nobody could tell its erasure from a loss."""
    await two_people(office)
    office.chunk(LAPTOP, ADA, key_id=ONE)
    office.list_all()
    error = await refused(office)
    assert "no checkpoint covers 1 chunk" in str(error)
    assert "archiver checkpoint" in error.advice
    await office.settle()
    await erase(office)
    assert len(office.chunks()) == 2


async def test_an_order_between_plan_and_deed_stops_it(office: Office) -> None:
    """Nothing is signed."""
    await two_people(office)
    this = await plan(office.desk, Wanted(ADA), now=office.now)
    await holds.add(office.desk, hold(), by="x", now=office.now)
    with pytest.raises(NotOrdered):
        await order(office.desk, this, basis="x", reason="x", by="x", now=office.now)
    assert await erasures(office) == []


async def test_a_hold_after_the_order_stops_what_is_left_of_it(office: Office) -> None:
    """Whichever came first; after its release it is completed."""
    _, mine = await two_people(office)
    this = await plan(office.desk, Wanted(ADA), now=office.now)
    await order(office.desk, this, basis="x", reason="x", by="x", now=office.now)
    await holds.add(office.desk, hold(), by="x", now=office.now)
    (done,) = await finish(office.desk)
    assert (len(done.held), done.complete, all(map(office.keeps, mine))) == (1, False, True)
    await holds.release(office.desk, "case-1", reason="x", by="x", now=office.now)
    (done,) = await finish(office.desk)
    assert (done.complete, any(map(office.keeps, mine))) == (True, False)


async def test_a_key_that_a_device_made_later_is_not_the_order_s(office: Office) -> None:
    """What it says from then on is readable."""
    await two_people(office)
    await erase(office)
    new, chunk = office.wrap(key_id="9" * 16), office.chunk(key_id="9" * 16)
    await office.settle()
    assert await finish(office.desk) == ()
    assert office.keeps(new)
    assert office.keeps(chunk)


async def test_a_wrap_that_was_put_back_is_destroyed_again(office: Office) -> None:
    """From a replica, say; by whatever erases next."""
    _, mine = await two_people(office)
    body = office.store.objects[mine[0]]
    await erase(office)
    office.store.objects[mine[0]] = body
    (done,) = await finish(office.desk)
    assert (done.wraps, office.keeps(mine[0])) == (1, False)


async def test_nothing_to_erase_is_no_success(office: Office) -> None:
    """Nobody there, or erased already: no order is signed for it."""
    await two_people(office)
    with pytest.raises(NotArchived):
        await plan(office.desk, Wanted("c" * 32), now=office.now)
    await erase(office)
    with pytest.raises(NotArchived):
        await plan(office.desk, Wanted(ADA), now=office.now)


async def test_a_vault_under_a_lock_is_told_and_never_called_complete(office: Office) -> None:
    """The wraps are named."""
    wrap = office.wrap()
    office.chunk(key_id=ONE)
    await office.settle()
    one = office.store.objects[wrap]
    office.store.objects[wrap] = Object(one.body, {}, Retain("compliance", LATER))
    _, (done,) = await erase(office)
    assert (done.wraps_left, done.complete) == ((wrap,), False)


@pytest.mark.parametrize("verb", ["put", "list", "kept", "destroy"])
@pytest.mark.parametrize("nth", range(1, 9))
@pytest.mark.parametrize("ends", [Refuse(Answer.CREDENTIALS), LoseAnswer()])
async def test_a_run_that_died_anywhere_is_completed_by_the_next(
    tmp_path: Path, verb: str, nth: int, ends: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No wrap goes before the order stands; afterwards all is gone, and the order is there once."""
    monkeypatch.setattr("archiver.witness.place._WAITS", ())
    office = Office(tmp_path / "admin")
    theirs, mine = await two_people(office)
    office.store.plan = FaultPlan((Fault(verb, ends, nth=nth),))  # type: ignore[arg-type]
    office.store._matches.clear()
    with contextlib.suppress(StoreError):
        await erase(office)
    office.store.plan = FaultPlan()
    gone = [key for key in mine if not office.keeps(key)]
    assert not gone or len(await erasures(office)) == 1
    await finish(office.desk)
    with contextlib.suppress(NotArchived):
        await erase(office)
    assert not any(office.keeps(key) for key in mine)
    assert len(await erasures(office)) == 1
    assert {key: office.store.objects[key] for key in theirs} == theirs


async def test_the_order_of_deeds_is_order_then_wraps_then_chunks(office: Office) -> None:
    """As the log of the store says."""
    await two_people(office)
    office.store.calls.clear()
    await erase(office)
    did = [call for call in office.store.calls if call.verb in ("put", "destroy")]
    what = ["order" if c.verb == "put" else "wrap" if "/_keys/" in c.key else "chunk" for c in did]
    assert what == ["order", "wrap", "chunk", "chunk", "chunk"]


async def test_what_is_planted_under_a_number_of_an_order_is_not_the_order_s(
    office: Office,
) -> None:
    """Neither another person's chunk of that number, nor what no checkpoint covers."""
    mine = office.chunk(LAPTOP, ADA)
    await office.settle()
    office._numbers[LAPTOP] = 0
    theirs = office.chunk(LAPTOP, BOB)
    await office.settle()
    _, (done,) = await erase(office)
    assert (done.removed, office.keeps(mine), office.keeps(theirs)) == (1, False, True)
    office._numbers[LAPTOP] = 0
    planted = office.chunk(LAPTOP, ADA, day="2026-03-11")
    office.list_all()
    assert await finish(office.desk) == ()
    assert office.keeps(planted)


async def test_a_chunk_of_any_class_that_nobody_listed_refuses_it(office: Office) -> None:
    """Of a class that no manifest ever named, too."""
    await two_people(office)
    planted = office.chunk(LAPTOP, ADA, key_id=ONE)
    office._waiting.clear()
    for name in ("zzz", "a"):
        stray = planted.replace("class=standard", f"class={name}")
        office.store.objects[stray] = office.store.objects[planted]
    del office.store.objects[planted]
    assert "no checkpoint covers 2 chunks" in str(await refused(office))


async def test_a_second_erasure_names_only_what_is_new(office: Office) -> None:
    """What stayed as noise of the first one is the first one's."""
    office.wrap()
    office.chunk(key_id=ONE, retain=Retain("governance", LATER))
    await office.settle()
    await erase(office)
    office.wrap(key_id=TWO)
    office.chunk(key_id=TWO)
    await office.settle()
    await erase(office)
    first, second = await erasures(office)
    assert [one.chunks[0].runs for one in (first, second)] == [((1, 1),), ((2, 2),)]
    assert (first.keys, second.keys) == ((ONE,), (TWO,))


async def test_a_hold_that_comes_while_an_erasure_reads_stops_it(office: Office) -> None:
    """The orders are asked once more before the first deed."""
    _, mine = await two_people(office)
    this = await plan(office.desk, Wanted(ADA), now=office.now)
    await order(office.desk, this, basis="x", reason="x", by="x", now=office.now)
    listing, desk, ordered = office.store.list, office.desk, False

    async def list_(prefix: str, *, after: str = "") -> Any:
        nonlocal ordered
        async for one in listing(prefix, after=after):
            yield one
        if "_manifests" in prefix and not ordered:
            ordered = True
            await holds.add(desk, hold(subject=ADA), by="x", now=office.now)

    office.store.list = list_  # type: ignore[method-assign]
    (done,) = await finish(desk)
    assert (ordered, len(done.held), all(map(office.keeps, mine))) == (True, 1, True)


@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_a_hold_that_comes_while_an_erasure_removes_stops_the_rest(
    office: Office, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """Whatever its number: what is gone is told, and what is not stays."""
    monkeypatch.setattr("archiver.retention.destroy._PAGE", 1)
    without_locks(office)
    for _ in range(4):
        office.chunk()
    await office.settle()
    this = await plan(office.desk, Wanted(ADA), now=office.now)
    await order(office.desk, this, basis="x", reason="x", by="x", now=office.now)
    destroying, desk, asked = office.store.destroy, office.desk, 0

    async def destroy(key: str) -> None:
        nonlocal asked
        asked += 1
        await destroying(key)
        if asked == nth:
            await holds.add(desk, hold(subject=ADA), by="x", now=office.now)

    office.store.destroy = destroy  # type: ignore[method-assign]
    (done,) = await finish(desk)
    assert (done.removed, len(done.held), done.complete) == (nth, 1, False)
    assert len(office.chunks()) == 4 - nth


async def test_a_class_that_readers_see_nothing_of_is_erased_too(office: Office) -> None:
    """All of it lies under delete markers, and is there all the same."""
    key = office.chunk()
    await office.settle()
    await office.store.delete(key)
    _, (done,) = await erase(office)
    assert (done.removed, office.keeps(key)) == (1, False)


@pytest.mark.parametrize("field", ["chunks", "recovered"])
async def test_no_device_has_anything_erased_under_another_s_number(
    office: Office, field: str
) -> None:
    """Neither what it put there itself, nor the true chunk that comes later."""
    office.chunk(DESKTOP, BOB)
    await office.settle()
    planted = office.chunk(LAPTOP, ADA)
    entries = tuple(office._waiting.pop(LAPTOP))
    office.manifest(DESKTOP, **{field: entries})
    await office.settle()
    error = await refused(office)
    assert "remove that first" in error.advice
    del office.store.objects[planted]
    office._numbers[LAPTOP] = 0
    office.chunk(LAPTOP, ADA, day="2026-03-11")
    await office.settle()
    await erase(office)
    (deed,) = await erasures(office)
    assert [(one.device, one.runs) for one in deed.chunks] == [(LAPTOP, ((1, 1),))]


@pytest.mark.parametrize("size", [10**400, 2**63 - 1, -(2**62)])
async def test_no_size_that_a_device_writes_stops_an_erasure(office: Office, size: int) -> None:
    """The order counts as much as a chunk can have."""
    office.chunk()
    office.chunk()
    one, lie = office._waiting.pop(LAPTOP)
    office.manifest(LAPTOP, chunks=(one, msgspec.structs.replace(lie, stored_bytes=size)))
    await office.approve(LAPTOP)
    await office.checkpoint()
    _, (done,) = await erase(office)
    assert done.removed == 2


async def test_a_lock_of_more_days_than_a_calendar_knows_is_one_for_ever(office: Office) -> None:
    """Where only the manifest tells of it."""
    without_locks(office)
    office.terms = ClassTerms("standard", 10**9, "compliance")
    office.chunk()
    await office.settle()
    assert "until 9999-12-31" in str(await refused(office))
