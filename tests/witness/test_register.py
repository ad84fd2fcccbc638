"""Approving and revoking: what is signed, since when it counts, and when nothing is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from fleet import DESKTOP, LAPTOP, Fleet

from archiver.errors import EvidenceError, HistoryChanged, Overtaken, RegistryUnchanged
from archiver.evidence.keys import SigningKey
from archiver.format.times import rfc3339
from archiver.stores.memory import MemoryStore
from archiver.witness import bounds, register
from archiver.witness.devices import (
    State,
    approval,
    chosen,
    devices_of,
    fingerprint,
    waiting,
)
from archiver.witness.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from archiver.witness.devices import Device


async def rows(fleet: Fleet) -> list[Device]:
    """Give the devices as an admin sees them."""
    known = await register.read_register(fleet.place, fleet.trust, Memory())
    published = await register.read_enrolments(fleet.place)
    return devices_of(known.newest, published.sound)


async def states(fleet: Fleet) -> list[tuple[str, str]]:
    """Give each device and where it stands."""
    return [(row.device, str(row.state)) for row in await rows(fleet)]


async def test_a_device_waits_is_approved_and_is_revoked(fleet: Fleet) -> None:
    """Each step is a registry that names the one before."""
    fleet.ship(LAPTOP)
    assert await states(fleet) == [(LAPTOP, "waiting")]
    await fleet.approve(LAPTOP)
    assert await states(fleet) == [(LAPTOP, "approved")]
    await fleet.revoke(LAPTOP)
    (row,) = await rows(fleet)
    assert (row.state, row.reason, row.revoked_at) == (
        State.REVOKED,
        "synthetic",
        rfc3339(fleet.now),
    )
    assert len(fleet.names("_registry/")) == 2


async def test_a_key_counts_from_where_the_device_first_used_it(fleet: Fleet) -> None:
    """So that what it shipped while it waited is not reported for ever."""
    fleet.ship(LAPTOP)
    began = fleet.now
    fleet.pass_days(30)
    fleet.ship(LAPTOP)
    fleet.pass_days(1)
    await fleet.approve(LAPTOP)
    assert [row.valid_from for row in await rows(fleet)] == [rfc3339(began)]
    await fleet.checkpoint()
    assert await fleet.codes() == []


async def test_a_manifest_older_than_the_enrolment_counts_too(fleet: Fleet) -> None:
    """The device may have stopped between the two."""
    fleet._last[LAPTOP] = (0, None)
    fleet.manifest(LAPTOP)
    fleet.drop(*fleet.names("_devices/"))
    began = fleet.now
    fleet.pass_days(1)
    fleet.enrol(LAPTOP)
    await fleet.approve(LAPTOP)
    assert [row.valid_from for row in await rows(fleet)] == [rfc3339(began)]


async def test_a_first_manifest_of_another_key_does_not_count(fleet: Fleet) -> None:
    """Approving one key says nothing about another."""
    stranger = SigningKey.generate(f"device/{LAPTOP}")
    fleet.manifest(LAPTOP, signer=stranger)
    fleet.drop(*fleet.names("_devices/"))
    fleet.pass_days(1)
    fleet.enrol(LAPTOP)
    await fleet.approve(LAPTOP)
    assert [row.valid_from for row in await rows(fleet)] == [rfc3339(fleet.now)]


async def test_an_admin_may_vouch_only_for_what_comes(fleet: Fleet) -> None:
    """What is older stays reported, and is not covered."""
    fleet.ship(LAPTOP)
    fleet.pass_days(1)
    row = chosen(await rows(fleet), LAPTOP, None)
    await register.approve(fleet.desk, [approval(row, fleet.now)], fleet.now)
    outcome = await fleet.checkpoint()
    assert (outcome.statement.size, outcome.exit_status) == (0, 0)
    assert [str(one.reason) for one in outcome.left_out] == ["early"]
    assert await fleet.codes() == ["signer-not-yet"]


async def test_a_thousand_devices_are_approved_by_one_registry(fleet: Fleet) -> None:
    """And each is asked for its first manifest once."""
    names = [f"{number:016x}" for number in range(1000)]
    key = fleet.key(names[0])
    for name in names:
        fleet.keys[name] = SigningKey(f"device/{name}", key.private)
        fleet.enrol(name)
    sure, unsure = waiting(await rows(fleet))
    assert (len(sure), unsure) == (1000, [])
    await register.approve(fleet.desk, [approval(row, None) for row in sure], fleet.now)
    assert {state for _, state in await states(fleet)} == {"approved"}
    assert len(fleet.names("_registry/")) == 1


class TestWhoseKey:
    """Anybody who may write can publish a key for any device."""

    async def test_with_two_keys_nobody_is_approved_unnamed(self, fleet: Fleet) -> None:
        """Neither by the device's name nor among all."""
        fleet.enrol(LAPTOP)
        stranger = SigningKey.generate(f"device/{LAPTOP}")
        fleet.enrol(LAPTOP, stranger)
        found = await rows(fleet)
        assert waiting(found) == ([], [LAPTOP])
        with pytest.raises(RegistryUnchanged, match="2 keys were published"):
            chosen(found, LAPTOP, None)
        mine = fleet.key(LAPTOP).public
        assert chosen(found, LAPTOP, fingerprint(mine)).key == mine
        assert chosen(found, LAPTOP, fingerprint(mine).upper().replace("-", " ")).key == mine
        assert chosen(found, LAPTOP, str(mine)).key == mine

    async def test_the_same_key_published_twice_is_one(self, fleet: Fleet) -> None:
        """Since the first time."""
        fleet.enrol(LAPTOP)
        first = rfc3339(fleet.now)
        fleet.pass_days(1)
        fleet.enrol(LAPTOP)
        assert [(row.device, row.since) for row in await rows(fleet)] == [(LAPTOP, first)]

    async def test_a_new_key_beside_an_approved_one_is_said(self, fleet: Fleet) -> None:
        """A lost key, or a stranger's: the old one is revoked first, or the new one ignored."""
        fleet.enrol(LAPTOP)
        await fleet.approve(LAPTOP)
        fleet.pass_days(1)
        fleet.enrol(LAPTOP, SigningKey.generate(f"device/{LAPTOP}"))
        found = await rows(fleet)
        assert [(str(row.state), row.other_key) for row in found] == [
            ("approved", False),
            ("waiting", True),
        ]
        assert waiting(found) == ([], [LAPTOP])
        with pytest.raises(RegistryUnchanged, match="has an approved key"):
            await fleet.approve(LAPTOP)
        await fleet.revoke(LAPTOP)
        await fleet.approve(LAPTOP)
        assert [row.state for row in await rows(fleet)] == [State.REVOKED, State.APPROVED]

    async def test_a_device_whose_enrolment_is_gone_is_still_listed(self, fleet: Fleet) -> None:
        """The registry knows it."""
        fleet.enrol(LAPTOP)
        await fleet.approve(LAPTOP)
        fleet.drop(*fleet.names("_devices/"))
        assert [(row.device, row.published) for row in await rows(fleet)] == [(LAPTOP, False)]

    async def test_an_enrolment_that_is_not_self_signed_is_told(self, fleet: Fleet) -> None:
        """Or one that was copied under another device's name."""
        fleet.enrol(LAPTOP)
        (name,) = fleet.names("_devices/")
        body = fleet.store.objects[name].body
        fleet.put(name, body.replace(b"synthetic", b"Synthetic"))
        copied = name.replace(LAPTOP, DESKTOP)
        fleet.put(copied, body)
        found = await register.read_enrolments(fleet.place)
        assert (found.sound, sorted(found.unsound)) == ((), sorted([name, copied]))

    async def test_an_enrolment_that_is_too_large_is_told_and_never_read(
        self, fleet: Fleet
    ) -> None:
        """Whoever may write may write gigabytes."""
        fleet.enrol(LAPTOP)
        name = f"tenant=acme/_devices/{DESKTOP}-{'0' * 16}.note"
        fleet.put(name, bytes(bounds.ENROLMENT + 1))
        fleet.store.calls.clear()
        found = await register.read_enrolments(fleet.place)
        assert ([one.device for one in found.sound], found.unsound) == ([LAPTOP], (name,))
        assert name not in [one.key for one in fleet.store.calls if one.verb == "get"]


