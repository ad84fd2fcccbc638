"""Devices of one tenant that sign manifests into a store, and the admin who answers for them.

    fleet = Fleet(tmp_path)
    fleet.ship(LAPTOP, DESKTOP)          # a manifest each, the first with an enrolment
    await fleet.approve(LAPTOP)
    await fleet.checkpoint()
    await fleet.codes()                  # what a verification finds

Everything is made by the real code but chunks: manifests here list none.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from archiver.archive.findings import Severity
from archiver.archive.signers import Trust
from archiver.archive.verify import Request, verify
from archiver.evidence import enrolment, note
from archiver.evidence.enrolment import Enrolment
from archiver.evidence.keys import SigningKey, device_key_name
from archiver.format import manifests
from archiver.format.keys import EnrolmentKey, ManifestKey
from archiver.format.times import rfc3339
from archiver.model.shipment import Manifest, RecordCounts, Window
from archiver.stores.memory import MemoryStore, Object
from archiver.witness import register
from archiver.witness.checkpoint import Outcome, checkpoint
from archiver.witness.devices import approval, chosen, devices_of
from archiver.witness.memory import recall
from archiver.witness.place import Place
from archiver.witness.register import Desk

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.archive.findings import Report

__all__ = ["DESKTOP", "LAPTOP", "SUBJECT", "Fleet"]

LAPTOP = "00c0ffee00c0ffee"
DESKTOP = "0123456789abcdef"
SUBJECT = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@dataclass
class Fleet:
    """A tenant. ``memory`` is the folder in which its admin's machine remembers."""

    memory: Path
    prefix: str = ""
    store: MemoryStore = field(default_factory=MemoryStore)
    admin: SigningKey = field(default_factory=lambda: SigningKey.generate("admin/acme"))
    now: datetime = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    keys: dict[str, SigningKey] = field(default_factory=dict)
    _last: dict[str, tuple[int, str | None]] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Where the tenant's archive lies."""
        return Place(self.store, self.prefix, "acme")

    @property
    def trust(self) -> Trust:
        """Whom everybody believes."""
        return Trust((self.admin.public,))

    @property
    def desk(self) -> Desk:
        """Where the admin signs."""
        return Desk(self.place, self.trust, self.admin, self.memory)

    def key(self, device: str) -> SigningKey:
        """Give a device's key, made when it is first asked for."""
        if device not in self.keys:
            self.keys[device] = SigningKey.generate(device_key_name(device))
        return self.keys[device]

    def put(self, key: object, body: bytes) -> None:
        """Store or replace an object behind the store's own rules."""
        self.store.objects[str(key)] = Object(body, {})

    def names(self, part: str) -> list[str]:
        """Give the keys that contain ``part``, sorted."""
        return sorted(key for key in self.store.objects if part in key)

    def drop(self, *keys: str) -> None:
        """Remove objects without a trace."""
        for key in keys:
            del self.store.objects[key]

    def enrol(self, device: str, key: SigningKey | None = None) -> None:
        """Publish a key for a device: its own, or somebody else's."""
        signer = key or self.key(device)
        request = Enrolment(
            v=1,
            tenant="acme",
            device=device,
            key=str(signer.public),
            subject=SUBJECT,
            created_at=rfc3339(self.now),
            software="archiver synthetic",
        )
        body = enrolment.sign(request, signer)
        sha16 = hashlib.sha256(body).hexdigest()[:16]
        self.put(EnrolmentKey(self.prefix, "acme", device, sha16), body)

    def ship(self, *devices: str) -> list[str]:
        """Let devices write their next manifest; the first one comes with an enrolment."""
        return [self.manifest(device) for device in devices]

    def manifest(self, device: str, **said: Any) -> str:
        """Write one manifest, and give its key; ``signer`` and fields may be given.

        ``also`` are devices whose keys sign it, too.
        """
        signer = said.pop("signer", None) or self.key(device)
        others = [self.key(one) for one in said.pop("also", ())]
        seq, previous = self._last.get(device, (0, None))
        values: dict[str, Any] = {
            "v": 1,
            "tenant": "acme",
            "device": device,
            "seq": seq + 1,
            "previous": previous,
            "created_at": rfc3339(self.now),
            "window": Window(None, rfc3339(self.now)),
            "software": "archiver synthetic",
            "policy": None,
            "retention": [],
            "records": RecordCounts(0),
            **said,
        }
        this = Manifest(**values)
        body = note.write(manifests.encode(this), signer, *others)
        sha256 = hashlib.sha256(body).hexdigest()
        key = ManifestKey(self.prefix, "acme", device, this.seq, sha256[:16])
        self.put(key, body)
        if not seq:
            self.enrol(device)
        self._last[device] = (this.seq, sha256)
        return str(key)

    def pass_days(self, days: float) -> None:
        """Let time pass."""
        self.now += timedelta(days=days)

    async def approve(self, *devices: str) -> None:
        """Approve the keys that wait, since they were first used."""
        known = await register.read_register(
            self.place, self.trust, recall(self.memory, self.place)
        )
        rows = devices_of(known.newest, (await register.read_enrolments(self.place)).sound)
        asked = [approval(chosen(rows, device, None), None) for device in devices]
        await register.approve(self.desk, await register.backdated(self.place, asked), self.now)

    async def revoke(self, device: str, at: datetime | None = None) -> None:
        """Revoke a device's key."""
        await register.revoke(self.desk, device, "synthetic", self.now, at)

    async def checkpoint(self, **said: Any) -> Outcome:
        """Sign for what is there."""
        return await checkpoint(self.desk, self.now, **said)

    async def report(self) -> Report:
        """Verify, believing the admin."""
        request = Request(trust=self.trust, as_of=rfc3339(self.now))
        return await verify(self.store, self.prefix, ["acme"], request)

    async def codes(self) -> list[str]:
        """Give the codes of what a verification finds, but notes."""
        findings = (await self.report()).findings
        return sorted(str(one.code) for one in findings if one.severity is not Severity.NOTE)
