"""Objects are fetched a few at a time, and nothing is believed unchecked."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import aclosing
from typing import Any

import pytest
import zstandard

from archiver.archive.catalogue import read_catalogue
from archiver.archive.fetch import Budget, fetch_chunk, in_turn, read_records
from archiver.errors import Damaged, StoreError
from archiver.model.answers import Answer
from archiver.stores.faults import Fault, FaultPlan, Refuse
from archiver.stores.memory import MemoryStore, Object


async def read_all(archive: Any, name: str = "c1") -> Any:
    """Read every record of one conversation."""
    row = (await read_catalogue(archive.store, "")).find(name)
    return [record async for record in read_records(archive.store, row.chunks, row)]


async def test_at_most_so_many_questions_are_asked_at_once() -> None:
    """The order of the answers is that of the questions, whatever takes longer."""
    now = most = 0

    async def ask(number: int) -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001 * (number % 3))
        now -= 1
        return number

    async with aclosing(in_turn(range(30), ask, limit=4)) as answers:
        assert [answer async for answer in answers] == list(range(30))
    assert most == 4


async def test_a_budget_of_bytes_is_kept_and_what_is_larger_than_it_comes_alone() -> None:
    """Nobody fills the memory of who verifies with a few large objects."""
    budget, now, seen = Budget(64), 0, []

    async def take(size: int) -> None:
        nonlocal now
        async with budget.taken(size):
            now += size
            seen.append(now)
            await asyncio.sleep(0.001)
            now -= size

    await asyncio.wait_for(asyncio.gather(*map(take, (30, 30, 30, 100, 1, 63))), timeout=5)
    assert len(seen) == 6
    assert max(seen) == 100
    assert all(one <= 64 for one in seen if one != 100)


async def test_an_error_ends_it_and_leaves_nothing_running() -> None:
    """No task outlives the loop that asked."""

    async def ask(number: int) -> int:
        if number == 1:
            raise ValueError("one")
        await asyncio.sleep(60)
        return number

    before = asyncio.all_tasks()
    async with aclosing(in_turn([1, 2, 3], ask, limit=3)) as answers:
        with pytest.raises(ValueError, match="one"):
            await anext(answers)
    assert asyncio.all_tasks() == before


async def test_only_the_records_of_the_conversation_are_given(healthy: Any) -> None:
    """A chunk holds many; the others stay where they are."""
    assert {record.conversation for record in await read_all(healthy, "c2")} == {"c2"}
    assert len(await read_all(healthy)) == 7


@pytest.mark.parametrize("spoil", [lambda body: body[:-1], lambda body: body[:-1] + b"!"])
async def test_a_chunk_that_is_not_what_is_listed_is_refused_by_its_key(
    healthy: Any, spoil: Any
) -> None:
    """One byte is enough."""
    key = healthy.keys("class=")[0]
    healthy.put(key, spoil(healthy.body(key)))
    with pytest.raises(Damaged, match=key):
        await read_all(healthy)


async def test_a_chunk_that_is_gone_is_damage_and_a_store_that_is_gone_is_not(healthy: Any) -> None:
    """The archive is not to blame for a cut connection."""
    key = healthy.keys("class=")[0]
    plan = FaultPlan((Fault("get", Refuse(Answer.UNREACHABLE, "Timeout")),))
    healthy.store.plan = plan
    with pytest.raises(StoreError):
        await fetch_chunk(healthy.store, key, "")
    healthy.store.plan = FaultPlan(())
    healthy.drop(key)
    with pytest.raises(Damaged, match="not there"):
        await read_all(healthy)


async def test_a_chunk_cut_anywhere_is_a_loud_error(synthetic: Any) -> None:
    """Also when the manifest was made from the cut bytes: nothing short passes for whole."""
    raw = b"".join(synthetic.text(number, number, str(number)) for number in range(3))
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(raw)
    for length in range(len(frame)):
        archive = synthetic.Archive()
        archive.manifest(archive.frame(raw, frame[:length]))
        with pytest.raises(Damaged, match=r"tenant=acme/.*\.jsonl\.zst"):
            await read_all(archive)


@pytest.mark.parametrize("extra", [b"\0", b"junk", zstandard.compress(b"{}\n")])
async def test_what_follows_the_frame_is_a_loud_error(synthetic: Any, extra: bytes) -> None:
    """Trailing junk and a second frame are both refused."""
    raw = synthetic.text(0, 0, "x")
    archive = synthetic.Archive()
    archive.manifest(archive.frame(raw, zstandard.compress(raw) + extra))
    with pytest.raises(Damaged):
        await read_all(archive)


async def test_a_flipped_bit_anywhere_is_a_loud_error(synthetic: Any) -> None:
    """Whether the hash of the object or the checksum of the frame sees it."""
    raw = synthetic.text(0, 0, "x" * 50)
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(raw)
    for place in range(len(frame)):
        spoiled = frame[:place] + bytes([frame[place] ^ 0x10]) + frame[place + 1 :]
        with pytest.raises(Damaged):
            await fetch_chunk(_one(spoiled), "key", hashlib.sha256(frame).hexdigest())


def _one(body: bytes) -> Any:
    """Give a store that has this one object."""
    store = MemoryStore()
    store.objects["key"] = Object(body, {})
    return store


async def test_records_of_a_newer_version_are_refused_with_advice(synthetic: Any) -> None:
    """Reading them half would be worse."""
    archive = synthetic.Archive()
    archive.manifest(archive.chunk(synthetic.text(0, 0, "x", v=2)))
    with pytest.raises(Damaged) as caught:
        await read_all(archive)
    assert "newer archiver" in caught.value.advice
