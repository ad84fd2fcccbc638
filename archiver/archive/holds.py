"""Which chunks a legal hold covers, from what manifests say of them. Pure.

A hold says who, which conversation and which days; what it leaves open matches everything, and
all that it says must fit. Where a chunk does not show whether it fits, it is held: too much that
stays can be let go later, too little never comes back.

* **Who**: the subject in the chunk's key.
* **Days** are of what was said: the chunk's first and last time, and the day in its key, overlap
  with those of the hold. A time that is none (a device can write anything) fits any day.
* **Conversation**: a chunk in clear lists its conversations, and whose they are does not matter
  then. One that lists none, and a sealed one whatever its device lists, is held if it is of the
  hold's subject; of anybody, where the hold names nobody.

So a hold that is made wider (a day further out, no days, nobody instead of somebody, everything
instead of a conversation of nobody in particular) never matches less.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from archiver.evidence.orders import Hold
    from archiver.format.keys import ChunkKey
    from archiver.model.shipment import ChunkEntry

__all__ = ["holding", "matches", "may_cover"]

_MONTH: Final = len("2026-01")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?=T|\Z)", re.ASCII)


def matches(hold: Hold, key: ChunkKey, entry: ChunkEntry) -> bool:
    """Tell whether ``hold`` covers the chunk that a manifest lists as ``entry`` under ``key``."""
    return _in_time(hold, key, entry) and _about(hold, key, entry)


def holding(holds: Mapping[str, Hold], key: ChunkKey, entry: ChunkEntry) -> tuple[str, ...]:
    """Give the ids of those of ``holds`` (by id, in force) that cover a chunk, sorted."""
    return tuple(sorted(name for name, hold in holds.items() if matches(hold, key, entry)))


def may_cover(hold: Hold, subject: str, months: Iterable[str]) -> bool:
    """Tell whether a hold of this person may cover what still arrives of one of these months.

    ``months`` are ``YYYY-MM``. A key that is destroyed makes that unreadable, too. A hold of a
    conversation that names nobody is judged by the chunks that are there.
    """
    if hold.subject != subject and (hold.subject, hold.conversation) != (None, None):
        return False
    since, until = (hold.since or "")[:_MONTH], (hold.until or "9999-99")[:_MONTH]
    return any(since <= month <= until for month in months)


def _about(hold: Hold, key: ChunkKey, entry: ChunkEntry) -> bool:
    if hold.conversation is not None and entry.conversations and not key.sealed:
        return any(
            one.id == hold.conversation and hold.assistant in (None, one.assistant)
            for one in entry.conversations
        )
    return hold.subject in (None, key.subject)


def _in_time(hold: Hold, key: ChunkKey, entry: ChunkEntry) -> bool:
    if hold.since is None and hold.until is None:
        return True
    days = _days((key.day, entry.first_at, entry.last_at))
    if days is None:
        return True
    return (hold.since is None or days[-1] >= hold.since) and (
        hold.until is None or days[0] <= hold.until
    )


def _days(times: Iterable[str]) -> list[str] | None:
    """Give the days of some times, sorted; ``None`` where one of them is no time."""
    found = [_DAY.match(one) for one in times]
    days = [one[0] for one in found if one]
    return sorted(days) if len(days) == len(found) else None
