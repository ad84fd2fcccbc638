"""A conversation for human eyes.

Promise: every record becomes a turn, also the ones that no assistant's format explains: what
is not understood is shown as compact JSON, what is not JSON as text. Edits, rewinds and
deletions are shown where they happened. Nothing in a turn can steer a terminal.

This is for reading; `archiver.archive.restore` gives the bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from archiver.archive.parts import whole_entries
from archiver.archive.terminal import neutralise
from archiver.model.record import FieldChange, Op

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archiver.model.record import Record

__all__ = ["Turn", "readable", "turns"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One entry, or one change to what was there before.

    ``at`` is when it happened as far as the source knew, else when it was observed.
    ``note`` is empty for an entry that was simply added.
    """

    at: str
    role: str
    stream: str
    device: str
    model: str
    tools: tuple[str, ...]
    text: str
    note: str


def turns(records: Iterable[Record]) -> Iterator[Turn]:
    """Yield the turns of one conversation: device by device, stream by stream, in order."""
    ordered = sorted(records, key=lambda record: (record.device, record.stream, record.position))
    for _, log in groupby(ordered, key=lambda record: (record.device, record.stream)):
        unique = (next(same) for _, same in groupby(log, key=attrgetter("position")))
        for record, payload in whole_entries(unique):
            yield _turn(record, payload)


def _turn(record: Record, payload: bytes) -> Turn:
    return Turn(
        at=neutralise(record.occurred_at or record.observed_at),
        role=neutralise(record.role or ""),
        stream=neutralise(record.stream),
        device=neutralise(record.device),
        model=neutralise(record.model or ""),
        tools=tuple(neutralise(tool) for tool in record.tools),
        text=neutralise(readable(payload)) if record.op is Op.ENTRY else "",
        note=neutralise(_note(record, payload)),
    )


def _note(record: Record, payload: bytes) -> str:
    if record.op is Op.REWIND:
        return f"the file was rewritten: its first {record.entry} entries still stand"
    if record.op is Op.DELETED:
        return "the file was deleted"
    if record.op is Op.FIELDS:
        return _fields_note(payload)
    return ""


def _fields_note(payload: bytes) -> str:
    try:
        change = msgspec.json.decode(payload, type=FieldChange)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "fields of the document changed"
    said = [f"set {', '.join(change.set)}"] if change.set else []
    said += [f"removed {', '.join(change.unset)}"] if change.unset else []
    return f"fields of the document: {'; '.join(said) or 'none changed'}"


def readable(payload: bytes) -> str:
    """Give what a human would read in an entry: its text, tool calls and their results."""
    try:
        return _said(json.loads(payload))
    except (ValueError, RecursionError):
        return payload.decode("utf-8", "replace").strip("\n")


def _said(value: Any) -> str:
    """Find the text in a message of whatever assistant.

    Claude Code and Continue wrap it in ``message``, Cline does not; the ui_messages of Cline
    and the summaries of Claude Code have it in ``text`` and ``summary``.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(text for item in value if (text := _said(item)))
    if not isinstance(value, dict):
        return _compact(value)
    if isinstance(block := _block(value), str):
        return block
    for name in ("message", "content", "text", "summary"):
        inner = value.get(name)
        if isinstance(inner, str | list | dict) and inner:
            return _said(inner)
    return _compact(value)


def _block(value: dict[str, Any]) -> str | None:
    """Read one block of Anthropic's message format, or give ``None`` where it is none."""
    kind = value.get("type")
    if kind == "thinking" and isinstance(value.get("thinking"), str):
        return f"(thinking) {value['thinking']}"
    if kind == "tool_use":
        return f"[{value.get('name', 'tool')}] {_compact(value.get('input'))}"
    if kind == "tool_result":
        return f"[result] {_said(value.get('content') or '')}"
    if kind == "image":
        return "[image]"
    return None


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
