"""When a chunk's time is over: by the admin's word and the policy, never by a clock that is off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from fleet import LAPTOP
from holding import ADA, BOB, hold
from hypothesis import given
from hypothesis import strategies as st

from archiver.format.keys import ChunkKey
from archiver.format.times import rfc3339
from archiver.model.shipment import ChunkEntry, ClassTerms, LockMode
from archiver.retention.due import Judge, Judgement, Verdict, counted_from, due_at, locked_until
from archiver.retention.listing import ListedManifest
from archiver.retention.sets import ChunkSet

if TYPE_CHECKING:
    from archiver.evidence.orders import Hold

SHIPPED = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)
KEY = ChunkKey("", "acme", "standard", ADA, "2026-03-10", LAPTOP, 1, "0" * 16)
ENTRY = ChunkEntry(1, str(KEY), "0" * 64, 10, 100, 1, "2026-03-10T09:00:00.000Z", "2026-03-10T")
YEAR = ClassTerms("standard", 365)
days = st.integers(1, 4000)
times = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - made aware
    lambda at: at.replace(tzinfo=UTC, microsecond=0)
)


def listed(
    created_at: datetime = SHIPPED,
    floor: datetime | None = SHIPPED - timedelta(days=1),
    *promised: ClassTerms,
) -> ListedManifest:
    """Give a manifest that lists the chunk; without a floor, no checkpoint covers it."""
    own = [(KEY, ENTRY)]
    at = rfc3339(floor) if floor else None
    return ListedManifest(LAPTOP, rfc3339(created_at), at, promised, own, [])


def judged(
    this: ListedManifest, now: datetime, terms: ClassTerms | None = YEAR, *holds: Hold
) -> Judgement:
    """Judge the chunk."""
    by_class = {terms.klass: terms} if terms else {}
    return Judge(now, by_class, {one.id: one for one in holds}).of(this, KEY, ENTRY)


def test_days_count_from_the_manifest_to_the_second() -> None:
    """Not a moment before."""
    end = SHIPPED + timedelta(days=365)
    assert judged(listed(), end - timedelta(milliseconds=1)).verdict is Verdict.COMING
    assert judged(listed(), end) == Judgement(Verdict.DUE, end)


def test_a_clock_that_says_1999_makes_nothing_expire_early() -> None:
    """The checkpoint before was signed when the chunk cannot have been there yet."""
    floor = SHIPPED - timedelta(hours=20)
    this = listed(datetime(1999, 12, 31, tzinfo=UTC), floor)
    assert judged(this, floor + timedelta(days=364)).verdict is Verdict.COMING
    assert judged(this, floor + timedelta(days=365)).due == floor + timedelta(days=365)


def test_a_clock_that_is_ahead_only_keeps_longer() -> None:
    """As long as it said."""
    ahead = SHIPPED + timedelta(days=30)
    assert judged(listed(ahead), SHIPPED + timedelta(days=366)).verdict is Verdict.COMING


def test_what_the_policy_keeps_for_ever_or_does_not_name_is_never_due() -> None:
    """However old."""
    late = SHIPPED + timedelta(days=36_500)
    assert judged(listed(), late, ClassTerms("standard", None)).verdict is Verdict.INDEFINITE
    assert judged(listed(), late, ClassTerms("other", 1)).verdict is Verdict.UNKNOWN
    assert judged(listed(), late, None).due is None


@pytest.mark.parametrize("lock", ["governance", "compliance", "rule"])
def test_a_shorter_policy_never_touches_what_is_locked(lock: LockMode) -> None:
    """Until the day that the manifest promised; then it is over by both."""
    this = listed(SHIPPED, SHIPPED, ClassTerms("standard", 365, lock))
    short, end = ClassTerms("standard", 30), SHIPPED + timedelta(days=365)
    early = judged(this, end - timedelta(seconds=1), short)
    assert (early.verdict, early.until, early.shortened) == (Verdict.LOCKED, end, True)
    assert judged(this, end, short).verdict is Verdict.DUE


def test_a_promise_of_a_lock_for_ever_is_kept() -> None:
    """A manifest may say more than archiver's own policies can."""
    this = listed(SHIPPED, SHIPPED, ClassTerms("standard", None, "compliance"))
    assert judged(this, SHIPPED + timedelta(days=9999)).verdict is Verdict.LOCKED
    assert locked_until("2026-01-01T00:00:00.000Z", None) is None


