"""When a chunk's time is over, and what keeps it all the same. Pure.

* **Counted from** the time of the manifest that lists the chunk, and not from before the
  checkpoint that precedes the one which covers that manifest; where none precedes, not from
  before that one itself. So a device whose clock says 1999 makes nothing expire early. What was
  said when, does not matter.
* **Due** so many days later as the policy in force gives its class. A class that the policy does
  not name, or keeps for ever, is never due.
* **Locked** as long as its own manifest promised, also where the policy was shortened later.
* **Held** while any hold in force covers it.
* **Not covered**: as long as no checkpoint holds its manifest fixed, nothing is believed of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from archiver.archive.holds import holding
from archiver.evidence.documents import moment
from archiver.retention.sets import ChunkSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archiver.evidence.orders import Hold
    from archiver.format.keys import ChunkKey
    from archiver.model.shipment import ChunkEntry, ClassTerms
    from archiver.retention.listing import ListedManifest

__all__ = ["Judge", "Judgement", "Verdict", "counted_from", "due_at", "locked_until"]

_EVER: Final = datetime.max.replace(tzinfo=UTC)


class Verdict(StrEnum):
    """What is to become of a chunk now."""

    DUE = "due"
    """Its time is over, and nothing keeps it."""

    COMING = "not yet due"
    """Its time is not over."""

    HELD = "held"
    """Its time is over, and a hold in force covers it."""

    LOCKED = "locked"
    """Its time is over by the policy, and its manifest promised to keep it longer."""

    UNCOVERED = "not covered"
    """Its time is over as its device says, and no checkpoint covers that word yet."""

    INDEFINITE = "for ever"
    """The policy keeps its class for ever."""

    UNKNOWN = "class not in policy"
    """The policy does not name its class."""

    ORDERED = "ordered"
    """An order named it already, to expire or to be erased."""


class Judgement(NamedTuple):
    """What is to become of a chunk, and when: ``due`` is ``None`` for what never is.

    ``until`` is when its lock ends, where it is locked. ``shortened`` says that its manifest
    promised more days than the policy gives, ``early`` that by those it would not be due now.
    """

    verdict: Verdict
    due: datetime | None = None
    until: datetime | None = None
    shortened: bool = False
    early: bool = False


def counted_from(created_at: str, floor: str) -> str:
    """Give the time from which a chunk's days count; both as `documents.moment` reads them."""
    return max(created_at, floor)


@lru_cache(maxsize=4096)
def due_at(since: str, days: int | None) -> datetime | None:
    """Give the time that is so many days after ``since``; ``None`` days is never.

    What lies beyond the last year that a calendar knows is at its end.
    """
    if days is None:
        return None
    try:
        return moment(since) + timedelta(days=days)
    except OverflowError:
        return _EVER


def locked_until(since: str, promised: ClassTerms | None) -> datetime | None:
    """Give the end of the lock that a manifest promised, ``None`` where it promised none."""
    if promised is None or promised.lock == "none":
        return None
    return _EVER if promised.days is None else due_at(since, promised.days)


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges chunks at one time, by the terms in force, the holds in force and the orders given."""

    now: datetime
    terms: Mapping[str, ClassTerms]
    holds: Mapping[str, Hold] = field(default_factory=dict)
    ordered: ChunkSet = field(default_factory=ChunkSet)

    def of(self, listing: ListedManifest, key: ChunkKey, entry: ChunkEntry) -> Judgement:
        """Judge a chunk as one manifest lists it."""
        if key in self.ordered:
            return Judgement(Verdict.ORDERED)
        terms = self.terms.get(key.klass)
        if terms is None:
            return Judgement(Verdict.UNKNOWN)
        if terms.days is None:
            return Judgement(Verdict.INDEFINITE)
        since = counted_from(listing.created_at, listing.floor or "")
        due = due_at(since, terms.days)
        promised = listing.terms_of(key.klass)
        shorter = promised is not None and (promised.days is None or promised.days > terms.days)
        if due is None or due > self.now:
            return Judgement(Verdict.COMING, due, shortened=shorter)
        until = locked_until(since, promised)
        early = shorter and promised is not None and self._later(due_at(since, promised.days))
        return Judgement(self._over(listing, key, entry, until), due, until, shorter, early)

    def _over(
        self, listing: ListedManifest, key: ChunkKey, entry: ChunkEntry, until: datetime | None
    ) -> Verdict:
        """Say what becomes of a chunk whose time is over by the policy."""
        if listing.floor is None:
            return Verdict.UNCOVERED
        if self.holds and holding(self.holds, key, entry):
            return Verdict.HELD
        return Verdict.LOCKED if until is not None and self._later(until) else Verdict.DUE

    def _later(self, due: datetime | None) -> bool:
        return due is None or due > self.now
