"""Noticing that the machine slept, or that its clock jumped. Pure.

Monotonic time stands still while a machine sleeps and wall time does not, so the distance
between the two tells (APScheduler's own timer cannot: it is monotonic,
https://github.com/agronholm/apscheduler/issues/794).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["JUMP_SECONDS", "Clocks", "jumped"]

JUMP_SECONDS: Final = 30.0
"""A smaller distance is drift, a debugger, or a busy machine."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Both clocks, read at one moment, in seconds."""

    wall: float
    monotonic: float


def jumped(before: Clocks, now: Clocks) -> bool:
    """Tell whether the clocks moved apart, in either direction."""
    return abs((now.wall - before.wall) - (now.monotonic - before.monotonic)) > JUMP_SECONDS
