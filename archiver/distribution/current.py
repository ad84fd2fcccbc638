"""The policy in force on this machine, for a command that asks once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.errors import PolicyRefused, PolicyUnreachable
from archiver.format.times import parse_rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.distribution.standing import Asking, Standing
    from archiver.distribution.watch import Watch
    from archiver.policy.load import LoadedPolicy

__all__ = ["look", "required"]


def look(watch: Watch, now: datetime, *, ask_again: bool = False) -> Standing:
    """Look once, and ask the address where nothing is in force without it.

    With ``ask_again`` it is asked too where its last answer is older than it should be.
    """
    found = watch.check()
    asking = watch.asking
    if asking is None or not (found.loaded is None or (ask_again and _due(asking, now))):
        return found
    from archiver.distribution.fetch import fetch  # noqa: PLC0415 - most have no address

    try:
        watch.take(asking.url, fetch(asking.url, asking.etag))
    except PolicyUnreachable as error:
        watch.take(asking.url, error)
    return watch.check()


def required(found: Standing) -> LoadedPolicy:
    """Give the policy that is in force; raise `PolicyRefused` where none is."""
    if found.loaded is not None:
        return found.loaded
    problems = tuple(line for one in found.refusals for line in one.problems)
    if found.unreachable:
        problems += (found.unreachable,)
    advice = next((one.advice for one in found.refusals), "")
    raise PolicyRefused(
        "no signed policy is in force on this machine",
        advice=advice or "Deliver one that `archiver policy sign` wrote; see `archiver doctor`.",
        problems=problems or ("none has arrived yet",),
    )


def _due(asking: Asking, now: datetime) -> bool:
    if asking.asked_at is None:
        return True
    age = now - parse_rfc3339(asking.asked_at)
    return not timedelta() <= age < timedelta(seconds=asking.seconds)
