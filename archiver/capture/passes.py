"""What one pass did, as it is told to people and programs. No content, no names but paths."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from archiver.assistants.protocol import Source

__all__ = ["Pass", "word"]

_MAX_REFUSALS: Final = 200


class Pass(msgspec.Struct):
    """What one pass did.

    ``refused`` maps paths to the operating system's word for it, or to the kind of error that
    a conversation met; ``captured`` maps assistants to the time of their last capture;
    ``full`` says why capture stopped, where it did. Of the ``unclaimed`` conversations
    ``undecided`` may be somebody's yet: where they were held is not known.
    """

    records: int = 0
    raw_bytes: int = 0
    looked: int = 0
    unsettled: int = 0
    deleted: int = 0
    conversations: int = 0
    unclaimed: int = 0
    undecided: int = 0
    refused: dict[str, str] = {}
    captured: dict[str, str] = {}
    full: str | None = None
    finished: bool = True

    def refuse(self, source: Source, why: str) -> None:
        """Note a file that could not be captured; the first two hundred are named."""
        if len(self.refused) < _MAX_REFUSALS:
            self.refused[ascii(str(source.path))[1:-1]] = why


def word(error: OSError) -> str:
    """Give the operating system's word for an error: ``EACCES``."""
    return errno.errorcode.get(error.errno or 0, "EIO")
