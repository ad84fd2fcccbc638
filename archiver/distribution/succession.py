"""The signed policies of one machine, one after the other: which is in force, which is next.

The promise: `current` is the highest-numbered policy that was ever accepted here and that a key
signed which is trusted now. It is on the disk before it is in force, so no restart, no deleted
file and no source that is out of reach goes back behind it.

A number binds as long as one of the keys is trusted for whose signature it was accepted: who
replaces a stolen key by another one begins anew, whatever the thief signed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from archiver.distribution import keeping
from archiver.distribution.judge import Accepted, Same, judge, opened, verified
from archiver.distribution.keeping import Mark
from archiver.distribution.refusals import Reason, Refusal
from archiver.errors import Damaged, DiskFull
from archiver.evidence.verifier import VerifierKey
from archiver.format.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from archiver.distribution.judge import Check, Verify

__all__ = ["Origin", "Rules", "Succession"]


@dataclass(frozen=True, slots=True)
class Rules:
    """How it is judged.

    ``verify`` and ``check`` are what `judge.judge` takes. Where ``keeps`` is false nothing is
    written: for who looks beside a daemon.
    """

    verify: Verify
    check: Check
    clock: Callable[[], datetime]
    keeps: bool = True


@dataclass(frozen=True, slots=True)
class Origin:
    """An address, and the ETag that it gave."""

    url: str
    etag: str | None


class Succession:
    """The accepted policies that lie in ``folder``, and those that are offered.

    ``keys`` are trusted now; ``None``: it is not known who is, so what was accepted stays, by the
    word of the keys that it was accepted for, and nothing else is.
    """

    def __init__(self, folder: Path, keys: tuple[VerifierKey, ...] | None, rules: Rules) -> None:
        self.current: Accepted | None = None
        self.mark: Mark | None = None
        self.spoiled: Refusal | None = None
        """What is wrong with the policy that is kept, if it cannot be used."""
        self._folder = folder
        self._keys = keys
        self._rules = rules
        self._recall()

    def offer(self, body: bytes, origin: Origin | None = None) -> Refusal | None:
        """Judge what has arrived, and put it in force if it is next; say why it is not."""
        now = self._rules.clock()
        rules, keys = self._rules, self._keys or ()
        outcome = judge(body, keys, self.mark, now, verify=rules.verify, check=rules.check)
        if isinstance(outcome, Same) and self.current is None:
            outcome = self._again(body, keys)
        match outcome:
            case Same():
                return self.heard(origin) if origin else None
            case Refusal():
                return outcome
            case Accepted():
                return self._accept(outcome, origin, now)

    def heard(self, origin: Origin) -> Refusal | None:
        """Note that the address still gives what is in force."""
        if self.mark is None:
            return None
        at = rfc3339(self._rules.clock())
        mark = msgspec.structs.replace(self.mark, url=origin.url, etag=origin.etag, fetched_at=at)
        return self._keep(None, mark)

    def _again(self, body: bytes, keys: tuple[VerifierKey, ...]) -> Accepted | Refusal:
        """Take back what was accepted once and is lost or spoiled in the state folder."""
        found = verified(body, keys, self._rules.verify)
        return found if isinstance(found, Refusal) else opened(*found, body, self._rules.check)

    def _accept(self, new: Accepted, origin: Origin | None, now: datetime) -> Refusal | None:
        mark = Mark(
            number=new.signed.number,
            sha256=new.signed.sha256,
            by=new.by,
            accepted_at=rfc3339(now),
            url=origin.url if origin else None,
            etag=origin.etag if origin else None,
            fetched_at=rfc3339(now) if origin else None,
        )
        refused = self._keep(new.body, mark)
        if refused is None:
            self.current, self.spoiled = new, None
        return refused

    def _keep(self, body: bytes | None, mark: Mark) -> Refusal | None:
        try:
            if self._rules.keeps and body is not None:
                keeping.accept(self._folder, body, mark)
            elif self._rules.keeps:
                keeping.remark(self._folder, mark)
        except (DiskFull, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            problem = f"it cannot be kept in {self._folder}: {why}"
            advice = "Give this user room there, and the right to write."
            return Refusal(Reason.NOT_KEPT, (problem,), advice, mark.number)
        self.mark = mark
        return None

    def _recall(self) -> None:
        kept = keeping.read(self._folder)
        keys = self._keys if self._keys is not None else _keys_of(kept.mark)
        trusted = {str(key) for key in keys}
        if kept.mark is not None and trusted.intersection(kept.mark.by):
            self.mark = kept.mark
        if kept.body is None:
            return
        found = verified(kept.body, keys, self._rules.verify)
        if isinstance(found, Refusal):
            self.spoiled = self._told(found)
            return
        signed, by = found
        known = kept.mark
        if known is None or (signed.number, signed.sha256) != (known.number, known.sha256):
            if self.mark is not None and signed.number <= self.mark.number:
                # It was put there by another hand.
                problem = f"it has number {signed.number}, not {self.mark.number} as was accepted"
                advice = "Deliver the newest signed policy."
                self.spoiled = self._told(Refusal(Reason.DOWNGRADED, (problem,), advice))
                return
            known = Mark(
                number=signed.number,
                sha256=signed.sha256,
                by=by,
                accepted_at=rfc3339(self._rules.clock()),
            )
        self.mark = known
        outcome = opened(signed, by, kept.body, self._rules.check)
        if isinstance(outcome, Refusal):
            self.spoiled = self._told(outcome)
        else:
            self.current = outcome

    def _told(self, refusal: Refusal) -> Refusal:
        """Say that it is what was kept."""
        where = self._folder / keeping.BODY
        return replace(refusal, problems=tuple(f"{where}: {one}" for one in refusal.problems))


def _keys_of(mark: Mark | None) -> tuple[VerifierKey, ...]:
    try:
        return tuple(VerifierKey.parse(text) for text in mark.by) if mark else ()
    except Damaged:
        return ()
