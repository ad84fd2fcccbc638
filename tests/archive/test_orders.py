"""What verification makes of an admin's orders: what may be gone, and what may not."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from witnessed import TENANT, Witnessed, check, codes, memory, stranger

from archiver.archive.orders import Ordered
from archiver.archive.scope import Depth
from archiver.evidence import orders
from archiver.evidence.orders import Chunks, Erasure, Expiry, Hold, Order, Release
from archiver.format.keys import ChunkKey, Series, parse_key
from archiver.model.shipment import ChunkEntry
from archiver.vault.layout import parse_vault_key

if TYPE_CHECKING:
    from archiver.archive.findings import Report

LONG = timedelta(days=400)
DEPTHS = pytest.mark.parametrize("depth", list(Depth))


def name_of(key: str) -> ChunkKey:
    """Read a chunk's key."""
    name = parse_key(key)
    assert isinstance(name, ChunkKey)
    return name


def named(*keys: str) -> tuple[Chunks, ...]:
    """Name chunks as an order does."""
    by_device: dict[str, list[int]] = {}
    for name in map(name_of, keys):
        by_device.setdefault(name.device, []).append(name.seq)
    return tuple(
        Chunks(device, tuple((seq, seq) for seq in sorted(seqs)))
        for device, seqs in sorted(by_device.items())
    )


def expiry(world: Witnessed, *keys: str, **changes: Any) -> Expiry:
    """Make the order that these chunks are over."""
    deed = Expiry(
        klass="standard",
        days=365,
        policy=None,
        chunks=named(*keys),
        count=len(keys),
        stored_bytes=sum(len(world.objects[key]) for key in keys),
    )
    return msgspec.structs.replace(deed, **changes)


def erasure(world: Witnessed, *keys: str, **changes: Any) -> Erasure:
    """Make the order that a person is to be forgotten."""
    wraps = [parse_vault_key(key) for key in world.find("/_keys/")]
    deed = Erasure(
        subject=name_of(keys[0]).subject,
        basis="Art. 17 GDPR",
        reason="asked for",
        keys=tuple(sorted({wrap.key_id for wrap in wraps if wrap})),
        chunks=named(*keys),
        count=len(keys),
        stored_bytes=0,
    )
    return msgspec.structs.replace(deed, **changes)


def first(world: Witnessed, count: int = 2) -> list[str]:
    """Give the oldest chunks of the first device."""
    return world.chunks(world.devices[0])[:count]


async def look(world: Witnessed, **wants: Any) -> Report:
    """Verify, long after."""
    wants.setdefault("depth", Depth.RECORDS)
    return await check(memory(world.objects), "", world, **wants)


@DEPTHS
async def test_what_expired_by_order_is_not_lost(plain: Witnessed, depth: Depth) -> None:
    """Its numbers, its records and its places in the logs are accounted for."""
    world = plain.copy()
    gone = first(world)
    world.order(expiry(world, *gone), plain.now + LONG)
    world.drop(*gone)
    report = await look(world, depth=depth)
    assert (codes(report), report.exit_status) == ([], 0)
    assert (report.expired, report.erased) == (2, 0)


async def test_the_same_without_an_order_is_loss(plain: Witnessed) -> None:
    """So it is the order that makes the difference."""
    world = plain.copy()
    world.drop(*first(world))
    report = await look(world)
    assert "chunk-missing" in codes(report)
    assert report.exit_status == 1


async def test_an_order_of_nobody_who_is_trusted_excuses_nothing(plain: Witnessed) -> None:
    """Neither signed by a stranger, nor where no admin is known."""
    world = plain.copy()
    gone = first(world)
    world.order(expiry(world, *gone), plain.now + LONG, signer=stranger())
    world.drop(*gone)
    found = codes(await look(world))
    assert "order-invalid" in found
    assert found.count("chunk-missing") == 2
    world = plain.copy()
    world.order(expiry(world, *gone), plain.now + LONG)
    world.drop(*gone)
    assert codes(await look(world, trusted=False)).count("chunk-missing") == 2


async def test_a_chunk_beside_those_that_an_order_names_is_missing(plain: Witnessed) -> None:
    """An order is no licence."""
    world = plain.copy()
    one, two = first(world)
    world.order(expiry(world, one), plain.now + LONG)
    world.drop(one, two)
    report = await look(world, depth=Depth.LISTING)
    assert [(str(found.code), found.object) for found in report.findings if found.code] == [
        ("chunk-missing", two)
    ]


