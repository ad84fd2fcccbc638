"""From spooled batches to a sealed chunk: bytes that never change again.

The order is the promise: pack, hash, write the file durably, and only then, in one
transaction, write the chunk's row, use up its sequence number and forget the batches. A
crash before that transaction leaves a file that no row knows: `sweep` removes it, and the
same records are sealed again. A crash after it leaves nothing to do. No chunk is sent before
its row is there, so a sequence number is never sent twice.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.durable import files
from archiver.format.frame import pack
from archiver.format.keys import ChunkKey, parse_key
from archiver.format.times import rfc3339
from archiver.model.shipment import ChunkEntry, ConversationCount
from archiver.spool import batches, chunks
from archiver.spool.spool import SEALED

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from archiver.spool.spool import Spool
    from archiver.spool.values import Batch, Group

__all__ = ["Sealer", "sealed_path"]


def sealed_path(state: Path, tenant: str, key: str) -> Path:
    """Tell where the sealed file of a chunk lies on this machine."""
    return state / SEALED / tenant / key.rsplit("/", 1)[-1]


class Sealer:
    """Seals what is full, old enough, or asked for."""

    def __init__(self, spool: Spool, clock: Callable[[], datetime]) -> None:
        self._spool = spool
        self._clock = clock

    def seal(
        self,
        tenant: str,
        *,
        max_bytes: int,
        max_age_seconds: float,
        level: int,
        everything: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> int:
        """Seal the chunks of a tenant that are due; give their count."""
        self._spool.ensure_tenant(tenant)
        age = timedelta(days=-1) if everything else timedelta(seconds=max_age_seconds)

        def due() -> list[Group]:
            with self._spool.transaction() as db:
                # Asked in here: what a collector commits meanwhile is not from the future.
                now = self._clock()
                return batches.groups(
                    db,
                    tenant,
                    full_bytes=max_bytes,
                    spooled_until=rfc3339(now - age),
                    now=rfc3339(now),
                )

        count = 0
        while not stop() and (groups := due()):
            for group in groups:
                self._one(group, max_bytes, level)
                count += 1
                if stop():
                    break
        return count

    def _one(self, group: Group, max_bytes: int, level: int) -> None:
        with self._spool.transaction() as db:
            rows, taken = batches.take(db, group, max_bytes)
            (seq,) = db.execute(
                "SELECT next_chunk FROM tenants WHERE id = ?", (group.tenant,)
            ).fetchone()
        raw = batches.unpack(batch.data for batch in taken)
        body = pack(raw, level=level)
        sha256 = hashlib.sha256(body).hexdigest()
        key = ChunkKey(
            "", group.tenant, group.klass, group.subject, group.day,
            self._spool.device, seq, sha256[:16],
        )  # fmt: skip
        entry = _entry(key, sha256, len(body), sum(map(len, raw)), taken)
        path = sealed_path(self._spool.folder, group.tenant, entry.key)
        files.make_private_folder(path.parent)
        files.reached("seal.packed")
        files.replace(path, body)
        files.reached("seal.written")
        with self._spool.transaction() as db:
            chunks.add(db, group.tenant, entry, rfc3339(self._clock()))
            batches.forget(db, rows)
            db.execute("UPDATE tenants SET next_chunk = ? WHERE id = ?", (seq + 1, group.tenant))
        files.reached("seal.committed")

    def sweep(self) -> int:
        """Remove sealed files that no pending or quarantined chunk knows; give their count."""
        removed = 0
        for folder in sorted((self._spool.folder / SEALED).iterdir()):
            removed += files.sweep(folder)
            # One transaction: there may be a hundred thousand files.
            with self._spool.transaction() as db, os.scandir(folder) as entries:
                for entry in entries:
                    if not chunks.known(db, _sha_of(entry.name)):
                        files.remove(folder / entry.name)
                        removed += 1
        return removed


def _sha_of(name: str) -> str:
    return name.removesuffix(".jsonl.zst").rsplit("-", 1)[-1]


def _entry(key: ChunkKey, sha256: str, stored: int, raw: int, parts: list[Batch]) -> ChunkEntry:
    assert parse_key(str(key)) == key  # noqa: S101 - what is written must be readable
    counts: Counter[tuple[str, str]] = Counter()
    for batch in parts:
        counts[batch.assistant, batch.conversation] += batch.records
    return ChunkEntry(
        seq=key.seq,
        key=str(key),
        sha256=sha256,
        stored_bytes=stored,
        raw_bytes=raw,
        records=counts.total(),
        first_at=min(batch.first_at for batch in parts),
        last_at=max(batch.last_at for batch in parts),
        conversations=tuple(
            ConversationCount(assistant, conversation, records)
            for (assistant, conversation), records in sorted(counts.items())
        ),
    )
