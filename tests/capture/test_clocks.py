"""Clocks that jump, and files from the future."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from laptop import QUIET, line, lines

from archiver.archive.replay import replay
from archiver.capture import looks as looking
from archiver.format.times import rfc3339

if TYPE_CHECKING:
    import pytest
    from laptop import Laptop

YEAR = 365 * 86_400


def test_a_clock_set_back_a_year_loses_nothing_and_keeps_the_order(laptop: Laptop) -> None:
    """States follow each other by position, whatever the time of the look says."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1))
    laptop.look()
    laptop.clock.sleep(-YEAR)
    laptop.append(chat, lines(2))
    laptop.look()
    laptop.ship()
    laptop.write(chat, lines(1, 3))
    laptop.look()
    laptop.clock.sleep(2 * YEAR)
    laptop.append(chat, lines(4))
    laptop.look()
    archive = laptop.archive()
    assert archive.states("c1.jsonl") == [
        lines(1),
        lines(1, 2),
        lines(1, 3),
        lines(1, 3, 4),
    ]
    last = replay(archive.log("c1.jsonl"), rfc3339(laptop.clock()))
    assert last is not None
    assert last.body == lines(1, 3, 4)


def test_what_waited_when_the_clock_was_set_back_is_sealed_all_the_same(laptop: Laptop) -> None:
    """Records spooled in what is the future now do not wait for a year."""
    laptop.write(laptop.claude("c1"), lines(1))
    laptop.look()
    laptop.clock.sleep(-YEAR)
    assert laptop.engine.seal() == 1


def test_a_file_from_the_future_is_believed_after_equal_looks(patient: Laptop) -> None:
    """Its times say nothing about when it was written: three looks alike decide."""
    chat = patient.claude("c1")
    patient.write(chat, lines(1, 2, 3))
    patient.look()
    future = int((patient.clock().timestamp() + YEAR) * 1e9)
    chat.write_bytes(lines(1))
    os.utime(chat, ns=(future, future))
    assert [patient.look().unsettled for _ in range(3)] == [1, 1, 0]
    assert patient.archive().states("c1.jsonl") == [lines(1, 2, 3), lines(1)]


def test_a_document_from_the_future_is_captured(patient: Laptop) -> None:
    """Also one that no manifest says the folder of."""
    chat = patient.cline("7")
    future = int((patient.clock().timestamp() + YEAR) * 1e9)
    chat.write_bytes(b'[{"role":"user","content":"one"}]')
    os.utime(chat, ns=(future, future))
    patient.look()
    assert patient.archive().states(chat.name) == [b'[{"role":"user","content":"one"}]']


def test_a_file_that_never_rests_is_believed_at_last(
    patient: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that shrank and is touched before every look is not put off for ever."""
    chat = patient.claude("c1")
    patient.write(chat, lines(1, 2, 3))
    patient.look()
    times = iter(range(0, 10**15, 60 * 10**9))
    monkeypatch.setattr(looking.time, "monotonic_ns", lambda: next(times))
    looks = []
    for _ in range(8):
        patient.write(chat, lines(1))
        looks.append(patient.look().unsettled)
    assert looks == [1, 1, 1, 1, 1, 0, 0, 0]
    assert 30 * QUIET == 5 * 60
    assert patient.archive().states("c1.jsonl") == [lines(1, 2, 3), lines(1)]


def test_a_conversation_older_than_since_is_left_alone_until_it_goes_on(laptop: Laptop) -> None:
    """It is refused as long as it rests, and captured whole from its next line on."""
    laptop.tenants[0]["since"] = "2026-06-01"
    laptop.apply()
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1))
    os.utime(chat, (1.7e9, 1.7e9))
    assert laptop.look(2).unclaimed == 1
    laptop.append(chat, line(2))
    assert laptop.look().unclaimed == 0
    assert laptop.archive().states("c1.jsonl") == [lines(1, 2)]


def test_half_a_line_does_not_wait_for_a_year(
    patient: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the clock was set back, the time counts that the file has been waited for."""
    chat = patient.claude("c1")
    whole = lines(1) + line(2)[:30]
    patient.write(chat, whole)
    patient.clock.sleep(-YEAR)
    times = iter(range(0, 10**15, 150 * 10**9))
    monkeypatch.setattr(looking.time, "monotonic_ns", lambda: next(times))
    assert [patient.look().unsettled for _ in range(6)] == [1, 1, 1, 1, 0, 0]
    assert patient.archive().states("c1.jsonl") == [lines(1), whole]
