"""What is signed besides manifests: one JSON object on one line, read strictly.

Keys stand in the order of the value's fields, without spaces. A reader ignores keys that it
does not know, refuses a larger format version before it looks at anything else, and refuses
more bytes than the kind of document can have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from archiver.errors import Damaged
from archiver.evidence.checkpoint import MAX_SIZE
from archiver.format.keys import NAME_PATTERN
from archiver.format.times import parse_rfc3339
from archiver.model.record import FORMAT_VERSION

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Count",
    "Device",
    "Hash",
    "Number",
    "Subject",
    "Tenant",
    "Text",
    "Time",
    "decode",
    "encode",
    "moment",
]

Device = Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]
Subject = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
Tenant = Annotated[str, Meta(pattern=rf"\A{NAME_PATTERN}\Z")]
Hash = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""A SHA-256, in hex."""
Count = Annotated[int, Meta(ge=0, le=MAX_SIZE)]
Number = Annotated[int, Meta(ge=1, le=10**12 - 1)]
"""A place in a chain, from 1: twelve digits, as in keys."""
Text = Annotated[str, Meta(max_length=1000)]
Time = Annotated[str, Meta(min_length=24, max_length=24)]
"""As `archiver.format.times.rfc3339` writes it; `moment` says whether it is one."""

_T = TypeVar("_T", bound=msgspec.Struct)
_HIGHEST: Final = FORMAT_VERSION
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", re.ASCII
)


class _Version(msgspec.Struct, frozen=True):
    v: int


def moment(text: str) -> datetime:
    """Give a `Time` as a time; raise `ValueError` for another form or a day that never was.

    One time has one form, so that their order as text is their order.
    """
    if not _TIME.fullmatch(text):
        raise ValueError("a time is not UTC with milliseconds")
    return parse_rfc3339(text)


def encode(value: msgspec.Struct, what: str, limit: int) -> bytes:
    """Give the line that is signed, once `decode` has read it: nobody signs what none can read.

    ``what`` names the kind of document, with its article. Raise `Damaged`.
    """
    text = msgspec.json.encode(value) + b"\n"
    decode(text, type(value), what, limit)
    return text


def decode(text: bytes, kind: type[_T], what: str, limit: int) -> _T:
    """Read a line; raise `Damaged` where it is not ``what`` of a known version."""
    if len(text) > limit:
        raise _damaged(f"{what} has {len(text)} bytes; at most {limit} are read")
    if text.find(b"\n") != len(text) - 1:
        raise _damaged(f"{what} is not one line")
    version = _parsed(text, _Version, what).v
    if version > _HIGHEST:
        raise Damaged(
            f"{what} has format version {version}; this program reads up to {_HIGHEST}",
            advice="Install a newer archiver and try again.",
        )
    if version < 1:
        raise _damaged(f"{what} has format version {version}")
    return _parsed(text, kind, what)


def _parsed(text: bytes, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(f"{what} is not the JSON object that it should be") from error


def _damaged(message: str) -> Damaged:
    return Damaged(
        message, advice="The stored object was altered or cut; restore it from a replica."
    )
