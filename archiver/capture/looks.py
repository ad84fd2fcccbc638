"""What the looks at files gave: in memory only, and forgetting it costs a comparison."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from archiver.capture.settle import Patience

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.spool.values import Glance

__all__ = ["Looks"]

Place = tuple[str, str, str, str]


class Looks:
    """The last look at each stream that was captured whole, and how long others were waited for."""

    def __init__(self) -> None:
        self._glances: dict[Place, Glance] = {}
        self._present: set[Place] = set()
        self._waits: dict[str, tuple[Glance, int, int]] = {}

    def begin(self) -> None:
        """Begin a pass."""
        self._present.clear()

    def same(self, place: Place, look: Glance) -> bool:
        """Tell whether a stream that is there looks as when it was captured whole."""
        self._present.add(place)
        return self._glances.get(place) == look

    def captured(self, place: Place, look: Glance) -> None:
        """Note what a stream looked like when it was captured whole."""
        self._glances[place] = look

    def patience(self, path: Path, look: Glance) -> Patience:
        """Count how often a file that is not believed yet was seen like this."""
        now = time.monotonic_ns()
        before, looks, since = self._waits.get(str(path), (None, 0, now))
        looks = looks + 1 if before == look else 1
        self._waits[str(path)] = (look, looks, since)
        return Patience(looks, now - since)

    def believed(self, path: Path) -> None:
        """Note that a file need not be waited for."""
        self._waits.pop(str(path), None)

    def settle(self) -> None:
        """End a whole pass: forget the looks of files that it did not meet.

        A file that comes back may look as before, and its state says otherwise by then.
        """
        if len(self._present) < len(self._glances):
            self._glances = {
                place: look for place, look in self._glances.items() if place in self._present
            }

    def forget(self) -> None:
        """Forget every look: what was taken in was not committed."""
        self._glances.clear()
