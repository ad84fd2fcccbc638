"""A chunk that a manifest lists, where it must lie now, and what the listing said of it."""

from __future__ import annotations

from enum import IntEnum

import msgspec

__all__ = ["Claim", "Seen"]


class Seen(IntEnum):
    """What the listing of the store said of a chunk that a manifest lists."""

    ABSENT = 0
    HERE = 1
    ELSEWHERE = 2
    """Its object lies under another key."""

    WRONG_SIZE = 3
    """It is there and has another size: it is read whatever else is left out."""

    TOO_LARGE = 4
    """It is there and so much too large that it is not read."""


class Claim(msgspec.Struct, gc=False):
    """A listed chunk. Small, because there may be millions.

    ``entry`` is the listing as JSON, kept only where records are to be read. ``sha256`` has 32
    bytes. ``order`` is the number of the admin's order that took it, 0 where none did. Device and
    number stand in the key's last part.
    """

    key: str
    sha256: bytes
    stored_bytes: int
    records: int
    entry: bytes = b""
    seen: Seen = Seen.ABSENT
    order: int = 0

    @property
    def device(self) -> str:
        """Whose chunk it is."""
        at = self.key.rindex("/") + 1
        return self.key[at : at + 16]

    @property
    def seq(self) -> int:
        """Its number."""
        at = self.key.rindex("/") + 18
        return int(self.key[at : at + 12])
