"""What a verification has read already, so that the next one goes on from there.

A file of lines, ``<depth> <sha256 of the chunk> <sha256 of its key>``, appended to as chunks
are found sound; what was looked at less deep than now is looked at again. It is a convenience
for whoever owns it and no evidence: who can write to it can have chunks skipped, so an auditor
starts with a new one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Self

from archiver.errors import ArchiveError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from archiver.archive.claims import Claim
    from archiver.archive.scope import Depth

__all__ = ["Journal"]


class Journal:
    """An open journal. Raises `ArchiveError` where the file cannot be used."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("a+b")
            self._file.seek(0)
            # A line that was cut by a crash knows nothing: its chunk is read again.
            self._known = {line for line in self._file if line.endswith(b"\n")}
        except OSError as error:
            raise ArchiveError(
                f"the journal {path} cannot be used: {error.strerror}",
                advice="Name a file that you may write to.",
            ) from error
        if self._file.tell() and not self._ends_whole():
            self._file.write(b"\n")

    def _ends_whole(self) -> bool:
        self._file.seek(-1, 2)
        return self._file.read(1) == b"\n"

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is left."""
        self._file.close()

    def knows(self, claim: Claim, depth: Depth) -> bool:
        """Tell whether this chunk was found sound, at least so deep."""
        return any(_line(claim, one) in self._known for one in type(depth) if one >= depth)

    def add(self, claim: Claim, depth: Depth) -> None:
        """Note that this chunk is sound."""
        self._file.write(_line(claim, depth))
        self._file.flush()


def _line(claim: Claim, depth: Depth) -> bytes:
    key = hashlib.sha256(claim.key.encode()).hexdigest()
    return f"{depth.name.lower()} {claim.sha256.hex()} {key}\n".encode()
