"""Sets of chunks as orders name them: by device, and runs of their numbers. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING

from archiver.evidence.orders import Chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archiver.evidence.orders import Run
    from archiver.format.keys import ChunkKey

__all__ = ["ChunkSet"]


class ChunkSet:
    """Chunks of a tenant: 16 bytes for each run of numbers, however many chunks it has."""

    def __init__(self) -> None:
        self._runs: dict[str, _Numbers] = {}
        self.runs = 0

    @classmethod
    def of(cls, named: Iterable[Chunks]) -> ChunkSet:
        """Give those that orders name."""
        found, by_device = cls(), dict[str, list["Run"]]()
        for one in named:
            by_device.setdefault(one.device, []).extend(one.runs)
        for device, runs in by_device.items():
            found.add_runs(device, runs)
        return found

    def add(self, key: ChunkKey) -> bool:
        """Add one; tell whether it was new."""
        mine = self._runs.get(key.device)
        if mine is None:
            mine = self._runs[key.device] = _Numbers()
        more = mine.add(key.seq)
        self.runs += more or 0
        return more is not None

    def add_runs(self, device: str, runs: Iterable[Run]) -> None:
        """Add some of one device, in any order. Costs as much as all that are there of it."""
        before = self._runs.get(device, _Numbers())
        merged: list[tuple[int, int]] = []
        for first, last in sorted((*before, *runs)):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        self._runs[device] = _Numbers(merged)
        self.runs += len(merged) - len(before.firsts)

    def __contains__(self, key: ChunkKey) -> bool:
        """Tell whether it is among them."""
        mine = self._runs.get(key.device)
        return mine is not None and key.seq in mine

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return self.runs > 0

    def __len__(self) -> int:
        """Count them."""
        return sum(last - first + 1 for mine in self._runs.values() for first, last in mine)

    @property
    def named(self) -> tuple[Chunks, ...]:
        """Give them as an order names them."""
        return tuple(Chunks(device, tuple(mine)) for device, mine in sorted(self._runs.items()))


class _Numbers:
    """Numbers of one device: where each run begins, and where it ends."""

    __slots__ = ("firsts", "lasts")

    def __init__(self, runs: Iterable[tuple[int, int]] = ()) -> None:
        chosen = list(runs)
        self.firsts = array("q", [first for first, _ in chosen])
        self.lasts = array("q", [last for _, last in chosen])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.firsts, self.lasts, strict=True)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.firsts, number) - 1
        return at >= 0 and number <= self.lasts[at]

    def add(self, number: int) -> int | None:
        """Add one; give how many runs there are more then, ``None`` where it was there."""
        firsts, lasts = self.firsts, self.lasts
        if firsts and number == lasts[-1] + 1:
            lasts[-1] = number
            return 0
        at = bisect_right(firsts, number)
        if at and number <= lasts[at - 1]:
            return None
        below = at > 0 and lasts[at - 1] == number - 1
        above = at < len(firsts) and firsts[at] == number + 1
        if below and above:
            lasts[at - 1] = lasts[at]
            del firsts[at], lasts[at]
            return -1
        if below:
            lasts[at - 1] = number
        elif above:
            firsts[at] = number
        else:
            firsts.insert(at, number)
            lasts.insert(at, number)
            return 1
        return 0
