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

from archiver.credentials.places import path_of
from archiver.distribution.standing import Plain
from archiver.policy import watch as plain
from archiver.policy.load import find
from archiver.policy.watch import mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from archiver.distribution.fetch import Fetched
    from archiver.distribution.standing import Asking, Following, Standing
    from archiver.errors import PolicyUnreachable
    from archiver.policy.folders import Folders
    from archiver.policy.load import LoadedPolicy
    from archiver.policy.watch import Mark

__all__ = ["Watch"]


class Watch:
    """Looks for the policy of one machine and user.

    ``state`` is the folder in which the accepted one is kept, ``config`` the only file that
    counts besides a ``source.toml``, if one was named. ``keeps`` is false for who looks beside
    a daemon; with ``apart``, signatures are verified in another process.
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
        apart: bool = False,
    ) -> None:
        self._folders = folders
        self._state = state
        self._config = config
        self._known = known_assistants
        self._clock = clock
        self._keeps = keeps
        self._apart = apart
        self._source_mark: tuple[Path, Mark] | None = None
        self._follow: Following = self._plain()
        self._told: tuple[object, ...] | None = None
        self._minute = 0

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
        return self._follow.pinned

    @property
    def asking(self) -> Asking | None:
        """What to ask an address for, if the policy comes from one."""
        return self._follow.asking

    def take(self, url: str, answer: Fetched | PolicyUnreachable) -> None:
        """Hand in what ``url`` has answered; the next look judges it."""
        self._follow.take(url, answer)

    def _look_for_source(self) -> None:
        path = find(self._folders.sources)
        now = (path, mark(path)) if path else None
        if now == self._source_mark and not (self._follow.broken and self._is_minute()):
            return
        self._source_mark = now
        self._follow = self._signed(path) if path else self._plain()

    def _is_minute(self) -> bool:
        """Tell whether a minute began since the last look: perhaps it was the disk."""
        before, self._minute = self._minute, int(self._clock().timestamp()) // 60
        return before != self._minute

    def _plain(self) -> Plain:
        places = (self._config,) if self._config else self._folders.plain
        return Plain(plain.Watch(places, known_assistants=self._known))

    def _signed(self, path: Path) -> Following:
        # What most machines do not need takes memory.
        from archiver.distribution.following import Place, follow  # noqa: PLC0415

        place = Place(
            folders=self._folders,
            state=self._state,
            config=self._config,
            known_assistants=self._known,
            clock=self._clock,
            keeps=self._keeps,
            apart=self._apart,
        )
        return follow(path, place)


def _identity(loaded: LoadedPolicy | None) -> tuple[object, ...] | None:
    if loaded is None:
        return None
    tenants = loaded.policy.tenants
    kept = (path_of(one.id) for one in tenants if one.store.kind != "folder")
    return loaded.path, loaded.fingerprint, tuple(map(mark, (*loaded.references, *kept)))
