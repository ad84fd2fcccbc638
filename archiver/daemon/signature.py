"""The doctor's look at a signed policy: who signed it, how old it is, how long it lasts. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from archiver.daemon.check import Check
from archiver.format.times import parse_rfc3339

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.distribution.judge import Accepted
    from archiver.distribution.standing import Standing

__all__ = ["signature_check"]

_NAME: Final = "policy signature"
_SOON: Final = timedelta(days=7)
_QUIET: Final = timedelta(days=7)
"""How long an address may give no answer before somebody should look."""


def signature_check(found: Standing, now: datetime) -> Check:
    """Check what a machine found that takes only signed policies."""
    what = _described(found.signed, now) if found.signed else "no signed policy is in force"
    where = f"{what}; from {found.source}" if found.source else what
    if found.refusals:
        told = "; ".join(line for one in found.refusals for line in one.problems)
        return Check(_NAME, ok=False, finding=f"{where}; {told}", advice=found.refusals[0].advice)
    if found.signed is None:
        why = found.unreachable or "none has arrived yet"
        advice = "Deliver one that `archiver policy sign` wrote, or correct `url` in source.toml."
        return Check(_NAME, ok=False, finding=f"{where}; {why}", advice=advice)
    ends = found.signed.signed.expires_at
    if ends is not None and parse_rfc3339(ends) <= now + _SOON:
        advice = "Sign it again, with a later end or none, and deliver that; until then it stays."
        return Check(_NAME, ok=False, finding=where, advice=advice)
    if found.unreachable:
        return _unanswered(where, found, now)
    return Check(_NAME, ok=True, finding=where)


def _described(accepted: Accepted, now: datetime) -> str:
    signed = accepted.signed
    days = max((now - parse_rfc3339(signed.created_at)).days, 0)
    made = f"number {signed.number}, signed by {', '.join(accepted.names)} {days} days ago"
    if signed.expires_at is None:
        return f"{made}, without an end"
    word = "its time was over" if signed.is_over(now) else "good"
    return f"{made}, {word} {'at' if signed.is_over(now) else 'until'} {signed.expires_at[:10]}"


def _unanswered(where: str, found: Standing, now: datetime) -> Check:
    last = found.fetched_at
    quiet = last is None or now - parse_rfc3339(last) > _QUIET
    finding = f"{where}; last answer {last or 'never'}: {found.unreachable}"
    advice = "Find out why the address does not answer; what is in force stays meanwhile."
    return Check(_NAME, ok=not quiet, finding=finding, advice=advice if quiet else "")