class TestNothingIsSigned:
    """On top of what is not sound, or no longer there."""

    async def test_a_damaged_registry_is_refused(self, fleet: Fleet) -> None:
        """What it said would be lost."""
        fleet.ship(LAPTOP)
        await fleet.approve(LAPTOP)
        (name,) = fleet.names("_registry/")
        fleet.put(name, fleet.store.objects[name].body.replace(b"acme", b"acne"))
        with pytest.raises(EvidenceError, match="not sound"):
            await fleet.revoke(LAPTOP)

    async def test_a_registry_that_was_taken_away_is_refused(self, fleet: Fleet) -> None:
        """This machine remembers it."""
        fleet.ship(LAPTOP, DESKTOP)
        await fleet.approve(LAPTOP)
        fleet.drop(*fleet.names("_registry/"))
        with pytest.raises(HistoryChanged, match="has seen number 1"):
            await fleet.approve(DESKTOP)

    @pytest.mark.parametrize("act", [Fleet.approve, Fleet.revoke])
    async def test_registries_that_a_checkpoint_names_and_that_are_gone_are_refused(
        self, fleet: Fleet, act: Callable[[Fleet, str], Awaitable[None]]
    ) -> None:
        """Else a new machine would approve again what was revoked."""
        fleet.ship(LAPTOP)
        await fleet.approve(LAPTOP)
        await fleet.revoke(LAPTOP)
        await fleet.checkpoint()
        fleet.drop(*fleet.names("_registry/"))
        fleet.memory = fleet.memory / "new-machine"
        with pytest.raises(HistoryChanged, match="names a registry"):
            await act(fleet, LAPTOP)
        assert fleet.names("_registry/") == []

    async def test_a_chain_with_a_link_missing_is_refused(self, fleet: Fleet) -> None:
        """Also by a machine that never saw it."""
        fleet.ship(LAPTOP, DESKTOP)
        await fleet.approve(LAPTOP)
        await fleet.approve(DESKTOP)
        fleet.drop(fleet.names("_registry/")[0])
        fleet.memory = fleet.memory / "new-machine"
        with pytest.raises(EvidenceError, match="does not follow"):
            await fleet.revoke(LAPTOP)

    async def test_the_registry_of_another_tenant_is_refused(self, fleet: Fleet) -> None:
        """Although the same admin signed it."""
        fleet.ship(LAPTOP)
        await fleet.approve(LAPTOP)
        (name,) = fleet.names("_registry/")
        fleet.put(name.replace("acme", "other"), fleet.store.objects[name].body)
        other = register.Desk(
            type(fleet.place)(fleet.store, "", "other"), fleet.trust, fleet.admin, fleet.memory
        )
        with pytest.raises(EvidenceError, match="not sound"):
            await register.revoke(other, LAPTOP, "x", fleet.now)

    async def test_revoking_what_nobody_approved_is_refused(self, fleet: Fleet) -> None:
        """There is nothing to take back."""
        with pytest.raises(EvidenceError, match="ever approved"):
            await fleet.revoke(LAPTOP)

    async def test_a_slower_admin_is_told_and_overwrites_nothing(self, fleet: Fleet) -> None:
        """Two approve different devices at one moment: one of them repeats it."""
        fleet.ship(LAPTOP, DESKTOP)
        other = Fleet(fleet.memory / "other", store=MemoryStore(), admin=fleet.admin)
        other.store.objects = dict(fleet.store.objects)
        other.now = fleet.now + timedelta(minutes=1)
        await other.approve(DESKTOP)
        (theirs,) = other.names("_registry/")
        put = fleet.store.put

        async def meanwhile(key: str, body: bytes, **said: object) -> object:
            fleet.put(theirs, other.store.objects[theirs].body)
            return await put(key, body, **said)  # type: ignore[arg-type]

        fleet.store.put = meanwhile  # type: ignore[method-assign, assignment]
        with pytest.raises(Overtaken):
            await fleet.approve(LAPTOP)
        fleet.store.put = put  # type: ignore[method-assign]
        assert fleet.names("_registry/") == [theirs]
        await fleet.approve(LAPTOP)
        assert {state for _, state in await states(fleet)} == {"approved"}


async def test_a_key_stolen_earlier_is_revoked_from_then_on(fleet: Fleet) -> None:
    """What it signed since is reported, what a checkpoint covered before is not."""
    fleet.ship(LAPTOP)
    await fleet.approve(LAPTOP)
    await fleet.checkpoint()
    fleet.pass_days(2)
    fleet.ship(LAPTOP)
    await fleet.revoke(LAPTOP, at=fleet.now - timedelta(days=1))
    await fleet.checkpoint()
    assert await fleet.codes() == ["signer-revoked"]