async def test_what_is_ordered_and_still_there_is_worth_a_note(plain: Witnessed) -> None:
    """A lock may keep it, or the lifecycle comes later."""
    world = plain.copy()
    world.order(expiry(world, *first(world)), plain.now + LONG)
    report = await look(world)
    assert report.exit_status == 0
    assert [str(one.code) for one in report.findings] == ["order-unfinished"]


@pytest.mark.parametrize("after", [timedelta(), timedelta(days=350)])
async def test_what_went_before_its_time_is_named(plain: Witnessed, after: timedelta) -> None:
    """By the order's own days."""
    world = plain.copy()
    gone = first(world)
    world.order(expiry(world, *gone), plain.now + after)
    world.drop(*gone)
    report = await look(world)
    assert (codes(report), report.exit_status) == (["order-unlawful"], 1)


async def test_an_order_that_is_dated_ahead_excuses_nothing(plain: Witnessed) -> None:
    """It was given before the checkpoint that knows it, whatever it says itself."""
    world = plain.copy()
    gone = first(world)
    world.order(expiry(world, *gone), plain.now + LONG)
    world.order(Release(id="none", reason="r"), plain.now + LONG)
    world.checkpoint(plain.now + timedelta(hours=1))
    world.drop(*gone)
    assert codes(await look(world)) == ["order-unlawful"]


@pytest.mark.parametrize(("apart", "lawful"), [({"hours": 1}, True), ({"days": 30}, False)])
async def test_clocks_of_two_admins_may_differ_by_hours(
    plain: Witnessed, apart: dict[str, int], *, lawful: bool
) -> None:
    """What was due an hour after the checkpoint that knows its order, is nobody's fault."""
    world = plain.copy()
    gone = first(world, 1)
    due = plain.now + timedelta(days=365)
    world.order(expiry(world, *gone), due)
    world.checkpoint(due - timedelta(**apart))
    world.drop(*gone)
    assert ("order-unlawful" not in codes(await look(world))) is lawful


@pytest.mark.parametrize("days", [10**7, 10**11])
async def test_an_order_of_more_days_than_a_calendar_knows_is_unlawful(
    plain: Witnessed, days: int
) -> None:
    """And no crash, whoever signed it."""
    world = plain.copy()
    gone = first(world)
    world.order(expiry(world, *gone, days=days), plain.now + LONG)
    assert "order-unlawful" in codes(await look(world))


async def test_what_is_of_another_class_or_person_is_named(plain: Witnessed) -> None:
    """An order covers what it says, and no more."""
    world = plain.copy()
    gone = first(world)
    world.order(expiry(world, *gone, klass="other"), plain.now + LONG)
    world.drop(*gone)
    assert codes(await look(world)) == ["order-unlawful"]
    world = plain.copy()
    world.order(erasure(world, *gone, subject="0" * 32), plain.now + LONG)
    world.drop(*gone)
    assert codes(await look(world)) == ["order-unlawful"]


async def test_what_a_hold_covered_may_not_go(plain: Witnessed) -> None:
    """It may after the release, and the order in which they were given decides."""
    hold = Hold(id="case", matter="4711", reason="claim")
    for said, found in (
        ([hold], ["hold-broken"]),
        ([hold, Release(id="case", reason="closed")], []),
        ([Hold(id="case", matter="1", reason="r", subject="0" * 32)], []),
    ):
        world = plain.copy()
        for deed in said:
            world.order(deed, plain.now + LONG)
        gone = first(world)
        world.order(expiry(world, *gone), plain.now + LONG)
        world.order(Hold(id="late", matter="1", reason="r"), plain.now + LONG)
        world.drop(*gone)
        assert codes(await look(world)) == found


async def test_an_order_that_a_checkpoint_names_cannot_be_taken_away(plain: Witnessed) -> None:
    """Nobody ends a hold by removing it."""
    world = plain.copy()
    key = world.order(Hold(id="case", matter="4711", reason="claim"), plain.now)
    world.checkpoint(plain.now + timedelta(hours=1))
    assert codes(await look(world)) == []
    world.drop(key)
    report = await look(world)
    assert (codes(report), report.exit_status) == (["order-gone"], 1)


