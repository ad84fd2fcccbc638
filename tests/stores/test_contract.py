"""What every store promises, asked of every store: memory, folder, moto and a real server."""

from __future__ import annotations

import asyncio
import hashlib
import random
from typing import TYPE_CHECKING

import pytest

from archiver.errors import StoreError
from archiver.model.answers import Answer, Found, Listed, Stored
from archiver.stores.protocol import Store

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = (
    "team/tenant=acme/class=standard/subject=0123456789abcdef0123456789abcdef/dt=2026-11-21"
    "/0123456789abcdef-000000000001-0123456789abcdef.jsonl.zst"
)


def sha(body: bytes) -> str:
    """Give the hex sha256."""
    return hashlib.sha256(body).hexdigest()


async def put(store: Store, key: str, body: bytes = b"body") -> Stored:
    """Put with the right sha256 and typical metadata."""
    metadata = {"sha256": sha(body), "records": "12", "format": "archiver-1"}
    return await store.put(key, body, sha256=sha(body), metadata=metadata)


async def keys(store: Store, prefix: str, *, after: str = "") -> list[str]:
    """List names only."""
    return [listed.key async for listed in store.list(prefix, after=after)]


def answer(caught: pytest.ExceptionInfo[StoreError]) -> Answer:
    """Give the answer that a store gave."""
    return caught.value.refusal.answer


def test_a_store_is_a_store(opener: Callable[[], Store]) -> None:
    """Every implementation has the five verbs, a name and a concurrency."""
    store = opener()
    assert isinstance(store, Store)
    assert store.name
    assert store.concurrency >= 1


@pytest.mark.parametrize("size", [0, 1, 70_000, 8 * 1024 * 1024])
async def test_what_was_put_is_what_one_gets(store: Store, size: int) -> None:
    """Bodies come back byte for byte, the empty one and the largest chunk included."""
    body = random.Random(size).randbytes(size)
    await put(store, CHUNK, body)
    assert await store.get(CHUNK) == body
    assert await store.head(CHUNK) == Found(
        CHUNK, size, sha(body), (await store.head(CHUNK)).metadata
    )


async def test_what_was_put_is_there_for_another_client(
    store: Store, opener: Callable[[], Store]
) -> None:
    """A put is seen at once by whoever opens the store anew."""
    await put(store, CHUNK)
    async with opener() as other:
        assert await other.get(CHUNK) == b"body"
        assert await keys(other, "") == [CHUNK]


async def test_a_key_that_exists_is_refused(store: Store) -> None:
    """A second put of a key is EXISTS, with the same bytes or others, and changes nothing."""
    await put(store, CHUNK, b"first")
    for body in (b"first", b"second", b""):
        with pytest.raises(StoreError) as caught:
            await put(store, CHUNK, body)
        assert answer(caught) is Answer.EXISTS
    assert await store.get(CHUNK) == b"first"
    assert (await store.head(CHUNK)).sha256 == sha(b"first")


async def test_of_racing_writers_one_wins(
    store: Store, opener: Callable[[], Store], request: pytest.FixtureRequest
) -> None:
    """Two clients put one key at once: one is told that it stored, and its bytes stand."""
    if "moto" in request.node.name:
        pytest.skip("moto looks and then writes: of two threads, both may win")
    async with opener() as other:
        for number in range(8):
            key = f"race/{number}"
            bodies = {name: f"{name} {number}".encode() * 1000 for name in ("one", "two")}
            outcomes = dict(
                zip(
                    bodies,
                    await asyncio.gather(
                        put(store, key, bodies["one"]),
                        put(other, key, bodies["two"]),
                        return_exceptions=True,
                    ),
                    strict=True,
                )
            )
            winners = [name for name, outcome in outcomes.items() if isinstance(outcome, Stored)]
            losers = [o for o in outcomes.values() if isinstance(o, StoreError)]
            assert [len(winners), len(losers)] == [1, 1], outcomes
            assert losers[0].refusal.answer in (Answer.EXISTS, Answer.CONCURRENT)
            assert await store.get(key) == bodies[winners[0]]


