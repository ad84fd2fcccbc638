"""Writing the records of one stream: the hot path of the collector.

A `Log` collects records, grouped by the day that they belong to, and counts positions. What
it makes of a payload: JSON verbatim where the whole entry is one JSON value that every common
reader takes, else text, else base64.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.capture.cut import MAX_ENTRY, parts
from archiver.format.lines import encode_lines, head_of, stream_key
from archiver.model.record import NO_PAYLOAD, Event, Form, Op
from archiver.spool.batches import pack
from archiver.spool.values import Batch, Group

if TYPE_CHECKING:
    from archiver.assistants.protocol import Facts
    from archiver.format.lines import Origin
    from archiver.model.record import FieldChange

__all__ = ["BATCH_BYTES", "Log"]

BATCH_BYTES: Final = 1024 * 1024
"""A batch is closed when it holds about this many bytes of record lines."""

_ENVELOPE_BYTES: Final = 600
"""About what a record line has besides its payload."""

_MAX_DEPTH: Final = 900
"""Nesting that readers take: Python's and Spark's stop at 1,000, jq 1.7 at 10,000 (only jq 1.6
stops at 256). Deeper payloads are archived as text."""

_WHEN: Final = re.compile(
    r"20\d{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T\d{2}:\d{2}:\d{2}\.\d{3}Z", re.ASCII
)
_NOT_STRUCTURE: Final = bytes(set(range(256)) - set(b'[]{}"'))
_ESCAPE: Final = re.compile(rb"\\.", re.DOTALL)
_OPENING: Final = frozenset(b"[{")
_NOT_OPENING: Final = bytes(set(range(256)) - _OPENING)
_CLOSING: Final = frozenset(b"]}")
_Raw = msgspec.Raw
_ENTRY: Final = Op.ENTRY
_JSON: Final = Form.JSON


def _too_deep(payload: bytes) -> bool:
    """Tell whether valid JSON is nested deeper than `_MAX_DEPTH`."""
    structure = _ESCAPE.sub(b"", payload).translate(None, _NOT_STRUCTURE)
    outside_strings = b"".join(structure.split(b'"')[::2])
    depth = deepest = 0
    for byte in outside_strings:
        depth += 1 if byte in _OPENING else -1
        deepest = max(deepest, depth)
    return deepest > _MAX_DEPTH


def _stands_verbatim(payload: bytes) -> bool:
    """Tell whether valid JSON may stand in a line as it is.

    It must be an object or a list without space around it, in one line, and not too deep;
    whoever has few brackets cannot be deep.
    """
    return (
        payload[0] in _OPENING
        and payload[-1] in _CLOSING
        and b"\n" not in payload
        and (
            len(payload) <= 2 * _MAX_DEPTH
            or len(payload.translate(None, _NOT_OPENING)) <= _MAX_DEPTH
            or not _too_deep(payload)
        )
    )


def _as_text(payload: bytes) -> tuple[Form, msgspec.Raw]:
    """Give the form and the JSON string of any bytes."""
    try:
        text = msgspec.json.encode(payload.decode("utf-8"))
    except UnicodeDecodeError:
        text = b""
    if not text or len(text) > 2 * len(payload) + 2:  # control characters take six bytes each
        return Form.BASE64, _Raw(b'"' + base64.b64encode(payload) + b'"')
    return Form.TEXT, _Raw(text)


class _Day:
    """The events of one day that are not in a batch yet."""

    __slots__ = ("events", "first_at", "last_at", "name", "size")

    def __init__(self, name: str, at: str) -> None:
        self.name = name
        self.first_at = self.last_at = at
        self.events: list[Event] = []
        self.size = 0


class Log:
    """Collects the records of one observation of one stream."""

    def __init__(self, origin: Origin, position: int, observed_at: str) -> None:
        self.position = position
        self._origin = origin
        self._key = stream_key(origin.device, origin.assistant, origin.conversation, origin.stream)
        self._head = head_of(origin)
        self._cwd = origin.cwd
        self._observed_at = observed_at
        self._days: dict[str, _Day] = {}
        self._day: _Day | None = None
        self._closed: list[Batch] = []

    def entry(
        self, number: int, payload: bytes, facts: Facts, *, eol: str = "", more: bool = False
    ) -> None:
        """Add entry ``number``, or a part of it (``more``: its next part follows)."""
        position = self.position
        at = facts.occurred_at or self._observed_at
        if (day := self._day) is None or day.name != at[:10]:
            day, at = self._turn_to(at)
        if facts.is_json and _stands_verbatim(payload):
            form, written = _JSON, _Raw(payload)
        else:
            form, written = _as_text(payload)
        day.events.append(
            Event(
                self._head,
                f"{self._key}-{position}",
                _ENTRY,
                position,
                self._observed_at,
                number,
                more,
                at if at is facts.occurred_at else None,
                facts.version,
                facts.role,
                facts.model,
                facts.tools,
                facts.title,
                facts.cwd or self._cwd,
                form,
                eol,
                written,
            )
        )
        self.position = position + 1
        day.size += len(payload) + _ENVELOPE_BYTES
        if at < day.first_at:
            day.first_at = at
        elif at > day.last_at:
            day.last_at = at
        if day.size >= BATCH_BYTES:
            self._close(day)

    def rewind(self, count: int) -> None:
        """Record that only the first ``count`` entries still stand."""
        self._plain(Op.REWIND, entry=count)

    def fields(self, change: FieldChange) -> None:
        """Record that top-level fields of a document changed."""
        payload = msgspec.json.encode(change)
        pieces = [payload] if len(payload) <= MAX_ENTRY else list(parts(payload))
        for index, piece in enumerate(pieces, 1):
            if len(pieces) == 1 and _stands_verbatim(piece):
                form, written = Form.JSON, _Raw(piece)
            else:
                form, written = _as_text(piece)
            more = index < len(pieces)
            self._plain(Op.FIELDS, more=more, form=form, payload=written)

    def deleted(self) -> None:
        """Record that the file is gone."""
        self._plain(Op.DELETED)

    def _plain(
        self,
        op: Op,
        *,
        entry: int = 0,
        more: bool = False,
        form: Form | None = None,
        payload: msgspec.Raw = NO_PAYLOAD,
    ) -> None:
        """Add a record that is no entry; its time is that of the observation."""
        day, at = self._turn_to(self._observed_at)
        event = Event(
            self._head,
            id=f"{self._key}-{self.position}",
            op=op,
            position=self.position,
            observed_at=self._observed_at,
            entry=entry,
            more=more,
            cwd=self._cwd,
            form=form,
            payload=payload,
        )
        day.events.append(event)
        day.size += len(bytes(payload)) + _ENVELOPE_BYTES
        day.last_at = max(day.last_at, at)
        self.position += 1
        if day.size >= BATCH_BYTES:
            self._close(day)

    def _turn_to(self, at: str) -> tuple[_Day, str]:
        """Give the day of a time, and the time; that of the observation where it is none."""
        name = at[:10]
        day = self._days.get(name)
        if day is None:
            if not _WHEN.fullmatch(at):
                at = self._observed_at
                name = at[:10]
            day = self._days.setdefault(name, _Day(name, at))
        self._day = day
        return day, at

    def _close(self, day: _Day) -> None:
        del self._days[day.name]
        self._day = None
        origin = self._origin
        lines = encode_lines(day.events)
        self._closed.append(
            Batch(
                Group(origin.tenant, origin.klass, origin.subject, day.name),
                origin.assistant,
                origin.conversation,
                origin.stream,
                day.events[0].position,
                len(day.events),
                day.first_at,
                day.last_at,
                len(lines),
                pack(lines),
            )
        )

    def drain(self) -> tuple[Batch, ...]:
        """Give every record added since the last call, in batches."""
        for day in list(self._days.values()):
            self._close(day)
        closed, self._closed = tuple(self._closed), []
        return closed
