"""The text of a tree head (https://c2sp.org/tlog-checkpoint), to be signed as a note.

    archiver/<tenant>          origin: whose tree
    20852163                   size: leaves in it
    CsUYapGGPo4dkMgIAUqom/…=   root: its hash

Extension lines below are read over; none is ever written.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from archiver.errors import Damaged

__all__ = ["MAX_SIZE", "Checkpoint", "decode", "encode", "origin_of"]

MAX_SIZE: Final = 2**63 - 1
"""Most leaves that a tree is said to have."""

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_HASH_BYTES: Final = 32
_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a tree was at one size. ``root`` has 32 bytes."""

    origin: str
    size: int
    root: bytes


def origin_of(tenant: str) -> str:
    """Name the tree of a tenant.

    >>> origin_of("acme")
    'archiver/acme'
    """
    return f"archiver/{tenant}"


def encode(checkpoint: Checkpoint) -> bytes:
    """Write the text that is signed; raise `ValueError` where `decode` would not read it."""
    root = base64.b64encode(checkpoint.root).decode()
    text = f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n".encode()
    try:
        same = decode(text) == checkpoint
    except Damaged:
        same = False
    if not same:
        raise ValueError("a checkpoint has an origin of one line, a size and a root of 32 bytes")
    return text


def decode(text: bytes) -> Checkpoint:
    """Read a note's text; raise `Damaged` where it is no checkpoint."""
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError as error:
        raise _damaged() from error
    end = lines.pop()
    if end or len(lines) < _LINES or not all(lines) or not _SIZE.fullmatch(lines[1]):
        raise _damaged()
    size, root = int(lines[1]), _hash(lines[2])
    if size > MAX_SIZE:
        raise _damaged()
    return Checkpoint(lines[0], size, root)


def _hash(text: str) -> bytes:
    try:
        value = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise _damaged() from error
    if len(value) != _HASH_BYTES or base64.b64encode(value).decode() != text:
        raise _damaged()
    return value


def _damaged() -> Damaged:
    return Damaged(
        "a checkpoint is not an origin, a size and a root hash, each on its line",
        advice="The stored object was altered or cut; restore it from a replica.",
    )
