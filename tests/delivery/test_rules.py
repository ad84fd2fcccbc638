"""The outcome table, row by row, against the pure rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.delivery.parcel import Parcel, WaitReason
from archiver.delivery.rules import compare, examine, judge, rehash
from archiver.delivery.steps import (
    Compare,
    Deliver,
    Quarantine,
    ReadBack,
    Rehash,
    Retry,
    Wait,
)
from archiver.delivery.waits import unreadable
from archiver.model.answers import Answer, Found, Refusal, Stored
from archiver.model.shipment import Receipt

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
STAMP = "2026-11-20T12:00:00.000Z"
SHA = "ab" * 32
OTHER = "cd" * 32
PARCEL = Parcel("acme", "k/1", SHA, 100, "chunk", 1, path=Path("sealed"))
GIVEN = {"now": NOW, "failures": 0, "draw": 0.5}

PUT_TABLE = [
    # HTTP, code, the store's answer, the kind of step, what is waited for
    (409, "ConditionalRequestConflict", Answer.CONCURRENT, Retry, WaitReason.TIME),
    (429, "TooManyRequests", Answer.BUSY, Retry, WaitReason.TIME),
    (500, "InternalError", Answer.BUSY, Retry, WaitReason.TIME),
    (503, "SlowDown", Answer.BUSY, Retry, WaitReason.TIME),
    (0, "ReadTimeout", Answer.UNREACHABLE, Retry, WaitReason.TIME),
    (0, "ConnectionReset", Answer.UNREACHABLE, Retry, WaitReason.TIME),
    (403, "ExpiredToken", Answer.CREDENTIALS, Wait, WaitReason.CREDENTIALS),
    (403, "InvalidAccessKeyId", Answer.CREDENTIALS, Wait, WaitReason.CREDENTIALS),
    (403, "SignatureDoesNotMatch", Answer.CREDENTIALS, Wait, WaitReason.CREDENTIALS),
    (403, "AccessDenied", Answer.CREDENTIALS, Wait, WaitReason.CREDENTIALS),
    (403, "RequestTimeTooSkewed", Answer.CLOCK, Wait, WaitReason.CLOCK),
    (301, "PermanentRedirect", Answer.CONFIGURATION, Wait, WaitReason.CONFIGURATION),
    (307, "TemporaryRedirect", Answer.CONFIGURATION, Wait, WaitReason.CONFIGURATION),
    (400, "AuthorizationHeaderMalformed", Answer.CONFIGURATION, Wait, WaitReason.CONFIGURATION),
    (404, "NoSuchBucket", Answer.CONFIGURATION, Wait, WaitReason.CONFIGURATION),
    (400, "InvalidRequest", Answer.CONFIGURATION, Wait, WaitReason.CONFIGURATION),
    (404, "NoSuchKey", Answer.NOT_FOUND, Wait, WaitReason.CONFIGURATION),
    (0, "ENOSPC", Answer.FULL, Wait, WaitReason.SPACE),
]


@pytest.mark.parametrize("stored", [Stored('"e"'), Stored('"e"', SHA)])
def test_a_stored_parcel_whose_checksum_is_not_contradicted_gets_a_receipt(stored: Stored) -> None:
    """200, with or without the store's own checksum: the receipt names key, hash and time."""
    step = judge(PARCEL, stored, **GIVEN)
    assert step == Deliver(Receipt("k/1", SHA, etag='"e"', at=STAMP, verified=True))


def test_a_stored_parcel_with_another_checksum_is_read_back() -> None:
    """200 with a checksum that differs is no success."""
    assert judge(PARCEL, Stored(sha256=OTHER), **GIVEN) == ReadBack(suspect=True)


@pytest.mark.parametrize("answer", [Answer.EXISTS, Answer.LOCKED])
def test_an_existing_or_locked_key_is_looked_at(answer: Answer) -> None:
    """412, and 403 ObjectLockedByBucketPolicy: not success yet, not failure yet."""
    assert judge(PARCEL, Refusal(answer, "x", 412), **GIVEN) == Compare()


@pytest.mark.parametrize("code", ["BadDigest", "XAmzContentSHA256Mismatch"])
def test_corruption_on_the_way_is_followed_by_a_new_hash(code: str) -> None:
    """400: the sealed file decides who is to blame."""
    refusal = Refusal(Answer.CORRUPT, code, 400)
    assert judge(PARCEL, refusal, **GIVEN) == Rehash(refusal)


