"""Captured record lines that are not in a chunk yet.

A row holds up to a mebibyte of lines, compressed at level 1: against one row per record, or
raw rows, that is a third of the CPU and a tenth of the bytes written. Measured on 268 MB of
record lines: level 1 takes 0.31 s of CPU and leaves 29.5 MB, level -1 0.28 s and 35.9 MB,
level -5 0.25 s and 43.2 MB. What the fast levels save, writing more and syncing it costs again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import zstandard

from archiver.spool.values import Batch, Group

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "add",
    "drop_tenant",
    "forget",
    "groups",
    "oldest",
    "pack",
    "positions",
    "take",
    "unpack",
]

_COLUMNS = (
    "tenant, class, subject, day, assistant, conversation, stream, position, records,"
    " first_at, last_at, raw_bytes, data"
)
_LEVEL: Final = 1
_NEVER: Final = "9999"


def pack(lines: bytes) -> bytes:
    """Compress record lines; needs no database and no lock."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(lines)


def unpack(packed: Iterable[bytes]) -> list[bytes]:
    """Undo `pack`, many times."""
    one = zstandard.ZstdDecompressor()
    return [one.decompress(data, allow_extra_data=False) for data in packed]


def add(db: sqlite3.Connection, new: Iterable[Batch], spooled_at: str) -> None:
    """Write batches within the caller's transaction."""
    db.executemany(
        "INSERT INTO batches (tenant, class, subject, day, assistant, conversation, stream,"
        " position, records, first_at, last_at, raw_bytes, spooled_at, data)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            (
                one.group.tenant,
                one.group.klass,
                one.group.subject,
                one.group.day,
                one.assistant,
                one.conversation,
                one.stream,
                one.position,
                one.records,
                one.first_at,
                one.last_at,
                one.raw_bytes,
                spooled_at,
                one.data,
            )
            for one in new
        ),
    )


def groups(
    db: sqlite3.Connection, tenant: str, *, full_bytes: int, spooled_until: str, now: str
) -> list[Group]:
    """Give the groups of a tenant that are full or old enough to be sealed, oldest first.

    What was spooled after ``now`` was spooled before the clock was set back: it is old enough.
    """
    rows = db.execute(
        "SELECT tenant, class, subject, day FROM batches WHERE tenant = ?"
        " GROUP BY tenant, class, subject, day"
        " HAVING SUM(raw_bytes) >= ? OR MIN(spooled_at) <= ? OR MAX(spooled_at) > ?"
        " ORDER BY MIN(spooled_at), day",
        (tenant, full_bytes, spooled_until, now),
    )
    return [Group(*row) for row in rows]


def oldest(db: sqlite3.Connection, group: Group) -> str:
    """Tell when the oldest of a group was spooled; empty where there is nothing of it."""
    found = db.execute(
        "SELECT MIN(spooled_at) FROM batches WHERE tenant=? AND class=? AND subject=? AND day=?",
        (group.tenant, group.klass, group.subject, group.day),
    )
    (at,) = found.fetchone()
    return at or ""


def take(
    db: sqlite3.Connection, group: Group, max_bytes: int, *, until: str = _NEVER
) -> tuple[list[int], list[Batch]]:
    """Give row ids and batches that fit into one chunk, in its order.

    At least one, where there is any that was spooled at ``until`` or before.
    """
    sizes = db.execute(
        "SELECT id, raw_bytes FROM batches WHERE tenant=? AND class=? AND subject=? AND day=?"
        " AND spooled_at <= ? ORDER BY conversation, stream, assistant, position",
        (group.tenant, group.klass, group.subject, group.day, until),
    )
    chosen: list[int] = []
    total = 0
    for row, size in sizes:
        if chosen and total + size > max_bytes:
            break
        chosen.append(row)
        total += size
    return chosen, [_read(db, row) for row in chosen]


def _read(db: sqlite3.Connection, row: int) -> Batch:
    found = db.execute(f"SELECT {_COLUMNS} FROM batches WHERE id = ?", (row,))  # noqa: S608 - a constant
    tenant, klass, subject, day, *rest = found.fetchone()
    return Batch(Group(tenant, klass, subject, day), *rest)


def positions(
    db: sqlite3.Connection, tenant: str
) -> Iterator[tuple[tuple[str, str, str], int, int]]:
    """Yield (assistant, conversation, stream), first position and records that wait of each."""
    rows = db.execute(
        "SELECT assistant, conversation, stream, MIN(position), SUM(records) FROM batches"
        " WHERE tenant = ? GROUP BY assistant, conversation, stream",
        (tenant,),
    )
    for assistant, conversation, stream, position, records in rows.fetchall():
        yield (assistant, conversation, stream), position, records


def drop_tenant(db: sqlite3.Connection, tenant: str) -> None:
    """Remove every row of a tenant."""
    db.execute("DELETE FROM batches WHERE tenant = ?", (tenant,))


def forget(db: sqlite3.Connection, rows: Sequence[int]) -> None:
    """Remove rows that are in a sealed chunk now."""
    db.executemany("DELETE FROM batches WHERE id = ?", ((row,) for row in rows))
