"""Processes that read a large first backlog beside the collector. Not for the daemon.

Started only when enough that is new was met in a pass, so a small sync never pays for them;
none on a machine of one core. They get looks at files that were never captured, of bounded
size, and give back packed steps; they open those files and nothing else.

What may go wrong costs time and nothing else: a pool that cannot start or that breaks (a
reader was killed) hands its looks back, and the collector reads those files itself. A reader
whose collector is gone, killed or not, ends by itself.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from archiver.assistants.protocol import Shape
from archiver.capture.heap import keep_what_is_freed
from archiver.capture.observation import Observation, Unsettled
from archiver.capture.read import read
from archiver.capture.readers import Answer, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future, ProcessPoolExecutor

    from archiver.capture.readers import Place

__all__ = ["ReaderPool"]

_MIB: Final = 1024 * 1024

_START_BYTES: Final = 32 * _MIB
_START_FILES: Final = 2000
"""So much that is new must be met before processes are started: two of them cost 0.2 s of CPU
together, which is what reading 30 MiB costs."""

_MOST_BYTES: Final = 16 * _MIB
"""A larger file is read by the collector, which commits it in parts."""

_TASK_BYTES: Final = 4 * _MIB
_TASK_FILES: Final = 64
_MOST_READERS: Final = 4
_AHEAD: Final = 2
"""Tasks that wait beside each that is read; with `_TASK_BYTES` it bounds the memory."""

_NICE: Final = 3
"""Who seals and ships what was read comes first, else it is left for the end, on one core."""

Task = tuple[Observation, ...]


class ReaderPool:
    """A `Readers` made of processes."""

    def __init__(self, cores: int | None = None) -> None:
        self._readers = min(cores or _cores(), _MOST_READERS)
        self._pool: ProcessPoolExecutor | None = None
        self._broken = self._readers < 2  # noqa: PLR2004 - one core is the collector's
        self._held: list[Observation] = []
        self._held_bytes = 0
        self._out: dict[Future[list[Reading | None]], Task] = {}
        self._back: list[Task] = []
        self._places: set[Place] = set()

    def takes(self, look: Observation) -> bool:
        """Tell whether it is a new stream of lines or text, and not too large."""
        return (
            not self._broken
            and not look.state.id
            and not look.state.position
            and look.source.shape is not Shape.DOCUMENT
            and look.glance.size <= _MOST_BYTES
        )

    def give(self, look: Observation) -> None:
        """Take a look; hand it on when there is enough."""
        self._held.append(look)
        self._held_bytes += look.glance.size
        self._places.add(_place(look))
        if self._pool is None:
            if self._held_bytes >= _START_BYTES or len(self._held) >= _START_FILES:
                self._start()
        elif self._held_bytes >= _TASK_BYTES or len(self._held) >= _TASK_FILES:
            self._hand_on()

    def holds(self, place: Place) -> bool:
        """Tell whether a look at this stream is still out."""
        return place in self._places

    def ready(self) -> Iterator[Answer]:
        """Yield what is done; wait only where too much is out."""
        if self._out or self._back:
            yield from self._done(most=_AHEAD * self._readers)

    def rest(self) -> Iterator[Answer]:
        """Yield everything that is still out."""
        if self._pool is None:
            self._back.append(self._empty())
        else:
            self._hand_on()
        yield from self._done(most=0)

    def close(self) -> None:
        """Forget what is still out, and end the processes."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = None
        self._broken = self._readers < 2  # noqa: PLR2004 - as at the beginning
        self._out.clear()
        self._back.clear()
        self._places.clear()
        self._empty()

    def _start(self) -> None:
        import concurrent.futures  # noqa: PLC0415 - for a large backlog only
        import multiprocessing  # noqa: PLC0415

        keep_what_is_freed()
        try:
            self._pool = concurrent.futures.ProcessPoolExecutor(
                self._readers,
                # Never fork: the collector's process has threads and an open database.
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
            )
        except (OSError, ImportError, NotImplementedError):  # no semaphores here
            self._broken = True
            self._back.append(self._empty())
        else:
            self._hand_on()

    def _hand_on(self) -> None:
        """Make tasks of what is held."""
        task: list[Observation] = []
        size = 0
        for look in self._empty():
            task.append(look)
            size += look.glance.size
            if size >= _TASK_BYTES or len(task) >= _TASK_FILES:
                self._submit(tuple(task))
                task, size = [], 0
        if task:
            self._submit(tuple(task))

    def _empty(self) -> Task:
        held = tuple(self._held)
        self._held.clear()
        self._held_bytes = 0
        return held

    def _submit(self, task: Task) -> None:
        if self._pool is None or self._broken:
            self._back.append(task)
            return
        try:
            self._out[self._pool.submit(_read, task)] = task
        except (OSError, RuntimeError):  # it broke, or no process could be started
            self._broken = True
            self._back.append(task)

    def _done(self, *, most: int) -> Iterator[Answer]:
        """Yield what is done, until at most so many tasks are out."""
        from concurrent import futures  # noqa: PLC0415 - for a large backlog only

        while self._out or self._back:
            while self._back:
                task = self._back.pop()
                yield from self._answers(task, [None] * len(task))
            patient = None if len(self._out) > most else 0
            done, _ = futures.wait(self._out, patient, futures.FIRST_COMPLETED)
            if not done:
                return
            for future in done:
                task = self._out.pop(future)
                yield from self._answers(task, self._result(future, len(task)))

    def _result(self, future: Future[list[Reading | None]], count: int) -> list[Reading | None]:
        try:
            return future.result()
        except Exception:  # noqa: BLE001 - whatever it was: these files are read once more
            self._broken = True
            return [None] * count

    def _answers(self, task: Task, readings: list[Reading | None]) -> Iterator[Answer]:
        for look, reading in zip(task, readings, strict=True):
            self._places.discard(_place(look))
            yield Answer(look, reading)


def _cores() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _place(look: Observation) -> Place:
    state = look.state
    return (state.tenant, state.assistant, state.conversation, state.stream)


def _begin() -> None:
    """Prepare a reader: its end is its collector's to say, or the collector's own end."""
    import multiprocessing  # noqa: PLC0415 - in a reader only
    import signal  # noqa: PLC0415
    import threading  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICE)
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - a reader is started by a collector
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """Wait until the collector is gone, and go.

    A reader waits on a pipe that it holds both ends of itself, so it would never learn of it.
    """
    from multiprocessing.connection import wait  # noqa: PLC0415 - in a reader only

    wait([sentinel])
    os._exit(1)


def _read(looks: Task) -> list[Reading | None]:
    """Read files, in a reader."""
    return [_one(look) for look in looks]


def _one(look: Observation) -> Reading | None:
    steps = []
    try:
        for step in read(look):
            steps.append(step)  # noqa: PERF402 - those before an error stand
    except (Unsettled, OSError) as error:
        return Reading(steps, error.with_traceback(None))
    except Exception:  # noqa: BLE001 - the collector reads it, and says what is wrong
        return None
    return Reading(steps)
