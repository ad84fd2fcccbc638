"""From the log of one stream back to the file. Pure.

The rules, in the order in which they are applied:

1. The log is the records of one stream, of one device and tenant, in the order of
   ``position``. It starts at 0 and has no gap; one that has, because its first chunks expired
   or were erased, gives no file: what the rest was added to is not known any more. The same
   record twice is the same record; two different ones at a position are damage.
2. An observation is a run of records with the same ``observed_at``. Only the end of an
   observation is a state: what lies between was never in the file. A log that ends inside
   an entry (the rest is not shipped yet) is read up to the observation before.
3. The state at a time is the last state, by position, that was observed then or earlier.
   Order is decided by position and not by the clock, which can be set back.
4. A record of another shape than the one before begins the file anew. ``rewind`` keeps the
   first entries, ``deleted`` takes the file away but not its entries, and any later record
   brings it back.

Errors name the stream's key and the position, never what stands there.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from archiver.archive.parts import beheaded, damaged, payload_of
from archiver.model.record import FieldChange, Op

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archiver.model.record import Record

__all__ = ["RestoredFile", "State", "replay", "states"]

DOCUMENT = "document"
_change = msgspec.json.Decoder(FieldChange)


@dataclass(frozen=True, slots=True)
class State:
    """One observed state: the file's bytes, or ``None`` where it was gone."""

    observed_at: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class RestoredFile:
    """One file as it was.

    ``body`` is its content (a document: JSON, equal but not byte-identical). Where the file
    was gone, ``deleted_at`` says since when, and ``body`` is what it held before.
    ``unfinished`` says that the archive already has the beginning of a later observation.
    """

    device: str
    stream: str
    shape: str
    body: bytes
    observed_at: str
    deleted_at: str | None
    records: int
    duplicates: int
    unfinished: bool


def replay(records: Iterable[Record], at: str | None = None) -> RestoredFile | None:
    """Rebuild the file of one stream from its records, in any order.

    ``at`` (RFC 3339, UTC, milliseconds) asks for the state at that time, else for the last.
    Gives ``None`` where nothing was observed by then; raises `LogGap` where records are
    not there, as when the first ones expired, `Damaged` where the log is not a log.
    """
    log, duplicates = _log(records)
    cut = _cut(log, at)
    if cut == 0:
        return None
    last, total = log[cut - 1], len(log)
    unfinished = log[-1].more and (at is None or log[-1].observed_at <= at)
    file = _fold(log, cut)
    return RestoredFile(
        device=last.device,
        stream=last.stream,
        shape=last.shape,
        body=file.body(),
        observed_at=last.observed_at,
        deleted_at=file.deleted_at,
        records=total,
        duplicates=duplicates,
        unfinished=unfinished,
    )


def states(records: Iterable[Record]) -> Iterator[State]:
    """Yield every state of the stream that was observed, the oldest first."""
    log, _ = _log(records)
    ends = set(_ends(log))
    file = _File()
    for number, record in enumerate(log, 1):
        file.apply(record)
        if number in ends:
            yield State(record.observed_at, None if file.deleted_at else file.body())


def _log(records: Iterable[Record]) -> tuple[deque[Record], int]:
    log: deque[Record] = deque()
    duplicates = 0
    for record in sorted(records, key=attrgetter("position")):
        if record.position == len(log):
            log.append(record)
        elif log and record.position == log[-1].position:
            if record != log[-1]:
                raise damaged(record, "stands there twice, differently")
            duplicates += 1
        else:
            raise beheaded(record, len(log))
    return log, duplicates


def _ends(log: deque[Record]) -> Iterator[int]:
    """Yield the number of records up to the end of each finished observation."""
    previous: Record | None = None
    for number, record in enumerate(log):
        if previous is not None and previous.observed_at != record.observed_at:
            if previous.more:
                raise damaged(previous, "is continued by another observation")
            yield number
        previous = record
    if previous is not None and not previous.more:
        yield len(log)


def _cut(log: deque[Record], at: str | None) -> int:
    if at is None:
        return max(_ends(log), default=0)
    times = [record.observed_at for record in log]
    return max((end for end in _ends(log) if times[end - 1] <= at), default=0)


def _fold(log: deque[Record], count: int) -> _File:
    """Replay the first ``count`` records, letting go of each: a log can be most of the memory."""
    file = _File()
    for _ in range(count):
        file.apply(log.popleft())
    return file


class _File:
    """A file while its log is replayed."""

    __slots__ = ("deleted_at", "entries", "entries_key", "fields", "partial", "parts", "shape")

    def __init__(self) -> None:
        self.shape = ""
        self._begin("")

    def _begin(self, shape: str) -> None:
        self.shape = shape
        self.entries: list[bytes] = []
        self.fields: dict[str, bytes] = {}
        self.entries_key: str | None = ""
        self.parts: list[bytes] = []
        self.partial: tuple[Op, int] | None = None
        self.deleted_at: str | None = None

    def apply(self, record: Record) -> None:
        if self.partial not in (None, (record.op, record.entry)):
            raise damaged(record, "interrupts an entry")
        if record.shape != self.shape:
            self._begin(record.shape)
        self.deleted_at = None
        if record.op is Op.ENTRY:
            self._entry(record)
        elif record.op is Op.FIELDS:
            self._fields(record)
        elif record.op is Op.REWIND:
            self._rewind(record)
        else:
            self.deleted_at = record.observed_at

    def _entry(self, record: Record) -> None:
        if record.entry != len(self.entries):
            raise damaged(record, f"adds entry {record.entry} after {len(self.entries)} entries")
        if whole := self._joined(record):
            self.entries.append(whole[0])

    def _joined(self, record: Record) -> list[bytes]:
        """Give the whole payload in a list, or an empty list where more of it follows."""
        self.parts.append(payload_of(record) + record.eol.encode())
        self.partial = (record.op, record.entry) if record.more else None
        if record.more:
            return []
        whole, self.parts = b"".join(self.parts), []
        return [whole]

    def _fields(self, record: Record) -> None:
        if not (whole := self._joined(record)):
            return
        try:
            change = _change.decode(whole[0])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise damaged(record, "is not a change of fields") from error
        for name in change.unset:
            self.fields.pop(name, None)
        self.fields.update((name, bytes(value)) for name, value in change.set.items())
        self.entries_key = change.entries

    def _rewind(self, record: Record) -> None:
        if not 0 <= record.entry <= len(self.entries):
            raise damaged(record, f"keeps {record.entry} of {len(self.entries)} entries")
        del self.entries[record.entry :]

    def body(self) -> bytes:
        if self.shape != DOCUMENT:
            return b"".join(self.entries)
        listed = b"[" + b",".join(self.entries) + b"]"
        if self.entries_key == "":
            return listed
        pairs = [(name, value) for name, value in self.fields.items() if name != self.entries_key]
        if self.entries_key is not None:
            pairs.append((self.entries_key, listed))
        return b"{" + b",".join(msgspec.json.encode(k) + b":" + v for k, v in pairs) + b"}"
