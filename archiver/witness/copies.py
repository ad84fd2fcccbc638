"""A second place for the checkpoints, which whoever can change the store cannot change.

The copy holds the statements alone, under the same keys. It is asked before anything is signed:
a statement that it has and the store has not was taken out of the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.errors import HistoryChanged
from archiver.format.keys import Series, SeriesKey, parse_key, series_folder
from archiver.witness.place import put_once

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archiver.witness.place import Place

__all__ = ["check_copy", "complete_copy"]


async def check_copy(copy: Place, known: Iterable[tuple[SeriesKey, bytes]]) -> None:
    """Raise `HistoryChanged` where the copy has what the store has not, or other bytes of it."""
    bodies = {_name(key): body for key, body in known}
    for key, body in await copy.series(Series.CHECKPOINTS):
        if _name(key) in bodies and bodies[_name(key)] != body:
            raise HistoryChanged(
                f"the copy in {copy.store.name} holds other bytes than the store: {key}",
                advice="Nothing was signed. The store's are signed and sound: find out who"
                " changed the copy, then remove that object from it.",
            )
        if _name(key) not in bodies:
            raise HistoryChanged(
                f"the copy in {copy.store.name} has a checkpoint that the store has not: {key}",
                advice="Nothing was signed. Find out which of them was changed, and restore what"
                " is missing.",
            )


async def complete_copy(copy: Place, statements: Iterable[tuple[SeriesKey, bytes]]) -> int:
    """Store every statement that the copy has not; give their number."""
    there = {_name(key) for key in await _keys(copy)}
    count = 0
    for key, body in statements:
        if _name(key) not in there:
            name = copy.key(Series.CHECKPOINTS, key.seq, body)
            await put_once(copy.store, str(name), body)
            count += 1
    return count


async def _keys(copy: Place) -> list[SeriesKey]:
    folder = series_folder(copy.prefix, copy.tenant, Series.CHECKPOINTS)
    return [
        key
        async for listed in copy.store.list(folder)
        if isinstance(key := parse_key(listed.key), SeriesKey)
    ]


def _name(key: SeriesKey) -> tuple[int, str]:
    return key.seq, key.sha
