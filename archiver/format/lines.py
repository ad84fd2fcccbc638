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
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from archiver.errors import Damaged
from archiver.model.record import FORMAT_VERSION, Form, Op, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Origin", "decode_line", "decode_lines", "payload_bytes", "stream_key"]

_MARK = b',"payload":'
_decoder = msgspec.json.Decoder(Record)


@lru_cache(maxsize=4096)
def _quoted(text: str) -> bytes:
    return msgspec.json.encode(text)


def stream_key(device: str, assistant: str, conversation: str, stream: str) -> str:
    """Name a stream: 16 hex digits, the same for ever on the same device.

    >>> stream_key("00", "aider", "x", ".aider.chat.history.md")
    'ee951173198492b5'
    """
    text = f"{device}\0{assistant}\0{conversation}\0{stream}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Origin:
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

    def head(self) -> tuple[bytes, bytes]:
        """Give the two constant pieces of a line, around ``position``."""
        key = stream_key(self.device, self.assistant, self.conversation, self.stream)
        fields = [
            ("tenant", self.tenant),
            ("class", self.klass),
            ("user", self.user),
            ("subject", self.subject),
            ("device", self.device),
            ("assistant", self.assistant),
            ("conversation", self.conversation),
            ("stream", self.stream),
            ("shape", self.shape),
            ("git_remote", self.git_remote),
        ]
        rest = b",".join(
            b'"%s":%s' % (name.encode(), _quoted(value)) for name, value in fields if value
        )
        return b'{"v":%d,"id":"%s-' % (FORMAT_VERSION, key.encode()), b'",' + rest


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
    """Give the archived bytes of a record (an entry or a part of one, without ``eol``)."""
    raw = bytes(record.payload)
    if record.form is Form.JSON or record.op is not Op.ENTRY:
        return raw
    text: str = msgspec.json.decode(raw, type=str)
    if record.form is Form.BASE64:
        return base64.b64decode(text, validate=True)
    return text.encode()
