"""The bandwidth limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archiver.delivery.pace import Bucket, Pace


def test_the_first_parcel_starts_at_once() -> None:
    """A limit is no delay for somebody who has sent nothing."""
    _, delay = Bucket(rate=1000, free_at=0).take(50_000, now=5.0)
    assert delay == 0


def test_the_next_parcel_starts_when_the_one_before_is_paid_for() -> None:
    """500 bytes at 1,000 bytes per second cost half a second."""
    bucket, _ = Bucket(rate=1000).take(500, now=0.0)
    bucket, delay = bucket.take(1, now=0.2)
    assert abs(delay - 0.3) < 1e-9


def test_an_idle_hour_saves_nothing_up() -> None:
    """Else a backlog after a quiet night would fill the line."""
    bucket = Bucket(rate=1000, free_at=0)
    bucket, first = bucket.take(1000, now=3600.0)
    bucket, second = bucket.take(1000, now=3600.0)
    assert (first, second) == (0, 1)


@given(
    rate=st.floats(1, 1e7),
    asks=st.lists(st.tuples(st.integers(0, 10**7), st.floats(0, 100)), min_size=1, max_size=50),
)
def test_no_span_carries_more_than_the_limit_and_one_parcel(
    rate: float, asks: list[tuple[int, float]]
) -> None:
    """Whatever is asked for and when."""
    bucket, now, starts = Bucket(rate), 0.0, []
    for size, later in asks:
        now += later
        bucket, delay = bucket.take(size, now)
        assert delay >= 0
        starts.append((now + delay, size))
    for first in range(len(starts)):
        for last in range(first, len(starts)):
            span = starts[last][0] - starts[first][0]
            before_last = sum(size for _, size in starts[first:last])
            assert before_last <= rate * span * (1 + 1e-6) + 1e-3


async def test_pace_sleeps_as_long_as_the_bucket_says() -> None:
    """The shell adds a clock and a sleep, nothing else."""
    naps: list[float] = []
    now = 100.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        naps.append(seconds)
        now += seconds

    pace = Pace(1000, clock=lambda: now, sleep=sleep)
    for _ in range(3):
        await pace.wait(2000)
    assert naps == [2.0, 2.0]
    assert now == 104.0
