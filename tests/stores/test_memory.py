"""Each thing that the store in memory can be told to do wrong, and that it does just that."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime

import pytest

from archiver.errors import StoreError
from archiver.model.answers import Answer, Stored
from archiver.stores.faults import (
    Corrupt,
    CutListing,
    Fault,
    FaultPlan,
    Forget,
    Hang,
    LoseAnswer,
    Plant,
    Refuse,
    Slow,
    deny_reads,
)
from archiver.stores.memory import Call, MemoryStore

BODY = b"body"
SHA = hashlib.sha256(BODY).hexdigest()


async def put(store: MemoryStore, key: str = "a") -> Stored:
    """Put the usual body."""
    return await store.put(key, BODY, sha256=SHA, metadata={"records": "1"})


async def answer(store: MemoryStore, key: str = "a") -> Answer:
    """Give the answer to a put that is refused."""
    with pytest.raises(StoreError) as caught:
        await put(store, key)
    return caught.value.refusal.answer


async def test_a_planned_refusal_is_given_as_planned_and_once() -> None:
    """The nth call is refused with code, status and time as planned; the others pass."""
    now = datetime(2026, 11, 21, tzinfo=UTC)
    refusal = Refuse(Answer.CLOCK, code="RequestTimeTooSkewed", status=403, server_time=now)
    store = MemoryStore(FaultPlan((Fault("put", refusal, nth=2),)))
    await put(store, "a")
    with pytest.raises(StoreError) as caught:
        await put(store, "b")
    told = caught.value.refusal
    assert (told.answer, told.code, told.status) == (Answer.CLOCK, "RequestTimeTooSkewed", 403)
    assert told.server_time == now
    await put(store, "b")
    assert set(store.objects) == {"a", "b"}


async def test_a_fault_without_a_number_strikes_always_and_only_its_keys() -> None:
    """One tenant's trouble leaves the others alone; ``nth`` counts matching calls only."""
    plan = FaultPlan(
        (
            Fault("put", Refuse(Answer.BUSY), key=lambda key: key.startswith("x")),
            Fault("put", Refuse(Answer.FULL), nth=2, key=lambda key: key.startswith("y")),
        )
    )
    store = MemoryStore(plan)
    assert [await answer(store, "x") for _ in range(3)] == [Answer.BUSY] * 3
    await put(store, "y1")
    await put(store, "z")
    assert await answer(store, "y2") is Answer.FULL
    await put(store, "y3")


async def test_a_lost_answer_is_unreachable_and_the_bytes_are_stored() -> None:
    """The case that makes a 412 ambiguous."""
    store = MemoryStore(FaultPlan((Fault("put", LoseAnswer(), nth=1),)))
    assert await answer(store) is Answer.UNREACHABLE
    assert store.objects["a"].body == BODY
    assert await answer(store) is Answer.EXISTS


async def test_planted_bytes_are_there_first() -> None:
    """Somebody else's object under the same key: a proved conflict."""
    store = MemoryStore(FaultPlan((Fault("put", Plant(b"other")),)))
    assert await answer(store) is Answer.EXISTS
    assert await store.get("a") == b"other"
    assert (await store.head("a")).sha256 == ""


async def test_corruption_flips_what_is_stored_or_what_is_given() -> None:
    """At rest or on the way back; the length stays."""
    store = MemoryStore(FaultPlan((Fault("put", Corrupt(), nth=1), Fault("get", Corrupt(), nth=2))))
    await put(store, "a")
    await put(store, "b")
    assert await store.get("a") == b"bodx"
    assert await store.get("b") == b"bodx"
    assert await store.get("b") == BODY


async def test_a_forgetful_head_tells_the_size_alone() -> None:
    """A server that keeps neither checksum nor metadata."""
    store = MemoryStore(FaultPlan((Fault("head", Forget()),)))
    await put(store)
    found = await store.head("a")
    assert (found.size, found.sha256, found.metadata) == (4, "", {})


async def test_a_hanging_call_ends_when_it_is_cancelled() -> None:
    """And has stored nothing."""
    store = MemoryStore(FaultPlan((Fault("put", Hang()),)))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(put(store), 0.05)
    assert store.objects == {}


async def test_a_slow_call_takes_its_time_and_succeeds() -> None:
    """Others are served meanwhile."""
    store = MemoryStore(FaultPlan((Fault("put", Slow(0.05), nth=1),)))
    slow = asyncio.create_task(put(store, "slow"))
    await asyncio.sleep(0)
    await put(store, "quick")
    assert set(store.objects) == {"quick"}
    await slow
    assert set(store.objects) == {"quick", "slow"}


async def test_write_only_credentials_can_put_and_nothing_else() -> None:
    """Every other verb is CREDENTIALS, a listing of everything included."""
    store = MemoryStore(FaultPlan(deny_reads()))
    await put(store)
    assert await answer(store) is Answer.EXISTS
    for verb in (store.head, store.get, store.delete):
        with pytest.raises(StoreError) as caught:
            await verb("a")
        assert caught.value.refusal.answer is Answer.CREDENTIALS
    with pytest.raises(StoreError) as caught:
        _ = [listed async for listed in store.list("")]
    assert caught.value.refusal.answer is Answer.CREDENTIALS


async def test_a_cut_listing_gives_some_keys_and_then_an_error() -> None:
    """Never a short listing that looks whole."""
    store = MemoryStore(FaultPlan((Fault("list", CutListing(2), nth=1),)))
    for key in "abc":
        await put(store, key)
    listing = aiter(store.list(""))
    assert [(await anext(listing)).key, (await anext(listing)).key] == ["a", "b"]
    with pytest.raises(StoreError) as caught:
        await anext(listing)
    assert caught.value.refusal.answer is Answer.UNREACHABLE
    assert [listed.key async for listed in store.list("")] == ["a", "b", "c"]


async def test_r2_calls_an_overwrite_locked_and_two_quick_writes_busy() -> None:
    """The manners of R2: a lock rule on the prefix, one write per key and second."""
    seconds = [0.0]
    store = MemoryStore(FaultPlan(personality="r2"), clock=lambda: seconds[0])
    assert store.concurrency == 2
    await put(store)
    assert await answer(store) is Answer.BUSY
    await put(store, "b")
    seconds[0] = 1.5
    assert await answer(store) is Answer.LOCKED


async def test_every_call_is_in_the_log() -> None:
    """With its verb and key, refused or not; a list with its prefix."""
    store = MemoryStore(FaultPlan((Fault("put", Refuse(Answer.BUSY), nth=1),)))
    await answer(store)
    await put(store)
    _ = [listed async for listed in store.list("p")]
    assert store.calls == [Call("put", "a"), Call("put", "a"), Call("list", "p")]
