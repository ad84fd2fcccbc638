"""Writing the records of one stream: the hot path of the collector.

A `Log` collects record lines, grouped by the day that they belong to, and counts positions.
It writes bytes by hand because that is four times as fast as encoding a value; the tests
read every line back with the strict decoder.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.capture.cut import MAX_ENTRY, parts
from archiver.model.record import Form
from archiver.spool.values import Batch, Group

if TYPE_CHECKING:
    from archiver.assistants.protocol import Facts
    from archiver.format.lines import Origin
    from archiver.model.record import FieldChange

__all__ = ["BATCH_BYTES", "Log"]

BATCH_BYTES: Final = 1024 * 1024
"""A batch is closed when it holds this many bytes of record lines."""

_MAX_DEPTH: Final = 200
"""Nesting that every common JSON reader takes; jq 1.6 stops at 256. Deeper payloads are
archived as text (https://github.com/jqlang/jq/blob/jq-1.6/src/jv_parse.c)."""

_WHEN = re.compile(r"20\d{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T\d{2}:\d{2}:\d{2}\.\d{3}Z")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"\\'))
_JSON, _TEXT, _BASE64 = (b',"form":"%s"' % form.encode() for form in Form)
_EOL = {b"": b"", b"\n": b',"eol":"\\n"', b"\r\n": b',"eol":"\\r\\n"'}
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


def _too_deep(payload: bytes) -> bool:
    if len(payload) <= 2 * _MAX_DEPTH or (payload.count(b"[") + payload.count(b"{") <= _MAX_DEPTH):
        return False
    depth = deepest = 0
    for byte in _STRING.sub(b"", payload.translate(None, _NOT_STRUCTURE)):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest > _MAX_DEPTH


def _written(payload: bytes, *, is_json: bool) -> tuple[bytes, bytes]:
    """Give the form, as it stands in the line, and the payload, as it stands there."""
    if (
        is_json
        and payload[:1] in (b"{", b"[")
        and payload[-1:] in (b"}", b"]")
        and b"\n" not in payload
        and not _too_deep(payload)
    ):
        return _JSON, payload
    try:
        text = msgspec.json.encode(payload.decode("utf-8"))
    except UnicodeDecodeError:
        return _BASE64, b'"' + base64.b64encode(payload) + b'"'
    if len(text) > 2 * len(payload) + 2:  # control characters take six bytes each
        return _BASE64, b'"' + base64.b64encode(payload) + b'"'
    return _TEXT, text


@lru_cache(maxsize=2048)
def _facts(
    version: str | None,
    cwd: str | None,
    role: str | None,
    model: str | None,
    tools: tuple[str, ...],
    title: str | None,
) -> bytes:
    known = {
        "assistant_version": version,
        "cwd": cwd,
        "role": role,
        "model": model,
        "tools": tools,
        "title": title,
    }
    said = {name: value for name, value in known.items() if value}
    try:
        return b"," + msgspec.json.encode(said)[1:-1] if said else b""
    except UnicodeEncodeError:  # a lone surrogate in metadata: the payload still has it
        return b""


class _Open:
    """A batch that is still being filled."""

    __slots__ = ("day", "first_at", "last_at", "lines", "position", "size")

    def __init__(self, day: str, position: int, at: str) -> None:
        self.day = day
        self.position = position
        self.first_at = self.last_at = at
        self.lines: list[bytes] = []
        self.size = 0


class Log:
    """Collects the records of one observation of one stream."""

    def __init__(self, origin: Origin, position: int, observed_at: str) -> None:
        self.position = position
        self.size = 0
        self._origin = origin
        self._head, middle = origin.head()
        self._middle = middle + b',"op":'
        self._entry = self._middle + b'"entry","position":'
        self._observed_at = observed_at
        self._observed = b',"observed_at":"%s"' % observed_at.encode()
        self._open: dict[str, _Open] = {}
        self._current: _Open | None = None
        self._closed: list[Batch] = []

    def entry(
        self, number: int, payload: bytes, facts: Facts, *, eol: bytes = b"", more: bool = False
    ) -> None:
        """Add entry ``number``, or a part of it (``more``: its next part follows)."""
        at = facts.occurred_at
        if at is not None and _WHEN.fullmatch(at):
            occurred = b',"occurred_at":"%s"' % at.encode()
        else:
            at, occurred = self._observed_at, b""
        form, written = _written(payload, is_json=facts.is_json)
        position = b"%d" % self.position
        self._add(
            at,
            b"".join(
                (
                    self._head,
                    position,
                    self._entry,
                    position,
                    b',"entry":%d' % number,
                    _facts(
                        facts.version,
                        facts.cwd or self._origin.cwd,
                        facts.role,
                        facts.model,
                        facts.tools,
                        facts.title,
                    ),
                    b',"more":true' if more else b"",
                    occurred,
                    self._observed,
                    form,
                    _EOL[eol],
                    b',"payload":',
                    written,
                    b"}\n",
                )
            ),
        )

    def rewind(self, count: int) -> None:
        """Record that only the first ``count`` entries still stand."""
        self._plain(b"rewind", b',"entry":%d' % count)

    def fields(self, change: FieldChange) -> None:
        """Record that top-level fields of a document changed."""
        payload = msgspec.json.encode(change)
        pieces = [payload] if len(payload) <= MAX_ENTRY else list(parts(payload))
        for index, piece in enumerate(pieces, 1):
            form, written = _written(piece, is_json=len(pieces) == 1)
            more = b',"more":true' if index < len(pieces) else b""
            self._plain(b"fields", more, form + b',"payload":' + written)

    def deleted(self) -> None:
        """Record that the file is gone."""
        self._plain(b"deleted")

    def _plain(self, op: bytes, before: bytes = b"", after: bytes = b"") -> None:
        """Add a record that is no entry; its time is that of the observation."""
        position = b"%d" % self.position
        start = self._head + position + self._middle + b'"%s","position":' % op + position
        self._add(self._observed_at, start + before + self._observed + after + b"}\n")

    def _add(self, at: str, line: bytes) -> None:
        batch = self._current
        day = at[:10]
        if batch is None or batch.day != day:
            batch = self._current = self._open.get(day)
            if batch is None:
                batch = self._current = self._open[day] = _Open(day, self.position, at)
        batch.lines.append(line)
        batch.size += len(line)
        if at < batch.first_at:
            batch.first_at = at
        elif at > batch.last_at:
            batch.last_at = at
        self.position += 1
        self.size += len(line)
        if batch.size >= BATCH_BYTES:
            self._close(day)

    def _close(self, day: str) -> None:
        batch = self._open.pop(day)
        self._current = None
        origin = self._origin
        self._closed.append(
            Batch(
                Group(origin.tenant, origin.klass, origin.subject, day),
                origin.assistant,
                origin.conversation,
                origin.stream,
                batch.position,
                len(batch.lines),
                batch.first_at,
                batch.last_at,
                b"".join(batch.lines),
            )
        )

    def drain(self, *, everything: bool) -> list[Batch]:
        """Give the full batches, or all of them."""
        if everything:
            for day in list(self._open):
                self._close(day)
        closed, self._closed = self._closed, []
        return closed