@pytest.mark.parametrize(("status", "code", "answer", "kind", "reason"), PUT_TABLE)
def test_every_other_refusal_of_a_put_waits_as_the_table_says(
    status: int, code: str, answer: Answer, kind: type[Retry | Wait], reason: WaitReason
) -> None:
    """Time makes one parcel wait, every named state the whole tenant."""
    step = judge(PARCEL, Refusal(answer, code, status), **GIVEN)
    assert isinstance(step, kind)
    assert step.waiting.reason is reason
    assert step.waiting.code == code
    assert step.waiting.since == NOW
    assert step.waiting.until > NOW
    assert code in step.waiting.detail
    assert step.waiting.advice


def test_the_table_names_every_answer_that_a_store_can_give() -> None:
    """An answer added to the model must be added to the table too."""
    elsewhere = {Answer.EXISTS, Answer.LOCKED, Answer.CORRUPT}
    assert {row[2] for row in PUT_TABLE} | elsewhere == set(Answer)


def test_an_equal_object_gets_a_receipt() -> None:
    """HEAD with equal size and hash: it was there already."""
    step = compare(PARCEL, Found("k/1", 100, SHA, {}), **GIVEN)
    assert step == Deliver(Receipt("k/1", SHA, etag="", at=STAMP, verified=True))


@pytest.mark.parametrize("suspect", [False, True])
def test_an_object_of_equal_size_and_unknown_hash_is_read_back(suspect: bool) -> None:  # noqa: FBT001
    """Stores need not remember a hash; their bytes then speak. A suspicion stays one."""
    step = compare(PARCEL, Found("k/1", 100, "", {}), suspect=suspect, **GIVEN)
    assert step == ReadBack(suspect)


@pytest.mark.parametrize(
    "found",
    [
        Found("k/1", 100, OTHER, {}),
        Found("k/1", 99, SHA, {}),
        Found("k/1", 0, "", {}),
        Found("k/1", 99, OTHER, {}),
    ],
)
def test_an_object_that_differs_is_a_conflict(found: Found) -> None:
    """Another size or another hash is proof; nothing is overwritten."""
    assert isinstance(compare(PARCEL, found, **GIVEN), Quarantine)


def test_credentials_that_may_not_look_give_an_unverified_receipt() -> None:
    """PutObject only: the hash in the key makes the same key mean the same bytes."""
    step = compare(PARCEL, Refusal(Answer.CREDENTIALS, "AccessDenied", 403), **GIVEN)
    assert step == Deliver(Receipt("k/1", SHA, etag="", at=STAMP, verified=False))


def test_a_contradicted_checksum_that_may_not_be_read_is_quarantined() -> None:
    """The store said that it holds other bytes: the key's word is not enough then."""
    refusal = Refusal(Answer.CREDENTIALS, "AccessDenied", 403)
    assert isinstance(compare(PARCEL, refusal, suspect=True, **GIVEN), Quarantine)


@pytest.mark.parametrize("answer", sorted(set(Answer) - {Answer.CREDENTIALS}))
def test_a_refused_look_never_ends_a_parcel_and_never_looks_again(answer: Answer) -> None:
    """Busy, gone, skewed, even a nonsensical answer: the parcel waits."""
    step = compare(PARCEL, Refusal(answer, "x"), **GIVEN)
    assert isinstance(step, Retry | Wait)


def test_an_object_that_vanished_before_the_look_is_sent_again() -> None:
    """404 after 412 concerns this parcel only, not the tenant's configuration."""
    step = compare(PARCEL, Refusal(Answer.NOT_FOUND, "NoSuchKey", 404), **GIVEN)
    assert isinstance(step, Retry)


def test_a_sealed_file_that_is_still_right_is_sent_again() -> None:
    """The wire was to blame."""
    step = rehash(PARCEL, SHA, Refusal(Answer.CORRUPT, "BadDigest", 400), **GIVEN)
    assert isinstance(step, Retry)


@pytest.mark.parametrize("actual", [OTHER, None])
def test_a_sealed_file_that_is_damaged_or_missing_is_quarantined(actual: str | None) -> None:
    """The disk was to blame: a human must look."""
    refusal = Refusal(Answer.CORRUPT, "BadDigest", 400)
    assert isinstance(rehash(PARCEL, actual, refusal, **GIVEN), Quarantine)
    assert isinstance(examine(PARCEL, actual), Quarantine)


def test_a_sealed_file_that_is_right_has_nothing_wrong() -> None:
    """The check before every put."""
    assert examine(PARCEL, SHA) is None


