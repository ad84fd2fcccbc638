"""Whether the records in a chunk are those that its key and its manifest promise. Pure.

A chunk gives at most one finding of each code: the first. Across chunks only runs of
positions are kept, a few numbers per stream, however many records there are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec

from archiver.archive.findings import Code, Finding
from archiver.archive.parts import key_of
from archiver.errors import Damaged
from archiver.format.frame import unpack
from archiver.format.keys import ChunkKey, parse_key
from archiver.format.lines import decode_lines, stream_key
from archiver.model.shipment import ChunkEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.archive.claims import Claim
    from archiver.model.record import Record

__all__ = ["Positions", "check_chunk"]

_entry = msgspec.json.Decoder(ChunkEntry)


class Positions:
    """The positions that were seen of one stream, as runs."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, position: int) -> bool:
        """Take in a position; tell whether it was new."""
        at = bisect_right(self._starts, position)
        if at and position < self._ends[at - 1]:
            return False
        joins_left = bool(at) and self._ends[at - 1] == position
        joins_right = at < len(self._starts) and self._starts[at] == position + 1
        if joins_left and joins_right:
            self._ends[at - 1] = self._ends.pop(at)
            del self._starts[at]
        elif joins_left:
            self._ends[at - 1] = position + 1
        elif joins_right:
            self._starts[at] = position
        else:
            self._starts.insert(at, position)
            self._ends.insert(at, position + 1)
        return True

    def gap(self) -> int | None:
        """Give the first position that is missing below the highest, or ``None``."""
        if self._starts[:1] != [0]:
            return 0
        return self._ends[0] if len(self._starts) > 1 else None

    def missing(self) -> int:
        """Count the positions that are missing below the highest."""
        seen = sum(self._ends) - sum(self._starts)
        return self._ends[-1] - seen if self._ends else 0


def check_chunk(
    claim: Claim, frame: bytes, seen: defaultdict[tuple[str, str], Positions]
) -> Iterator[Finding]:
    """Yield what is wrong with the records of a chunk whose sha256 is as listed.

    ``frame`` is what it holds, opened. ``seen`` holds the positions of the tenant's streams, by
    device and stream key, and is added to.
    """
    try:
        raw = unpack(frame)
        records = list(decode_lines(raw))
    except Damaged as error:
        yield Finding(Code.CHUNK_UNREADABLE, claim.key, f"it was sealed wrong: {error}")
        return
    entry = _entry.decode(claim.entry)
    key = parse_key(claim.key)
    if not _as_listed(entry, raw, records):
        meaning = "its manifest lists other counts, sizes or times"
        yield Finding(Code.RECORDS_DIFFER, claim.key, meaning)
    if not isinstance(key, ChunkKey) or not all(_filed_right(key, record) for record in records):
        yield Finding(Code.RECORD_MISFILED, claim.key, "a record belongs into another chunk")
    order = [(r.conversation, r.stream, r.assistant, r.position) for r in records]
    if order != sorted(order):
        yield Finding(Code.RECORD_ORDER, claim.key, "its records are not in order")
    new = [seen[claim.device, key_of(record)].add(record.position) for record in records]
    if not all(new):
        yield Finding(Code.RECORD_REPEATED, claim.key, "a record stands in the archive twice")


def _as_listed(entry: ChunkEntry, raw: bytes, records: list[Record]) -> bool:
    times = [record.occurred_at or record.observed_at for record in records]
    counts = Counter((record.assistant, record.conversation) for record in records)
    listed = {(count.assistant, count.id): count.records for count in entry.conversations}
    return (
        bool(records)
        and raw.endswith(b"\n")
        and (entry.raw_bytes, entry.records) == (len(raw), len(records))
        and (entry.first_at, entry.last_at) == (min(times), max(times))
        and (counts == listed or entry.seal is not None)
    )


def _filed_right(key: ChunkKey, record: Record) -> bool:
    stream = stream_key(record.device, record.assistant, record.conversation, record.stream)
    day = (record.occurred_at or record.observed_at)[:10]
    return (
        record.id == f"{stream}-{record.position}"
        and (record.tenant, record.klass, record.subject) == (key.tenant, key.klass, key.subject)
        and (record.device, day) == (key.device, key.day)
    )
