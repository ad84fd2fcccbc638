"""What would expire, when, and why other things stay: from the covered manifests alone.

No chunk is asked for, and none is kept in mind but by number: what comes out are counts by
class, verdict and month, and the set of what is due. Of a number that is listed more than once
every listing must be due: whoever lists a chunk again can only make it stay longer.

Costs: every roll-up is read once, and what lies outside of roll-ups object by object. Twice,
where a number has listings that are and listings that are not due.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.archive.fetch import no_progress
from archiver.evidence.orders import Erasure, Expiry
from archiver.retention.believed import believed_manifests, claims
from archiver.retention.due import Judge, Verdict
from archiver.retention.sets import ChunkSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from archiver.evidence.orders import Hold, Order
    from archiver.evidence.statement import Statement
    from archiver.format.keys import ChunkKey
    from archiver.model.shipment import ChunkEntry, ClassTerms
    from archiver.retention.due import Judgement
    from archiver.retention.listing import Known, ListedManifest
    from archiver.witness.place import Place

__all__ = ["Group", "Plan", "Shortened", "gone", "judge_of", "plan"]


@dataclass(slots=True)
class Group:
    """Chunks of one class and verdict that are due in one month. ``oldest`` is when counted from.

    ``first`` and ``last`` are when they are due, ``until`` when the last lock of them ends.
    """

    chunks: int = 0
    stored_bytes: int = 0
    oldest: str = ""
    first: datetime | None = None
    last: datetime | None = None
    until: datetime | None = None

    def add(self, entry: ChunkEntry, since: str, judged: Judgement) -> None:
        """Count a chunk."""
        self.include(Group(1, entry.stored_bytes, since, judged.due, judged.due, judged.until))

    def include(self, other: Group) -> None:
        """Count all of another group, too."""
        self.chunks += other.chunks
        self.stored_bytes += other.stored_bytes
        if other.oldest and (not self.oldest or other.oldest < self.oldest):
            self.oldest = other.oldest
        if other.first and (self.first is None or other.first < self.first):
            self.first = other.first
        if other.last and (self.last is None or other.last > self.last):
            self.last = other.last
        if other.until and (self.until is None or other.until > self.until):
            self.until = other.until


@dataclass(slots=True)
class Shortened:
    """What manifests promised longer than the policy gives; ``now`` of it is due for that alone."""

    chunks: int = 0
    stored_bytes: int = 0
    now: int = 0


@dataclass(slots=True)
class Plan:
    """What would expire at a time, and what would not.

    ``groups`` are by class, verdict and month (``YYYY-MM``, empty for what is never due).
    ``due`` are the numbers of all that is, ``again`` those of them that are listed more than
    once. ``holds`` are those in force, ``checkpoint`` is the newest one, ``after`` the number of
    the newest order that this was judged by.
    """

    at: datetime
    terms: Mapping[str, ClassTerms]
    holds: Mapping[str, Hold]
    checkpoint: Statement | None
    after: int
    groups: dict[tuple[str, Verdict, str], Group] = field(default_factory=dict)
    shortened: dict[str, Shortened] = field(default_factory=dict)
    due: ChunkSet = field(default_factory=ChunkSet)
    again: ChunkSet = field(default_factory=ChunkSet)

    def count(self, *verdicts: Verdict, klass: str | None = None) -> Group:
        """Add up groups, of any class where none is named."""
        total = Group()
        for (name, verdict, _), one in self.groups.items():
            if verdict in verdicts and klass in (None, name):
                total.include(one)
        return total

    @property
    def early(self) -> int:
        """Count the chunks that are due only because the policy was shortened."""
        return sum(one.now for one in self.shortened.values())


async def plan(
    place: Place,
    known: Known,
    terms: Iterable[ClassTerms],
    *,
    now: datetime,
    progress: Callable[[int, int], None] = no_progress,
) -> Plan:
    """Judge every chunk as it would be judged at ``now``; nothing is changed, nothing signed."""
    judge = judge_of(known, terms, now)
    count = _Count(judge, known, ChunkSet())
    await count.read(place, progress)
    if count.contested:
        count = _Count(judge, known, count.contested)
        await count.read(place, progress)
    return count.plan


def judge_of(known: Known, terms: Iterable[ClassTerms], now: datetime) -> Judge:
    """Give who judges by these terms, and by the orders that were given."""
    by_class = {one.klass: one for one in terms}
    return Judge(now, by_class, known.orders.holds, gone(known.orders.all))


def gone(given: Iterable[Order]) -> ChunkSet:
    """Give the chunks that were ordered to go."""
    deeds = [order.deed for order in given]
    going = [deed for deed in deeds if isinstance(deed, Expiry | Erasure)]
    return ChunkSet.of(one for deed in going for one in deed.chunks)


class _Count:
    """One reading. ``blocked`` are numbers that are known to be contested."""

    def __init__(self, judge: Judge, known: Known, blocked: ChunkSet) -> None:
        newest = known.orders.newest
        self._judge, self._blocked, self._known = judge, blocked, known
        self._stays, self.contested = ChunkSet(), ChunkSet()
        after, checkpoint = newest.seq if newest else 0, known.chain.newest
        self.plan = Plan(judge.now, judge.terms, judge.holds, checkpoint, after)

    async def read(self, place: Place, progress: Callable[[int, int], None]) -> None:
        found = believed_manifests(place, self._known, progress=progress)
        async with aclosing(found) as manifests:
            async for one in manifests:
                since = max(one.created_at, one.floor or "")
                for key, entry in claims(one):
                    self._take(one, key, entry, since)

    def _take(self, one: ListedManifest, key: ChunkKey, entry: ChunkEntry, since: str) -> None:
        judged, due = self._judge.of(one, key, entry), self.plan.due
        if judged.verdict is Verdict.DUE:
            if key in self._blocked or key in self._stays:
                return
            if not due.add(key):
                self.plan.again.add(key)
                return
        elif one.floor is None and (key in due or key in self._stays):
            return  # a checkpoint covers another listing of it, and nothing speaks for this one
        else:
            if key in due:
                self.contested.add(key)
            if not self._stays.add(key):
                return
        self._tell(key, entry, since, judged)

    def _tell(self, key: ChunkKey, entry: ChunkEntry, since: str, judged: Judgement) -> None:
        month = f"{judged.due.year:04d}-{judged.due.month:02d}" if judged.due else ""
        name = (key.klass, judged.verdict, month)
        group = self.plan.groups.get(name)
        if group is None:
            group = self.plan.groups[name] = Group()
        group.add(entry, since, judged)
        if judged.shortened:
            found = self.plan.shortened.setdefault(key.klass, Shortened())
            found.chunks += 1
            found.stored_bytes += entry.stored_bytes
            found.now += judged.early and judged.verdict is Verdict.DUE
