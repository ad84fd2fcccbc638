"""What a verification looks at: which part, how deep, and how much of it. Pure.

A scope never narrows what is asked of the manifests: chains only mean something whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from archiver.format.keys import ChunkKey, parse_key

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from archiver.archive.claims import Claim

__all__ = ["Depth", "Scope", "Subset", "parse_subset"]

_SIZES: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class Depth(IntEnum):
    """How deep a verification looks."""

    LISTING = 0
    """Manifests, and the sizes of what is listed."""

    BYTES = 1
    """The sha256 of every stored byte as well. Needs no key."""

    RECORDS = 2
    """Every record as well: counts, order, positions. Sealed chunks need an identity."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which chunks. ``None`` is all.

    Days ``since`` to ``until`` (``YYYY-MM-DD``, both included), a device, chunks by key.
    """

    since: str | None = None
    until: str | None = None
    device: str | None = None
    chunks: frozenset[str] | None = None

    @property
    def narrow(self) -> bool:
        """Tell whether anything is left out."""
        return (self.since, self.until, self.device, self.chunks) != (None, None, None, None)

    def holds(self, text: str) -> bool:
        """Tell whether the chunk of this key belongs to it."""
        if not self.narrow:
            return True
        key = parse_key(text)
        return (
            isinstance(key, ChunkKey)
            and (self.since is None or key.day >= self.since)
            and (self.until is None or key.day <= self.until)
            and self.device in (None, key.device)
            and (self.chunks is None or text in self.chunks)
        )


@dataclass(frozen=True, slots=True)
class Subset:
    """A part of the chunks to read: bucket ``n`` of ``t``, a share, or a number of bytes."""

    bucket: tuple[int, int] | None = None
    share: float | None = None
    size: int | None = None

    def choose(self, claims: Sequence[Claim], draw: random.Random) -> list[Claim]:
        """Choose; a bucket is always the same, the others are drawn anew each time."""
        if self.bucket:
            number, of = self.bucket
            return [one for one in claims if int.from_bytes(one.sha256[:8]) % of == number - 1]
        if self.share is not None:
            count = max(1, round(len(claims) * self.share)) if claims else 0
            return draw.sample(list(claims), count)
        chosen, total = [], 0
        for one in draw.sample(list(claims), len(claims)):
            if total >= (self.size or 0):
                break
            chosen.append(one)
            total += one.stored_bytes
        return chosen


def parse_subset(text: str) -> Subset:
    """Read ``3/12``, ``2.5%`` or ``500M``; raise `ValueError` for anything else."""
    if match := re.fullmatch(r"(\d{1,6})/(\d{1,6})", text):
        number, of = int(match[1]), int(match[2])
        if 1 <= number <= of:
            return Subset(bucket=(number, of))
    elif match := re.fullmatch(r"(\d+(?:\.\d+)?)%", text):
        if 0 < float(match[1]) <= 100:  # noqa: PLR2004 - a percentage
            return Subset(share=float(match[1]) / 100)
    elif (match := re.fullmatch(r"(\d{1,15})([KMGT]?)", text)) and int(match[1]):
        return Subset(size=int(match[1]) * _SIZES[match[2]])
    raise ValueError("write n/t (bucket n of t), a percentage as 2.5%, or a size as 500M")
