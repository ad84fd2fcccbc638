"""What ``archiver device`` does, apart from how it is printed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import click

from archiver.cli.admin import Admin, trust_of
from archiver.cli.desks import at_each_desk
from archiver.cli.output import confirm, note, say
from archiver.cli.session import session
from archiver.daemon.paperwork import subject_of
from archiver.errors import RegistryUnchanged
from archiver.evidence.device import own_key
from archiver.evidence.documents import moment
from archiver.sealing import enrol
from archiver.witness import register
from archiver.witness.devices import approval, chosen, devices_of, waiting
from archiver.witness.memory import Memory
from archiver.witness.place import Place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from archiver.cli.archives import Archives, Part
    from archiver.evidence.verifier import VerifierKey
    from archiver.witness.devices import Device
    from archiver.witness.register import Desk

__all__ = ["Listing", "approve_in", "enrol_here", "listings", "own_keys", "revoke_in"]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Listing:
    """The devices of one tenant; ``trusted`` says that an admin's public key was at hand."""

    tenant: str
    rows: tuple[Device, ...]
    unsound: tuple[str, ...]
    trusted: bool


def own_keys(state: Path) -> list[VerifierKey]:
    """Give the public keys of this machine: one, unless its state was lost before."""
    names = [path.stem.removeprefix("device-") for path in sorted(state.glob("device-*.key"))]
    return [own_key(state, name).public for name in names]


def enrol_here(
    config: Path, state: Path, tenant: str | None
) -> tuple[VerifierKey, dict[str, str | None]]:
    """Publish this machine's key; give it, and what each tenant's parcel waits for."""
    with session(config, state, captures=False) as engine:
        rules = engine.rules.tenants if engine.rules else {}
        if tenant is not None and tenant not in rules:
            raise click.UsageError(f"{tenant} is no enabled tenant of {config}.")
        shipped: dict[str, str | None] = {}
        for name in [tenant] if tenant else rules:
            subject = subject_of(rules[name], engine.machine)
            now = engine.machine.clock()
            enrol.enrol(engine.spool, name, engine.signer, subject=subject, now=now, again=True)
            asyncio.run(engine.ship(name, force=True))
            waits = engine.outbox.waiting(name)
            shipped[name] = waits.detail if waits else None
        return engine.signer.public, shipped


def listings(archives: Archives, admin_keys: tuple[str, ...]) -> list[Listing]:
    """Read the devices of every tenant that is meant."""

    async def work(part: Part) -> list[Listing]:
        trust = trust_of(part, admin_keys)
        found = []
        for tenant in part.tenants:
            place = Place(part.store, part.prefix, tenant)
            known = await register.read_register(place, trust, Memory()) if trust else None
            published = await register.read_enrolments(place)
            rows = devices_of(known.newest if known else None, published.sound)
            found.append(Listing(tenant, tuple(rows), published.unsound, trust is not None))
        return found

    return [one for found in asyncio.run(archives.each(work)) for one in found]


def approve_in(
    archives: Archives,
    admin: Admin,
    devices: Sequence[str],
    *,
    everyone: bool,
    which: str | None,
    valid_from: str | None,
    yes: bool,
) -> int:
    """Approve in every tenant that is meant; give the number of keys."""
    begins = moment(valid_from) if valid_from else None
    unknown: list[RegistryUnchanged] = []

    async def work(desk: Desk) -> int:
        rows = await _rows(desk)
        picked = _waiting(desk, rows) if everyone else _named(rows, devices, which, unknown)
        if not picked:
            return 0
        asked = [approval(row, begins) for row in picked]
        if begins is None:
            asked = list(await register.backdated(desk.place, asked))
        for row in picked[:20]:
            note(f"  {row.device}  {row.fingerprint}  {row.subject}")
        confirm(f"Approve {len(picked)} keys for {desk.place.tenant} as {_as(desk)}?", yes=yes)
        signed = await register.approve(desk, asked, datetime.now(UTC))
        say(f"{desk.place.tenant}: registry {signed.seq} approves {len(picked)} keys.")
        return len(picked)

    count = sum(_each(archives, admin, work))
    if unknown and not count and not archives.failures:
        raise unknown[0]
    return count


def revoke_in(
    archives: Archives, admin: Admin, device: str, *, reason: str, at: str | None, yes: bool
) -> None:
    """Revoke a device's key in every tenant that has approved it."""

    async def work(desk: Desk) -> int:
        known = {row.device for row in await _rows(desk) if row.valid_from}
        if device not in known:
            return 0
        confirm(f"Revoke device {device} of {desk.place.tenant} as {_as(desk)}?", yes=yes)
        ends = moment(at) if at else None
        signed = await register.revoke(desk, device, reason, datetime.now(UTC), ends)
        say(f"{desk.place.tenant}: registry {signed.seq} revokes {device}.")
        note("  → Run `archiver checkpoint` now: it fixes this registry, so that nobody who can")
        note("    delete in the store takes the revocation back unseen.")
        return 1

    if not sum(_each(archives, admin, work)) and not archives.failures:
        raise RegistryUnchanged(
            f"device {device} was never approved",
            advice="See `archiver device list`: a key that nobody approved counts for nothing.",
        )


def _each(
    archives: Archives, admin: Admin, work: Callable[[Desk], Awaitable[Result]]
) -> list[Result]:
    """Work at the desk of every tenant, alone with this machine's memory."""
    return at_each_desk(archives, admin, lambda _part, desk: work(desk))


async def _rows(desk: Desk) -> list[Device]:
    _, known = await register.current(desk)
    published = await register.read_enrolments(desk.place)
    for unsound in published.unsound:
        note(f"Not signed by the key that it publishes: {unsound}")
    return devices_of(known.newest, published.sound)


def _waiting(desk: Desk, rows: Sequence[Device]) -> list[Device]:
    sure, unsure = waiting(rows)
    for device in unsure:
        note(f"Left out: {device} published more than one key, or has an approved one.")
        note("  → Compare, revoke the old one, and name the device with --key FINGERPRINT.")
    if not sure:
        say(f"{desk.place.tenant}: no device waits.")
    return sure


def _named(
    rows: Sequence[Device],
    devices: Sequence[str],
    which: str | None,
    unknown: list[RegistryUnchanged],
) -> list[Device]:
    try:
        return [chosen(rows, device, which) for device in devices]
    except RegistryUnchanged as error:
        if any(row.device in devices for row in rows):
            raise
        unknown.append(error)
        return []


def _as(desk: Desk) -> str:
    return desk.signer.public.name
