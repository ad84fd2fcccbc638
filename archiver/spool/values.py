"""What the spool keeps, as frozen values."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MARK", "Backlog", "Batch", "Glance", "Group", "Mark", "StreamState"]

MARK: Final = struct.Struct("<16sQI")
_GLANCE: Final = struct.Struct("<QQQQQ")


class Glance(msgspec.Struct, frozen=True, gc=False):
    """What ``stat`` says about a file: equal glances mean that nobody wrote to it.

    ``changed`` is ctime (on Windows the creation time), which no user program can set back.
    """

    size: int
    modified: int
    changed: int
    inode: int
    device: int

    def pack(self) -> bytes:
        """Give 40 bytes."""
        mask = 2**64 - 1
        return _GLANCE.pack(
            self.size,
            self.modified & mask,
            self.changed & mask,
            self.inode & mask,
            self.device & mask,
        )

    @classmethod
    def unpack(cls, data: bytes) -> Glance:
        """Read what `pack` gave."""
        size, modified, changed, inode, device = _GLANCE.unpack(data)
        sign = 2**63
        return cls(
            size,
            modified - 2 * sign if modified >= sign else modified,
            changed - 2 * sign if changed >= sign else changed,
            inode,
            device,
        )


class Mark(NamedTuple):
    """What is remembered of captured entries that lie side by side.

    In a document: one entry, and 16 bytes of its sha256. In a file of lines or text: a run of
    ``entries``, and 16 bytes of the sha256 of the whole file up to its end, so that one pass
    over the bytes serves both the check of the prefix and the marks. ``length`` in bytes.
    """

    digest: bytes
    length: int
    entries: int = 1

    @staticmethod
    def pack(marks: Iterable[Mark]) -> bytes:
        """Write marks that lie side by side as one row, 28 bytes each."""
        return b"".join([MARK.pack(*mark) for mark in marks])

    @staticmethod
    def unpack(data: bytes) -> Iterator[Mark]:
        """Read a row of marks."""
        return (Mark(*one) for one in MARK.iter_unpack(data))


class StreamState(msgspec.Struct, frozen=True):
    """How far one file of one conversation has been captured for one tenant.

    ``consumed`` bytes are captured, ``prefix`` is their sha256 (files of lines and text);
    ``fields`` maps the top-level fields of a document to 16 bytes of their sha256, and
    ``entries_key`` is the key under which its entries stand. ``entries`` counts the standing
    entries, ``position`` the records of the log. ``missing`` counts the looks in a row that
    did not find the file; ``absent`` says that its deletion is recorded.
    """

    tenant: str
    assistant: str
    conversation: str
    stream: str
    path: bytes
    shape: str
    id: int = 0
    glance: Glance | None = None
    consumed: int = 0
    prefix: bytes = b""
    entries: int = 0
    position: int = 0
    fields: dict[str, bytes] = {}
    entries_key: str | None = None
    missing: int = 0
    absent: bool = False
    origin: bytes = b""
    """The `Origin` of its newest records, packed: a deletion is recorded when nothing else
    tells whose the file was."""


class Group(msgspec.Struct, frozen=True, gc=False):
    """What one chunk may hold: one tenant, class, subject and day."""

    tenant: str
    klass: str
    subject: str
    day: str


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Consecutive record lines of one stream and one group, as one row.

    ``data`` is packed by `batches.pack`; unpacked it has ``raw_bytes``.
    """

    group: Group
    assistant: str
    conversation: str
    stream: str
    position: int
    records: int
    first_at: str
    last_at: str
    raw_bytes: int
    data: bytes


class Backlog(msgspec.Struct, frozen=True, gc=False):
    """How much of one tenant waits on this machine."""

    tenant: str
    spooled_records: int
    spooled_bytes: int
    oldest_spooled_at: str | None
    pending_chunks: int
    pending_bytes: int
    oldest_sealed_at: str | None
    quarantined_chunks: int
    unlisted_chunks: int
    pending_manifests: int
    delivered_chunks: int = 0
    delivered_bytes: int = 0
    last_delivered_at: str | None = None
