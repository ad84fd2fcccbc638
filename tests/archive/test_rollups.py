"""A reader of a large tenant fetches roll-ups, and misses nothing where one is not to be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fleet import DESKTOP, LAPTOP, Fleet

from archiver.archive import rollups
from archiver.archive.catalogue import read_catalogue
from archiver.archive.rollups import manifests_of, newer
from archiver.archive.signers import Trust
from archiver.evidence.keys import SigningKey
from archiver.format.frame import pack, unpack

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["", "some/where"])
async def fleet(tmp_path: Path, request: pytest.FixtureRequest) -> Fleet:
    """Give two devices with two days under checkpoints and a third day after them."""
    fleet = Fleet(tmp_path, prefix=request.param)
    fleet.ship(LAPTOP, DESKTOP)
    await fleet.approve(LAPTOP, DESKTOP)
    for _ in range(2):
        await fleet.checkpoint()
        fleet.pass_days(1)
        fleet.ship(LAPTOP, DESKTOP)
    return fleet


async def read(fleet: Fleet, trust: Trust | None) -> dict[str, bytes]:
    """Read all manifests; none comes twice."""
    found = [one async for one in manifests_of(fleet.store, fleet.prefix, "acme", trust)]
    assert len({str(key) for key, _ in found}) == len(found)
    return {str(key): body for key, body in found}


def there(fleet: Fleet) -> dict[str, bytes]:
    """Give the manifests that are stored."""
    return {key: fleet.store.objects[key].body for key in fleet.names("_manifests/")}


def fetched(fleet: Fleet, part: str) -> list[str]:
    """Give the keys that were asked for."""
    return [call.key for call in fleet.store.calls if call.verb == "get" and part in call.key]


async def test_covered_manifests_come_from_roll_ups(fleet: Fleet) -> None:
    """The same bytes under the same keys; only the newer ones are fetched one by one."""
    fleet.store.calls.clear()
    assert await read(fleet, fleet.trust) == there(fleet)
    assert len(fetched(fleet, "_rollups/")) == 2
    assert len(fetched(fleet, "_manifests/")) == 2


async def test_without_trust_no_roll_up_is_believed(fleet: Fleet) -> None:
    """Whoever may write could have made it."""
    stranger = Trust((SigningKey.generate("admin/acme").public,))
    for trust in (None, stranger):
        fleet.store.calls.clear()
        assert await read(fleet, trust) == there(fleet)
        assert fetched(fleet, "_rollups/") == []


@pytest.mark.parametrize("damage", ["gone", "altered", "cut", "forged"])
async def test_what_a_damaged_roll_up_lists_is_fetched_one_by_one(
    fleet: Fleet, damage: str
) -> None:
    """Nothing is missed."""
    name = fleet.names("_rollups/")[0]
    body = fleet.store.objects[name].body
    if damage == "gone":
        fleet.drop(name)
    elif damage == "forged":
        lines = unpack(body).replace(b"synthetic", b"forged")
        fleet.put(name, pack([lines], level=3))
    else:
        fleet.put(name, body[:-9] if damage == "cut" else body[:-1] + b"x")
    assert await read(fleet, fleet.trust) == there(fleet)


async def test_a_manifest_that_was_deleted_still_comes_from_its_roll_up(fleet: Fleet) -> None:
    """It was covered, so the reader has it; that it is gone is for verify to say."""
    whole = there(fleet)
    fleet.drop(fleet.names("_manifests/")[0])
    assert await read(fleet, fleet.trust) == whole


async def test_in_a_long_folder_each_device_is_asked_for_what_is_new(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One short listing for each device that is known from roll-ups or by its enrolment."""
    monkeypatch.setattr(rollups, "_SHORT", 1)
    monkeypatch.setattr(rollups, "_SHORT_PER_DEVICE", 1)
    third = "00000000000000aa"
    fleet.ship(third)
    fleet.store.calls.clear()
    assert await read(fleet, fleet.trust) == there(fleet)
    listed = [call.key for call in fleet.store.calls if call.verb == "list"]
    assert len([key for key in listed if "_manifests/" in key]) == 3
    assert all(not key.endswith("_manifests/") for key in listed)


async def test_a_hole_is_looked_for_in_a_long_folder_too(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes late has a lower number than what is covered."""
    monkeypatch.setattr(rollups, "_SHORT", 1)
    monkeypatch.setattr(rollups, "_SHORT_PER_DEVICE", 1)
    covered = {LAPTOP: ((1, 1), (3, 3)), DESKTOP: ((1, 3),)}
    found = [
        key.seq
        async for key in newer(fleet.store, fleet.prefix, "acme", covered)
        if key.device == LAPTOP
    ]
    assert found == [2]


async def test_a_catalogue_is_the_same_from_roll_ups(fleet: Fleet) -> None:
    """Down to what cannot be read."""
    key = fleet.names("_manifests/")[-1]
    fleet.put(key, b"nonsense")
    plain = await read_catalogue(fleet.store, fleet.prefix, ["acme"])
    assert await read_catalogue(fleet.store, fleet.prefix, ["acme"], trust=fleet.trust) == plain
    assert (plain.manifests, plain.unreadable) == (6, (key,))
