"""How long a refusal makes a tenant wait, and how that is said to a human. Pure.

* Where patience is enough (busy, unreachable, concurrent): a random part of 1 s doubled with
  every failure up to 300 s. Full jitter, so that a fleet which lost its store at one moment
  does not come back at one moment
  (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
* Where a human is needed (credentials, clock, configuration, space): 60 s doubled up to
  900 s, the second half of it random. Early enough to notice the repair, no retry storm.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from archiver.delivery.parcel import LONGEST_WAIT, Waiting, WaitReason
from archiver.model.answers import Answer

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.model.answers import Refusal

__all__ = ["backoff", "unreadable", "wait_for"]

_PATIENT: Final = (timedelta(seconds=1), timedelta(seconds=300))
_NAMED: Final = (timedelta(seconds=60), LONGEST_WAIT)


def backoff(failures: int, draw: float, base: timedelta, cap: timedelta) -> timedelta:
    """Give the part ``draw``, in [0, 1), of ``base`` doubled ``failures`` times up to ``cap``."""
    # Thirty doublings exceed every cap; a year of failures would overflow.
    return draw * min(cap, base * (1 << min(failures, 30)))


def wait_for(refusal: Refusal, *, now: datetime, failures: int, draw: float) -> Waiting:
    """Give the waiting state that a refusal means, with the time of the next try."""
    reason = _reason(refusal.answer)
    if reason is WaitReason.TIME:
        delay = backoff(failures, draw, *_PATIENT)
    else:
        delay = backoff(failures, (1 + draw) / 2, *_NAMED)
    return Waiting(
        reason,
        since=now,
        until=now + delay,
        code=_label(refusal.code),
        detail=_detail(refusal, now),
        advice=refusal.advice or _advice(reason),
    )


def unreadable(code: str, *, now: datetime, failures: int, draw: float) -> Waiting:
    """Give the state after the operating system refused to read a sealed file that exists."""
    return Waiting(
        WaitReason.TIME,
        since=now,
        until=now + backoff(failures, draw, *_PATIENT),
        code=code,
        detail=f"a sealed file cannot be read now ({code})",
        advice="Look at the disk and at the permissions of archiver's state directory.",
    )


def _reason(answer: Answer) -> WaitReason:
    match answer:
        case Answer.CREDENTIALS:
            return WaitReason.CREDENTIALS
        case Answer.CLOCK:
            return WaitReason.CLOCK
        case Answer.CONFIGURATION | Answer.NOT_FOUND:
            return WaitReason.CONFIGURATION
        case Answer.FULL:
            return WaitReason.SPACE
    return WaitReason.TIME


def _advice(reason: WaitReason) -> str:
    match reason:
        case WaitReason.TIME:
            return "Nothing to do: archiver tries again by itself."
        case WaitReason.CREDENTIALS:
            return "Renew the credentials that the policy names for this tenant, then `sync`."
        case WaitReason.CLOCK:
            return "Set this machine's clock, best by network time, then `sync`."
        case WaitReason.CONFIGURATION:
            return "Correct bucket, region or endpoint of this tenant's store in the policy."
        case WaitReason.SPACE:
            return "Make room in this tenant's store or raise its quota."


def _detail(refusal: Refusal, now: datetime) -> str:
    http = f", HTTP {refusal.status}" if refusal.status else ""
    text = f"{refusal.detail or _said(refusal.answer)} ({_label(refusal.code)}{http})"
    if refusal.answer is Answer.CLOCK and refusal.server_time is not None:
        seconds = round((now - refusal.server_time).total_seconds())
        side = "ahead of" if seconds > 0 else "behind"
        text += f"; this machine's clock is {abs(seconds)} s {side} the store's"
    return text


def _said(answer: Answer) -> str:  # noqa: PLR0911 - one line for each kind of answer
    match answer:
        case Answer.BUSY:
            return "the store is busy"
        case Answer.UNREACHABLE:
            return "the store gave no answer"
        case Answer.CREDENTIALS:
            return "the store refused these credentials"
        case Answer.CLOCK:
            return "the store refused this machine's clock"
        case Answer.FULL:
            return "the store has no room"
        case Answer.CONFIGURATION | Answer.NOT_FOUND:
            return "the store does not take this request"
        case Answer.CORRUPT:
            return "other bytes arrived than were sent"
        case Answer.EXISTS | Answer.CONCURRENT | Answer.LOCKED:
            return "another write of the same key is under way"


def _label(code: str) -> str:
    """Keep what a code may consist of: a server can put anything there."""
    return re.sub(r"[^A-Za-z0-9_.:-]", "", code)[:64] or "no code"
