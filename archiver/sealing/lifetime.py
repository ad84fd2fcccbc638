"""How long what waits on this machine may still be sent, and how it is locked when it is. Pure.

* A chunk's time runs from when the oldest record in it was spooled, so that being switched off
  before it was sealed does not begin it anew: never from what a transcript says of itself. Only a
  chunk expires; what is in none yet is sealed first.
* A time before this version was released, or before the store last took something, is one of a
  wrong clock. It makes nothing old: `begun`.
* The terms are those that the policy has now, also for what was sealed under others. A class that
  the policy names no more has no terms: it is neither locked nor given up.
* A lock ends within the second before its chunk's days are over, counted from that time. So it
  never outlasts the time at which an admin may let the chunk expire, which is counted from the
  manifest that lists it, and that is never written earlier.

A clock that is years ahead keeps what waits from being sent, and never makes anybody give it up:
`archiver.sealing.expire`. Limit: a clock that is behind, but after all of those times, cannot be
told from a true one; what was sealed by it is taken for as old as it said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from archiver.format.keys import ChunkKey, parse_key
from archiver.format.times import parse_rfc3339
from archiver.model.shipment import Retain

if TYPE_CHECKING:
    from archiver.model.shipment import ClassTerms

__all__ = ["RELEASED", "Since", "begun", "class_of", "lock_of", "outlived", "plausible"]

RELEASED: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""When this version was released: no clock that is right says less. Moved with each release."""


@dataclass(frozen=True, slots=True)
class Since:
    """From when a chunk's time runs; ``wrong``: nobody knows, the clock was behind."""

    at: datetime
    wrong: bool = False


def plausible(now: datetime, confirmed: datetime | None) -> bool:
    """Tell whether a clock may be right that says ``now``.

    ``confirmed`` is what it said when the store last took something.
    """
    return now >= _least(confirmed)


def begun(spooled: datetime, now: datetime, confirmed: datetime | None) -> Since:
    """Tell from when the time of a chunk runs that is sealed ``now``, its oldest record spooled.

    Where ``now`` or ``spooled`` is of a clock that was behind, the chunk may be younger than can
    be told here. Such a one was sent nowhere: its time runs from when it first can be.
    """
    at = max(min(now, spooled), _least(confirmed))
    return Since(at, wrong=not plausible(now, confirmed) or spooled < RELEASED)


def _least(confirmed: datetime | None) -> datetime:
    return max(RELEASED, confirmed or RELEASED)


def class_of(key: str) -> str:
    """Tell the retention class of a chunk from its key; empty where it is none."""
    parsed = parse_key(key)
    return parsed.klass if isinstance(parsed, ChunkKey) else ""


def outlived(terms: ClassTerms | None, since: str, now: datetime) -> bool:
    """Tell whether a chunk whose time runs from ``since`` (RFC 3339) is older than its days."""
    if terms is None or terms.days is None:
        return False
    return now - parse_rfc3339(since) >= timedelta(days=terms.days)


def lock_of(terms: ClassTerms | None, since: str) -> Retain | None:
    """Give the lock that a chunk's put carries; ``None`` where its class has none of S3's."""
    if terms is None or terms.days is None:
        return None
    end = (parse_rfc3339(since) + timedelta(days=terms.days)).replace(microsecond=0)
    match terms.lock:
        case "governance" | "compliance" as mode:
            return Retain(mode, end)
    return None
