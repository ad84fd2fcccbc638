"""The policy in force on a machine, looked for again and again, cheaply.

Where no ``source.toml`` stands, that is the first plain policy (`archiver.policy.watch`). Where
one stands, the machine's before the user's, only signed policies count, and nothing that this
user names goes around it: what ``--config`` names must be signed by the same keys.

* From files (no ``url``): the first of the places where something stands is offered to the
  `Succession`. A file that is gone, or is refused, changes nothing of what is in force.
* From a ``url``: `asking` says what to ask it for, whoever asks hands in the answer with
  `take`, and the next look judges it. Nothing here waits for a network.

A look without a change costs one ``stat`` for each of these files and reads nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archiver.credentials.keeping import path_of
from archiver.distribution import keeping
from archiver.distribution.following import Asking, Plain, Signed, Standing
from archiver.distribution.judge import Reason, Refusal
from archiver.distribution.succession import Rules, Succession
from archiver.errors import ArchiverError, PolicyInvalid, PolicyUnreadable
from archiver.evidence import policies
from archiver.evidence.verifier import VerifierKey
from archiver.policy import watch as plain
from archiver.policy.load import find, understood
from archiver.policy.source import load_source
from archiver.policy.watch import mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from archiver.distribution.fetch import Fetched
    from archiver.distribution.judge import Verify
    from archiver.errors import PolicyUnreachable
    from archiver.evidence.policies import SignedPolicy
    from archiver.policy.folders import Folders
    from archiver.policy.load import LoadedPolicy
    from archiver.policy.watch import Mark

__all__ = ["Asking", "Standing", "Watch"]


class Watch:
    """Looks for the policy of one machine and user.

    ``state`` is the folder in which the accepted one is kept, ``config`` the only file that
    counts besides a ``source.toml``, if one was named. ``keeps`` is false for who looks beside
    a daemon; ``verify`` is `policies.signing`, or does the same in another process.
    """

    def __init__(
        self,
        folders: Folders,
        state: Path,
        *,
        known_assistants: frozenset[str],
        clock: Callable[[], datetime],
        config: Path | None = None,
        keeps: bool = True,
        verify: Verify = policies.signing,
    ) -> None:
        self._folders = folders
        self._state = state
        self._config = config
        self._known = known_assistants
        self._rules = Rules(verify, self._understood, clock, keeps)
        self._source_mark: tuple[Path, Mark] | None = None
        self._unread = False  # perhaps it was the disk: look again
        self._follow: Plain | Signed = self._plain()
        self._told: tuple[object, ...] | None = None

    def check(self) -> Standing:
        """Look once."""
        self._look_for_source()
        found = self._follow.check()
        told = _identity(found.loaded)
        changed, self._told = told != self._told, told
        return replace(found, changed=changed)

    @property
    def pinned(self) -> bool:
        """Whether only signed policies count, as far as a look now can tell."""
        self._look_for_source()
        return isinstance(self._follow, Signed)

    @property
    def asking(self) -> Asking | None:
        """What to ask an address for, if the policy comes from one."""
        return self._follow.asking if isinstance(self._follow, Signed) else None

    def take(self, url: str, answer: Fetched | PolicyUnreachable) -> None:
        """Hand in what ``url`` has answered; the next look judges it."""
        if isinstance(self._follow, Signed):
            self._follow.answer = (url, answer)

    def _look_for_source(self) -> None:
        path = find(self._folders.sources)
        now = (path, mark(path)) if path else None
        if now == self._source_mark and not self._unread:
            return
        self._source_mark, self._unread = now, False
        self._follow = self._signed(path) if path else self._plain()

    def _plain(self) -> Plain:
        places = (self._config,) if self._config else self._folders.plain
        return Plain(plain.Watch(places, known_assistants=self._known))

    def _signed(self, path: Path) -> Signed:
        try:
            source = load_source(path)
            keys = tuple(map(VerifierKey.parse, source.keys))
        except ArchiverError as error:
            self._unread = isinstance(error, PolicyUnreadable)
            lines = error.problems if isinstance(error, PolicyInvalid) else (str(error),)
            problems = tuple(f"{path}: {line}" if str(path) not in line else line for line in lines)
            broken = Refusal(Reason.SOURCE, problems, error.advice)
            if isinstance(self._follow, Signed) and self._follow.broken == broken:
                return self._follow
            succession = Succession(self._state, None, self._rules)
            return Signed(succession, None, (), self._rules.clock, broken)
        places = (self._config,) if self._config else self._folders.signed
        if self._config:
            source = source.model_copy(update={"url": None})
        succession = Succession(self._state, keys, self._rules)
        return Signed(succession, source, places, self._rules.clock)

    def _understood(self, signed: SignedPolicy) -> LoadedPolicy:
        return understood(
            self._state / keeping.BODY,
            signed.document.encode(),
            f".{signed.format}",
            known_assistants=self._known,
        )


def _identity(loaded: LoadedPolicy | None) -> tuple[object, ...] | None:
    if loaded is None:
        return None
    tenants = loaded.policy.tenants
    kept = (path_of(one.id) for one in tenants if one.store.kind != "folder")
    return loaded.path, loaded.fingerprint, tuple(map(mark, (*loaded.references, *kept)))
