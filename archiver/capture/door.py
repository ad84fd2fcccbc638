"""The only way in which capture opens a source file.

Never follows a link at the last step, never blocks on a pipe, reads plain files only.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, BinaryIO, Final

from archiver.spool.values import Glance

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["glance", "glance_of", "nearest_device", "open_plain"]

_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def _of(status: os.stat_result) -> Glance:
    return Glance(
        size=status.st_size,
        modified=status.st_mtime_ns,
        changed=status.st_ctime_ns,
        inode=status.st_ino,
        device=status.st_dev,
    )


def glance(path: Path | str) -> Glance | None:
    """Look at a file without opening it; ``None`` where it is not there or is no plain file.

    Raises `OSError` where looking itself was refused.
    """
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _of(status) if stat.S_ISREG(status.st_mode) else None


def glance_of(file: BinaryIO) -> Glance:
    """Look at an open file."""
    return _of(os.fstat(file.fileno()))


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading; raise `OSError` for anything else."""
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise IsADirectoryError(errno.EISDIR, "not a plain file", str(path))
    return os.fdopen(descriptor, "rb", buffering=0)


def nearest_device(path: Path) -> int | None:
    """Give the device of the nearest folder above ``path`` that exists.

    Where it is not the device that the file was on, a volume is missing, not a file.
    """
    for folder in path.parents:
        try:
            return folder.stat().st_dev
        except OSError:
            continue
    return None
