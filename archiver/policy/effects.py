"""What the change of one key of a policy means, key by key. Pure.

An effect is a sentence, and whether the new policy promises less than the old one: captures
less, keeps for less long, locks less, lets more people read, or sees a loss later. What is in
the table is told in its words; any other key by what stood there and what stands there now.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from math import inf
from typing import TYPE_CHECKING, Any, Final

from archiver.policy.comparing import Effect, Effects, always, more_or_less, some, switch
from archiver.policy.phrases import admin_name, days, folder, in_words, seconds, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["OF_MACHINE", "OF_TENANT"]


def _covers(pattern: str, other: str) -> bool:
    """Tell whether a folder pattern surely covers another: it is the other, or lies above it."""
    pattern, other = folder(pattern), folder(other)
    above = pattern.rstrip("/\\") + "/"
    return pattern == other or ("*" not in pattern and other.replace("\\", "/").startswith(above))


def _assistants(before: Any, after: Any) -> Iterator[Effect]:
    if after is None:
        yield Effect("captured with every assistant from now on")
    elif before is None:
        yield Effect(
            f"captured with no other assistant any more than {in_words(after)}", weaker=True
        )
    else:
        gained = Effect("captured from now on: conversations with")
        lost = Effect("not captured any more: conversations with", weaker=True)
        yield from some(gained, lost)(before, after)


def _officers(before: Any, after: Any) -> Iterator[Effect]:
    if not after:
        yield Effect("nothing is encrypted any more before it is sent", weaker=True)
        return
    if not before:
        yield Effect("what is sent is encrypted from now on; what is there stays as it is")
    gained = Effect("can read what is sealed from now on:", bool(before))
    lost = Effect("cannot open what is sealed from now on, but still what was sealed before:")
    yield from some(gained, lost)(before, after)
    if len(after) == 1:
        yield Effect("one officer is left: if that key is lost, nothing can be read", weaker=True)


def _admins(before: Any, after: Any) -> Iterator[Effect]:
    gained = Effect("may approve machines and sign for the archive from now on:", bool(before))
    lost = Effect("is not believed any more, nor what it signed:", not after)
    yield from some(gained, lost, say=admin_name)(before, after)


def _rate(value: int | None) -> str:
    return "no limit" if value is None else f"{size(value)} a second"


def _since(value: date | datetime | None) -> str:
    return value.isoformat() if value else "no such day"


def _bound(value: int | None) -> str:
    return days(value) if value else "no bound"


_CLAIMED: Final = Effect("captured from now on: what is held in")
_UNCLAIMED: Final = Effect("not captured any more: what is held in", weaker=True)

OF_TENANT: Final[Mapping[str, Effects]] = {
    "enabled": switch(
        Effect("it is captured and sent from now on"),
        Effect("nothing of it is captured or sent any more; what was spooled stays", weaker=True),
    ),
    "conversations.working_directories": some(_CLAIMED, _UNCLAIMED, say=folder, covers=_covers),
    "conversations.git_remotes": some(
        Effect("captured from now on: what is held in repositories of"),
        Effect("not captured any more: what is held in repositories of", weaker=True),
    ),
    "conversations.exclude": some(
        Effect("not captured any more: what is held in", weaker=True),
        Effect("not excluded any more: what is held in"),
        say=folder,
        covers=_covers,
    ),
    "conversations.default": switch(
        Effect("captured from now on: what no other tenant claims"),
        Effect("not captured any more: what no other tenant claims", weaker=True),
    ),
    "assistants": _assistants,
    "since": more_or_less(
        Effect("older conversations are left alone that were captured before", weaker=True),
        Effect("older conversations are captured as well"),
        absent=date.min,
        say=_since,
    ),
    "chunk.max_age_seconds": more_or_less(
        Effect("what was written waits longer on the machine alone", weaker=True),
        Effect("what was written is sent sooner, in more and smaller chunks"),
        absent=0,
        say=seconds,
    ),
    "retention.minimum_days": more_or_less(
        Effect("no class may stay shorter than this"),
        Effect("classes may stay shorter than before", weaker=True),
        absent=0,
        say=_bound,
    ),
    "retention.maximum_days": more_or_less(
        Effect("classes may stay longer than before"),
        Effect("no class may stay longer than this"),
        absent=inf,
        say=_bound,
    ),
    "retention.grace_days": more_or_less(
        Effect("what expired lies longer in the store before the store removes it"),
        Effect("less time for archiver to write down what expired, before the store removes it"),
        absent=0,
        say=days,
    ),
    "identity.source": always("the same person may get another name and another pseudonym"),
    "identity.value": always("what is captured from now on is attributed to somebody else"),
    "identity.subject_key": always(
        "every person gets another pseudonym from now on: to find, hold or erase what one said,"
        " both must be asked for",
    ),
    "identity.subject_key_file": always(
        "unless both files hold the same key, every person gets another pseudonym from now on"
    ),
    "evidence.admin_keys": _admins,
    "evidence.silence_days": more_or_less(
        Effect("a machine may say nothing for longer before anybody is told", weaker=True),
        Effect("a silent machine is reported sooner"),
        absent=0,
        say=days,
    ),
    "evidence.checkpoint_days": more_or_less(
        Effect("nobody need sign for longer before anybody is told", weaker=True),
        Effect("a missing signature is reported sooner"),
        absent=0,
        say=days,
    ),
    "sealing.officers": _officers,
    "sealing.keys_since": more_or_less(
        Effect("machines make new keys; older ones seal nothing more"),
        Effect("machines may go on with keys that were put aside", weaker=True),
        absent=datetime.min.replace(tzinfo=UTC),
        say=_since,
    ),
}
"""By the path of a key below its tenant."""

OF_MACHINE: Final[Mapping[str, Effects]] = {
    "schedule.collect_seconds": more_or_less(
        Effect("what is changed and deleted between two looks is missed for longer", weaker=True),
        Effect("changes are seen sooner"),
        absent=0,
        say=seconds,
    ),
    "schedule.ship_seconds": more_or_less(
        Effect("what is due is sent later"),
        Effect("what is due is sent sooner"),
        absent=0,
        say=seconds,
    ),
    "schedule.bandwidth_bytes_per_second": more_or_less(
        Effect("more of the network may be used"),
        Effect("a backlog takes longer to be sent"),
        absent=inf,
        say=_rate,
    ),
    "spool.max_bytes": more_or_less(
        Effect("more of the disk may be used while a store is out of reach"),
        Effect("capture stops sooner while a store is out of reach", weaker=True),
        absent=0,
        say=size,
    ),
    "spool.free_floor_bytes": more_or_less(
        Effect("capture stops sooner on a full disk", weaker=True),
        Effect("more of the disk may be filled"),
        absent=0,
        say=size,
    ),
    "projects": some(
        Effect("searched from now on for the files of assistants:"),
        Effect("not searched any more for the files of assistants:", weaker=True),
        say=folder,
        covers=_covers,
    ),
}
"""By the path of a key."""
