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

__all__ = ["FORMAT_VERSION", "FieldChange", "Form", "Op", "Record"]

FORMAT_VERSION = 1
"""Written into every record and manifest; a reader refuses a larger one."""


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


class Record(msgspec.Struct, frozen=True, rename={"klass": "class"}, kw_only=True):
    """One line of a chunk, as a reader sees it. Times are RFC 3339, UTC, milliseconds.

    ``position`` counts the records of the stream from 0 without a gap; ``entry`` is the
    index of the entry in the file (``entry``) or the number of entries that still stand
    (``rewind``). ``eol`` is what followed the payload in a file of lines or text.
    """

    v: int
    id: str
    tenant: str
    klass: str
    user: str
    subject: str
    device: str
    assistant: str
    conversation: str
    stream: str
    shape: str
    op: Op
    position: int
    observed_at: str
    entry: int = 0
    more: bool = False
    assistant_version: str | None = None
    cwd: str | None = None
    git_remote: str | None = None
    role: str | None = None
    model: str | None = None
    tools: tuple[str, ...] = ()
    title: str | None = None
    occurred_at: str | None = None
    form: Form | None = None
    eol: str = ""
    payload: msgspec.Raw = msgspec.Raw(b"null")


class FieldChange(msgspec.Struct, frozen=True):
    """The payload of a ``fields`` record.

    ``set`` holds each new or changed top-level value verbatim; ``unset`` names the keys that
    went. ``entries`` names the key under which the entries stand, ``""`` where the document
    itself is their list, ``None`` where it has none.
    """

    set: dict[str, msgspec.Raw]
    unset: tuple[str, ...]
    entries: str | None
