"""A signed policy, followed where it comes from: a file, or an address.

`follow` begins with a ``source.toml``; see `archiver.distribution.watch`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from archiver.distribution import keeping
from archiver.distribution.apart import verify_apart
from archiver.distribution.refusals import Reason, Refusal
from archiver.distribution.standing import Asking, Standing
from archiver.distribution.succession import Origin, Rules, Succession
from archiver.errors import (
    ArchiverError,
    PolicyError,
    PolicyInvalid,
    PolicyUnreachable,
)
from archiver.evidence.policies import MAX_BYTES, signing
from archiver.evidence.verifier import VerifierKey
from archiver.policy import reading
from archiver.policy.load import find, understood
from archiver.policy.source import load_source
from archiver.policy.watch import mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from archiver.distribution.fetch import Fetched
    from archiver.evidence.policies import SignedPolicy
    from archiver.policy.folders import Folders
    from archiver.policy.load import LoadedPolicy
    from archiver.policy.source import Source
    from archiver.policy.watch import Mark

__all__ = ["Place", "Signed", "follow"]

_PASSING: Final = (Reason.CLOCK, Reason.STALE, Reason.NOT_KEPT, Reason.UNREADABLE)
"""Reasons that may go by themselves: when the clock is set, when the disk has room."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where is looked, and how it is judged: what `archiver.distribution.watch.Watch` was told."""

    folders: Folders
    state: Path
    config: Path | None
    known_assistants: frozenset[str]
    clock: Callable[[], datetime]
    keeps: bool
    apart: bool

    @property
    def rules(self) -> Rules:
        """How it is judged."""
        verify = verify_apart if self.apart else signing
        return Rules(verify, self.understood, self.clock, self.keeps)

    def understood(self, signed: SignedPolicy) -> LoadedPolicy:
        """Read the policy that was signed; raise `PolicyError`."""
        return understood(
            self.state / keeping.BODY,
            signed.document.encode(),
            f".{signed.format}",
            known_assistants=self.known_assistants,
        )


def follow(path: Path, place: Place) -> Signed:
    """Follow what the ``source.toml`` at ``path`` says.

    Where it cannot be used, what was accepted stays and nothing new is: `Signed.broken`.
    """
    try:
        source = load_source(path)
        keys = tuple(map(VerifierKey.parse, source.keys))
    except ArchiverError as error:
        lines = error.problems if isinstance(error, PolicyInvalid) else (str(error),)
        problems = tuple(line if str(path) in line else f"{path}: {line}" for line in lines)
        broken = Refusal(Reason.SOURCE, problems, error.advice)
        return Signed(Succession(place.state, None, place.rules), None, (), place.clock, broken)
    places = (place.config,) if place.config else place.folders.signed
    if place.config:
        source = source.model_copy(update={"url": None})
    return Signed(Succession(place.state, keys, place.rules), source, places, place.clock)


class Signed:
    """Signed policies, from files or from an address; ``broken`` is what hinders to look there."""

    pinned = True

    def __init__(
        self,
        succession: Succession,
        source: Source | None,
        places: tuple[Path, ...],
        clock: Callable[[], datetime],
        broken: Refusal | None = None,
    ) -> None:
        self._answer: tuple[str, Fetched | PolicyUnreachable] | None = None
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

    def take(self, url: str, answer: Fetched | PolicyUnreachable) -> None:
        """Keep what an address has answered, for the next look."""
        self._answer = (url, answer)

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
        if self._answer is None:
            return
        (url, answer), self._answer = self._answer, None
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