@given(
    answer=st.sampled_from(Answer),
    failures=st.integers(0, 10**9),
    draw=st.floats(0, 1, exclude_max=True),
)
def test_no_number_of_failures_ends_a_parcel(answer: Answer, failures: int, draw: float) -> None:
    """There is no attempt limit, and no wait above its cap."""
    step = judge(PARCEL, Refusal(answer, "x"), now=NOW, failures=failures, draw=draw)
    assert isinstance(step, Compare | Rehash | Retry | Wait)
    if isinstance(step, Retry):
        assert NOW <= step.waiting.until <= NOW + timedelta(seconds=300)
    if isinstance(step, Wait):
        assert NOW + timedelta(seconds=30) <= step.waiting.until <= NOW + timedelta(seconds=900)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 1), (1, 2), (3, 8), (8, 256), (9, 300), (4000, 300)]
)
def test_patience_doubles_up_to_five_minutes_with_full_jitter(failures: int, seconds: int) -> None:
    """The delay is any part of the ceiling, from nothing on."""

    def delay(draw: float) -> timedelta:
        step = judge(PARCEL, Refusal(Answer.BUSY, "x"), now=NOW, failures=failures, draw=draw)
        assert isinstance(step, Retry)
        return step.waiting.until - NOW

    assert delay(0.0) == timedelta()
    assert delay(0.5) == timedelta(seconds=seconds / 2)
    assert timedelta(seconds=seconds * 0.99) < delay(0.999) < timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 60), (1, 120), (3, 480), (4, 900), (99, 900)]
)
def test_a_named_state_is_asked_about_after_a_minute_growing_to_fifteen(
    failures: int, seconds: int
) -> None:
    """Half of the delay is certain: a wrong password must not become a retry storm."""

    def delay(draw: float) -> timedelta:
        step = judge(
            PARCEL, Refusal(Answer.CREDENTIALS, "x"), now=NOW, failures=failures, draw=draw
        )
        assert isinstance(step, Wait)
        return step.waiting.until - NOW

    assert delay(0.0) == timedelta(seconds=seconds / 2)
    assert timedelta(seconds=seconds * 0.99) < delay(0.999) < timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (NOW - timedelta(hours=1), "3600 s ahead of"),
        (NOW + timedelta(minutes=20), "1200 s behind"),
    ],
)
def test_a_refused_clock_is_compared_with_the_stores(server: datetime, words: str) -> None:
    """The Date header says in which direction to turn."""
    refusal = Refusal(Answer.CLOCK, "RequestTimeTooSkewed", 403, server)
    step = judge(PARCEL, refusal, **GIVEN)
    assert isinstance(step, Wait)
    assert words in step.waiting.detail


def test_what_a_server_puts_into_a_code_is_kept_short_and_plain() -> None:
    """A code is shown to humans and logged: nothing but a label passes."""
    refusal = Refusal(Answer.BUSY, "Slow\nDown <b>" + "x" * 500)
    step = judge(PARCEL, refusal, **GIVEN)
    assert isinstance(step, Retry)
    assert step.waiting.code.startswith("SlowDownb")
    assert len(step.waiting.code) == 64
    assert "\n" not in step.waiting.detail


def test_a_file_that_the_system_will_not_read_now_waits_for_time() -> None:
    """A disk that hiccups proves nothing about the bytes."""
    waiting = unreadable("EIO", **GIVEN)
    assert waiting.reason is WaitReason.TIME
    assert "EIO" in waiting.detail


def test_a_waiting_state_holds_until_its_time() -> None:
    """Before: skip. At the time and after: ask again."""
    waiting = unreadable("EIO", now=NOW, failures=9, draw=0.5)
    assert waiting.holds(NOW)
    assert waiting.holds(waiting.until - timedelta(seconds=1))
    assert not waiting.holds(waiting.until)
    assert not waiting.holds(waiting.until + timedelta(days=365))


def test_a_waiting_state_does_not_outlive_a_clock_that_was_set_back() -> None:
    """A year of silence because of a battery change would be a loss in effect."""
    waiting = unreadable("EIO", now=NOW, failures=9, draw=0.5)
    assert not waiting.holds(NOW - timedelta(days=365))


def test_a_state_that_goes_on_keeps_the_time_since_when() -> None:
    """Status shows how long a tenant has waited, not when it was last asked."""
    first = unreadable("EIO", now=NOW, failures=0, draw=0.5)
    second = unreadable("EIO", now=NOW + timedelta(hours=1), failures=1, draw=0.5)
    other = replace(first, reason=WaitReason.CLOCK)
    assert second.after(first).since == NOW
    assert second.after(first).until == second.until
    assert second.after(None) == second
    assert second.after(other) == second
