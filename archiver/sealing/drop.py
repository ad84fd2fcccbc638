"""What goes when unsent records are given up, and how the logs go on that lose them.

Three things must stay true for whoever reads the archive later:

* the numbers of dropped chunks stay used, and the tenant's next manifest lists them with the
  reason, so that the gap explains itself;
* dropped records are counted in the same transaction (`archiver.spool.counts`);
* no position of a file's log is used twice. Where all that was dropped of it is the end of its
  log, the log goes on there, with a rewind to nothing: whatever is captured later stands on its
  own. Where something later was kept (it was shipped or set aside before), the hole stays.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from archiver.format.frame import unpack
from archiver.format.keys import ChunkKey, parse_key
from archiver.format.lines import decode_lines
from archiver.sealing import docket
from archiver.spool import streams

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from archiver.sealing.docket import Docket
    from archiver.spool.values import StreamState

__all__ = ["Piece", "Place", "captured_anew", "continue_logs", "in_sealed", "on_change"]

Place = tuple[str, str, str]
"""Assistant, conversation, stream."""

Piece = tuple[Place, int, int]
"""Place, first position there, and count of records that go."""


def in_sealed(device: str, sealed: Iterable[Path]) -> Iterator[Piece]:
    """Yield what goes with these sealed files.

    What another device identity had captured is in no log of this one.
    """
    for path in sealed:
        if docket.path_of(path).exists():
            yield from _closed(docket.read(path), device)
            continue
        for record in decode_lines(unpack(path.read_bytes())):
            if record.device == device:
                place = (record.assistant, record.conversation, record.stream)
                yield place, record.position, 1


def _closed(told: Docket, device: str) -> Iterator[Piece]:
    """Yield the same of a chunk that this machine cannot open."""
    key = parse_key(told.entry.key)
    if isinstance(key, ChunkKey) and key.device == device:
        for one in told.places:
            yield (one.assistant, one.conversation, one.stream), one.position, one.records


def continue_logs(
    db: sqlite3.Connection,
    tenant: str,
    pieces: Iterable[Piece],
    forget: Callable[[StreamState], StreamState],
) -> int:
    """Let the logs go on that lose these pieces; give the count of their records.

    ``forget`` gives the state of a file of which nothing is captured any more.
    """
    first: dict[Place, int] = {}
    dropped: Counter[Place] = Counter()
    for place, position, records in pieces:
        first[place] = min(position, first.get(place, position))
        dropped[place] += records
    for place, position in first.items():
        state = streams.find(db, tenant, *place)
        if state is None:
            continue
        streams.keep_marks(db, state.id, 0)
        ends_there = position + dropped[place] == state.position
        goes_on = position if ends_there else state.position
        streams.save(db, forget(replace(state, position=goes_on)))
    return dropped.total()


def captured_anew(state: StreamState) -> StreamState:
    """Forget a file so that the next look captures it as it is then."""
    return replace(
        state,
        glance=None,
        consumed=0,
        prefix=b"",
        entries=0,
        fields={},
        entries_key=None,
        absent=True,
    )


def on_change(state: StreamState) -> StreamState:
    """Forget a file so that it is captured anew once it changes, and not before.

    Without a shape the next observation begins it anew, as if it had become another kind of
    file; its last look stays, so that what nobody touched since does not come back.
    """
    return replace(state, shape="", consumed=0, prefix=b"", entries=0, fields={}, entries_key=None)
