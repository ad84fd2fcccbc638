"""Which keys speak for which devices of a tenant, and since and until when.

An admin signs it as a note; each registry names the one before by the SHA-256 of its stored
bytes. Entries are added and closed, never taken out: what a device signed while it was trusted
stays checkable for ever.

* A device has one open entry at most. A key that was revoked does not come back; the device
  makes a new one.
* An entry holds from ``valid_from`` on and no more from ``revoked_at`` on.
* Times in manifests are the device's own words: who has a stolen key can write an earlier one.
  That a manifest is older than a revocation is proved by a checkpoint that covers it.

The functions here are pure: they take the time and give a new registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from archiver.errors import NotSigned, RegistryUnchanged
from archiver.evidence import documents, note
from archiver.evidence.documents import Device, Hash, Number, Tenant, Text, Time
from archiver.evidence.keys import device_key_name
from archiver.evidence.standing import Roster, Standing, standing
from archiver.format.times import rfc3339
from archiver.model.record import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from archiver.evidence.note import Signer, VerifierKey

__all__ = [
    "MAX_BYTES",
    "Approval",
    "DeviceEntry",
    "Registry",
    "Roster",
    "Standing",
    "approve",
    "approve_all",
    "decode",
    "opened",
    "revoke",
    "sign",
    "standing",
]

MAX_BYTES: Final = 60 * 1024 * 1024
"""Largest registry that is read: some 150,000 entries."""

_WHAT: Final = "a device registry"


class DeviceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One key of one device. ``key`` is the public key in text form."""

    device: Device
    key: Text
    approved_at: Time
    valid_from: Time
    revoked_at: Time | None = None
    reason: Text | None = None

    def __post_init__(self) -> None:
        """Refuse times that never were."""
        for text in (self.approved_at, self.valid_from, self.revoked_at or self.approved_at):
            documents.moment(text)


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """All entries of one tenant. ``previous`` is ``None`` where ``seq`` is 1."""

    v: int
    tenant: Tenant
    seq: Number
    previous: Hash | None
    created_at: Time
    devices: tuple[DeviceEntry, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        documents.moment(self.created_at)
        if (self.previous is None) != (self.seq == 1):
            raise ValueError("only the first registry has no previous one")
        trusted = [entry.device for entry in self.devices if entry.revoked_at is None]
        if len(set(trusted)) != len(trusted):
            raise ValueError("a device has two open entries")
        if len({entry.key for entry in self.devices}) != len(self.devices):
            raise ValueError("a key has two entries")


class Approval(NamedTuple):
    """A device, the key to trust, and since when (``None``: since it is approved)."""

    device: str
    key: VerifierKey
    valid_from: datetime | None = None


def sign(registry: Registry, *keys: Signer) -> bytes:
    """Write the note that is stored."""
    return note.write(documents.encode(registry, _WHAT, MAX_BYTES), *keys)


def decode(text: bytes) -> Registry:
    """Read the text of a note whose signature is looked at elsewhere; raise `Damaged`."""
    return documents.decode(text, Registry, _WHAT, MAX_BYTES)


def opened(body: bytes, admin: VerifierKey, tenant: str) -> Registry:
    """Read a stored registry of this tenant that this admin signed.

    Raise `Damaged` where it is none, `NotSigned` where another signed it or for another tenant.
    """
    registry = decode(note.opened(body, admin))
    if registry.tenant != tenant:
        raise NotSigned(
            f"a device registry was signed for the tenant {registry.tenant}, not for {tenant}",
            advice="Put it back where it belongs, and restore this tenant's own from a replica.",
        )
    return registry


def approve(
    registry: Registry | None,
    device: str,
    key: VerifierKey,
    *,
    tenant: str,
    previous: str | None,
    now: datetime,
    valid_from: datetime | None = None,
) -> Registry:
    """Trust a device's key from ``valid_from`` (else ``now``) on.

    ``registry`` is the one that holds now, ``previous`` the sha256 (hex) of its stored bytes;
    both ``None`` for the first of a tenant. Raise `RegistryUnchanged` where the device has an
    open entry, the key was used before, or is named after another device.
    """
    one = Approval(device, key, valid_from)
    return approve_all(registry, (one,), tenant=tenant, previous=previous, now=now)


def approve_all(
    registry: Registry | None,
    approvals: Iterable[Approval],
    *,
    tenant: str,
    previous: str | None,
    now: datetime,
) -> Registry:
    """Trust many keys in one registry, or none of them; otherwise as `approve`."""
    entries = list(registry.devices if registry else ())
    trusted = {entry.device for entry in entries if entry.revoked_at is None}
    used = {entry.key for entry in entries}
    for one in approvals:
        _check(one, trusted, used)
        entry = DeviceEntry(
            device=one.device,
            key=str(one.key),
            approved_at=rfc3339(now),
            valid_from=rfc3339(one.valid_from or now),
        )
        entries.append(entry)
        trusted.add(entry.device)
        used.add(entry.key)
    return _next(registry, tuple(entries), tenant=tenant, previous=previous, now=now)


def _check(one: Approval, trusted: set[str], used: set[str]) -> None:
    if one.key.name != device_key_name(one.device):
        raise RegistryUnchanged(
            f"the key {one.key.name} is not the key of device {one.device}",
            advice="Approve the key that the device's own enrolment names.",
        )
    if one.device in trusted:
        raise RegistryUnchanged(
            f"device {one.device} has an approved key",
            advice="Nothing is to be done, or revoke that key before you approve another.",
        )
    if str(one.key) in used:
        raise RegistryUnchanged(
            f"this key of device {one.device} was revoked and does not come back",
            advice="Let the device make a new key, then approve that one.",
        )


def revoke(
    registry: Registry,
    device: str,
    *,
    previous: str,
    now: datetime,
    reason: str,
    revoked_at: datetime | None = None,
) -> Registry:
    """Trust a device's key no more from ``revoked_at`` (else ``now``) on.

    A time before ``now`` is for a key that was stolen then; a key that is revoked already can
    be revoked from an earlier time on. Raise `RegistryUnchanged` where there is nothing to do.
    """
    ends = rfc3339(revoked_at or now)
    mine = [at for at, entry in enumerate(registry.devices) if entry.device == device]
    entry = registry.devices[mine[-1]] if mine else None
    if entry is None or (entry.revoked_at is not None and entry.revoked_at <= ends):
        raise RegistryUnchanged(
            f"device {device} has no key that could be revoked from {ends} on",
            advice="See `archiver device list` for the devices and their keys.",
        )
    closed = msgspec.structs.replace(entry, revoked_at=ends, reason=reason)
    entries = (*registry.devices[: mine[-1]], closed, *registry.devices[mine[-1] + 1 :])
    return _next(registry, entries, tenant=registry.tenant, previous=previous, now=now)


def _next(
    registry: Registry | None,
    entries: tuple[DeviceEntry, ...],
    *,
    tenant: str,
    previous: str | None,
    now: datetime,
) -> Registry:
    return Registry(
        v=FORMAT_VERSION,
        tenant=tenant,
        seq=registry.seq + 1 if registry else 1,
        previous=previous,
        created_at=rfc3339(now),
        devices=entries,
    )
