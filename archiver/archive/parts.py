"""What both readers of a log share: the payload of a record, and entries from their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archiver.errors import Damaged, LogGap
from archiver.format.lines import payload_bytes
from archiver.model.record import Form, Op

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archiver.model.record import Record

__all__ = ["beheaded", "damaged", "key_of", "payload_of", "whole_entries"]


def key_of(record: Record) -> str:
    """Give the key of the stream that the record belongs to, as its id names it."""
    return record.id.rpartition("-")[0]


def damaged(record: Record, what: str) -> Damaged:
    """Say what is wrong with a record, by its place and never by its content."""
    return Damaged(
        f"in stream {key_of(record)}, the record at position {record.position} {what}",
        advice="Run `archiver verify --read-data` to see what the archive lacks.",
    )


def beheaded(record: Record, missing: int) -> LogGap:
    """Say that the records between ``missing`` and this one, the next of its log, are not there."""
    earlier = "its earlier part is" if missing == 0 else f"its records from position {missing} are"
    return LogGap(
        f"in stream {key_of(record)}, the record at position {record.position} is preceded by a"
        f" gap: position {missing} is missing; {earlier} not in the archive (any more)",
        advice="Chunks expire and are erased one by one: `archiver verify` tells that from loss,"
        " and `archiver show` prints what is left.",
    )


def payload_of(record: Record) -> bytes:
    """Give the archived bytes of a record, or raise `Damaged` with its place."""
    try:
        if record.op is Op.FIELDS and record.form is Form.TEXT:
            return msgspec.json.decode(bytes(record.payload), type=str).encode()
        return payload_bytes(record)
    except (msgspec.MsgspecError, ValueError) as error:
        raise damaged(record, f"has a payload that is not {record.form or 'JSON'}") from error


def whole_entries(log: Iterable[Record]) -> Iterator[tuple[Record, bytes]]:
    """Put the parts of each entry together: the record of the first part, all its bytes.

    ``log`` is one stream in the order of ``position``. Records that hold no entry come
    through with their payload. Parts that are never continued come as far as they are there.
    """
    first: Record | None = None
    parts: list[bytes] = []
    for record in log:
        first = first or record
        parts.append(payload_of(record))
        if not record.more:
            yield first, b"".join(parts)
            first, parts = None, []
    if first is not None:
        yield first, b"".join(parts)
