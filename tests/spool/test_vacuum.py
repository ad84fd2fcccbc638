"""Giving space back: all that is free, in steps that hold nobody up for long."""

from __future__ import annotations

import os
import random
import threading
import time
from typing import TYPE_CHECKING

import pytest

from archiver.spool import vacuum
from archiver.spool.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROW = 256 * 1024


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """Give a spool that nothing captures into."""
    with Spool.open(tmp_path) as spool:
        yield spool


def size(spool: Spool) -> int:
    """Give the bytes of the database file and its log."""
    return sum(path.stat().st_size for path in spool.folder.glob("spool.db*"))


def fill(spool: Spool, mebibytes: int) -> list[int]:
    """Spool so much; give the rows."""
    noise = os.urandom(_ROW)
    rows = list(range(1, mebibytes * 4 + 1))
    with spool.transaction() as db:
        db.executemany(
            "INSERT INTO batches VALUES (?,'t','c','s','d','a','c','s',0,1,1,'','','',?)",
            ((row, noise) for row in rows),
        )
    return rows


def drop(spool: Spool, rows: list[int]) -> None:
    """Forget rows, as sealing does."""
    with spool.transaction() as db:
        db.executemany("DELETE FROM batches WHERE id = ?", ((row,) for row in rows))


def held(spool: Spool) -> int:
    """Count the rows that are there with every byte."""
    with spool.transaction() as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = db.execute("SELECT COUNT(*) FROM batches WHERE LENGTH(data) = ?", (_ROW,))
        return int(found.fetchone()[0])


def test_what_is_free_is_given_back_at_once_where_little_is_in_use(spool: Spool) -> None:
    """A quarter of a gibibyte, forgotten in any order, with the last row still there."""
    rows = fill(spool, 256)
    gone = rows[:-1]
    random.Random(3).shuffle(gone)
    drop(spool, gone)
    assert size(spool) > 256 * 2**20
    spool.give_space_back()
    assert size(spool) < 2**20
    assert held(spool) == 1
    with spool.transaction() as db:
        assert db.execute("PRAGMA auto_vacuum").fetchone() == (2,), "it must stay incremental"


def test_what_is_free_is_given_back_in_steps_where_much_is_in_use(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second of many rows goes: nothing of the others is lost, and the file halves."""
    monkeypatch.setattr(vacuum, "_LITTLE", 0)
    rows = fill(spool, 64)
    drop(spool, rows[::2])
    spool.give_space_back(seconds=60)
    assert size(spool) < 36 * 2**20
    assert held(spool) == len(rows) // 2


def test_capture_gets_its_turn_between_the_steps(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that begins meanwhile waits for one step, not for the whole work."""
    monkeypatch.setattr(vacuum, "_LITTLE", 0)
    drop(spool, list(reversed(fill(spool, 96))))
    ended = threading.Event()
    waited: list[float] = []

    def capture() -> None:
        while not ended.wait(0.002):
            begun = time.monotonic()
            with spool.transaction():
                waited.append(time.monotonic() - begun)

    beside = threading.Thread(target=capture)
    beside.start()
    begun = time.monotonic()
    spool.give_space_back(seconds=60)
    whole = time.monotonic() - begun
    ended.set()
    beside.join()
    assert size(spool) < 2 * 2**20
    assert len(waited) > 10
    assert max(waited) < max(0.3, whole / 2)


@pytest.mark.parametrize("how", ["time is up", "stopped"])
def test_it_ends_when_its_time_is_up_or_it_is_stopped(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The rest is for the next time."""
    monkeypatch.setattr(vacuum, "_LITTLE", 0)
    drop(spool, fill(spool, 32))
    before = size(spool)
    if how == "stopped":
        spool.give_space_back(stop=lambda: True)
    else:
        spool.give_space_back(seconds=0)
    assert size(spool) > before / 3
    spool.give_space_back()
    assert size(spool) < 2 * 2**20


def test_a_little_free_space_is_kept_for_what_comes_next(spool: Spool) -> None:
    """Less than a mebibyte is no reason to write the disk."""
    rows = fill(spool, 8)
    drop(spool, rows[:2])
    spool.give_space_back()
    before = size(spool)
    assert before > 8 * 2**20
    drop(spool, rows[2:8])
    spool.give_space_back()
    assert size(spool) < before - 2**20


def test_steps_follow_the_time_that_the_last_one_took(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow steps become smaller and quick ones larger, within limits."""
    monkeypatch.setattr(vacuum, "_LITTLE", 0)
    drop(spool, fill(spool, 32))
    for took, pages, following in (
        (0.2, 256, 128),
        (0.2, 16, 16),
        (0.03, 64, 64),
        (0.001, 64, 128),
        (0.001, 4096, 4096),
    ):
        ticks = iter((0.0, took))
        monkeypatch.setattr(vacuum.time, "monotonic", ticks.__next__)
        with spool._alone() as db:
            assert vacuum.step(db, pages) == following
