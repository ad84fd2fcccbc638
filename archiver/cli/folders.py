"""A folder as an archive: whether it is there, and where in it the tenants lie.

Nothing is made here, and no link is followed.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Final

from archiver.errors import ArchiveError, NotArchived

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["find_prefix", "require_folder"]

_MOST: Final = 5000
"""Folders to look into: a downloaded copy is found, a whole home is not walked."""

_SHOWN: Final = 8


def require_folder(path: Path) -> None:
    """Raise `ArchiveError` where there is no such folder."""
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "is not there"
        raise ArchiveError(
            f"the archive {path} {what}",
            advice="Mount the disk that it is on, or name the folder with --archive.",
        )


def find_prefix(archive: Path) -> str:
    """Give the path from ``archive`` to the one folder that holds ``tenant=`` folders.

    Raises `ArchiveError` where there is none, or more than one.
    """
    require_folder(archive)
    found = list(_prefixes(archive))
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotArchived(
            f"{archive} holds no archive: no folder there is named tenant=…",
            advice="Name the folder above the tenant= folders, or the one that `prefix` lies in.",
        )
    names = ", ".join(found[:_SHOWN])
    raise NotArchived(
        f"{archive} holds {len(found)} archives: {names}{', …' if len(found) > _SHOWN else ''}",
        advice="Name one of them with --prefix.",
    )


def _prefixes(archive: Path) -> Iterator[str]:
    waiting = deque([archive])
    for _ in range(_MOST):
        if not waiting:
            return
        folder = waiting.popleft()
        below = _folders(folder)
        if any(name.startswith("tenant=") for name in below):
            yield "" if folder == archive else folder.relative_to(archive).as_posix()
        else:
            waiting.extend(folder / name for name in below)


def _folders(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(one.name for one in entries if one.is_dir(follow_symlinks=False))
    except OSError:
        return []
