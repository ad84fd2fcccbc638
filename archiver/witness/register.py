"""The registry of a tenant's devices: read, judged, and signed anew.

When a key counts from. A manifest counts as signed by an approved device from the entry's
``valid_from`` on. Left to itself, an approval therefore begins where the device began to use
this very key: at its first enrolment with it, or at its first manifest if that says an earlier
time. Whoever approves a key so vouches for everything that it signed so far, which is what
`archiver verify` would otherwise report for ever as signed too early. An admin who wants to
vouch only for what comes names a time; what is older then stays reported, and no checkpoint
covers it. All these times are the device's own words; only a checkpoint proves an order.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from archiver.archive.catalogue import open_manifest
from archiver.archive.fetch import in_turn
from archiver.errors import ArchiverError, Damaged, EvidenceError
from archiver.evidence import enrolment, note, registry
from archiver.evidence.documents import moment
from archiver.evidence.note import Outcome
from archiver.format.keys import (
    EnrolmentKey,
    ManifestKey,
    Series,
    manifest_folder,
    parse_key,
    tenant_folder,
)
from archiver.witness import bounds
from archiver.witness.chains import check_registry, follow_registries, follow_statements, sha256_of
from archiver.witness.memory import Mark, recall, remember
from archiver.witness.newcomers import too_large
from archiver.witness.place import append, patiently

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from archiver.archive.signers import Trust
    from archiver.evidence.enrolment import Enrolment
    from archiver.evidence.note import Signer
    from archiver.evidence.registry import Approval, Registry
    from archiver.evidence.verifier import VerifierKey
    from archiver.format.keys import SeriesKey
    from archiver.witness.chains import Register
    from archiver.witness.memory import Memory
    from archiver.witness.place import Place

__all__ = [
    "Desk",
    "Enrolments",
    "approve",
    "backdated",
    "current",
    "mark_of",
    "read_enrolments",
    "read_register",
    "revoke",
]


@dataclass(frozen=True, slots=True)
class Enrolments:
    """What devices published: sound enrolments, and the keys of those that are not."""

    sound: tuple[Enrolment, ...]
    unsound: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """Where and as whom an admin signs. ``memory`` is this machine's own folder."""

    place: Place
    trust: Trust
    signer: Signer
    memory: Path


async def read_register(place: Place, trust: Trust, memory: Memory) -> Register:
    """Read every registry of a tenant and follow their chain.

    Raise `EvidenceError` where one of them is not sound, `HistoryChanged` where the store no
    longer holds the one that this machine knows.
    """
    bodies = await place.series(Series.REGISTRY)
    found = follow_registries(bodies, trust, place.tenant)
    memory.check("registry", memory.registry, found.hashes)
    return found


async def current(desk: Desk) -> tuple[Memory, Register]:
    """Give what this machine remembers, and the registries as somebody may sign on top of them.

    The checkpoints vouch for them, also before a machine that never saw a registry. Raise
    `EvidenceError` where a chain is not sound, `HistoryChanged` where something of it is gone.
    """
    memory = recall(desk.memory, desk.place)
    found = await read_register(desk.place, desk.trust, memory)
    bodies = await desk.place.series(Series.CHECKPOINTS)
    chain = follow_statements(bodies, desk.trust, desk.place.tenant)
    memory.check("checkpoint", memory.statement, chain.hashes)
    check_registry(chain, found)
    return memory, found


async def read_enrolments(place: Place) -> Enrolments:
    """Read what the devices of a tenant published, in the order of devices and times."""
    folder = f"{tenant_folder(place.prefix, place.tenant)}_devices/"
    keys: list[EnrolmentKey] = []
    sound, unsound = [], []
    async for listed in place.store.list(folder):
        if isinstance(found := parse_key(listed.key), EnrolmentKey):
            if listed.size > bounds.ENROLMENT:
                unsound.append(listed.key)
            else:
                keys.append(found)

    async def get(key: EnrolmentKey) -> bytes:
        return await patiently(lambda: place.store.get(str(key)))

    async with aclosing(in_turn(keys, get, limit=place.store.concurrency * 4)) as bodies:
        at = 0
        async for body in bodies:
            key, at = keys[at], at + 1
            try:
                one = enrolment.open_self_signed(body)
            except ArchiverError:
                unsound.append(str(key))
                continue
            if (one.tenant, one.device) == (key.tenant, key.device):
                sound.append(one)
            else:
                unsound.append(str(key))
    sound.sort(key=lambda one: (one.device, one.created_at))
    return Enrolments(tuple(sound), tuple(unsound))


async def approve(desk: Desk, approvals: Sequence[Approval], now: datetime) -> SeriesKey:
    """Sign the next registry, in which these keys are approved; raise `EvidenceError`."""
    memory, known = await current(desk)
    return await _sign(
        desk,
        memory,
        registry.approve_all(
            known.newest,
            approvals,
            tenant=desk.place.tenant,
            previous=known.sha256,
            now=now,
        ),
    )


async def revoke(
    desk: Desk, device: str, reason: str, now: datetime, revoked_at: datetime | None = None
) -> SeriesKey:
    """Sign the next registry, in which a device's key counts no more; raise `EvidenceError`."""
    memory, known = await current(desk)
    if known.newest is None or known.sha256 is None:
        raise EvidenceError(
            f"no device of {desk.place.tenant} was ever approved, so none can be revoked",
            advice="A key that nobody approved counts for nothing.",
        )
    return await _sign(
        desk,
        memory,
        registry.revoke(
            known.newest,
            device,
            previous=known.sha256,
            now=now,
            reason=reason,
            revoked_at=revoked_at,
        ),
    )


async def backdated(place: Place, approvals: Iterable[Approval]) -> tuple[Approval, ...]:
    """Let each approval begin no later than the first manifest that its key signed.

    Costs a listing and a manifest for each device.
    """

    async def ask(one: Approval) -> Approval:
        first = await _first_manifest(place, one.device, one.key)
        if first is None or (one.valid_from is not None and one.valid_from <= first):
            return one
        return one._replace(valid_from=first)

    async with aclosing(in_turn(approvals, ask, limit=place.store.concurrency * 4)) as replies:
        return tuple([one async for one in replies])


async def _first_manifest(place: Place, device: str, key: VerifierKey) -> datetime | None:
    """Tell when a device made its first manifest, where this key signed it."""
    folder = f"{manifest_folder(place.prefix, place.tenant)}{device}/"
    first = await anext(aiter(place.store.list(folder)), None)
    where = parse_key(first.key) if first else None
    if first is None or not isinstance(where, ManifestKey) or too_large(where, first.size):
        return None
    try:
        body = await patiently(lambda: place.store.get(str(where)))
        manifest, signed = open_manifest(where, body)
    except Damaged:
        return None
    if note.signed_by(signed, key) is not Outcome.VALID:
        return None
    return moment(manifest.created_at)


def mark_of(register: Register) -> Mark | None:
    """Give what `Memory` keeps of a register."""
    if register.newest is None or register.sha256 is None:
        return None
    return Mark(register.newest.seq, register.sha256)


async def _sign(desk: Desk, memory: Memory, this: Registry) -> SeriesKey:
    body = registry.sign(this, desk.signer)
    key = await append(desk.place, Series.REGISTRY, this.seq, body)
    mark = Mark(this.seq, sha256_of(body))
    remember(desk.memory, desk.place, msgspec.structs.replace(memory, registry=mark))
    return key
