"""Whether a person's months may be erased, and what of them can be removed. Pure.

An erasure is whole or not at all. It is refused where

* a hold in force covers any of the chunks, or may cover what still arrives of these months;
* a legal hold lies on one of them in the store, that no order speaks of;
* a compliance lock on one of them still runs: who set it promised that nothing would go;
* no checkpoint covers one of them: nobody could tell its erasure from a loss;
* one of them is in clear and may not be removed yet: destroying keys would not help.

What a store cannot tell of locks is taken from the terms in the manifest that lists the chunk: a
lock then runs out no later than so many days after that manifest was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from archiver.archive.holds import matches, may_cover
from archiver.retention.due import due_at

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from archiver.evidence.orders import Hold
    from archiver.retention.listing import ListedChunk
    from archiver.stores.custody import Kept

__all__ = ["Lock", "Obstacle", "Target", "forbidden", "lock_of"]


class Lock(NamedTuple):
    """How hard a chunk is locked, and until when."""

    mode: Literal["governance", "compliance", "rule"]
    until: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """A chunk that an erasure means. ``kept`` is ``None`` where the store cannot tell."""

    chunk: ListedChunk
    kept: Kept | None

    @property
    def sealed(self) -> bool:
        """Tell whether destroying keys makes it unreadable."""
        return self.chunk.key.sealed


class Obstacle(NamedTuple):
    """Why an erasure may not be, and what to do about it."""

    reason: str
    advice: str


def lock_of(target: Target, now: datetime) -> Lock | None:
    """Give the lock that runs on a chunk, ``None`` where none does."""
    if target.kept is not None:
        retain = target.kept.retain
        return Lock(retain.mode, retain.until) if retain and retain.until > now else None
    terms = target.chunk.terms
    if terms is None or terms.days is None or terms.lock not in ("compliance", "rule"):
        return None
    until = due_at(target.chunk.created_at, terms.days)
    if until is None or until <= now:
        return None
    return Lock("rule" if terms.lock == "rule" else "compliance", until)


def forbidden(
    targets: Collection[Target],
    uncovered: Collection[str],
    holds: Mapping[str, Hold],
    *,
    subject: str,
    months: Iterable[str],
    now: datetime,
) -> Iterator[Obstacle]:
    """Yield what forbids an erasure; ``uncovered`` are keys of chunks that no checkpoint covers.

    ``months`` are those of keys that would be destroyed, ``holds`` the ones in force, by id.
    """
    yield from held(targets, holds, subject, tuple(months))
    unknown = [one for one in targets if one.kept and one.kept.held and not _known(one, holds)]
    if unknown:
        yield Obstacle(
            f"a legal hold lies on {_count(unknown)} that no hold in force speaks of",
            "After a release run `archiver hold apply`; else ask who put it on in the store.",
        )
    locked = [(one, lock) for one in targets if (lock := lock_of(one, now))]
    hard = [lock.until for _, lock in locked if lock.mode == "compliance"]
    if hard:
        yield Obstacle(
            f"a compliance lock runs on {_count(hard)}, on the last until {_day(max(hard))}",
            f"Nobody can lift it. Give the same command again after {_day(max(hard))}.",
        )
    if uncovered:
        yield Obstacle(
            f"no checkpoint covers {_count(uncovered)}, the first of them {min(uncovered)}",
            "Run `archiver checkpoint`, then erase. What no device of yours wrote, it leaves out"
            " and `archiver verify` names: remove that first.",
        )
    clear = [lock.until for one, lock in locked if not one.sealed and lock.mode != "compliance"]
    if clear:
        yield Obstacle(
            f"{_count(clear)} in clear may not be removed before {_day(max(clear))}",
            f"Give the same command again after {_day(max(clear))}.",
        )


def held(
    targets: Iterable[Target], holds: Mapping[str, Hold], subject: str, months: tuple[str, ...]
) -> Iterator[Obstacle]:
    """Yield the holds in force that forbid to destroy these chunks, or keys of these months."""
    chosen = list(targets)
    for name, hold in sorted(holds.items()):
        covered = [one for one in chosen if matches(hold, one.chunk.key, one.chunk.entry)]
        if covered or may_cover(hold, subject, months):
            what = _count(covered) if covered else "what still arrives of these months"
            yield Obstacle(
                f"the hold {name} (matter {hold.matter}) covers {what}",
                f"When the matter allows it: `archiver hold release {name}`, then erase.",
            )


def _known(target: Target, holds: Mapping[str, Hold]) -> bool:
    return any(matches(one, target.chunk.key, target.chunk.entry) for one in holds.values())


def _count(of: Collection[object]) -> str:
    return f"{len(of)} chunk{'' if len(of) == 1 else 's'}"


def _day(at: datetime) -> str:
    return at.date().isoformat()
