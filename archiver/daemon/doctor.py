"""The checks of ``archiver doctor``. Each one does what the daemon does, once.

The probe goes the way of a chunk: sealed bytes, a conditional put with its sha256, the same
rules about every answer (`archiver.daemon.probe`); where these credentials may not delete, it
stays and the check says so.
"""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING, Final

from archiver.assistants.registry import ASSISTANTS
from archiver.daemon.check import Check
from archiver.daemon.keysource import expiry_here, source_of
from archiver.daemon.probe import Probe
from archiver.daemon.rules import Rules, store_of
from archiver.daemon.signature import signature_check
from archiver.daemon.sources import look_around
from archiver.distribution.current import look, required
from archiver.durable import files, lock
from archiver.errors import ArchiverError, PolicyError, PolicyInvalid, StoreError, UnusableKey
from archiver.evidence.device import own_key, signing_keys
from archiver.format.times import rfc3339
from archiver.model.answers import Answer
from archiver.policy.load import load

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from archiver.daemon.machine import Machine
    from archiver.distribution.watch import Watch
    from archiver.policy.document import Tenant
    from archiver.stores.protocol import Store

__all__ = ["Check", "examine"]

_EARLIEST: Final = "2026-01-01"
_MIB: Final = 1024 * 1024


async def examine(
    config: Path, state: Path, machine: Machine, watch: Watch | None = None
) -> list[Check]:
    """Make every check that can be made; a failed one does not stop the others.

    ``watch`` finds the signed policy where this machine takes no other; else ``config`` counts.
    """
    checks = [_clock(machine.clock()), _disk(state), _lock(state)]
    try:
        if watch is not None and watch.pinned:
            standing = look(watch, machine.clock(), ask_again=True)
            checks.append(signature_check(standing, machine.clock()))
            loaded = required(standing)
        else:
            loaded = load(config, known_assistants=frozenset(one.name for one in ASSISTANTS))
        rules = Rules.of(loaded.policy)
    except PolicyInvalid as error:
        found = "; ".join(error.problems) or str(error)
        return [*checks, Check("policy", ok=False, finding=found, advice=error.advice)]
    except PolicyError as error:
        return [*checks, Check("policy", ok=False, finding=str(error), advice=error.advice)]
    checks.append(_policy(rules, loaded.path))
    checks.append(_sources(rules, machine))
    checks.append(_signing_key(state))
    for tenant in rules.tenants.values():
        checks += [
            _protection(tenant),
            *_credentials(tenant, machine.clock()),
            await _store(tenant),
        ]
    return checks


def _clock(now: datetime) -> Check:
    at = rfc3339(now)
    if at < _EARLIEST:
        return Check("clock", ok=False, finding=f"it says {at}", advice="Set this machine's clock.")
    return Check("clock", ok=True, finding=f"it says {at}; each store compares it with its own")


def _disk(state: Path) -> Check:
    try:
        files.make_private_folder(state)
        files.replace(state / "doctor.probe", secrets.token_bytes(4096))
        files.remove(state / "doctor.probe")
    except (ArchiverError, OSError) as error:
        return Check(
            "disk",
            ok=False,
            finding=f"cannot write in {state}: {error}",
            advice="Give this user a state folder that it may write, with --state.",
        )
    free = shutil.disk_usage(state).free
    return Check("disk", ok=True, finding=f"{state} can be written; {free // _MIB} MiB free")


def _lock(state: Path) -> Check:
    held = lock.is_held(state)
    return Check("lock", ok=True, finding="an archiver is running" if held else "nobody runs now")


def _policy(rules: Rules, config: Path) -> Check:
    if rules.problems:
        found = "; ".join(rules.problems)
        advice = "Correct in the policy, or on this machine, what is named; the others go on."
        return Check("policy", ok=False, finding=found, advice=advice)
    if not rules.tenants:
        return Check(
            "policy",
            ok=False,
            finding=f"{config} enables no tenant, so nothing is captured",
            advice="Set enabled = true for a tenant.",
        )
    names = ", ".join(rules.tenants)
    return Check("policy", ok=True, finding=f"{config} is valid; enabled: {names}")


