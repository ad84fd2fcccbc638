"""Times, from every spelling that assistants use."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.assistants import times

WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-31T09:30:00.000Z", "2026-01-31T09:30:00.000Z"),
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00.000Z"),
        ("2026-01-31T09:30:00.123456+02:00", "2026-01-31T07:30:00.123Z"),
        ("2026-01-31T23:30:00-05:00", "2026-02-01T04:30:00.000Z"),
        ("2026-02-29T09:30:00.000Z", None),
        ("2024-02-29T09:30:00.000Z", "2024-02-29T09:30:00.000Z"),
        ("2026-01-31T09:30:00", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("yesterday", None),
        ("", None),
        (1767607200000, None),
        (None, None),
    ],
)
def test_iso_times_are_read_with_their_zone(written: object, read: str | None) -> None:
    """A time without a zone could be any of 26 hours, so it is none."""
    assert times.from_iso(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1767607200000, "2026-01-05T10:00:00.000Z"),
        (1767607200000.75, "2026-01-05T10:00:00.000Z"),
        (10**18, None),
        (float("nan"), None),
        (float("inf"), None),
        (True, None),
        ("1767607200000", None),
        (None, None),
    ],
)
def test_milliseconds_since_1970_are_read(written: object, read: str | None) -> None:
    """Numbers only, and only those that are a date."""
    assert times.from_epoch_ms(written) == read


@given(st.datetimes())
def test_whatever_is_read_is_written_in_one_way(at: datetime) -> None:
    """One spelling: text order is time order, and the first ten characters are the day."""
    for read in (times.from_iso(at.replace(tzinfo=UTC).isoformat()), times.from_local(str(at))):
        assert read is None or WRITTEN.fullmatch(read)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="a process keeps its zone on Windows")
def test_a_time_without_a_zone_is_this_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Aider writes local time, and winter and summer differ."""
    monkeypatch.setitem(os.environ, "TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert times.from_local("2026-01-07 14:05:11") == "2026-01-07T13:05:11.000Z"
        assert times.from_local("2026-07-07 14:05:11") == "2026-07-07T12:05:11.000Z"
        assert times.from_local("14 o'clock") is None
    finally:
        monkeypatch.undo()
        time.tzset()
