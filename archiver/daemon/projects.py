"""Which folders may hold the files of assistants that write inside projects.

They are named by the policy (``projects``), lie where the tenants' working directories
begin, or are folders that other conversations were held in. A pattern is followed one
folder at a time; ``**`` stands for the folder before it and its direct subfolders, because
nothing here may ever walk a whole home.
"""

from __future__ import annotations

import fnmatch
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archiver.assistants.protocol import Tree
    from archiver.policy.document import Policy

__all__ = ["project_folders"]

_MOST: Final = 2000


def project_folders(
    policy: Policy, tree: Tree, home: Path, worked_in: Iterable[Path]
) -> tuple[Path, ...]:
    """Give the folders to look into, sorted, at most 2,000."""
    patterns = list(policy.projects)
    for tenant in policy.tenants:
        if tenant.enabled:
            patterns += tenant.conversations.working_directories
    found = {folder for pattern in patterns for folder in _expand(pattern, tree, home)}
    found.update(worked_in)
    return tuple(sorted(found)[:_MOST])


def _expand(pattern: str, tree: Tree, home: Path) -> list[Path]:
    path = PurePath(pattern)
    start = home.joinpath(*path.parts[1:]) if path.parts[:1] == ("~",) else Path(path)
    if not start.is_absolute():
        return []
    folders = [Path(start.anchor)]
    for part in start.parts[1:]:
        if part == "**":
            return folders + [one / name for one in folders for name in tree.folders(one)]
        if any(character in part for character in "*?["):
            folders = [
                one / name for one in folders for name in fnmatch.filter(tree.folders(one), part)
            ]
        else:
            folders = [one / part for one in folders]
    return folders
