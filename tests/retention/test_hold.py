"""Holds in the store: put on, on what comes later too, and taken off when none is left."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from fleet import DESKTOP, LAPTOP
from holding import ADA, BOB, Office, hold, without_locks

from archiver.errors import EvidenceError, NotOrdered, StoreError
from archiver.evidence.orders import Expiry
from archiver.format.keys import ChunkKey, parse_key
from archiver.model.answers import Answer
from archiver.model.shipment import ConversationCount
from archiver.retention.extent import extents
from archiver.retention.hold import add, apply_holds, release
from archiver.retention.listing import look
from archiver.retention.sets import ChunkSet
from archiver.stores.faults import Fault, FaultPlan, LoseAnswer, Refuse
from archiver.witness.orders import give

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["", "ai"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    """Give a tenant in an empty bucket with Object Lock, below a prefix or not."""
    made = Office(tmp_path / "admin")
    made.prefix = request.param
    return made


async def put_on(office: Office, *args: object, **says: object) -> None:
    """Order a hold and apply it."""
    await add(office.desk, hold(*args, **says), by="counsel", now=office.now)  # type: ignore[arg-type]
    await apply_holds(office.desk)


async def test_every_matching_chunk_gets_a_legal_hold_and_no_other(office: Office) -> None:
    """Of a person, in these days."""
    mine = {office.chunk(LAPTOP, ADA), office.chunk(DESKTOP, ADA)}
    office.chunk(LAPTOP, BOB)
    office.chunk(LAPTOP, ADA, "2027-01-01")
    await office.settle()
    await put_on(office, subject=ADA, until="2026-12-31")
    assert office.held() == mine


async def test_the_order_comes_first(office: Office) -> None:
    """Where the store refuses every hold, the order stands and the next run completes it."""
    key = office.chunk()
    await office.settle()
    office.store.plan = FaultPlan((Fault("hold", Refuse(Answer.CREDENTIALS)),))
    with pytest.raises(StoreError):
        await put_on(office, subject=ADA)
    assert set((await look(office.desk)).orders.holds) == {"case-1"}
    office.store.plan = FaultPlan()
    done = await apply_holds(office.desk)
    assert (office.held(), done.placed, done.in_force) == ({key}, 1, 1)


async def test_what_arrives_later_is_held_covered_or_not(office: Office) -> None:
    """At the next run; and a run without news does nothing."""
    first = office.chunk()
    await office.settle()
    await put_on(office, subject=ADA)
    second = office.chunk()
    await office.settle()
    third = office.chunk()
    office.list_all()
    done = await apply_holds(office.desk)
    assert office.held() == {first, second, third}
    assert (done.matching, done.placed) == (3, 2)
    done = await apply_holds(office.desk)
    assert (done.matching, done.placed, done.lifted, done.revealed) == (3, 0, 0, 0)


async def test_a_released_hold_lets_go_of_what_no_other_holds(office: Office) -> None:
    """And of nothing else; what it never matched keeps a hold that is not ours."""
    early, late = office.chunk(day="2026-03-10"), office.chunk(day="2026-09-10")
    other = office.chunk(subject=BOB)
    await office.settle()
    await office.store.hold(other, on=True)
    await put_on(office, "all-of-ada", subject=ADA)
    await put_on(office, "spring", until="2026-06-30", subject=ADA)
    await release(office.desk, "all-of-ada", reason="closed", by="counsel", now=office.now)
    assert office.held() == {early, late, other}
    done = await apply_holds(office.desk)
    assert (office.held(), done.lifted) == ({early, other}, 1)
    await release(office.desk, "spring", reason="closed", by="counsel", now=office.now)
    await apply_holds(office.desk)
    assert office.held() == {other}


async def test_a_chunk_that_is_listed_twice_stays_held_if_one_listing_says_so(
    office: Office,
) -> None:
    """Whoever writes a second listing talks nothing out of a hold."""
    key = office.chunk(said="c1")
    (entry,) = office._waiting[LAPTOP]
    await office.settle()
    other = msgspec.structs.replace(entry, conversations=(ConversationCount("cline", "c2", 1),))
    office.manifest("f" * 16, recovered=(other,))
    await put_on(office, "one", assistant="cline", conversation="c1", subject=ADA)
    await put_on(office, "two", assistant="cline", conversation="c2", subject=ADA)
    await release(office.desk, "two", reason="x", by="x", now=office.now)
    done = await apply_holds(office.desk)
    assert (office.held(), done.lifted) == ({key}, 0)
    await release(office.desk, "one", reason="x", by="x", now=office.now)
    await apply_holds(office.desk)
    assert office.held() == set()


async def test_a_chunk_under_a_delete_marker_is_held_and_brought_back(office: Office) -> None:
    """Whether the marker came before the hold or after it."""
    key = office.chunk()
    await office.settle()
    await office.store.delete(key)
    await put_on(office)
    assert office.held() == {key}
    await office.store.delete(key)
    done = await apply_holds(office.desk)
    assert (office.held(), done.revealed, done.placed) == ({key}, 1, 0)


async def test_a_legal_hold_that_somebody_took_off_is_put_on_again(office: Office) -> None:
    """The order is the authority."""
    key = office.chunk()
    await office.settle()
    await put_on(office)
    await office.store.hold(key, on=False)
    await apply_holds(office.desk)
    assert office.held() == {key}


async def test_what_was_ordered_to_expire_and_is_still_there_is_held(office: Office) -> None:
    """A run of expiry died; the hold was faster."""
    key = office.chunk()
    await office.settle()
    chunks = ChunkSet()
    found = parse_key(key)
    assert isinstance(found, ChunkKey)
    chunks.add(found)
    deed = Expiry(
        klass="standard", days=1, policy=None, chunks=chunks.named, count=1, stored_bytes=1
    )
    await give(office.desk, deed, by="job", now=office.now)
    await put_on(office)
    assert office.held() == {key}


async def test_what_is_gone_is_counted_and_no_error(office: Office) -> None:
    """A hold cannot bring back what no version is left of."""
    key, left = office.chunk(), office.chunk()
    await office.settle()
    await office.store.destroy(key)
    await add(office.desk, hold(), by="counsel", now=office.now)
    done = await apply_holds(office.desk)
    assert (office.held(), done.absent, done.matching) == ({left}, 1, 2)


async def test_a_store_without_locks_has_the_record_alone(tmp_path: Path) -> None:
    """Which is said, and asks nothing of the store."""
    office = Office(tmp_path / "admin")
    without_locks(office)
    office.chunk()
    await office.settle()
    await add(office.desk, hold(), by="counsel", now=office.now)
    office.store.calls.clear()
    done = await apply_holds(office.desk)
    assert (done.by_record, done.matching, done.placed) == (True, 1, 0)
    assert {call.verb for call in office.store.calls} <= {"list", "get"}


async def test_a_bucket_without_object_lock_has_the_record_alone(office: Office) -> None:
    """It says so at the first chunk, and what it hides is brought back all the same."""
    keys = [office.chunk() for _ in range(3)]
    await office.settle()
    await office.store.delete(keys[0])
    office.store.plan = FaultPlan((Fault("hold", Refuse(Answer.CONFIGURATION)),))
    await add(office.desk, hold(), by="counsel", now=office.now)
    done = await apply_holds(office.desk)
    assert (done.by_record, done.placed, done.revealed) == (True, 0, 1)


@pytest.mark.parametrize("days", [-3, 40, 4000])
async def test_no_order_is_given_by_a_clock_that_the_last_checkpoint_contradicts(
    office: Office, days: int
) -> None:
    """One that is dated ahead would bar every later one for as long."""
    office.chunk()
    await office.settle()
    with pytest.raises(EvidenceError, match="last checkpoint"):
        await add(office.desk, hold(), by="Legal", now=office.now + timedelta(days=days))
    await add(office.desk, hold(), by="Legal", now=office.now)
    assert set((await look(office.desk)).orders.holds) == {"case-1"}


async def test_an_id_is_given_once(office: Office) -> None:
    """Also after its release."""
    office.chunk()
    await office.settle()
    await put_on(office)
    with pytest.raises(NotOrdered, match="already"):
        await put_on(office)
    await release(office.desk, "case-1", reason="closed", by="counsel", now=office.now)
    with pytest.raises(NotOrdered, match="already"):
        await put_on(office)
    assert len((await look(office.desk)).orders.all) == 2


async def test_what_is_not_in_force_cannot_be_released(office: Office) -> None:
    """Never ordered, or released before; nothing is signed."""
    office.chunk()
    await office.settle()
    with pytest.raises(NotOrdered, match="there is none"):
        await release(office.desk, "case-1", reason="x", by="x", now=office.now)
    await put_on(office)
    await release(office.desk, "case-1", reason="x", by="x", now=office.now)
    with pytest.raises(NotOrdered):
        await release(office.desk, "case-1", reason="x", by="x", now=office.now)


async def test_an_extent_counts_each_chunk_once_and_leaves_out_what_was_ordered_to_go(
    office: Office,
) -> None:
    """As many as there are, of how many devices and people, from which day to which."""
    first = office.chunk(LAPTOP, ADA, "2026-03-10")
    office.chunk(DESKTOP, BOB, "2026-05-10")
    office.chunk(LAPTOP, ADA, "2026-01-01")
    await office.settle()
    known = await look(office.desk)
    wanted = [hold("all"), hold("ada", subject=ADA)]
    found = await extents(office.place, known, wanted)
    every = found["all"]
    assert (every.chunks, every.first, every.last) == (3, "2026-01-01", "2026-05-10")
    assert (every.devices, every.subjects) == ({LAPTOP, DESKTOP}, {ADA, BOB})
    assert every.stored_bytes == sum(len(office.store.objects[key].body) for key in office.chunks())
    assert found["ada"].chunks == 2
    chunks = ChunkSet()
    gone = parse_key(first)
    assert isinstance(gone, ChunkKey)
    chunks.add(gone)
    deed = Expiry(
        klass="standard", days=1, policy=None, chunks=chunks.named, count=1, stored_bytes=1
    )
    await give(office.desk, deed, by="job", now=office.now)
    found = await extents(office.place, await look(office.desk), wanted)
    assert (found["all"].chunks, found["ada"].chunks) == (2, 1)


@pytest.mark.parametrize("verb", ["hold", "reveal", "kept"])
@pytest.mark.parametrize("nth", range(1, 6))
@pytest.mark.parametrize("ends", [Refuse(Answer.CREDENTIALS), LoseAnswer()])
async def test_a_run_that_died_anywhere_is_completed_by_the_next(
    tmp_path: Path, verb: str, nth: int, ends: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the store did what it was asked or not."""
    monkeypatch.setattr("archiver.witness.place._WAITS", ())
    office = Office(tmp_path / "admin")
    mine = [office.chunk() for _ in range(5)]
    freed = [office.chunk(subject=BOB) for _ in range(3)]
    await office.settle()
    await put_on(office, "bob", subject=BOB)
    assert office.held() == set(freed)
    for key in mine[:3]:
        await office.store.delete(key)
    await release(office.desk, "bob", reason="closed", by="x", now=office.now)
    await add(office.desk, hold("ada", subject=ADA), by="x", now=office.now)
    office.store.plan = FaultPlan((Fault(verb, ends, nth=nth),))  # type: ignore[arg-type]
    office.store._matches.clear()
    try:
        await apply_holds(office.desk)
    except StoreError:
        pass
    else:
        assert (verb, nth > 3) == ("reveal", True)
    office.store.plan = FaultPlan()
    await apply_holds(office.desk)
    assert office.held() == set(mine)
    assert msgspec.to_builtins(sorted((await look(office.desk)).orders.holds)) == ["ada"]


