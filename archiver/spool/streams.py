"""Capture state: one row per file of a conversation and tenant, and the marks of its entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from archiver.spool.values import Glance, Mark, StreamState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

__all__ = [
    "add_marks",
    "by_path",
    "find",
    "keep_marks",
    "live_paths",
    "marks",
    "save",
]

_COLUMNS = (
    "id, tenant, assistant, conversation, stream, path, shape, glance, consumed, prefix,"
    " entries, position, fields, missing, absent, origin"
)


_NAMES: Final = tuple(_COLUMNS.replace(" ", "").split(","))


class _Fields(msgspec.Struct, frozen=True, array_like=True):
    entries_key: str | None
    hashes: dict[str, bytes]


_decoder = msgspec.msgpack.Decoder(_Fields)


def _state(row: tuple[object, ...]) -> StreamState:
    values = dict(zip(_NAMES, row, strict=True))
    packed = values.pop("fields")
    fields = _decoder.decode(packed) if packed else _Fields(None, {})  # type: ignore[arg-type]
    glance = values.pop("glance")
    return StreamState(
        **{**values, "absent": bool(values["absent"])},  # type: ignore[arg-type]
        glance=Glance.unpack(glance) if isinstance(glance, bytes) else None,
        fields=fields.hashes,
        entries_key=fields.entries_key,
    )


def find(
    db: sqlite3.Connection, tenant: str, assistant: str, conversation: str, stream: str
) -> StreamState | None:
    """Give the state of one stream, or ``None`` where it was never captured."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM streams WHERE tenant = ? AND assistant = ?"  # noqa: S608 - a constant
        " AND conversation = ? AND stream = ?",
        (tenant, assistant, conversation, stream),
    ).fetchone()
    return _state(row) if row else None


def by_path(db: sqlite3.Connection, path: bytes) -> list[StreamState]:
    """Give the states of a file that is not known to be gone, one per tenant."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM streams WHERE path = ? AND absent = 0",  # noqa: S608 - a constant
        (path,),
    )
    return [_state(row) for row in rows.fetchall()]


def live_paths(db: sqlite3.Connection) -> set[bytes]:
    """Give the path of every captured file that is not known to be gone."""
    return {path for (path,) in db.execute("SELECT path FROM streams WHERE absent = 0")}


def save(db: sqlite3.Connection, state: StreamState) -> int:
    """Write a state; give the row's id."""
    values = (
        state.tenant,
        state.assistant,
        state.conversation,
        state.stream,
        state.path,
        state.shape,
        state.glance.pack() if state.glance else None,
        state.consumed,
        state.prefix,
        state.entries,
        state.position,
        msgspec.msgpack.encode(_Fields(state.entries_key, state.fields)),
        state.missing,
        state.absent,
        state.origin,
    )
    if state.id:
        db.execute(
            "UPDATE streams SET tenant=?, assistant=?, conversation=?, stream=?, path=?, shape=?,"
            " glance=?, consumed=?, prefix=?, entries=?, position=?, fields=?, missing=?, absent=?,"
            " origin=? WHERE id=?",
            (*values, state.id),
        )
        return state.id
    cursor = db.execute(
        "INSERT INTO streams (tenant, assistant, conversation, stream, path, shape, glance,"
        " consumed, prefix, entries, position, fields, missing, absent, origin)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        values,
    )
    return cursor.lastrowid or 0


def add_marks(db: sqlite3.Connection, stream: int, first: int, new: bytes) -> None:
    """Remember entries ``first`` and on; ``new`` is packed by `Mark.pack`."""
    if new:
        db.execute("INSERT INTO marks VALUES (?,?,?)", (stream, first, new))


def marks(db: sqlite3.Connection, stream: int) -> Iterator[Mark]:
    """Yield the marks of every entry that still stands, from the first."""
    rows = db.execute("SELECT data FROM marks WHERE stream = ? ORDER BY first", (stream,))
    for (data,) in rows.fetchall():
        yield from Mark.unpack(data)


def keep_marks(db: sqlite3.Connection, stream: int, count: int) -> None:
    """Forget every entry but the first ``count``, which end where a mark ends."""
    db.execute("DELETE FROM marks WHERE stream = ? AND first >= ?", (stream, count))
    row = db.execute(
        "SELECT first, data FROM marks WHERE stream = ? ORDER BY first DESC LIMIT 1", (stream,)
    ).fetchone()
    if row:
        first, data = row
        kept = []
        for mark in Mark.unpack(data):
            first += mark.entries
            if first > count:
                break
            kept.append(mark)
        db.execute(
            "UPDATE marks SET data = ? WHERE stream = ? AND first = ?",
            (Mark.pack(kept), stream, row[0]),
        )