async def test_a_body_that_is_not_what_was_sealed_is_refused(store: Store) -> None:
    """A sha256 that does not fit is CORRUPT in every store, and nothing is stored."""
    with pytest.raises(StoreError) as caught:
        await store.put(CHUNK, b"rotten", sha256=sha(b"sealed"), metadata={})
    assert answer(caught) is Answer.CORRUPT
    assert await keys(store, "") == []


async def test_a_key_that_was_never_put_is_not_found(store: Store) -> None:
    """Each verb on one object says NOT_FOUND, and deleting is no exception."""
    await put(store, "a/b")
    for key in ("a/c", "a", "a/b/c", "z/z/z"):
        for verb in (store.head, store.get, store.delete):
            with pytest.raises(StoreError) as caught:
                await verb(key)
            assert answer(caught) is Answer.NOT_FOUND, (verb, key)
            assert caught.value.advice


async def test_a_deleted_object_is_gone_and_its_key_is_free(store: Store) -> None:
    """After a delete nothing lists or gives the object, and the key can be put again."""
    await put(store, CHUNK, b"first")
    await store.delete(CHUNK)
    assert await keys(store, "") == []
    with pytest.raises(StoreError) as caught:
        await store.get(CHUNK)
    assert answer(caught) is Answer.NOT_FOUND
    await put(store, CHUNK, b"second")
    assert await store.get(CHUNK) == b"second"


NAMES = ["a", "a-b/c", "a.b", "a0", "b/1", "b/10", "b/2", "b=1/x", "b=1/y", "ba", "c/d/e/f"]


async def test_keys_are_listed_in_byte_order(store: Store) -> None:
    """Order is that of the whole key's bytes, not of folders: ``a-b/c`` is before ``a.b``."""
    for name in random.Random(1).sample(NAMES, len(NAMES)):
        await put(store, name, name.encode())
    assert [listed async for listed in store.list("")] == [
        Listed(name, len(name)) for name in sorted(NAMES)
    ]


async def test_a_prefix_may_end_anywhere(store: Store) -> None:
    """A prefix is compared as text: it may stop within a name, and may match nothing."""
    for name in NAMES:
        await put(store, name)
    for prefix in ("", "a", "a-", "b", "b/", "b/1", "b=", "b=1/", "c/d/e", "c/d/e/f", "zz"):
        assert await keys(store, prefix) == [n for n in sorted(NAMES) if n.startswith(prefix)]


async def test_a_listing_goes_on_after_a_key(store: Store) -> None:
    """``after`` may be a key or anything between two keys, with a prefix or without."""
    for name in NAMES:
        await put(store, name)
    for after in ("", "a", "a-b", "a-b/c", "b/1", "b/1zzz", "b=1/", "c/d/f", "~"):
        assert await keys(store, "", after=after) == [n for n in sorted(NAMES) if n > after]
        assert await keys(store, "b", after=after) == [
            n for n in sorted(NAMES) if n.startswith("b") and n > after
        ]


async def test_a_listing_may_be_left_early(store: Store) -> None:
    """Who needs only the first key stops there, and the store goes on to work."""
    for name in NAMES:
        await put(store, name)
    async for listed in store.list(""):
        assert listed.key == "a"
        break
    assert await keys(store, "") == sorted(NAMES)


async def test_many_puts_at_once_all_arrive(store: Store) -> None:
    """More concurrent calls than the store likes are served all the same."""
    names = [f"dt=2026-11-{day:02d}/x" for day in range(1, 25)]
    await asyncio.gather(*(put(store, name, name.encode()) for name in names))
    assert await asyncio.gather(*(store.get(name) for name in names)) == [n.encode() for n in names]


async def test_metadata_comes_back_or_is_not_kept_at_all(store: Store) -> None:
    """Stores that keep metadata give it back as it was; a folder gives none."""
    await put(store, CHUNK)
    found = await store.head(CHUNK)
    assert found.metadata in ({}, {"sha256": sha(b"body"), "records": "12", "format": "archiver-1"})
    assert found.sha256 == sha(b"body")


async def test_a_cancelled_put_is_cancelled(store: Store) -> None:
    """Cancelling goes through a store as itself, never as an error of the store."""
    task = asyncio.create_task(put(store, CHUNK, bytes(8 * 1024 * 1024)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