async def test_nothing_is_let_go_while_somebody_orders(office: Office) -> None:
    """A hold that came while the run was reading is not taken off by it."""
    key = office.chunk()
    await office.settle()
    await put_on(office, "first")
    await release(office.desk, "first", reason="x", by="x", now=office.now)
    kept, desk = office.store.list, office.desk
    ordered = False

    async def list_(prefix: str, *, after: str = "") -> object:
        nonlocal ordered
        async for one in kept(prefix, after=after):
            yield one
        if "_manifests" in prefix and not ordered:
            ordered = True
            await add(desk, hold("second"), by="x", now=office.now)

    office.store.list = list_  # type: ignore[method-assign, assignment]
    await apply_holds(desk)
    assert ordered
    assert office.held() == {key}


async def test_what_is_ordered_while_holds_are_taken_off_is_held_in_the_end(office: Office) -> None:
    """A second admin finds the first one's hold still on; the run that takes it off sees that."""
    keys = {office.chunk(), office.chunk()}
    await office.settle()
    await put_on(office, "first")
    await release(office.desk, "first", reason="x", by="x", now=office.now)
    taking_off, desk = office.store.hold, office.desk
    ordered = False

    async def hold_(key: str, *, on: bool) -> None:
        nonlocal ordered
        if not (on or ordered):
            ordered = True
            await add(desk, hold("second"), by="x", now=office.now)
            await apply_holds(desk)
        await taking_off(key, on=on)

    office.store.hold = hold_  # type: ignore[method-assign]
    done = await apply_holds(desk)
    assert (ordered, office.held()) == (True, keys)
    assert (done.in_force, done.lifted) == (1, 2)
