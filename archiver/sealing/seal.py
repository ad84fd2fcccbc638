"""From spooled batches to a sealed chunk: bytes that never change again.

The order is the promise: pack, hash, write the file durably, and only then, in one
transaction, write the chunk's row, use up its sequence number and forget the batches. A
crash before that transaction leaves a file that no row knows: `sweep` removes it, and the
same records are sealed again. A crash after it leaves nothing to do. No chunk is sent before
its row is there, so a sequence number is never sent twice.

Where the policy names officers, a chunk is sealed to the month key of its person: this machine
makes that key, wraps it to the officers, and forgets the private part (`archiver.vault`). The
wrapped key is in the spool before the first chunk that needs it.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from archiver.durable import files
from archiver.format.frame import pack
from archiver.format.keys import ChunkKey, parse_key
from archiver.format.times import rfc3339
from archiver.model.shipment import ChunkEntry, ConversationCount, Seal
from archiver.sealing import docket
from archiver.sealing.docket import Docket, Place, WrappedKey
from archiver.sealing.months import recipient_of, wrapped_key
from archiver.spool import batches, chunks
from archiver.spool.spool import SEALED
from archiver.vault import age
from archiver.vault.months import key_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from archiver.spool.spool import Spool
    from archiver.spool.values import Batch, Group

__all__ = ["ChunkRules", "Sealer", "sealed_path"]

_PLAIN, _AGE = ".jsonl.zst", ".jsonl.zst.age"


def sealed_path(state: Path, tenant: str, key: str) -> Path:
    """Tell where the sealed file of a chunk lies on this machine."""
    return state / SEALED / tenant / key.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class ChunkRules:
    """When a tenant's chunks are sealed, how hard they are packed, and who may open them.

    ``max_bytes`` is raw; ``officers`` are age recipients, none leaves chunks in clear.
    """

    max_bytes: int
    max_age_seconds: float
    level: int
    officers: tuple[str, ...] = ()


class Sealer:
    """Seals what is full, old enough, or asked for."""

    def __init__(self, spool: Spool, clock: Callable[[], datetime]) -> None:
        self._spool = spool
        self._clock = clock

    def seal(
        self,
        tenant: str,
        rules: ChunkRules,
        *,
        everything: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> int:
        """Seal the chunks of a tenant that are due; give their count."""
        self._spool.ensure_tenant(tenant)
        age = timedelta(days=-1) if everything else timedelta(seconds=rules.max_age_seconds)

        def due() -> list[Group]:
            with self._spool.transaction() as db:
                # Asked in here: what a collector commits meanwhile is not from the future.
                now = self._clock()
                return batches.groups(
                    db,
                    tenant,
                    full_bytes=rules.max_bytes,
                    spooled_until=rfc3339(now - age),
                    now=rfc3339(now),
                )

        count = 0
        while not stop() and (groups := due()):
            for group in groups:
                self._one(group, rules)
                count += 1
                if stop():
                    break
        return count

    def _one(self, group: Group, rules: ChunkRules) -> None:
        with self._spool.transaction() as db:
            rows, parts = batches.take(db, group, rules.max_bytes)
            (seq,) = db.execute(
                "SELECT next_chunk FROM tenants WHERE id = ?", (group.tenant,)
            ).fetchone()
        raw = batches.unpack(part.data for part in parts)
        body, counts = pack(raw, level=rules.level), _counts(parts)
        seal = None
        if rules.officers:
            recipient = recipient_of(self._spool, group, rules.officers, self._clock())
            body = age.encrypt(body, [recipient])
            index = age.encrypt(msgspec.json.encode(counts), [recipient])
            seal = Seal(key_id(recipient), base64.b64encode(index).decode())
        sha256 = hashlib.sha256(body).hexdigest()
        key = ChunkKey(
            "", group.tenant, group.klass, group.subject, group.day,
            self._spool.device, seq, sha256[:16], sealed=seal is not None,
        )  # fmt: skip
        assert parse_key(str(key)) == key  # noqa: S101 - what is written must be readable
        entry = ChunkEntry(
            seq=seq,
            key=str(key),
            sha256=sha256,
            stored_bytes=len(body),
            raw_bytes=sum(map(len, raw)),
            records=sum(batch.records for batch in parts),
            first_at=min(batch.first_at for batch in parts),
            last_at=max(batch.last_at for batch in parts),
            conversations=() if seal else counts,
            seal=seal,
        )
        path = sealed_path(self._spool.folder, group.tenant, entry.key)
        files.make_private_folder(path.parent)
        files.reached("seal.packed")
        if seal:
            docket.write(path, self._docket(group.tenant, entry, seal, parts))
        files.replace(path, body)
        files.reached("seal.written")
        with self._spool.transaction() as db:
            chunks.add(db, group.tenant, entry, rfc3339(self._clock()))
            batches.forget(db, rows)
            db.execute("UPDATE tenants SET next_chunk = ? WHERE id = ?", (seq + 1, group.tenant))
        files.reached("seal.committed")

    def _docket(self, tenant: str, entry: ChunkEntry, seal: Seal, parts: list[Batch]) -> Docket:
        first: dict[tuple[str, str, str], int] = {}
        records: Counter[tuple[str, str, str]] = Counter()
        for part in parts:
            place = (part.assistant, part.conversation, part.stream)
            first[place] = min(part.position, first.get(place, part.position))
            records[place] += part.records
        wrapped = wrapped_key(self._spool, tenant, seal.key_id)
        return Docket(
            entry,
            tuple(Place(*place, position, records[place]) for place, position in first.items()),
            WrappedKey(*wrapped) if wrapped else None,
        )

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
    stem = name.removesuffix(docket.SUFFIX).removesuffix(_AGE).removesuffix(_PLAIN)
    return stem.rsplit("-", 1)[-1]


def _counts(parts: list[Batch]) -> tuple[ConversationCount, ...]:
    counts: Counter[tuple[str, str]] = Counter()
    for batch in parts:
        counts[batch.assistant, batch.conversation] += batch.records
    return tuple(ConversationCount(*name, records) for name, records in sorted(counts.items()))