def test_a_shorter_policy_without_a_lock_is_told() -> None:
    """Early is what would not be due by the promise; later it is not early any more."""
    this = listed(SHIPPED, SHIPPED, ClassTerms("standard", 365))
    short = ClassTerms("standard", 30)
    for day, early in ((31, True), (365, False)):
        found = judged(this, SHIPPED + timedelta(days=day), short)
        assert (found.verdict, found.shortened, found.early) == (Verdict.DUE, True, early)
    forever = listed(SHIPPED, SHIPPED, ClassTerms("standard", None))
    assert judged(forever, SHIPPED + timedelta(days=9999), short).early


def test_a_longer_policy_is_no_shortening() -> None:
    """And what counts is the policy in force."""
    this = listed(SHIPPED, SHIPPED, ClassTerms("standard", 30))
    found = judged(this, SHIPPED + timedelta(days=100))
    assert (found.verdict, found.shortened) == (Verdict.COMING, False)


def test_what_a_hold_covers_stays() -> None:
    """One that covers somebody else does not keep it."""
    late = SHIPPED + timedelta(days=400)
    assert judged(listed(), late, YEAR, hold(subject=ADA)).verdict is Verdict.HELD
    assert judged(listed(), late, YEAR, hold(subject=BOB)).verdict is Verdict.DUE


def test_nothing_is_believed_that_no_checkpoint_covers() -> None:
    """Neither that it is due; what is not due anyway waits for its time."""
    late = SHIPPED + timedelta(days=400)
    assert judged(listed(SHIPPED, None), late).verdict is Verdict.UNCOVERED
    assert judged(listed(SHIPPED, None), SHIPPED).verdict is Verdict.COMING


def test_what_was_ordered_is_not_ordered_again() -> None:
    """By expiry or erasure."""
    ordered = ChunkSet()
    ordered.add(KEY)
    judge = Judge(SHIPPED + timedelta(days=400), {"standard": YEAR}, {}, ordered)
    assert judge.of(listed(), KEY, ENTRY).verdict is Verdict.ORDERED


def test_days_beyond_the_calendar_are_no_error() -> None:
    """A manifest is a device's words."""
    this = listed(SHIPPED, SHIPPED, ClassTerms("standard", 10**12, "compliance"))
    assert judged(this, SHIPPED + timedelta(days=400)).verdict is Verdict.LOCKED
    assert due_at("9999-12-31T00:00:00.000Z", 1) == datetime.max.replace(tzinfo=UTC)


@given(at=st.lists(times, min_size=4, max_size=4), policy=days, promised=days, locks=st.booleans())
def test_due_is_never_before_its_days_after_what_an_admin_signed(
    at: list[datetime], policy: int, promised: int, *, locks: bool
) -> None:
    """Whatever the device's clock says, whatever the order of these times."""
    created, floor, now, _ = at
    lock: LockMode = "compliance" if locks else "none"
    this = listed(created, floor, ClassTerms("standard", promised, lock))
    found = judged(this, now, ClassTerms("standard", policy))
    over = now >= max(created, floor) + timedelta(days=policy)
    locked = locks and now < max(created, floor) + timedelta(days=promised)
    assert (found.verdict is Verdict.DUE) == (over and not locked)
    assert counted_from(this.created_at, this.floor or "") >= rfc3339(floor)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 30)), max_size=60))
def test_a_set_of_chunks_is_what_was_put_in(added: list[tuple[int, int]]) -> None:
    """In any order; as runs, it is the same."""
    found, seen = ChunkSet(), set[tuple[int, int]]()
    for device, seq in added:
        key = ChunkKey("", "acme", "standard", ADA, "2026-03-10", f"{device:016x}", seq, "0" * 16)
        assert (key in found) == ((device, seq) in seen)
        assert found.add(key) == ((device, seq) not in seen)
        seen.add((device, seq))
    runs = {
        (int(one.device, 16), seq)
        for one in found.named
        for first, last in one.runs
        for seq in range(first, last + 1)
    }
    assert runs == seen
    assert len(found) == len(seen)
    assert found.runs == sum(len(one.runs) for one in found.named)
    assert ChunkSet.of(found.named).named == found.named
