"""One way in which a policy reaches this machine, followed: plain, or signed.

See `archiver.distribution.watch`, which chooses between the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from archiver.distribution.judge import Reason, Refusal
from archiver.distribution.succession import Origin
from archiver.errors import PolicyError, PolicyUnreachable
from archiver.evidence.policies import MAX_BYTES
from archiver.policy import reading
from archiver.policy import watch as plain
from archiver.policy.load import find
from archiver.policy.watch import mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from archiver.distribution.fetch import Fetched
    from archiver.distribution.judge import Accepted
    from archiver.distribution.succession import Succession
    from archiver.policy.load import LoadedPolicy
    from archiver.policy.source import Source
    from archiver.policy.watch import Mark

__all__ = ["Asking", "Plain", "Signed", "Standing"]

_PASSING: Final = (Reason.CLOCK, Reason.STALE, Reason.NOT_KEPT, Reason.UNREADABLE)
"""Reasons that may go by themselves: when the clock is set, when the disk has room."""


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


class Plain:
    """A policy that nobody signed."""

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


class Signed:
    """Signed policies, from files or from an address. ``broken`` is what is wrong with the source.

    ``answer`` is what an address has answered and nobody has judged yet.
    """

    def __init__(
        self,
        succession: Succession,
        source: Source | None,
        places: tuple[Path, ...],
        clock: Callable[[], datetime],
        broken: Refusal | None = None,
    ) -> None:
        self.answer: tuple[str, Fetched | PolicyUnreachable] | None = None
        self._succession = succession
        self._source = source
        self._places = places
        self._clock = clock
        self.broken = broken
        self._file: tuple[Path, Mark, int] | None = None
        self._refusal: Refusal | None = None
        self._unreachable: str | None = None

    @property
    def asking(self) -> Asking | None:
        """What to ask an address for."""
        if self._source is None or self._source.url is None:
            return None
        known = self._succession.mark
        mine = known is not None and known.url == self._source.url
        etag = known.etag if known and mine and self._succession.current else None
        asked_at = known.fetched_at if known and mine else None
        return Asking(self._source.url, etag, self._source.refresh_seconds, asked_at)

    def check(self) -> Standing:
        """Look once."""
        if self._source is not None:
            look = self._look_at_files if self._source.url is None else self._look_at_answer
            look()
        succession = self._succession
        current = succession.current
        refusals = (self.broken, self._refusal, succession.spoiled)
        return Standing(
            current.loaded if current else None,
            pinned=True,
            signed=current,
            refusals=tuple(one for one in refusals if one),
            source=(self._source.url if self._source else None)
            or str(self._file[0] if self._file else ", ".join(map(str, self._places))),
            fetched_at=succession.mark.fetched_at if succession.mark else None,
            unreachable=self._unreachable,
        )

    def _look_at_answer(self) -> None:
        if self.answer is None:
            return
        (url, answer), self.answer = self.answer, None
        if self._source is None or url != self._source.url:
            return  # it was asked before the source was another one
        if isinstance(answer, PolicyUnreachable):
            self._unreachable = str(answer)
            return
        self._unreachable = None
        origin, body = Origin(url, answer.etag), answer.body
        succession = self._succession
        refused = succession.heard(origin) if body is None else succession.offer(body, origin)
        self._refusal = _of(url, refused)

    def _look_at_files(self) -> None:
        path = find(self._places)
        if path is None:
            self._file, self._refusal = None, self._gone()
            return
        # The mark is taken before the read: what changes meanwhile is seen the next time.
        now = mark(path)
        if (path, now, self._turn()) == self._file:
            return
        try:
            self._refusal = _of(path, self._succession.offer(reading.read(path, MAX_BYTES)))
        except PolicyError as error:
            self._refusal = Refusal(Reason.UNREADABLE, (str(error),), error.advice)
        self._file = (path, now, self._turn())

    def _turn(self) -> int:
        """Give the minute, where what was refused may be taken without having changed."""
        passing = self._refusal is not None and self._refusal.reason in _PASSING
        return int(self._clock().timestamp()) // 60 if passing else 0

    def _gone(self) -> Refusal:
        where = " or ".join(map(str, self._places))
        current = self._succession.current
        stays = f"number {current.signed.number} stays" if current else "no other one is kept"
        advice = "Put it back. Who captures nothing is told so by a policy without enabled tenants."
        return Refusal(Reason.GONE, (f"no signed policy stands at {where}; {stays}",), advice)


def _of(where: Path | str, refusal: Refusal | None) -> Refusal | None:
    """Name what was refused."""
    if refusal is None:
        return None
    return replace(refusal, problems=tuple(f"{where}: {line}" for line in refusal.problems))
