"""Sets of chunks as orders name them: by device, and runs of their numbers. Pure."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from archiver.evidence.orders import Chunks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archiver.archive.runs import Runs
    from archiver.format.keys import ChunkKey

__all__ = ["ChunkSet"]


class ChunkSet:
    """Chunks of a tenant: a few bytes, as long as their numbers have few gaps."""

    def __init__(self) -> None:
        self._firsts: dict[str, list[int]] = {}
        self._lasts: dict[str, list[int]] = {}

    @classmethod
    def of(cls, named: Iterable[Chunks]) -> ChunkSet:
        """Give those that orders name."""
        found = cls()
        for one in named:
            found.add_runs(one.device, one.runs)
        return found

    def add(self, key: ChunkKey) -> bool:
        """Add one; tell whether it was new."""
        if key in self:
            return False
        firsts = self._firsts.setdefault(key.device, [])
        lasts = self._lasts.setdefault(key.device, [])
        at = bisect_right(firsts, key.seq)
        after_one = at > 0 and lasts[at - 1] == key.seq - 1
        before_one = at < len(firsts) and firsts[at] == key.seq + 1
        if after_one and before_one:
            lasts[at - 1] = lasts.pop(at)
            del firsts[at]
        elif after_one:
            lasts[at - 1] = key.seq
        elif before_one:
            firsts[at] = key.seq
        else:
            firsts.insert(at, key.seq)
            lasts.insert(at, key.seq)
        return True

    def add_runs(self, device: str, runs: Runs) -> None:
        """Add some of one device."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted((*self._runs(device), *runs)):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        self._firsts[device] = [first for first, _ in merged]
        self._lasts[device] = [last for _, last in merged]

    def __contains__(self, key: ChunkKey) -> bool:
        """Tell whether it is among them."""
        at = bisect_right(self._firsts.get(key.device, ()), key.seq)
        return at > 0 and key.seq <= self._lasts[key.device][at - 1]

    @property
    def named(self) -> tuple[Chunks, ...]:
        """Give them as an order names them."""
        return tuple(Chunks(device, self._runs(device)) for device in sorted(self._firsts))

    def _runs(self, device: str) -> Runs:
        pairs = zip(self._firsts.get(device, ()), self._lasts.get(device, ()), strict=True)
        return tuple(pairs)
