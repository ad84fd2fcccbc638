"""Which signed policy is put in force, and why another one is not. Pure.

What arrives is refused, in this order, where it

1. is no signed policy at all, or signed by nobody who is trusted (`Reason.UNSIGNED`,
   `Reason.ANOTHER_KEY`), or claims a trusted key's signature falsely (`Reason.FORGED`);
2. is older than what was accepted (`Reason.DOWNGRADED`), or has the same number and says
   something else (`Reason.CONTRADICTING`);
3. was made in the future by this machine's clock (`Reason.CLOCK`), or its time was over when it
   was first seen (`Reason.STALE`);
4. holds a policy that is not valid (`Reason.INVALID`).

What was accepted stays in force until a newer one is accepted. Its own end is told, and is no
reason to capture nothing: only an admin's word is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from archiver.distribution.refusals import Reason, Refusal
from archiver.errors import ArchiverError, PolicyError, PolicyInvalid
from archiver.evidence import policies
from archiver.evidence.documents import moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from archiver.evidence.policies import SignedPolicy, Signing
    from archiver.evidence.verifier import VerifierKey
    from archiver.policy.load import LoadedPolicy

    Verify = Callable[[bytes, tuple[VerifierKey, ...]], Signing]
    Check = Callable[[SignedPolicy], LoadedPolicy]

__all__ = ["Accepted", "Last", "Reason", "Refusal", "Same", "judge", "opened", "verified"]

AHEAD: Final = timedelta(days=1)
"""How far an admin's clock may be ahead of this machine's."""


class Last(Protocol):
    """What was accepted last: its number, and the sha256 (hex) of what it says."""

    @property
    def number(self) -> int:
        """The number."""
        ...

    @property
    def sha256(self) -> str:
        """The hash."""
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """A policy that may be put in force. ``by`` are the trusted keys that signed it."""

    signed: SignedPolicy
    by: tuple[str, ...]
    body: bytes
    loaded: LoadedPolicy

    @property
    def names(self) -> tuple[str, ...]:
        """Who signed, by name."""
        return tuple(text.partition("+")[0] for text in self.by)


@dataclass(frozen=True, slots=True)
class Same:
    """It says what was accepted last."""


def judge(
    body: bytes,
    keys: tuple[VerifierKey, ...],
    last: Last | None,
    now: datetime,
    *,
    verify: Verify,
    check: Check,
) -> Accepted | Same | Refusal:
    """Judge what has arrived. ``last`` is what was accepted last, if anything was.

    ``verify`` says which keys signed (`policies.signing`, here or in another process); ``check``
    reads the policy that was signed, or raises `PolicyError`.
    """
    found = verified(body, keys, verify)
    if isinstance(found, Refusal):
        return found
    signed, by = found
    if last is not None and (signed.number, signed.sha256) == (last.number, last.sha256):
        return Same()
    refused = _order(signed, last) or _times(signed, now)
    return refused or opened(signed, by, body, check)


def verified(
    body: bytes, keys: tuple[VerifierKey, ...], verify: Verify
) -> tuple[SignedPolicy, tuple[str, ...]] | Refusal:
    """Give what was signed, and by which of ``keys``."""
    try:
        signing = verify(body, keys)
    except ArchiverError:
        return Refusal(
            Reason.UNSIGNED,
            ("it is not signed: this machine takes only a policy that its admin signed",),
            "Sign it: archiver policy sign FILE --admin-key KEY --to policy.signed.",
        )
    if signing.wrong or not signing.by:
        return _not_by(signing)
    try:
        return policies.read(body), signing.by
    except ArchiverError as error:
        return Refusal(Reason.INVALID, (str(error),), "Sign it again, or install a newer archiver.")


def opened(
    signed: SignedPolicy,
    by: tuple[str, ...],
    body: bytes,
    check: Check,
) -> Accepted | Refusal:
    """Read the policy itself."""
    try:
        return Accepted(signed, by, body, check(signed))
    except PolicyError as error:
        lines = error.problems if isinstance(error, PolicyInvalid) else ()
        advice = "Correct it where it is written, check it with `archiver policy validate`, sign it"
        return Refusal(
            Reason.INVALID, lines or (str(error),), f"{advice} again.", number=signed.number
        )


def _not_by(signing: Signing) -> Refusal:
    if signing.wrong:
        names = ", ".join(text.partition("+")[0] for text in signing.wrong)
        return Refusal(
            Reason.FORGED,
            (f"the signature of {names} is not valid: it was altered after it was signed",),
            "Deliver it again from where it was signed; find out who changed it.",
        )
    return Refusal(
        Reason.ANOTHER_KEY,
        ("it is signed, but by no key that this machine trusts",),
        "Sign it with a key whose public half stands in `keys` of source.toml, or add the key.",
    )


def _order(signed: SignedPolicy, last: Last | None) -> Refusal | None:
    if last is None or signed.number > last.number:
        return None
    if signed.number < last.number:
        return Refusal(
            Reason.DOWNGRADED,
            (f"it has number {signed.number}; number {last.number} was accepted before",),
            f"Deliver the newest one. To go back, sign the old text with number {last.number + 1}.",
            number=signed.number,
        )
    return Refusal(
        Reason.CONTRADICTING,
        (f"it has number {signed.number} as the accepted one, and says something else",),
        f"Sign what shall count with number {last.number + 1}; find out who signed both.",
        number=signed.number,
    )


def _times(signed: SignedPolicy, now: datetime) -> Refusal | None:
    if moment(signed.created_at) > now + AHEAD:
        return Refusal(
            Reason.CLOCK,
            (f"it was signed at {signed.created_at}, which has not come yet on this machine",),
            "Set this machine's clock, or the one that it was signed with.",
            number=signed.number,
        )
    if signed.is_over(now):
        return Refusal(
            Reason.STALE,
            (f"its time was over at {signed.expires_at}, before it was seen here",),
            "Sign it again, with a later end or none, and deliver that.",
            number=signed.number,
        )
    return None
