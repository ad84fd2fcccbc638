"""The leaves of a tenant's tree: one line for each manifest.

    00c0ffee00c0ffee 12 <sha256 of the manifest's stored bytes, 64 hex digits>

The line with its newline is the leaf's data. It names the manifest and not only its hash, so
that a list of lines can be checked against the tree, and read, without the manifests.

New leaves of one checkpoint stand in the order of (device, seq, sha256); a later checkpoint
only appends. So two runs over the same manifests build the same tree.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from archiver.errors import Damaged
from archiver.evidence import merkle

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Leaf", "decode", "encode", "hash_of", "in_order"]

_LINE: Final = re.compile(rb"([0-9a-f]{16}) ([1-9][0-9]{0,11}) ([0-9a-f]{64})\n")


class Leaf(NamedTuple):
    """One manifest: whose, which, and the sha256 (hex) of its stored bytes."""

    device: str
    seq: int
    sha256: str


def in_order(leaves: Iterable[Leaf]) -> list[Leaf]:
    """Give the order in which new leaves are appended, each once."""
    return sorted(set(leaves))


def encode(leaf: Leaf) -> bytes:
    """Write the line; raise `ValueError` where `decode` would not read it."""
    line = f"{leaf.device} {leaf.seq} {leaf.sha256}\n".encode()
    if not _LINE.fullmatch(line):
        raise ValueError("a leaf is 16 hex digits, a number from 1 on and 64 hex digits")
    return line


def decode(line: bytes) -> Leaf:
    """Read a line with its newline; raise `Damaged` where it is none."""
    match = _LINE.fullmatch(line)
    if not match:
        raise Damaged(
            "a line of a roll-up does not name a manifest",
            advice="The stored object was altered or cut; restore it from a replica.",
        )
    device, seq, sha256 = match.groups()
    return Leaf(device.decode(), int(seq), sha256.decode())


def hash_of(leaf: Leaf) -> bytes:
    """Give the hash that goes into the tree."""
    return merkle.leaf_hash(encode(leaf))