def _sources(rules: Rules, machine: Machine) -> Check:
    found = look_around(rules, machine)
    claimed = sum(1 for one in found.sightings if one.owner.tenant)
    text = f"{len(found.sightings)} conversations found, {claimed} of them captured"
    if found.refused:
        return Check(
            "sources",
            ok=False,
            finding=f"{text}; {len(found.refused)} places cannot be read",
            advice="`archiver sources` names them.",
        )
    return Check("sources", ok=True, finding=text)


def _signing_key(state: Path) -> Check:
    """Sign and verify with every key that this state folder has."""
    name = "signing key"
    keys = signing_keys(state)
    if not keys:
        return Check(name, ok=True, finding="made at the first start; an admin approves it")
    try:
        public = [str(own_key(state, device).checked().public) for device in keys]
    except UnusableKey as error:
        return Check(name, ok=False, finding=str(error), advice=error.advice)
    return Check(name, ok=True, finding=f"signs as {', '.join(public)}")


def _protection(tenant: Tenant) -> Check:
    """Say who may open a tenant's chunks, and who vouches for its devices."""
    officers, admins = len(tenant.sealing.officers), len(tenant.evidence.admin_keys)
    sealed = f"sealed to {officers} officers" if officers else "not sealed: the bucket guards them"
    if not admins:
        return Check(
            f"evidence of {tenant.id}",
            ok=True,
            finding=f"chunks are {sealed}; nobody vouches for devices",
            advice="Name an admin's public key in evidence.admin_keys: until then `archiver"
            " verify` reports every archive as incomplete.",
        )
    return Check(
        f"evidence of {tenant.id}",
        ok=True,
        finding=f"chunks are {sealed}; {admins} admins vouch for devices",
    )


def _credentials(tenant: Tenant, now: datetime) -> list[Check]:
    """Say where the keys come from and when they end; a folder needs none."""
    if tenant.store.kind == "folder":
        return []
    name, source = f"credentials of {tenant.id}", source_of(tenant)
    expiry = expiry_here(tenant)
    if expiry is None:
        return [Check(name, ok=True, finding=source)]
    word = "ended" if expiry.at <= now else "end"
    finding = f"{source}; they {word} on {expiry.at:%Y-%m-%d %H:%M} UTC"
    if now < expiry.warn_at:
        return [Check(name, ok=True, finding=finding)]
    advice = "Renew them: nothing is lost, but nothing is shipped after."
    return [Check(name, ok=False, finding=finding, advice=advice)]


async def _store(tenant: Tenant) -> Check:
    name = f"store of {tenant.id}"
    try:
        async with store_of(tenant) as store:
            return await _probe(name, store, tenant.id)
    except StoreError as error:
        return Check(name, ok=False, finding=f"{error} ({error.refusal.code})", advice=error.advice)


async def _probe(name: str, store: Store, tenant: str) -> Check:
    probe = Probe.of(tenant)
    await probe.put(store)
    key, body = probe.key, probe.body
    done = [f"{store.name}: written"]
    same = True
    try:
        same = await store.get(key) == body
        done.append("read back" if same else "read back as DIFFERENT BYTES")
    except StoreError as error:
        if error.refusal.answer is not Answer.CREDENTIALS:
            raise
        done.append("may not read, which is right for a device")
    try:
        await store.delete(key)
        done.append("removed")
    except StoreError as error:
        if error.refusal.answer not in (Answer.CREDENTIALS, Answer.LOCKED):
            raise
        done.append(f"may not delete, which is right for a device: {key} stays")
    advice = "" if same else "The store or something before it alters objects: use another."
    return Check(name, ok=same, finding=", ".join(done), advice=advice)
