"""Which conversations a first policy may claim, from those that lie on a machine. Pure.

A suggestion is a folder or a group of repositories that most of them belong to; it never claims
a home folder as a whole, and never what nobody claims: that an admin must want.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.format.keys import NAME_PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Seen", "Suggestion", "suggestion", "tenant_name"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A folder in which conversations were held: absolute, ``/`` between its parts.

    ``remotes`` are ``host/organisation/repository``.
    """

    folder: str
    conversations: int
    remotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Patterns for a policy, most conversations first, with their numbers."""

    git_remotes: tuple[tuple[str, int], ...] = ()
    working_directories: tuple[tuple[str, int], ...] = ()


def suggestion(seen: Iterable[Seen], home: str) -> Suggestion:
    """Group what was seen by the organisation of its repository, else by the folder above it."""
    remotes: Counter[str] = Counter()
    folders: Counter[str] = Counter()
    for one in seen:
        groups = {group for remote in one.remotes if (group := _organisation(remote))}
        remotes.update(dict.fromkeys(groups, one.conversations))
        if not groups and (group := _above(one.folder, home.rstrip("/"))):
            folders[group] += one.conversations
    return Suggestion(tuple(remotes.most_common()), tuple(folders.most_common()))


def tenant_name(found: Suggestion, user: str) -> str:
    """Give a name for the tenant: that of the commonest organisation, else of the user."""
    texts = [pattern.split("/")[1] for pattern, _ in found.git_remotes[:1]]
    for text in (*texts, user.partition("@")[0]):
        name = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:64].strip("-")
        if re.fullmatch(NAME_PATTERN, name):
            return name
    return "team"


def _organisation(remote: str) -> str:
    parts = remote.split("/")
    # A pattern with a star of its own would mean more than was seen.
    return f"{parts[0]}/{parts[1]}/*" if len(parts) > 2 and "*" not in remote else ""  # noqa: PLR2004


def _above(folder: str, home: str) -> str:
    parent, _, name = folder.rstrip("/").rpartition("/")
    if not name or "*" in folder or folder.rstrip("/") == home:
        return ""
    # A project that lies in the home folder itself stands for itself.
    chosen = folder if parent in ("", home) else parent
    inside = home and chosen.startswith(f"{home}/")
    return f"{'~' + chosen[len(home) :] if inside else chosen.rstrip('/')}/**"
