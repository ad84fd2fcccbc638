"""Processes that read beside the collector: what they find is what it would have found."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from laptop import Laptop, line, lines, patched

from archiver.capture import reader_pool
from archiver.capture.reader_pool import ReaderPool
from archiver.daemon import engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from archiver.assistants.protocol import Assistant, Conversation
    from archiver.capture.observation import Observation
    from archiver.capture.readers import Answer

TESTS = Path(__file__).parents[1]
NAMES = [f"c{number:02d}" for number in range(12)]
CONTENT = {
    **{name: lines(*range(100 * number, 100 * number + 50)) for number, name in enumerate(NAMES)},
    "crlf": lines(1, 2).replace(b"\n", b"\r\n"),
    "empty": b"",
    "half": lines(1) + b'{"type":"us',
    "rubbish": bytes(range(256)) * 100,
    "two days": line(1) + line(2, timestamp="2026-02-01T09:00:00.000Z"),
}


class Watched(ReaderPool):
    """A pool that notes what came back, and does something at the first answer."""

    def __init__(self, first: Callable[[], object] = lambda: None) -> None:
        super().__init__(2)
        self.read: Counter[bool] = Counter()
        self._first = first

    def ready(self) -> Iterator[Answer]:
        """Note what comes."""
        return self._noted(super().ready())

    def rest(self) -> Iterator[Answer]:
        """Note what comes."""
        return self._noted(super().rest())

    def _noted(self, answers: Iterator[Answer]) -> Iterator[Answer]:
        for answer in answers:
            if not self.read:
                self._first()
            self.read[answer.reading is not None] += 1
            yield answer


def backlog(laptop: Laptop) -> None:
    """Write it."""
    for name, body in CONTENT.items():
        laptop.write(laptop.claude(name), body)
    laptop.write(laptop.note("c01"), b"said the tool")


def assert_archived(laptop: Laptop) -> None:
    """Hold the archive to what was written: every file once, in one state."""
    archive = laptop.archive()
    for name, body in CONTENT.items():
        assert archive.states(f"{name}.jsonl") == ([body] if body else []), name
    assert archive.states("toolu_1.txt") == [b"said the tool"]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a pool start at once and hand on every two files."""
    monkeypatch.setattr(reader_pool, "_START_FILES", 1)
    monkeypatch.setattr(reader_pool, "_TASK_FILES", 2)


@pytest.mark.usefixtures("eager")
def test_a_backlog_that_others_read_is_the_backlog_that_the_collector_reads(tmp_path: Path) -> None:
    """The same states and the same counts; documents and what is captured stay with it."""
    pool = Watched()
    helped, alone = Laptop(tmp_path / "1", readers=pool), Laptop(tmp_path / "2")
    for laptop in (helped, alone):
        backlog(laptop)
        laptop.write(laptop.cline4("s1"), b'{"title":"t","messages":[{"m":1}]}')
    one, other = helped.look(), alone.look()
    assert (one.records, one.looked, one.unsettled) == (other.records, other.looked, 0)
    assert pool.read == {True: len(CONTENT) + 1}
    assert helped.look().records == 0
    assert pool.read.total() == len(CONTENT) + 1
    helped.append(helped.claude("c01"), lines(7))
    assert helped.look().records == 1
    assert pool.read.total() == len(CONTENT) + 1
    assert helped.archive().states("c01.jsonl") == [CONTENT["c01"], CONTENT["c01"] + lines(7)]
    assert multiprocessing.active_children() == []


def test_a_small_pass_starts_nobody(tmp_path: Path) -> None:
    """Everything comes back to be read by the collector."""
    pool = Watched(lambda: running.append(multiprocessing.active_children()))
    running: list[object] = []
    laptop = Laptop(tmp_path, readers=pool)
    backlog(laptop)
    laptop.look()
    assert pool.read == {False: len(CONTENT) + 1}
    assert running == [[]]
    assert_archived(laptop)


def test_one_core_reads_alone(tmp_path: Path) -> None:
    """Nothing is given away."""
    pool = ReaderPool(1)
    laptop = Laptop(tmp_path, readers=pool)
    backlog(laptop)
    with patched(pool, "give", None):
        laptop.look()
    assert_archived(laptop)


@pytest.mark.usefixtures("eager")
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
def test_killed_readers_cost_nothing_but_time(tmp_path: Path) -> None:
    """What they had not given back, the collector reads."""

    def kill() -> None:
        for child in multiprocessing.active_children():
            child.kill()
        for child in multiprocessing.active_children():
            child.join()

    pool = Watched(kill)
    laptop = Laptop(tmp_path, readers=pool)
    backlog(laptop)
    done = laptop.look()
    assert done.finished
    assert done.refused == {}
    assert pool.read[False] > 0
    assert_archived(laptop)


