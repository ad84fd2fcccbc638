"""Sets of chunks as orders name them: by device, and runs of their numbers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.archive.runs import holds, joined
from archiver.evidence.orders import Chunks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archiver.archive.runs import Runs
    from archiver.format.keys import ChunkKey

__all__ = ["ChunkSet"]


class ChunkSet:
    """Chunks of a tenant: a few bytes, as long as their numbers have few gaps."""

    def __init__(self) -> None:
        self._runs: dict[str, Runs] = {}

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
        self._runs[key.device] = joined(self._runs.get(key.device, ()), key.seq)
        return True

    def add_runs(self, device: str, runs: Runs) -> None:
        """Add some of one device."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted((*self._runs.get(device, ()), *runs)):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        self._runs[device] = tuple(merged)

    def __contains__(self, key: ChunkKey) -> bool:
        """Tell whether it is among them."""
        return holds(self._runs.get(key.device, ()), key.seq)

    @property
    def named(self) -> tuple[Chunks, ...]:
        """Give them as an order names them."""
        return tuple(Chunks(device, runs) for device, runs in sorted(self._runs.items()))
