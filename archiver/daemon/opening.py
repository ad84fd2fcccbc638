"""Opening the spool of a machine, whatever a crash or a bad disk left of it.

A damaged database is set aside, loudly, and a new one with a new device identity takes its
place; sealed files that were never sent are taken over, so that what was captured still
arrives. What was spooled and not sealed is captured again from the sources.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archiver.durable import files
from archiver.errors import ArchiverError, SpoolDamaged
from archiver.format.frame import unpack
from archiver.format.keys import ChunkKey, parse_key
from archiver.format.lines import decode_lines
from archiver.format.times import rfc3339
from archiver.model.shipment import ChunkEntry, ConversationCount
from archiver.sealing import docket
from archiver.sealing.lifetime import begun
from archiver.sealing.seal import Sealer
from archiver.spool import chunks, database, papers
from archiver.spool.papers import Paper, PaperKind
from archiver.spool.spool import SEALED, Spool

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from archiver.model.record import Record
    from archiver.sealing.docket import WrappedKey
    from archiver.sealing.lifetime import Since

__all__ = ["Opened", "open_spool"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A spool that is ready.

    ``set_aside`` is where a damaged one lies now, if there was one; ``recovered`` counts the
    sealed files that were taken over from it.
    """

    spool: Spool
    set_aside: Path | None = None
    recovered: int = 0


def open_spool(folder: Path, clock: Callable[[], datetime]) -> Opened:
    """Open the spool of a state folder. The caller holds the folder's lock."""
    files.make_private_folder(folder)
    files.sweep(folder)
    try:
        spool = Spool.open(folder)
    except SpoolDamaged:
        aside = database.set_aside(folder, clock())
        spool = Spool.open(folder)
        return Opened(spool, aside, _take_over(spool, clock))
    Sealer(spool, clock).sweep()
    return Opened(spool)


def _take_over(spool: Spool, clock: Callable[[], datetime]) -> int:
    count = 0
    keys: set[str] = set()
    for path in sorted((spool.folder / SEALED).glob("*/*.jsonl.zst*")):
        if path.name.endswith(docket.SUFFIX):
            continue
        try:
            entry, tenant, wrapped = _entry_of(path)
        except (ArchiverError, OSError, ValueError):
            target = spool.folder / "quarantine" / "sealed"
            files.make_private_folder(target)
            for one in (path, docket.path_of(path)):
                if one.exists():
                    files.move(one, target / one.name)
            continue
        spool.ensure_tenant(tenant)
        with spool.transaction() as db:
            if wrapped and wrapped.key not in keys:
                keys.add(wrapped.key)
                papers.add(db, _paper(db, tenant, wrapped), rfc3339(clock()))
            since = _since(path, clock())
            sealed_at = rfc3339(since.at)
            chunks.add(db, tenant, entry, sealed_at, undated=since.wrong, foreign=True)
        count += 1
    return count


def _since(path: Path, now: datetime) -> Since:
    """Tell when a file was sealed: its retention runs on, whatever became of the database."""
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return begun(written, now, None)


def _paper(db: sqlite3.Connection, tenant: str, wrapped: WrappedKey) -> Paper:
    seq = papers.next_seq(db, tenant, PaperKind.MONTH_KEY)
    sha256 = hashlib.sha256(wrapped.body).hexdigest()
    return Paper(tenant, PaperKind.MONTH_KEY, seq, wrapped.key, sha256, wrapped.body)


def _entry_of(path: Path) -> tuple[ChunkEntry, str, WrappedKey | None]:
    """Read back from a sealed file, or from its docket, what its lost row said."""
    device, seq, sha = path.name.partition(".")[0].split("-")
    body = path.read_bytes()
    sha256 = hashlib.sha256(body).hexdigest()
    if not sha256.startswith(sha):
        raise ValueError("a sealed file is not what its name says")
    if docket.path_of(path).exists():
        told = docket.read(path)
        key = parse_key(told.entry.key)
        if not isinstance(key, ChunkKey) or told.entry.sha256 != sha256:
            raise ValueError("a docket is not that of its file")
        return told.entry, key.tenant, told.wrapped
    raw = unpack(body)
    records = list(decode_lines(raw))
    times = [record.occurred_at or record.observed_at for record in records]
    first = records[0]
    key = ChunkKey(
        "", first.tenant, first.klass, first.subject, times[0][:10], device, int(seq), sha
    )
    return (
        ChunkEntry(
            seq=int(seq),
            key=str(key),
            sha256=sha256,
            stored_bytes=len(body),
            raw_bytes=len(raw),
            records=len(records),
            first_at=min(times),
            last_at=max(times),
            conversations=_counts(records),
        ),
        first.tenant,
        None,
    )


def _counts(records: list[Record]) -> tuple[ConversationCount, ...]:
    counts = Counter((record.assistant, record.conversation) for record in records)
    return tuple(ConversationCount(*name, count) for name, count in sorted(counts.items()))