@pytest.mark.usefixtures("eager")
def test_a_pool_that_cannot_start_leaves_the_reading_to_the_collector(tmp_path: Path) -> None:
    """No semaphores, no processes: no harm."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(38, "no semaphores here")

    pool = Watched()
    laptop = Laptop(tmp_path, readers=pool)
    backlog(laptop)
    with patched(multiprocessing, "get_context", refuse):
        laptop.look()
    assert set(pool.read) == {False}
    assert_archived(laptop)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("after", [0, 3, 9])
def test_what_is_out_when_a_pass_stops_was_not_captured(tmp_path: Path, after: int) -> None:
    """The next pass takes all of it, once; no process is left."""
    laptop = Laptop(tmp_path, readers=ReaderPool(2))
    backlog(laptop)
    asked = iter(range(10**6))
    done = laptop.engine.collect(lambda: next(asked) >= after)
    assert not done.finished
    assert multiprocessing.active_children() == []
    laptop.look()
    assert_archived(laptop)


@pytest.mark.usefixtures("eager")
def test_a_policy_that_changes_while_files_are_read_stops_their_capture(tmp_path: Path) -> None:
    """A tenant that was disabled gets nothing more, though readers have it ready."""
    pool = Watched(lambda: laptop.engine.apply(None))
    laptop = Laptop(tmp_path, readers=pool)
    backlog(laptop)
    done = laptop.engine.collect()
    assert not done.finished
    assert done.records <= len(CONTENT["c00"].splitlines())
    laptop.apply()
    laptop.look()
    assert_archived(laptop)


@pytest.mark.usefixtures("eager")
def test_a_stream_that_is_met_twice_is_captured_once(tmp_path: Path) -> None:
    """What is out is taken in before the same stream is looked at again."""
    laptop = Laptop(tmp_path, readers=ReaderPool(2))
    backlog(laptop)
    collector = laptop.engine.collector
    assert collector is not None
    found = collector._finder.conversations

    def twice() -> Iterator[tuple[Assistant, Conversation]]:
        for pair in found():
            yield pair
            yield pair

    with patched(collector._finder, "conversations", twice):
        laptop.look()
    assert_archived(laptop)


@pytest.mark.usefixtures("eager")
def test_a_full_spool_stops_a_pass_with_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why, and goes on when there is room; every pass gets somewhere."""
    monkeypatch.setattr(engine, "_ROOM_SECONDS", 0)
    limits = {"free_floor_bytes": 2**26, "max_bytes": 2**20}
    laptop = Laptop(tmp_path, readers=ReaderPool(2), spool_limits=limits)
    content = {
        name: b"".join(line(n, noise=os.urandom(400).hex()) for n in range(1000)) for name in NAMES
    }
    for name, body in content.items():
        laptop.write(laptop.claude(name), body)
    full = laptop.look()
    assert "spool holds 1048576 bytes" in (full.full or "")
    assert full.records > 0
    for _ in range(12):
        laptop.ship()
        laptop.look()
    archive = laptop.archive()
    for name, body in content.items():
        assert archive.states(f"{name}.jsonl")[-1] == body


@pytest.mark.usefixtures("eager")
def test_a_file_that_goes_or_may_not_be_read_says_so_through_a_reader(tmp_path: Path) -> None:
    """As if the collector had opened it: the error comes back by its name."""
    laptop = Laptop(tmp_path, readers=ReaderPool(2))
    backlog(laptop)
    chat = laptop.claude("c01")
    given = ReaderPool.give

    def swapped(pool: ReaderPool, look: Observation) -> None:
        if look.source.path == chat:
            chat.unlink()
            chat.symlink_to(laptop.claude("c02"))
        given(pool, look)

    with patched(ReaderPool, "give", swapped):
        done = laptop.look()
    assert list(done.refused.values()) == ["ELOOP"]


ENDLESS = """
import sys, time, multiprocessing
from pathlib import Path
from laptop import Laptop
from archiver.capture import reader_pool
from archiver.capture.reader_pool import ReaderPool

class Slow(ReaderPool):
    def rest(self):
        self._hand_on()
        print(*[one.pid for one in multiprocessing.active_children()], flush=True)
        time.sleep(60)
        return iter(())

if __name__ == "__main__":
    reader_pool._START_FILES = reader_pool._TASK_FILES = 1
    laptop = Laptop(Path(sys.argv[1]), readers=Slow(2))
    laptop.engine.collect()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
def test_readers_end_when_their_collector_is_killed(tmp_path: Path) -> None:
    """They hold both ends of the pipe that they wait on, and end all the same."""
    backlog(Laptop(tmp_path / "laptop"))
    program = tmp_path / "endless.py"
    program.write_text(ENDLESS)
    path = os.pathsep.join((str(TESTS), str(TESTS.parent)))
    with subprocess.Popen(
        [sys.executable, str(program), str(tmp_path / "laptop")],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    ) as collector:
        assert collector.stdout is not None
        readers = [int(one) for one in collector.stdout.readline().split()]
        time.sleep(1)
        assert len(readers) == 2
        assert all(map(psutil.pid_exists, readers))
        collector.kill()
    until = time.monotonic() + 10
    while any(map(psutil.pid_exists, readers)):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_reader_imports_little(tmp_path: Path) -> None:
    """No policy, no store, no database: it reads files."""
    heavy = ("pydantic", "botocore", "sqlite3", "asyncio", "rich", "click", "apscheduler")
    code = (
        "import archiver.capture.reader_pool, archiver.assistants.claude_code, sys;"
        f"print([one for one in {heavy!r} if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
