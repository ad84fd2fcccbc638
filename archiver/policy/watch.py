"""Notice that the policy changed, cheaply enough to ask at every tick.

What `Watch.check` promises:

* a changed document that is valid is in force from this check on;
* one that is not valid is refused, and the last valid one stays in force;
* one that is gone leaves nothing in force: nobody is enabled;
* a change of a file that the policy names (a key, credentials) counts as a change of it.

A check without a change costs one ``stat`` for each of these files and reads nothing. Limit: a
document that is overwritten in place, within one step of the file system's clock after it was
read, and with the same size, is not seen to have changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.errors import PolicyError, PolicyInvalid
from archiver.policy.load import find, load

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.policy.load import LoadedPolicy

__all__ = ["Changed", "Gone", "Mark", "Outcome", "Refused", "Same", "Watch", "mark"]


@dataclass(frozen=True, slots=True)
class Changed:
    """``loaded`` is new, or a file that it names is."""

    loaded: LoadedPolicy


@dataclass(frozen=True, slots=True)
class Same:
    """``loaded`` is in force, as before."""

    loaded: LoadedPolicy


@dataclass(frozen=True, slots=True)
class Refused:
    """The document cannot be used. ``loaded`` stays in force, if there ever was one."""

    problems: tuple[str, ...]
    advice: str
    loaded: LoadedPolicy | None


@dataclass(frozen=True, slots=True)
class Gone:
    """No document stands at any of the places. Nothing is in force."""


Outcome = Changed | Same | Refused | Gone

Mark = tuple[int, ...] | None


class Watch:
    """Watches the first of ``places`` where a document stands.

    ``known_assistants`` is what `archiver.policy.load.load` takes.
    """

    def __init__(self, places: tuple[Path, ...], *, known_assistants: frozenset[str]) -> None:
        self._places = places
        self._known_assistants = known_assistants
        self._document: tuple[Path, Mark] | None = None
        self._latest: LoadedPolicy | Refused | None = None
        self._told: tuple[Path, str, tuple[Mark, ...]] | None = None

    def check(self) -> Outcome:
        """Look once. `Changed` is said once; the other outcomes for as long as they hold."""
        path = find(self._places)
        if path is None:
            self._document = self._latest = self._told = None
            return Gone()
        # The mark is taken before the read: what changes meanwhile is seen the next time.
        document = (path, mark(path))
        if self._latest is None or document != self._document:
            self._document = document
            self._latest = self._read(path)
        loaded = _in_force(self._latest)
        if loaded is not None:
            now = (loaded.path, loaded.fingerprint, tuple(map(mark, loaded.references)))
            if now != self._told:
                self._told = now
                return Changed(loaded)
        return self._latest if isinstance(self._latest, Refused) else Same(self._latest)

    def _read(self, path: Path) -> LoadedPolicy | Refused:
        try:
            return load(path, known_assistants=self._known_assistants)
        except PolicyInvalid as error:
            return Refused(error.problems, error.advice, _in_force(self._latest))
        except PolicyError as error:
            self._document = None  # perhaps it was the disk: look again
            return Refused((str(error),), error.advice, _in_force(self._latest))


def _in_force(latest: LoadedPolicy | Refused | None) -> LoadedPolicy | None:
    return latest.loaded if isinstance(latest, Refused) else latest


def mark(path: Path) -> Mark:
    """Give what changes when a file is changed; ``None`` where none can be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)
