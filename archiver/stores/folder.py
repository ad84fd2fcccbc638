"""A folder as the bucket: for a mounted share, for tests, and for a first look.

An object is a file; the parts of its key are folders. Promises beyond the protocol's:

* ``put`` returns after the bytes, the file's name and the names of all folders above it
  survive a power cut. Two writers that race, in one process or several: one wins.
* the bytes are compared with their sha256 before they are written.
* symbolic links are never followed below the root, and a key never leads out of it.
* names that start with ``.tmp-`` are unfinished writes and are not objects.
* the root is made only where the folder above it exists, and never while the store is
  open: a disk that is not mounted is an error, not an empty bucket.

Limits: a folder keeps no metadata, so ``head`` reads the whole file to tell its sha256. On
file systems without hard links (exFAT, some shares) a race of two processes is decided by
a look before the rename. Names that are not Unicode are not listed: no key can name them.
On a disk that may be absent, name a folder on it, not its mount point: an empty mount point
looks like an empty bucket.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import itertools
import stat
from typing import TYPE_CHECKING, Final, Self

from archiver.durable import files
from archiver.errors import DiskFull, StoreError
from archiver.model.answers import Answer, Found, Stored
from archiver.stores.custody import Kept
from archiver.stores.refusals import check_body, refuse, refuse_lock
from archiver.stores.tree import locate, walk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from archiver.model.answers import Listed
    from archiver.model.shipment import Retain

__all__ = ["FolderStore"]

_PIECE: Final = 1024 * 1024  # fits the processor's cache
_PAGE: Final = 1000  # keys per trip to the thread: few trips, and no bucket-sized list
_GONE: Final = (errno.ESTALE, errno.EIO, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN)
_DENIED: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


class FolderStore:
    """One folder. See the module for what it promises."""

    concurrency = 4
    can_lock = False

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._durable: set[Path] = set()
        self.name = f"folder {self._root}"

    async def __aenter__(self) -> Self:
        """Check the root, or make it where only its last part is missing."""
        with self._translated(""):
            await asyncio.to_thread(self._open)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Forget which folders are known to be durable."""
        self._durable.clear()

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        sha256: str,
        metadata: Mapping[str, str],
        retain: Retain | None = None,
    ) -> Stored:
        """Write the file durably. ``metadata`` has no place in a folder and is dropped."""
        del metadata
        if retain:
            raise refuse_lock(self.name)
        with self._translated(key, missing=Answer.BUSY):
            await asyncio.to_thread(self._put, key, body, sha256)
        return Stored(sha256=sha256)

    async def head(self, key: str) -> Found:
        """Read the file for its size and sha256."""
        with self._translated(key):
            return await asyncio.to_thread(self._head, key)

    async def digests(self, keys: Sequence[str]) -> list[Found | None]:
        """Read files for their size and sha256, one after the other in one thread."""
        return await asyncio.to_thread(lambda: [*self._digests(keys)])

    async def get(self, key: str) -> bytes:
        """Read the file."""
        with self._translated(key):
            return await asyncio.to_thread(lambda: self._object(key).read_bytes())

    async def list(self, prefix: str, *, after: str = "") -> AsyncIterator[Listed]:
        """Walk the tree in key order, one folder's names in memory at a time."""
        with self._translated(prefix):
            await asyncio.to_thread(self._require_root)
            lines = walk(self._root, prefix, after)
            while page := await asyncio.to_thread(lambda: tuple(itertools.islice(lines, _PAGE))):
                for listed in page:
                    yield listed

    async def delete(self, key: str) -> None:
        """Remove the file; the folders above it stay."""
        with self._translated(key):
            await asyncio.to_thread(lambda: files.remove(self._object(key)))

    async def kept(self, key: str) -> Kept | None:
        """Read the file for its size and sha256; a folder keeps nothing else of it."""
        try:
            found = await self.head(key)
        except StoreError as error:
            if error.refusal.answer is Answer.NOT_FOUND:
                return None
            raise
        return Kept(key, found.size, found.sha256)

    async def hold(self, key: str, *, on: bool) -> None:
        """Do nothing: of a folder, the signed order alone says what is held."""

    async def reveal(self, key: str) -> None:
        """Do nothing: a folder has no delete markers."""

    async def destroy(self, key: str) -> None:
        """Remove the file, and the folders above it that are empty then."""
        with self._translated(key), contextlib.suppress(FileNotFoundError):
            await asyncio.to_thread(self._destroy, key)

    async def remains(self, prefix: str) -> AsyncIterator[str]:
        """Name the files; a folder has no versions."""
        async for listed in self.list(prefix):
            yield listed.key

    def _destroy(self, key: str) -> None:
        path = self._object(key)
        files.remove(path)
        files.sync_folder(path.parent)
        for folder in itertools.takewhile(lambda one: one != self._root, path.parents):
            if not files.remove_if_empty(folder):
                return
            self._durable.discard(folder)

    def _open(self) -> None:
        if not self._root.exists() and self._root.parent.is_dir():
            files.make_private_folder(self._root)
            files.sync_folder(self._root.parent)
        self._require_root()

    def _require_root(self) -> None:
        if not self._root.is_dir():
            raise refuse(
                Answer.CONFIGURATION,
                f"the folder {self._root} of the store is not there",
                code="NoSuchBucket",
                advice="Mount the disk that it is on, make the folder, or correct `path` in "
                "the policy.",
            )

    def _put(self, key: str, body: bytes, sha256: str) -> None:
        path = locate(self._root, key)
        check_body(key, body, sha256)
        self._make_folders(path.parent)
        try:
            files.write_new(path, body)
        except FileExistsError:
            if not path.is_file():
                raise refuse(
                    Answer.CONFIGURATION,
                    f"{path} is there and is no file",
                    code="NotAFile",
                    advice="Move away what stands in the place of an object of the archive.",
                ) from None
            raise refuse(
                Answer.EXISTS, f"{path} exists and was not touched", code="EEXIST"
            ) from None

    def _make_folders(self, folder: Path) -> None:
        """Make what is missing between root and ``folder``, each name synced once per opening.

        Synced even if it was there: who made it may not have come to its sync yet.
        """
        if folder in self._durable and folder.is_dir():
            return
        self._require_root()
        if folder != self._root:
            self._make_folders(folder.parent)
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            files.sync_folder(folder.parent)
        self._durable.add(folder)

    def _object(self, key: str) -> Path:
        """Give the path of an object that exists."""
        path = locate(self._root, key)
        try:
            if stat.S_ISREG(path.stat(follow_symlinks=False).st_mode):
                return path
        except (FileNotFoundError, NotADirectoryError):
            self._require_root()
        raise FileNotFoundError(errno.ENOENT, "no such object", str(path))

    def _digests(self, keys: Sequence[str]) -> Iterator[Found | None]:
        piece = memoryview(bytearray(_PIECE))
        for key in keys:
            found = None
            with self._translated(key), contextlib.suppress(FileNotFoundError):
                found = self._head(key, piece)
            yield found

    def _head(self, key: str, piece: memoryview | None = None) -> Found:
        """Read a file for its hash, through a buffer that is made once for many files."""
        piece = memoryview(bytearray(_PIECE)) if piece is None else piece
        sha256, size = hashlib.sha256(), 0
        with self._object(key).open("rb", buffering=0) as file:
            while count := file.readinto(piece):
                sha256.update(piece[:count])
                size += count
        return Found(key=key, size=size, sha256=sha256.hexdigest(), metadata={})

    @contextlib.contextmanager
    def _translated(self, key: str, *, missing: Answer = Answer.NOT_FOUND) -> Iterator[None]:
        """Let nothing but `StoreError` out; ``missing`` is what a file that is gone means."""
        try:
            yield
        except DiskFull as error:
            raise refuse(
                Answer.FULL, f"{self.name} has no room left", code="ENOSPC", advice=error.advice
            ) from error
        except OSError as error:
            raise _judge(error, f"{self.name}/{key}", missing) from error


def _judge(error: OSError, what: str, missing: Answer) -> StoreError:
    """Say what an error of the operating system means for the one who ships."""
    code = errno.errorcode.get(error.errno or 0, type(error).__name__)
    message = f"{what}: {error.strerror or type(error).__name__}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return refuse(Answer.FULL, message, code=code)
    if isinstance(error, FileNotFoundError):
        return refuse(missing, message, code=code)
    if error.errno in _DENIED:
        advice = "Give the user that archiver runs as the right to read and write there."
        return refuse(Answer.CONFIGURATION, message, code=code, advice=advice)
    if isinstance(error, NotADirectoryError | IsADirectoryError | FileExistsError):
        advice = "Move away what stands in the place of a folder or file of the archive."
        return refuse(Answer.CONFIGURATION, message, code=code, advice=advice)
    if error.errno == errno.ENAMETOOLONG:
        advice = "Shorten `prefix` or `path` in the policy."
        return refuse(Answer.CONFIGURATION, message, code=code, advice=advice)
    return refuse(Answer.UNREACHABLE if error.errno in _GONE else Answer.BUSY, message, code=code)
