"""How long what waits may still be sent, and until when it is locked: decisions over values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.format.keys import ChunkKey
from archiver.format.times import rfc3339
from archiver.model.shipment import ClassTerms, Retain
from archiver.sealing.lifetime import RELEASED, begun, class_of, lock_of, outlived, plausible

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SEALED = rfc3339(NOW)
DAYS = st.integers(1, 36_500)


def test_a_lock_lasts_the_days_of_its_class_from_the_sealing() -> None:
    """To the second: not a day longer than the chunk may stay."""
    terms = ClassTerms("legal", 30, "compliance")
    sealed_at = rfc3339(NOW + timedelta(milliseconds=700))
    assert lock_of(terms, sealed_at) == Retain("compliance", NOW + timedelta(days=30))


@pytest.mark.parametrize(
    "terms",
    [None, ClassTerms("a", 30), ClassTerms("a", 30, "rule"), ClassTerms("a", None, "none")],
)
def test_without_a_lock_of_s3_a_put_carries_none(terms: ClassTerms | None) -> None:
    """No such class, no lock, a lock rule of the bucket, or no end."""
    assert lock_of(terms, SEALED) is None


@given(DAYS, st.integers(0, 999))
def test_a_lock_never_outlasts_the_time_at_which_the_chunk_is_outlived(
    days: int, milliseconds: int
) -> None:
    """So nothing lawful is ever refused by a lock that archiver set."""
    terms = ClassTerms("a", days, "governance")
    sealed = NOW + timedelta(milliseconds=milliseconds)
    lock = lock_of(terms, rfc3339(sealed))
    assert lock
    end = sealed + timedelta(days=days)
    assert end - timedelta(seconds=1) < lock.until <= end
    assert outlived(terms, rfc3339(sealed), end)
    assert not outlived(terms, rfc3339(sealed), end - timedelta(milliseconds=1))


@given(st.timedeltas(timedelta(0), timedelta(days=30_000)))
def test_what_has_no_days_is_never_outlived(age: timedelta) -> None:
    """For ever, or a class that the policy names no more."""
    assert not outlived(ClassTerms("a", None), SEALED, NOW + age)
    assert not outlived(None, SEALED, NOW + age)


def test_a_clock_that_was_set_back_outlives_nothing() -> None:
    """What was sealed in the future is young."""
    assert not outlived(ClassTerms("a", 1), SEALED, NOW - timedelta(days=500))


def test_the_class_of_a_chunk_stands_in_its_key() -> None:
    """And nothing else has one."""
    key = ChunkKey("ai", "acme", "legal", "0" * 32, "2026-01-31", "1" * 16, 7, "2" * 16)
    assert class_of(str(key)) == "legal"
    assert class_of("ai/tenant=acme/_manifests/x") == ""


TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
LATER = st.datetimes(datetime(2026, 11, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(LATER, LATER)
def test_the_time_of_a_chunk_runs_from_its_oldest_record(one: datetime, other: datetime) -> None:
    """However long after that it was sealed."""
    spooled, now = sorted((one, other))
    since = begun(spooled, now, None)
    assert (since.at, since.wrong) == (spooled, False)


@given(TIMES, TIMES, st.none() | TIMES)
def test_nothing_is_older_than_what_is_known_of_the_clock(
    spooled: datetime, now: datetime, confirmed: datetime | None
) -> None:
    """Neither than the release nor than the last thing that the store took."""
    since = begun(spooled, now, confirmed)
    assert since.at >= max(RELEASED, confirmed or RELEASED)
    assert since.wrong or plausible(now, confirmed)
    assert since.wrong or since.at <= now


def test_a_record_of_a_clock_at_zero_has_no_known_age() -> None:
    """Also where the clock is right when it is sealed; one spooled before a delivery has."""
    now = RELEASED + timedelta(days=1000)
    assert begun(datetime(1970, 1, 2, tzinfo=UTC), now, None).wrong
    before = begun(now - timedelta(days=2), now, now - timedelta(days=1))
    assert (before.at, before.wrong) == (now - timedelta(days=1), False)
