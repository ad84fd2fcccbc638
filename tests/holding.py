"""A fleet whose devices ship chunks, for tests of holds and erasures.

    office = Office(tmp_path / "admin")
    key = office.chunk(LAPTOP, ADA, "2026-03-10")     # stored, and listed at the next shipping
    await office.settle()                             # shipped, approved, covered

Bodies are made up; what a store keeps of locks, holds, versions and markers is the real thing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fleet import LAPTOP, Fleet

from archiver.evidence.orders import Hold
from archiver.format.keys import ChunkKey, parse_key
from archiver.model.shipment import (
    ChunkEntry,
    ClassTerms,
    ConversationCount,
    KeyEntry,
    Seal,
)
from archiver.stores.memory import MemoryStore, Object
from archiver.vault.layout import VaultKey

if TYPE_CHECKING:
    from archiver.model.shipment import Retain

__all__ = ["ADA", "BOB", "Office", "hold"]

ADA, BOB = "a" * 32, "b" * 32


def hold(name: str = "case-1", **says: Any) -> Hold:
    """Make a hold."""
    return Hold(id=name, matter="4711", reason="synthetic", **says)


@dataclass
class Office(Fleet):
    """``terms`` are what manifests say of the class ``standard``."""

    terms: ClassTerms = field(default_factory=lambda: ClassTerms("standard", 365))
    _waiting: dict[str, list[ChunkEntry]] = field(default_factory=dict)
    _wraps: dict[str, list[KeyEntry]] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def chunk(
        self,
        device: str = LAPTOP,
        subject: str = ADA,
        day: str = "2026-03-10",
        *,
        said: str = "c1",
        key_id: str | None = None,
        retain: Retain | None = None,
    ) -> str:
        """Store a chunk, sealed where there is a ``key_id``; give its key."""
        seq = self._numbers[device] = self._numbers.get(device, 0) + 1
        body = f"{device} {seq}".encode()
        sha256 = hashlib.sha256(body).hexdigest()
        key = ChunkKey(
            "", "acme", "standard", subject, day, device, seq, sha256[:16], sealed=bool(key_id)
        )
        entry = ChunkEntry(
            seq=seq,
            key=str(key),
            sha256=sha256,
            stored_bytes=len(body),
            raw_bytes=100,
            records=1,
            first_at=f"{day}T09:00:00.000Z",
            last_at=f"{day}T10:00:00.000Z",
            conversations=() if key_id else (ConversationCount("cline", said, 1),),
            seal=Seal(key_id, "") if key_id else None,
        )
        self._waiting.setdefault(device, []).append(entry)
        place = f"{self.prefix}/{key}" if self.prefix else str(key)
        self.store.objects[place] = Object(body, {"sha256": sha256}, retain)
        return place

    def wrap(
        self,
        device: str = LAPTOP,
        subject: str = ADA,
        month: str = "2026-03",
        *,
        key_id: str = "1" * 16,
        listed: bool = True,
    ) -> str:
        """Store a wrap of a month key; one that a device made is listed, a rewrap is not."""
        sha16 = hashlib.sha256(f"{device}{key_id}{listed}".encode()).hexdigest()[:16]
        key = VaultKey("", "acme", subject, month, device, key_id, "2" * 16, sha16)
        place = f"{self.prefix}/{key}" if self.prefix else str(key)
        self.store.objects[place] = Object(b"wrap", {})
        if listed:
            entry = KeyEntry(str(key), "0" * 64, 4)
            self._wraps.setdefault(device, []).append(entry)
        return place

    def list_all(self) -> list[str]:
        """Have every device that has anything new write its manifest; give those devices."""
        devices = sorted({*self._waiting, *self._wraps})
        for device in devices:
            chunks = tuple(self._waiting.pop(device, ()))
            wraps = tuple(self._wraps.pop(device, ()))
            self.manifest(device, chunks=chunks, keys=wraps, retention=[self.terms])
        return devices

    async def settle(self) -> None:
        """List what is there, approve who is new, and cover it."""
        new = [device for device in self.list_all() if device not in self.known]
        if new:
            await self.approve(*new)
            self.known.update(new)
        self.pass_days(1)
        await self.checkpoint()

    known: set[str] = field(default_factory=set)

    def keeps(self, key: str) -> bool:
        """Tell whether any version of an object is left."""
        return key in self.store.objects or bool(self.store.older.get(key))

    def held(self) -> set[str]:
        """Give the keys that a legal hold is on."""
        return {key for key, one in self.store.objects.items() if one.held}

    def chunks(self) -> set[str]:
        """Give the chunks that readers see."""
        return {key for key in self.store.objects if isinstance(parse_key(key), ChunkKey)}


def without_locks(office: Office) -> None:
    """Give an office a store that keeps neither versions nor locks."""
    office.store = MemoryStore(object_lock=False)
