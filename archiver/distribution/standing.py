"""What a look for the policy finds, and the look for one that nobody signed.

This is all that a machine without a ``source.toml`` needs; the rest of the package is imported
where one stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from archiver.distribution.refusals import Reason, Refusal
from archiver.policy import watch as plain

if TYPE_CHECKING:
    from archiver.distribution.fetch import Fetched
    from archiver.distribution.judge import Accepted
    from archiver.errors import PolicyUnreachable
    from archiver.policy.load import LoadedPolicy

__all__ = ["Asking", "Following", "Plain", "Standing"]


@dataclass(frozen=True, slots=True)
class Asking:
    """An address to ask, every so many seconds; ``asked_at`` is when it last answered."""

    url: str
    etag: str | None
    seconds: int
    asked_at: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a look has found.

    ``loaded`` is in force, ``changed`` says that it was not at the last look, or that a file
    which it names is another one. ``signed`` is given where it is signed, ``source`` names the
    file or the address that it is taken from. ``unreachable`` says why that gave no answer.
    """

    loaded: LoadedPolicy | None
    changed: bool = False
    pinned: bool = False
    signed: Accepted | None = None
    refusals: tuple[Refusal, ...] = ()
    source: str | None = None
    fetched_at: str | None = None
    unreachable: str | None = None


class Following(Protocol):
    """One way in which a policy reaches this machine."""

    @property
    def pinned(self) -> bool:
        """Whether only signed policies count."""
        ...

    @property
    def asking(self) -> Asking | None:
        """What to ask an address for, if it comes from one."""
        ...

    @property
    def broken(self) -> Refusal | None:
        """What is wrong with the source.toml."""
        ...

    def check(self) -> Standing:
        """Look once."""
        ...

    def take(self, url: str, answer: Fetched | PolicyUnreachable) -> None:
        """Hand in what an address has answered, for the next look."""
        ...


class Plain:
    """A policy that nobody signed."""

    pinned = False
    asking: Asking | None = None
    broken: Refusal | None = None

    def __init__(self, watch: plain.Watch) -> None:
        self._watch = watch

    def check(self) -> Standing:
        """Look once."""
        outcome = self._watch.check()
        if isinstance(outcome, plain.Gone):
            return Standing(None)
        source = str(outcome.loaded.path) if outcome.loaded else None
        if isinstance(outcome, plain.Refused):
            refusal = Refusal(Reason.INVALID, outcome.problems, outcome.advice)
            return Standing(outcome.loaded, refusals=(refusal,), source=source)
        return Standing(outcome.loaded, source=source)

    def take(self, url: str, answer: Fetched | PolicyUnreachable) -> None:
        """Do without it: it was asked for while a source.toml stood there."""
