"""Roll-ups: the new manifests themselves, packed together and stored before they are signed for.

A roll-up that no statement names is harmless: nobody reads it. A run that is repeated over the
same manifests makes the same bytes under the same key; over others, others.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.archive.coverage import RollupLine
from archiver.evidence.statement import RollupEntry
from archiver.format.frame import pack
from archiver.format.keys import ManifestKey, Series, SeriesKey
from archiver.witness.chains import sha256_of
from archiver.witness.place import put_once

if TYPE_CHECKING:
    from archiver.witness.newcomers import Newcomer
    from archiver.witness.place import Place

__all__ = ["MAX_ROLLUP_BYTES", "Packer", "line_of"]

MAX_ROLLUP_BYTES: Final = 16 * 1024 * 1024
"""Content of a roll-up, in bytes; one manifest that is longer has one of its own."""

_LEVEL: Final = 9


def line_of(key: ManifestKey, body: bytes) -> bytes:
    """Write one manifest as a line of a roll-up."""
    below = str(ManifestKey("", key.tenant, key.device, key.seq, key.sha))
    return msgspec.json.encode(RollupLine(below, body.decode())) + b"\n"


class Packer:
    """Takes manifests in the order of the leaves; ``first`` is the number of the first one."""

    def __init__(self, place: Place, first: int) -> None:
        self._place = place
        self._first = first
        self._lines: list[bytes] = []
        self._size = 0
        self._entries: list[RollupEntry] = []

    async def add(self, one: Newcomer) -> None:
        """Take one; store a roll-up when it is full."""
        line = line_of(one.key, one.body)
        if self._lines and self._size + len(line) > MAX_ROLLUP_BYTES:
            await self._store()
        self._lines.append(line)
        self._size += len(line)

    async def finish(self) -> tuple[RollupEntry, ...]:
        """Store what is left; give the entries of all."""
        if self._lines:
            await self._store()
        return tuple(self._entries)

    async def _store(self) -> None:
        lines, self._lines, self._size = self._lines, [], 0
        body = await asyncio.to_thread(pack, lines, level=_LEVEL)
        place, sha256 = self._place, sha256_of(body)
        key = place.key(Series.ROLLUPS, self._first, body)
        await put_once(place.store, str(key), body)
        self._entries.append(
            RollupEntry(
                key=str(SeriesKey("", place.tenant, Series.ROLLUPS, self._first, key.sha)),
                sha256=sha256,
                stored_bytes=len(body),
                first=self._first,
                count=len(lines),
            )
        )
        self._first += len(lines)
