"""Keys as paths below a root, and back: the rules of `FolderStore`, without its verbs.

Everything here blocks, and is called in a thread. Symbolic links are never followed below
the root.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from archiver.durable import files
from archiver.model.answers import Answer, Listed
from archiver.stores.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["locate", "parts_of", "walk"]

_UNSAFE: Final = frozenset("\\\0" if os.name != "nt" else '\\\0:<>"|?*')


def parts_of(key: str) -> list[str]:
    """Split a key, or raise `StoreError` (CONFIGURATION) where it is no path below a root.

    Refused: an empty part (``a//b``, a leading or final ``/``), ``.`` and ``..`` (they lead
    elsewhere), a backslash or NUL, on Windows also ``:<>"|?*``, and ``.tmp-`` (see
    `archiver.durable.files.TEMPORARY_PREFIX`: such a file would not be listed).
    """
    parts = key.split("/")
    if any(
        part in ("", ".", "..")
        or part.startswith(files.TEMPORARY_PREFIX)
        or not _UNSAFE.isdisjoint(part)
        for part in parts
    ):
        raise refuse(
            Answer.CONFIGURATION,
            f"{key!r} cannot be the key of an object in a folder",
            code="InvalidKey",
            advice="Correct `prefix` in the policy: names separated by single slashes, "
            "without `..` or a backslash.",
        )
    return parts


def locate(root: Path, key: str) -> Path:
    """Give the path of a key, or raise where a symbolic link stands on the way."""
    path = root
    for part in parts_of(key):
        path /= part
        if path.is_symlink():
            raise refuse(
                Answer.CONFIGURATION,
                f"{path} is a symbolic link, and a store does not follow those",
                code="SymbolicLink",
                advice="Replace the link by what it points to, or name that folder in the policy.",
            )
    return path


def walk(root: Path, prefix: str, after: str) -> Iterator[Listed]:
    """Yield objects in byte order of their keys; hold one folder's names at a time."""
    start = prefix.rpartition("/")[0]
    if start:
        yield from _walk(locate(root, start), f"{start}/", prefix, after)
    else:
        yield from _walk(root, "", prefix, after)


def _walk(folder: Path, base: str, prefix: str, after: str) -> Iterator[Listed]:
    for name, is_folder in _names(folder):
        key = base + name
        if is_folder:
            wanted = key.startswith(prefix) or prefix.startswith(key)
            if wanted and (key > after or after.startswith(key)):
                yield from _walk(folder / name[:-1], key, prefix, after)
        elif key.startswith(prefix) and key > after:
            with contextlib.suppress(FileNotFoundError):  # deleted since it was named
                yield Listed(key, (folder / name).stat(follow_symlinks=False).st_size)


def _names(folder: Path) -> list[tuple[str, bool]]:
    """Give the names in a folder, folders with a final ``/``, in the order of their keys.

    With the slash, sorting one folder's names sorts the keys below it: ``a-b`` is before
    ``a/b``, though ``a`` is before ``a-b``. Unicode order is byte order in UTF-8.
    """
    names = []
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    with entries:
        for entry in entries:
            if entry.name.startswith(files.TEMPORARY_PREFIX) or not _is_unicode(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                names.append((f"{entry.name}/", True))
            elif entry.is_file(follow_symlinks=False):
                names.append((entry.name, False))
    return sorted(names)


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
