"""Packing one chunk: spooled batches, compressed and, where there are officers, sealed to them.

Takes from the spool and changes nothing in it, apart from the month key that is made where
there is none yet. So packing may be done beside other packing, broken off, and done again.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.format.frame import pack
from archiver.format.times import parse_rfc3339, rfc3339
from archiver.model.shipment import ChunkEntry, ConversationCount, Seal
from archiver.sealing.docket import Docket, Place
from archiver.sealing.months import recipient_of
from archiver.spool import batches
from archiver.vault import age
from archiver.vault.months import key_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from archiver.format.keys import ChunkKey
    from archiver.sealing.docket import WrappedKey
    from archiver.spool.spool import Spool
    from archiver.spool.values import Batch, Group

__all__ = ["ChunkRules", "Packed", "pack_group"]

_TOGETHER: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ChunkRules:
    """When a tenant's chunks are sealed, how hard they are packed, and who may open them.

    ``max_bytes`` is raw; ``officers`` are age recipients, none leaves chunks in clear; no month
    key that was made before ``keys_since`` (RFC 3339, UTC) is used.
    """

    max_bytes: int
    max_age_seconds: float
    level: int
    officers: tuple[str, ...] = ()
    keys_since: str = ""


@dataclass(frozen=True, slots=True)
class Packed:
    """A chunk that has no number yet. ``rows`` are the batches in it, ``raw_bytes`` their size.

    ``spooled_at`` (RFC 3339) is when the oldest of them was spooled.
    """

    group: Group
    rows: list[int]
    parts: list[Batch]
    body: bytes
    sha256: str
    raw_bytes: int
    spooled_at: str
    counts: tuple[ConversationCount, ...]
    seal: Seal | None

    def entry(self, key: ChunkKey) -> ChunkEntry:
        """Say of it what a manifest says, under its key."""
        return ChunkEntry(
            seq=key.seq,
            key=str(key),
            sha256=self.sha256,
            stored_bytes=len(self.body),
            raw_bytes=self.raw_bytes,
            records=sum(batch.records for batch in self.parts),
            first_at=min(batch.first_at for batch in self.parts),
            last_at=max(batch.last_at for batch in self.parts),
            conversations=() if self.seal else self.counts,
            seal=self.seal,
        )

    def docket(self, entry: ChunkEntry, wrapped: WrappedKey | None) -> Docket:
        """Say what this machine must remember of it, as it cannot open it."""
        first: dict[tuple[str, str, str], int] = {}
        records: Counter[tuple[str, str, str]] = Counter()
        for part in self.parts:
            place = (part.assistant, part.conversation, part.stream)
            first[place] = min(part.position, first.get(place, part.position))
            records[place] += part.records
        places = tuple(Place(*place, at, records[place]) for place, at in first.items())
        return Docket(entry, places, wrapped)


def pack_group(
    spool: Spool, group: Group, rules: ChunkRules, clock: Callable[[], datetime]
) -> Packed:
    """Pack as much of a group as one chunk may hold.

    A chunk expires whole, so what was spooled more than a day after its oldest goes into another.
    """
    with spool.transaction() as db:
        spooled_at = batches.oldest(db, group)
        until = rfc3339(parse_rfc3339(spooled_at) + _TOGETHER)
        rows, parts = batches.take(db, group, rules.max_bytes, until=until)
    raw = batches.unpack(part.data for part in parts)
    body, counts = pack(raw, level=rules.level), _counts(parts)
    seal = None
    if rules.officers:
        recipient = recipient_of(spool, group, rules.officers, clock(), since=rules.keys_since)
        body = age.encrypt(body, [recipient])
        index = age.encrypt(msgspec.json.encode(counts), [recipient])
        seal = Seal(key_id(recipient), base64.b64encode(index).decode())
    sha256 = hashlib.sha256(body).hexdigest()
    size = sum(map(len, raw))
    return Packed(group, rows, parts, body, sha256, size, spooled_at, counts, seal)


def _counts(parts: list[Batch]) -> tuple[ConversationCount, ...]:
    counts: Counter[tuple[str, str]] = Counter()
    for batch in parts:
        counts[batch.assistant, batch.conversation] += batch.records
    return tuple(ConversationCount(*name, records) for name, records in sorted(counts.items()))
