"""Between the looks and the spool: commits in few steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from archiver.format.times import rfc3339
from archiver.spool import batches, streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from archiver.capture.step import Step
    from archiver.spool.spool import Spool
    from archiver.spool.values import StreamState

__all__ = ["Intake", "Stopped"]

_COMMIT_BYTES: Final = 8 * 1024 * 1024
_COMMIT_STEPS: Final = 256

Place = tuple[str, str, str, str]


class Stopped(Exception):
    """The pass was asked to stop in the middle of a large file."""


class Intake:
    """Takes steps in and commits them in order.

    It does so when 8 MiB of record lines or 256 steps are held, and at `commit`. What was not
    committed was not captured.
    """

    def __init__(
        self,
        spool: Spool,
        clock: Callable[[], datetime],
        stop: Callable[[], bool],
    ) -> None:
        self.records = 0
        self.raw_bytes = 0
        self._spool = spool
        self._clock = clock
        self._stop = stop
        self._steps: list[Step] = []
        self._held_bytes = 0
        self._places: set[Place] = set()

    def settle(self, place: Place) -> None:
        """Commit where this stream's newest state is still held, so that it can be read."""
        if place in self._places:
            self.commit()

    def take(self, steps: Iterable[Step]) -> StreamState:
        """Take the steps of one look; give the state that they lead to.

        Raises `Stopped` after a commit where the pass is to stop.
        """
        last: StreamState | None = None
        for step in steps:
            last = step.state
            self._steps.append(step)
            self._places.add(_place(step.state))
            self._held_bytes += sum(batch.raw_bytes for batch in step.batches)
            if self._held_bytes >= _COMMIT_BYTES or len(self._steps) >= _COMMIT_STEPS:
                self.commit()
                if self._stop():
                    raise Stopped
        assert last is not None  # noqa: S101 - every look ends with a step
        return last

    def commit(self) -> None:
        """Make everything that was taken durable."""
        if not self._steps:
            return
        spooled_at = rfc3339(self._clock())
        with self._spool.transaction() as db:
            for step in self._steps:
                state = step.state
                if not state.id:
                    found = streams.find(db, *_place(state))
                    state = msgspec.structs.replace(state, id=found.id if found else 0)
                row = streams.save(db, state)
                if step.keep is not None:
                    streams.keep_marks(db, row, step.keep)
                streams.add_marks(db, row, step.first, step.marks)
                batches.add(db, step.batches, spooled_at)
        for step in self._steps:
            self.records += sum(batch.records for batch in step.batches)
        self.raw_bytes += self._held_bytes
        self._steps.clear()
        self._places.clear()
        self._held_bytes = 0


def _place(state: StreamState) -> Place:
    return (state.tenant, state.assistant, state.conversation, state.stream)