async def test_an_order_in_the_middle_that_is_gone_or_changed_is_named(plain: Witnessed) -> None:
    """And the later ones still count."""
    world = plain.copy()
    gone = first(world)
    held = world.order(Hold(id="a", matter="1", reason="r", subject="0" * 32), plain.now)
    world.order(expiry(world, *gone), plain.now + LONG)
    world.drop(*gone)
    whole = world.copy()
    world.drop(held)
    assert codes(await look(world)) == ["order-missing"]
    world = whole.copy()
    world.objects[held] = world.objects[held].replace(b"synthetic", b"synthetik")
    assert codes(await look(world)) == ["order-invalid"]


async def test_two_orders_of_one_number_are_a_contradiction(plain: Witnessed) -> None:
    """One admin key signed both, and nobody can tell which of them is true."""
    world = plain.copy()
    world.order(Hold(id="a", matter="1", reason="r"), plain.now)
    world.orders.clear()
    world.order(Hold(id="b", matter="1", reason="r"), plain.now)
    assert codes(await look(world)) == ["order-invalid"]


async def test_an_order_under_a_name_that_is_not_its_own_is_named(plain: Witnessed) -> None:
    """Moved to another number."""
    world = plain.copy()
    key = world.order(Hold(id="a", matter="1", reason="r"), plain.now)
    body = world.objects.pop(key)
    world.put_series(Series.ORDERS, 2, body)
    assert codes(await look(world)) == ["order-invalid"]


@DEPTHS
async def test_an_erased_person_is_neither_loss_nor_unread(sealed: Witnessed, depth: Depth) -> None:
    """Wraps are gone; of the chunks some are left as noise, and nothing is missing."""
    world = sealed.copy()
    mine = [key for device in world.devices for key in world.chunks(device)]
    world.order(erasure(world, *mine), sealed.now + LONG)
    world.drop(*world.find("/_keys/"), *mine[:3])
    report = await look(world, depth=depth)
    assert (codes(report), report.exit_status) == ([], 0)
    assert (report.expired, report.erased) == (0, 3)


async def test_where_everything_is_gone_by_order_nothing_is_left_to_read(plain: Witnessed) -> None:
    """That is no failure to read."""
    world = plain.copy()
    mine = [key for device in world.devices for key in world.chunks(device)]
    world.order(expiry(world, *mine), plain.now + LONG)
    world.drop(*mine)
    report = await look(world)
    assert (codes(report), report.exit_status) == ([], 0)
    assert (report.chunks, report.expired) == (0, len(mine))


async def test_an_erasure_whose_keys_are_left_is_not_done(sealed: Witnessed) -> None:
    """One wrap of one key is enough to read."""
    world = sealed.copy()
    mine = [key for device in world.devices for key in world.chunks(device)]
    world.order(erasure(world, *mine), sealed.now + LONG)
    wraps = world.find("/_keys/")
    world.drop(*wraps[1:])
    report = await look(world)
    assert (codes(report), report.exit_status) == (["erasure-unfinished"], 2)


async def test_an_erasure_of_one_person_excuses_no_key_of_another(sealed: Witnessed) -> None:
    """A device writes any id beside its chunks, and so brings it into the order."""
    world = sealed.copy()
    mine = [key for device in world.devices for key in world.chunks(device)]
    deed = erasure(world, *mine, subject="0" * 32, chunks=())
    world.order(deed, sealed.now - timedelta(days=2))
    assert codes(await look(world)) == []
    world.drop(*world.find("/_keys/"))
    assert "key-missing" in codes(await look(world))


async def test_what_is_sealed_to_a_key_after_it_was_erased_is_named(sealed: Witnessed) -> None:
    """Nobody will ever read it: the device must be told to make new keys."""
    world = sealed.copy()
    mine = [key for device in world.devices for key in world.chunks(device)]
    early = sealed.now - timedelta(days=2)
    before = [key for key in mine if listed_at(world, key) <= orders_time(early)]
    assert 0 < len(before) < len(mine)
    world.order(erasure(world, *before), early)
    world.drop(*world.find("/_keys/"))
    report = await look(world, depth=Depth.BYTES)
    assert set(codes(report)) == {"sealed-to-erased"}
    assert report.exit_status == 2


