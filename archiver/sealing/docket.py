"""What this machine must remember of a chunk that it cannot open itself.

Beside the file of a chunk that is sealed to somebody lies its docket, written before it and
removed after it. Where the database is lost, the docket says what the chunk's row said, and
carries the wrapped key without which nobody could ever open it. It holds names and positions
of conversations, no text, and never leaves the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archiver.durable import files
from archiver.errors import Damaged
from archiver.model.shipment import ChunkEntry

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SUFFIX", "Docket", "Place", "WrappedKey", "path_of", "read", "remove", "write"]

SUFFIX = ".docket"


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A stream in a chunk: the position of its first record there, and their number."""

    assistant: str
    conversation: str
    stream: str
    position: int
    records: int


class WrappedKey(msgspec.Struct, frozen=True):
    """A wrapped month key as it is published: its object key and bytes."""

    key: str
    body: bytes


class Docket(msgspec.Struct, frozen=True):
    """All that is to be known of one chunk. ``wrapped`` is its month's key, if not stored yet."""

    entry: ChunkEntry
    places: tuple[Place, ...]
    wrapped: WrappedKey | None = None


def path_of(chunk: Path) -> Path:
    """Tell where the docket of a sealed file lies."""
    return chunk.with_name(chunk.name + SUFFIX)


def write(chunk: Path, docket: Docket) -> None:
    """Write the docket of a sealed file, durably."""
    files.replace(path_of(chunk), msgspec.json.encode(docket))


def remove(chunk: Path) -> None:
    """Remove the docket of a sealed file, if it has one."""
    if path_of(chunk).exists():
        files.remove(path_of(chunk))


def read(chunk: Path) -> Docket:
    """Read the docket of a sealed file; raise `Damaged` where it is none."""
    try:
        return msgspec.json.decode(path_of(chunk).read_bytes(), type=Docket)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(
            f"the docket of {chunk.name} cannot be read",
            advice="The chunk is kept in quarantine; its officers can still open it.",
        ) from error
