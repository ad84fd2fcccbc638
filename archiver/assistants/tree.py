"""The disk, as adapters may see it.

Promises:

* nothing raises: what cannot be read is not there, and `DiskTree.refused` says why;
* no link found in a folder is followed, and only plain files are read: a pipe or a device
  would block. A folder that is asked for by name may be reached through a link;
* asking again costs one ``stat`` a folder: a listing is kept as long as the folder's time
  and inode stand. It is not trusted where the folder changed within two seconds before it
  was listed (another change in the same tick of a coarse clock would not show), nor for
  longer than ten minutes (some network and FAT volumes do not touch a folder's time).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

__all__ = ["DiskTree"]

_UNSETTLED_NS: Final = 2 * 10**9
_TRUSTED_NS: Final = 600 * 10**9
_MOST_LISTINGS: Final = 65536
_KEPT_BYTES: Final = 4 * 1024 * 1024
_READ_ONLY: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)

_Stamp = tuple[int, int, int]


class _Listing(msgspec.Struct, frozen=True):
    stamp: tuple[int, int]
    at: int
    folders: tuple[str, ...]
    files: tuple[str, ...]

    def holds(self, stamp: tuple[int, int], now: int) -> bool:
        return (
            self.stamp == stamp
            and self.at - stamp[0] > _UNSETTLED_NS
            and 0 <= now - self.at <= _TRUSTED_NS
        )


def _scan(path: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    folders, files = [], []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                files.append(entry.name)
            elif entry.is_dir(follow_symlinks=False) and not _is_junction(entry):
                folders.append(entry.name)
    return tuple(sorted(folders)), tuple(sorted(files))


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Tell a Windows folder link, which `is_dir` takes for a folder; known from 3.12 on."""
    return bool(getattr(entry, "is_junction", bool)())


@contextlib.contextmanager
def _plain_file(path: str) -> Iterator[tuple[int, os.stat_result]]:
    """Open a plain file that is no link, or raise ``OSError``."""
    if not hasattr(os, "O_NOFOLLOW") and os.path.islink(path):  # noqa: PTH114 - hot path
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    descriptor = os.open(path, _READ_ONLY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            code = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
            raise OSError(code, os.strerror(code), path)
        yield descriptor, status
    finally:
        os.close(descriptor)


def _read(descriptor: int, size: int) -> bytes:
    pieces = []
    while size > 0 and (piece := os.read(descriptor, min(size, 1024 * 1024))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


class DiskTree:
    """The real disk as a `Tree`.

    Keep one for the life of the process: it holds what it knows about the folders (some 100
    bytes a name) and at most 4 MiB of index files. ``clock`` gives nanoseconds since 1970.
    """

    def __init__(self, *, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._listings: dict[str, _Listing] = {}
        self._wholes: OrderedDict[str, tuple[_Stamp, bytes]] = OrderedDict()
        self._wholes_bytes = 0
        self._refused: dict[str, str] = {}

    @property
    def refused(self) -> dict[Path, str]:
        """What is there and could not be read, with the system's name for why: ``EACCES``."""
        return {Path(path): reason for path, reason in sorted(self._refused.items())}

    def identity(self, path: Path) -> Hashable | None:
        """Tell a folder from every other; ``None`` if there is no such folder."""
        name = os.fspath(path)
        try:
            status = os.stat(name)  # noqa: PTH116 - hot path
        except (OSError, ValueError) as error:
            self._note(name, error)
            return None
        return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None

    def folders(self, path: Path) -> tuple[str, ...]:
        """Names of the real folders in ``path``, sorted."""
        listing = self._listing(os.fspath(path))
        return listing.folders if listing else ()

    def files(self, path: Path) -> tuple[str, ...]:
        """Names of the plain files in ``path``, sorted."""
        listing = self._listing(os.fspath(path))
        return listing.files if listing else ()

    def head(self, path: Path, size: int) -> bytes:
        """At most the first ``size`` bytes of a plain file."""
        name = os.fspath(path)
        try:
            with _plain_file(name) as (descriptor, _):
                body = _read(descriptor, size)
        except (OSError, ValueError) as error:
            self._note(name, error)
            return b""
        self._refused.pop(name, None)
        return body

    def whole(self, path: Path, limit: int = 16 * 1024 * 1024) -> bytes:
        """All bytes of a plain file, or empty if it is larger than ``limit``."""
        name = os.fspath(path)
        try:
            with _plain_file(name) as (descriptor, status):
                stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
                kept = self._wholes.get(name)
                if kept and kept[0] == stamp and len(kept[1]) <= limit:
                    self._wholes.move_to_end(name)
                    return kept[1]
                body = _read(descriptor, limit + 1)
                if len(body) > limit:
                    raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), name)  # noqa: TRY301
        except (OSError, ValueError) as error:
            self._note(name, error)
            return b""
        self._refused.pop(name, None)
        self._keep(name, stamp, body)
        return body

    def _listing(self, name: str) -> _Listing | None:
        try:
            status = os.stat(name)  # noqa: PTH116 - hot path
            stamp = (status.st_mtime_ns, status.st_ino)
            now = self._clock()
            known = self._listings.get(name)
            if known and known.holds(stamp, now):
                return known
            # Listed after the stat: what comes in between is found now or shows next time.
            listing = _Listing(stamp, now, *_scan(name))
        except (OSError, ValueError) as error:
            self._note(name, error)
            self._listings.pop(name, None)
            return None
        self._refused.pop(name, None)
        if known and (known.folders, known.files) == (listing.folders, listing.files):
            # The same tuples: what was made from them is found again at once.
            listing = _Listing(stamp, now, known.folders, known.files)
        if len(self._listings) >= _MOST_LISTINGS:
            self._listings.clear()
        self._listings[name] = listing
        return listing

    def _keep(self, name: str, stamp: _Stamp, body: bytes) -> None:
        _, old = self._wholes.pop(name, (None, b""))
        self._wholes_bytes -= len(old)
        if len(body) != stamp[1] or self._clock() - stamp[0] <= _UNSETTLED_NS:
            return  # read while it was being written, or just after
        if len(body) <= _KEPT_BYTES:
            self._wholes[name] = (stamp, body)
            self._wholes_bytes += len(body)
        while self._wholes_bytes > _KEPT_BYTES:
            _, (_, oldest) = self._wholes.popitem(last=False)
            self._wholes_bytes -= len(oldest)

    def _note(self, name: str, error: OSError | ValueError) -> None:
        """Note a refusal. That something is not there is none."""
        if isinstance(error, FileNotFoundError):
            self._refused.pop(name, None)
        elif isinstance(error, OSError):
            self._refused[name] = errno.errorcode.get(error.errno or 0, "EIO")
        else:  # a NUL, or text that no file name can hold
            self._refused[name] = "EINVAL"