async def test_a_chunk_that_changed_is_found_though_it_was_erased(sealed: Witnessed) -> None:
    """Its bytes are held to the manifest for ever."""
    world = sealed.copy()
    mine = [key for device in world.devices for key in world.chunks(device)]
    world.order(erasure(world, *mine), sealed.now + LONG)
    world.drop(*world.find("/_keys/"))
    body = bytearray(world.objects[mine[0]])
    body[len(body) // 2] ^= 1
    world.objects[mine[0]] = bytes(body)
    assert codes(await look(world)) == ["chunk-altered"]


async def test_later_orders_of_the_same_chunks_add_nothing(plain: Witnessed) -> None:
    """Each chunk is counted once, and the first order is what took it."""
    world = plain.copy()
    gone = first(world)
    world.order(expiry(world, *gone), plain.now + LONG)
    world.order(expiry(world, *first(world, 3), klass="other"), plain.now + LONG)
    world.drop(*gone)
    report = await look(world)
    assert report.expired == 2
    assert codes(report) == ["order-unlawful"]  # the third, by the second order
    (finding,) = [one for one in report.findings if str(one.code) == "order-unlawful"]
    assert "took 1 chunks" in finding.meaning


def listed_at(world: Witnessed, key: str) -> str:
    """Give the time of the manifest that lists a chunk."""
    for name in world.manifests(name_of(key).device):
        said = world.said(name)
        if any(one["key"] == key for one in said["chunks"]):
            return str(said["created_at"])
    raise AssertionError(key)


def orders_time(at: Any) -> str:
    """Write a time as orders do."""
    deed = Release(id="x", reason="r")
    return orders.next_order(None, None, deed, tenant=TENANT, by="x", now=at).created_at


def test_the_archive_of_these_tests_is_what_they_think(plain: Witnessed) -> None:
    """Each order's bytes are under their own hash, and copies are apart."""
    world = plain.copy()
    key = world.order(Hold(id="a", matter="1", reason="r"), plain.now)
    assert hashlib.sha256(world.objects[key]).hexdigest()[:16] in key
    assert not plain.orders
    assert replace(world).orders


DEVICE = "0" * 16


def lets_go(seq: int, numbers: set[int]) -> Order:
    """Order that these chunks of one device are over."""
    runs = tuple((number, number) for number in sorted(numbers))
    deed = Expiry(
        klass="standard",
        days=1,
        policy=None,
        chunks=(Chunks(DEVICE, runs),),
        count=len(numbers),
        stored_bytes=1,
    )
    return Order(
        v=1,
        tenant=TENANT,
        seq=seq,
        previous=None if seq == 1 else "0" * 64,
        created_at="2026-01-01T00:00:00.000Z",
        by="x",
        deed=deed,
    )


def taken_by(ordered: Ordered, number: int) -> int:
    """Ask which order took a chunk."""
    key = ChunkKey("", TENANT, "standard", "a" * 32, "2025-01-01", DEVICE, number, "0" * 16)
    entry = ChunkEntry(
        seq=number,
        key=str(key),
        sha256="0" * 64,
        stored_bytes=1,
        raw_bytes=1,
        records=1,
        first_at="",
        last_at="",
    )
    return ordered.order_of(key, entry, "2025-01-01T00:00:00.000Z")


@given(st.lists(st.sets(st.integers(1, 30), min_size=1), max_size=6))
def test_of_several_orders_the_first_that_names_a_chunk_took_it(named: list[set[int]]) -> None:
    """However their runs overlap."""
    ordered = Ordered([lets_go(seq, numbers) for seq, numbers in enumerate(named, 1)])
    for number in range(1, 32):
        first = next((seq for seq, one in enumerate(named, 1) if number in one), 0)
        assert taken_by(ordered, number) == first


def test_daily_orders_of_many_years_are_read_at_once() -> None:
    """What it takes grows with their number, not with its square: that took ten seconds."""
    daily = [lets_go(seq, {3 * seq}) for seq in range(1, 10_001)]
    before = time.process_time()
    ordered = Ordered(daily)
    assert time.process_time() - before < 2
    assert (taken_by(ordered, 3), taken_by(ordered, 30_000), taken_by(ordered, 4)) == (1, 10_000, 0)
