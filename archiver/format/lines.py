"""Record lines: written fast, read strictly.

A line is one JSON object whose last key is ``payload``. What stands between the first
``,"payload":`` and the final ``}`` is the payload, verbatim: that byte sequence cannot
occur earlier, because a quote inside a JSON string is escaped. So a reader that knows no
JSON library that keeps bytes can still cut the payload out exactly.

Keys that have nothing to say are left out.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import msgspec

from archiver.errors import Damaged
from archiver.model.record import FORMAT_VERSION, Event, Form, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "Origin",
    "decode_line",
    "decode_lines",
    "encode_lines",
    "head_of",
    "payload_bytes",
    "stream_key",
]

_decoder = msgspec.json.Decoder(Record)
_encoder = msgspec.json.Encoder()


def stream_key(device: str, assistant: str, conversation: str, stream: str) -> str:
    """Name a stream: 16 hex digits, the same for ever on the same device.

    >>> stream_key("00", "aider", "x", ".aider.chat.history.md")
    'ee951173198492b5'
    """
    text = f"{device}\0{assistant}\0{conversation}\0{stream}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Origin(msgspec.Struct, frozen=True, gc=False):
    """What all records of one stream share while its conversation's owner stays the same."""

    tenant: str
    klass: str
    user: str
    subject: str
    device: str
    assistant: str
    conversation: str
    stream: str
    shape: str
    cwd: str | None = None
    git_remote: str | None = None

    def pack(self) -> bytes:
        """Give bytes that `unpack` reads back."""
        return msgspec.json.encode(self)

    @staticmethod
    def unpack(data: bytes) -> Origin:
        """Read what `pack` gave."""
        return msgspec.json.decode(data, type=Origin)


def head_of(origin: Origin) -> msgspec.Raw:
    """Give the part that all lines of a stream share, for `Event.head`."""
    known = {
        "tenant": origin.tenant,
        "class": origin.klass,
        "user": origin.user,
        "subject": origin.subject,
        "device": origin.device,
        "assistant": origin.assistant,
        "conversation": origin.conversation,
        "stream": origin.stream,
        "shape": origin.shape,
    }
    if origin.git_remote:
        known["git_remote"] = origin.git_remote
    return msgspec.Raw(b"%d,%b" % (FORMAT_VERSION, _encoder.encode(known)[1:-1]))


def encode_lines(events: Sequence[Event] | Sequence[Record]) -> bytes:
    """Write records, each line ended by a newline.

    Metadata that is not Unicode text (a path of undecodable bytes) is left out of the records
    that have it; their payloads are there all the same.
    """
    try:
        return _encoder.encode_lines(events)
    except UnicodeEncodeError:
        return b"".join(_encode_line(event) for event in events)


def _encode_line(event: Event | Record) -> bytes:
    try:
        return _encoder.encode_lines([event])
    except UnicodeEncodeError:
        nothing = {"cwd": None, "model": None, "role": None, "title": None, "tools": ()}
        return _encoder.encode_lines([msgspec.structs.replace(event, **nothing)])


def decode_line(line: bytes) -> Record:
    """Read one line; raise `Damaged` where it is not a record of a known version."""
    try:
        record = _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Damaged(
            "a line is not a record of this format",
            advice="Run `archiver verify --read-data` to find the chunk that holds it.",
        ) from error
    if record.v > FORMAT_VERSION:
        raise Damaged(
            f"a record has format version {record.v}; this program reads up to {FORMAT_VERSION}",
            advice="Install a newer archiver and try again.",
        )
    return record


def decode_lines(raw: bytes) -> Iterator[Record]:
    """Read every line of an unpacked chunk."""
    for line in raw.split(b"\n"):
        if line:
            yield decode_line(line)


def payload_bytes(record: Record) -> bytes:
    """Give the archived bytes of a record: an entry, or fields, or a part of either."""
    raw = bytes(record.payload)
    if record.form is Form.JSON or record.form is None:
        return raw
    text: str = msgspec.json.decode(raw, type=str)
    if record.form is Form.BASE64:
        return base64.b64decode(text, validate=True)
    return text.encode()
