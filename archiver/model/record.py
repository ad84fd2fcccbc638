"""The record: one thing that happened to one file of one conversation.

The records of a stream, in the order of ``position``, are a log from which every state
that the collector observed can be rebuilt:

* ``entry``: entry number ``entry`` was added. Its bytes are the payload; a record with
  ``more`` set is continued by the next record of the stream.
* ``rewind``: only the first ``entry`` entries still stand.
* ``fields``: top-level fields of a JSON document changed.
* ``deleted``: the file is gone. A later record brings it back.

All records of one observation carry the same ``observed_at``.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["FORMAT_VERSION", "NO_PAYLOAD", "Event", "FieldChange", "Form", "Op", "Record"]

FORMAT_VERSION = 1
"""Written into every record and manifest; a reader refuses a larger one."""


NO_PAYLOAD = msgspec.Raw(b"null")


class Op(StrEnum):
    """What happened."""

    ENTRY = "entry"
    REWIND = "rewind"
    FIELDS = "fields"
    DELETED = "deleted"


class Form(StrEnum):
    """How the payload's bytes are written in the line."""

    JSON = "json"
    """The bytes are a JSON value and stand there verbatim."""

    TEXT = "text"
    """The bytes are UTF-8 and stand there as a JSON string."""

    BASE64 = "base64"
    """The bytes are anything else and stand there as a base64 string."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, rename={"head": "v"}):
    """A record as it is written: what all records of a stream share is encoded once.

    Apart from `Record`, because one is made for every line of a backlog, by position: making a
    whole record by names takes longer than compressing it. ``head`` holds the value of ``v``
    and every pair up to ``id``, as they stand in the line.
    """

    head: msgspec.Raw
    id: str
    op: Op
    position: int
    observed_at: str
    entry: int = 0
    more: bool = False
    occurred_at: str | None = None
    assistant_version: str | None = None
    role: str | None = None
    model: str | None = None
    tools: tuple[str, ...] = ()
    title: str | None = None
    cwd: str | None = None
    form: Form | None = None
    eol: str = ""
    payload: msgspec.Raw = NO_PAYLOAD


class Record(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"klass": "class"}
):
    """One line of a chunk, its keys in this order. A key that is left out has its default.

    Times are RFC 3339, UTC, milliseconds. ``position`` counts the records of the stream from 0
    without a gap; ``entry`` is the index of the entry in the file (``entry``) or the number of
    entries that still stand (``rewind``). ``eol`` is what followed the payload in a file of
    lines or text.
    """

    v: int
    tenant: str
    klass: str
    user: str
    subject: str
    device: str
    assistant: str
    conversation: str
    stream: str
    shape: str
    git_remote: str | None = None
    id: str
    op: Op
    position: int
    observed_at: str
    entry: int = 0
    more: bool = False
    occurred_at: str | None = None
    assistant_version: str | None = None
    role: str | None = None
    model: str | None = None
    tools: tuple[str, ...] = ()
    title: str | None = None
    cwd: str | None = None
    form: Form | None = None
    eol: str = ""
    payload: msgspec.Raw = NO_PAYLOAD


class FieldChange(msgspec.Struct, frozen=True):
    """The payload of a ``fields`` record.

    ``set`` holds each new or changed top-level value verbatim; ``unset`` names the keys that
    went. ``entries`` names the key under which the entries stand, ``""`` where the document
    itself is their list, ``None`` where it has none.
    """

    set: dict[str, msgspec.Raw]
    unset: tuple[str, ...]
    entries: str | None
