"""Files that are there, whole, after the power went; or not there at all.

The promise of each function, kept on every platform that archiver runs on:

* `write_new` and `replace`: after they return, the named file survives a power cut with
  exactly these bytes: temporary file, full sync, rename, directory sync. Before they
  return, the name holds what it held before.
* `remove`: the name goes; that it is gone may be forgotten by a power cut, which is why
  every caller can bear to see the file again.
* a full sync reaches the platter: on macOS ``fsync`` stops at the drive's cache and
  ``F_FULLFSYNC`` does not (https://developer.apple.com/library/archive/documentation/System/
  Conceptual/ManPages_iPhoneOS/man2/fsync.2.html).

This module and its neighbours are the only ones that sync, rename, unlink or lock. `reached`
marks the points between two durable steps; tests kill the process there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sys
from typing import TYPE_CHECKING, Final

from archiver.errors import DiskFull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = [
    "TEMPORARY_PREFIX",
    "make_private_file",
    "make_private_folder",
    "move",
    "observer",
    "publish",
    "reached",
    "remove",
    "remove_if_empty",
    "replace",
    "sweep",
    "sync_folder",
    "write_new",
]

TEMPORARY_PREFIX: Final = ".tmp-"
"""Names that start so were never finished; `sweep` removes them."""

_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
_FULL_SYNC: Final = 51  # fcntl.F_FULLFSYNC, which typeshed knows on macOS only


def _ignore(_point: str) -> None:
    """Do nothing: nobody watches."""


observer: Callable[[str], None] = _ignore
"""Called at every `reached`. Tests put a function here that kills the process."""


def reached(point: str) -> None:
    """Mark a point between two durable steps, by a name that a test can ask for."""
    observer(point)


def _full_sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - not there on Windows

        try:
            fcntl.fcntl(descriptor, _FULL_SYNC)
        except OSError:
            # Network volumes refuse F_FULLFSYNC; fsync is the best that they have.
            os.fsync(descriptor)
    else:
        os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """Make the names in ``path`` durable. Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _full_sync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems cannot sync a directory, and say so.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _room_needed(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(
                f"no room left to write in {path.parent}",
                advice="Free some space; archiver goes on by itself and has lost nothing.",
            ) from error
        raise


def _write_temporary(path: Path, body: bytes) -> Path:
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o600)
    try:
        view = memoryview(body)
        while view:
            view = view[os.write(descriptor, view) :]
        _full_sync(descriptor)
    except BaseException:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)
        raise
    os.close(descriptor)
    return temporary


def replace(path: Path, body: bytes) -> None:
    """Write ``path`` whole, over whatever it held. Raise `DiskFull` without touching it."""
    with _room_needed(path):
        temporary = _write_temporary(path, body)
    reached("file.written")
    temporary.replace(path)
    reached("file.renamed")
    sync_folder(path.parent)


def publish(path: Path, body: bytes) -> None:
    """Write ``path`` whole for readers of this moment; a power cut may forget it.

    For what is written again soon anyway: no sync, so no disk is woken.
    """
    with _room_needed(path):
        temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
        temporary.write_bytes(body)
        temporary.replace(path)


def write_new(path: Path, body: bytes) -> None:
    """Write ``path`` whole if no such name exists; else raise `FileExistsError`.

    Two writers that race: one wins, the other sees `FileExistsError`.
    """
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    with _room_needed(path):
        temporary = _write_temporary(path, body)
        reached("file.written")
        try:
            _claim(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    reached("file.renamed")
    sync_folder(path.parent)


def _claim(temporary: Path, path: Path) -> None:
    """Give ``temporary`` its name without ever replacing another file."""
    if sys.platform == "win32":
        temporary.rename(path)  # raises FileExistsError where the name is taken
        return
    try:
        os.link(temporary, path)
    except OSError as error:
        # exFAT, some SMB and FUSE mounts have no hard links; rename is then the nearest.
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        temporary.rename(path)


def remove(path: Path) -> None:
    """Remove a file that may be gone already."""
    path.unlink(missing_ok=True)


def remove_if_empty(folder: Path) -> bool:
    """Remove a folder in which nothing is, durably; tell whether it is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False  # something is in it, or came into it just now
    sync_folder(folder.parent)
    return True


def make_private_folder(path: Path) -> None:
    """Make a folder, and those above it, that only its user can enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Make a file that only its user can read, where none is; leave its bytes alone."""
    path.touch(mode=0o600)
    path.chmod(0o600)


def sweep(folder: Path) -> int:
    """Remove what was being written in ``folder`` when the power went; give the count."""
    count = 0
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(TEMPORARY_PREFIX):
                remove(folder / entry.name)
                count += 1
    return count


def move(source: Path, target: Path) -> None:
    """Rename a file within one file system; both folders are synced."""
    source.rename(target)
    sync_folder(target.parent)
    sync_folder(source.parent)
