"""The folders in which assistants keep their files, on each system.

A root may itself be a link (people move ``~/.claude`` to another disk); two names of one
folder are one root. What lies inside is never reached through a link.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archiver.assistants.protocol import Places, Tree

__all__ = ["Root", "below", "editor_folders", "named_by", "present"]

_EDITORS: Final = ("Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf")
_SERVERS: Final = (
    "vscode-server",
    "vscode-server-insiders",
    "vscodium-server",
    "cursor-server",
    "windsurf-server",
)


class Root(msgspec.Struct, frozen=True):
    """One folder to look into.

    ``label`` is the first part of its streams' names and keeps apart what two roots hold under
    one name; empty for the usual root.
    """

    label: str
    path: Path

    def parts(self, *names: str) -> tuple[str, ...]:
        """Give the parts of a stream's name."""
        return (self.label, *names) if self.label else names


@lru_cache(maxsize=16384)
def below(folder: Path, *names: str) -> Path:
    """Join, and remember: a sweep asks for the same folders every time."""
    return folder.joinpath(*names)


def named_by(places: Places, variable: str) -> Path | None:
    """Give the folder that an environment variable names, if it names one."""
    value = places.environ.get(variable, "")
    if value == "~" or value.startswith(("~/", "~\\")):
        return places.home / value[2:]
    path = Path(value)
    return path if path.is_absolute() else None


def present(roots: Iterable[Root], tree: Tree) -> Iterator[Root]:
    """Yield the roots that are there, each folder once, under its first name."""
    seen = set()
    for root in roots:
        identity = tree.identity(root.path)
        if identity is not None and identity not in seen:
            seen.add(identity)
            yield root


def editor_folders(places: Places) -> Iterator[Root]:
    """Yield the user folders of VS Code and its kin, local and on remote hosts."""
    home = places.home
    if places.platform == "darwin":
        base = below(home, "Library", "Application Support")
    elif places.platform == "win32":
        base = named_by(places, "APPDATA") or below(home, "AppData", "Roaming")
    else:
        base = named_by(places, "XDG_CONFIG_HOME") or below(home, ".config")
    for editor in _EDITORS:
        yield Root(editor, below(base, editor, "User"))
    for server in _SERVERS:
        yield Root(server, below(home, f".{server}", "data", "User"))
