"""The numbers of chunks, device by device: who has which, and which nobody accounts for. Pure."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from archiver.archive.chain import numbers
from archiver.archive.findings import Code, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from archiver.model.shipment import Manifest

__all__ = ["Numbering"]

_NAME: Final = re.compile(r"([0-9a-f]{16})-([0-9]{12})-[0-9a-f]{16}\.jsonl\.zst(?:\.age)?")

_UNSENT: Final = {
    Code.CHUNK_QUARANTINED: "quarantined",
    Code.CHUNK_PURGED: "purged",
    Code.CHUNK_EXPIRED: "expired",
}
"""Where a manifest names chunks of its device that are in no archive."""

_WHY: Final = {
    Code.CHUNK_QUARANTINED: "its device keeps it",
    Code.CHUNK_PURGED: "somebody gave it up on its device, unsent",
    Code.CHUNK_EXPIRED: "it was past its retention before its device knew that it was stored",
}


class Numbering:
    """Which key has which number of a device, and which numbers were never sent."""

    def __init__(self) -> None:
        self._keys: dict[str, dict[int, str]] = {}
        self._unsent: dict[str, dict[int, Code]] = defaultdict(dict)

    def take(self, device: str, seq: int, key: str) -> str:
        """Note that a key has a number; give the key that had it first."""
        mine = self._keys.get(device)
        if mine is None:
            mine = self._keys[sys.intern(device)] = {}
        return mine.setdefault(seq, key)

    def take_unsent(self, device: str, manifest: Manifest) -> None:
        """Note the numbers that a device says are in no archive."""
        for code, name in _UNSENT.items():
            if seqs := getattr(manifest, name):
                self._unsent[device].update(dict.fromkeys(seqs, code))

    def named(self, name: str) -> str | None:
        """Give the key that has this last part, if it is one of these."""
        found = _NAME.fullmatch(name)
        key = self.key_of(found[1], int(found[2])) if found else None
        return key if key and key.endswith(f"/{name}") else None

    def key_of(self, device: str, seq: int) -> str | None:
        """Give the key that has a number."""
        return self._keys.get(device, {}).get(seq)

    def is_unsent(self, device: str, seq: int) -> bool:
        """Tell whether a device said that it never sent that number."""
        return seq in self._unsent.get(device, ())

    def highest(self, device: str) -> int:
        """Give the highest number of a device that is listed, 0 where none is."""
        return max(self._keys.get(device, ()), default=0)

    def judge(
        self, present: Iterable[tuple[str, int]], blind: AbstractSet[str]
    ) -> Iterator[Finding]:
        """Yield the numbers that are unsent, and those that nobody accounts for.

        ``present`` are the numbers of stored objects that no manifest lists: each has a
        finding of its own. Of ``blind`` devices not all is known, so no hole is told.
        """
        stored = defaultdict(set)
        for device, seq in present:
            stored[device].add(seq)
        for device in sorted(self._keys.keys() | self._unsent.keys()):
            listed = self._keys.get(device, {}).keys()
            told = self._unsent.get(device, {})
            unsent = told.keys() - listed
            for seq in sorted(unsent):
                meaning = f"chunk {seq} is not in the archive: {_WHY[told[seq]]}"
                yield Finding(told[seq], device, meaning)
            if device in blind:
                continue
            for first, last in _holes(listed, unsent, stored[device]):
                meaning = f"{numbers(first, last)} not accounted for"
                yield Finding(Code.CHUNK_GAP, device, meaning)


def _holes(listed: Iterable[int], unsent: set[int], stored: set[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last number of each run that is in none, below the highest known."""
    known = unsent.union(listed)
    before, highest = 0, max(known, default=0)
    for seq in sorted(known.union(seq for seq in stored if seq < highest)):
        if seq > before + 1:
            yield before + 1, seq - 1
        before = seq
