"""Files that were captured and are not found any more.

A deletion is believed when several looks in a row did not find the file while the volume
that it was on is there; then it is a record of its own. What was captured stays archived.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from archiver.capture.door import glance, nearest_device
from archiver.capture.log import Log
from archiver.capture.settle import DELETED_AFTER_LOOKS
from archiver.format.lines import Origin
from archiver.format.times import rfc3339
from archiver.spool import batches, streams

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from datetime import datetime

    from archiver.spool.spool import Spool
    from archiver.spool.values import StreamState

__all__ = ["Absences"]


class Absences:
    """Knows which captured files are still to be seen in a pass."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._seen: set[bytes] = set()
        with spool.transaction() as db:
            self._known = streams.live_paths(db)

    def begin(self) -> None:
        """Begin a pass."""
        self._seen.clear()

    def saw(self, path: Path) -> None:
        """Note that a file is there, or that nothing is to be said about it."""
        self._seen.add(os.fsencode(path))

    def knows(self, path: Path) -> None:
        """Note a file that is captured."""
        self._known.add(os.fsencode(path))

    def settle(self, now: datetime, enabled: Callable[[str], bool]) -> int:
        """End a pass: count the looks that missed a file, record the deletions.

        Only for tenants that are ``enabled``. Give the count of deletions.
        """
        return sum(self._missed(path, now, enabled) for path in self._known - self._seen)

    def _missed(self, path: bytes, now: datetime, enabled: Callable[[str], bool]) -> int:
        place = Path(os.fsdecode(path))
        try:
            if glance(place) is not None:
                return 0
        except OSError:
            return 0
        device = nearest_device(place)
        with self._spool.transaction() as db:
            states = [state for state in streams.by_path(db, path) if enabled(state.tenant)]
            gone = sum(_miss(db, state, device, now) for state in states)
        if gone:
            self._known.discard(path)
        return gone


def _miss(db: sqlite3.Connection, state: StreamState, device: int | None, now: datetime) -> int:
    if state.glance and device != state.glance.device:
        return 0
    missing = state.missing + 1
    if missing < DELETED_AFTER_LOOKS:
        streams.save(db, msgspec.structs.replace(state, missing=missing))
        return 0
    log = Log(Origin.unpack(state.origin), state.position, rfc3339(now))
    log.deleted()
    batches.add(db, log.drain(), rfc3339(now))
    streams.save(
        db, msgspec.structs.replace(state, missing=missing, absent=True, position=log.position)
    )
    return 1
