"""What an admin may count on, asked of every store: locks, holds, and removal without a trace."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.errors import StoreError
from archiver.model.answers import Answer
from archiver.model.shipment import Retain
from archiver.stores.custody import Custody, Kept, custody_of
from archiver.stores.faults import Fault, FaultPlan, LoseAnswer, Refuse
from archiver.stores.memory import MemoryStore
from archiver.stores.opening import open_store
from archiver.stores.prefixed import Prefixed
from archiver.stores.settings import FolderSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from conftest import Scripted
    from servers import Ceph, S3Server

    from archiver.stores.protocol import Store

KEY = "tenant=acme/class=standard/subject=0123/dt=2026-11-21/a.jsonl.zst"
LONGER = f"{KEY}.age"
BODY = b"sealed bytes"
SHA = hashlib.sha256(BODY).hexdigest()
TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)

CEPH = pytest.param("ceph", marks=pytest.mark.ceph)


def in_an_hour() -> datetime:
    """Give the clock of a server on which an hour has passed."""
    return datetime.now(UTC) + timedelta(hours=1)


@dataclass
class Bucket:
    """One kind of store, and what one can do to its bucket from outside."""

    kind: str
    open: Callable[[], Store]
    server: S3Server | None = None
    name: str = ""

    def overwrite(self, key: str, **lock: object) -> None:
        """Put a second version, as one with other tools could."""
        if self.server:
            with self.server.client() as client:
                client.put_object(
                    Bucket=self.name, Key=key, Body=b"later", ChecksumAlgorithm="SHA256", **lock
                )


def bucket_of(request: pytest.FixtureRequest, folder: Path, *, locking: bool) -> Bucket:
    """Make an empty bucket of the asked kind."""
    kind = request.param
    if kind == "memory":
        memory = MemoryStore(object_lock=locking)
        return Bucket(kind, lambda: memory)
    if kind == "folder":
        return Bucket(kind, lambda: open_store(FolderSettings(folder / "bucket")))
    server = request.getfixturevalue("ceph" if kind == "ceph" else "moto_server")
    options = {"ObjectLockEnabledForBucket": True} if locking else {}
    name = server.new_bucket(**options)
    settings = server.settings(name, folder, page=2)
    return Bucket(kind, lambda: open_store(settings), server, name)


@pytest.fixture(params=["memory", "moto", CEPH])
def locking(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    """Give a bucket with Object Lock."""
    return bucket_of(request, tmp_path, locking=True)


@pytest.fixture(params=["memory", "folder", "moto", CEPH])
def plain(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    """Give a bucket without versions and locks."""
    return bucket_of(request, tmp_path, locking=False)


@pytest.fixture
async def locked(locking: Bucket) -> AsyncIterator[Store]:
    """Give an empty bucket with Object Lock, opened, below a prefix as archiver uses it."""
    async with Prefixed(locking.open(), "ai") as store:
        yield store


@pytest.fixture
async def store(plain: Bucket) -> AsyncIterator[Store]:
    """Give an empty bucket without locks, opened, below a prefix."""
    async with Prefixed(plain.open(), "ai") as store:
        yield store


async def put(store: Store, key: str = KEY, retain: Retain | None = None) -> None:
    """Put the usual body."""
    await store.put(key, BODY, sha256=SHA, metadata={"records": "1"}, retain=retain)


async def refused(store: Store, key: str = KEY) -> StoreError:
    """Give the error of a removal."""
    with pytest.raises(StoreError) as caught:
        await custody_of(store).destroy(key)
    return caught.value


async def names(store: Store) -> list[str]:
    """List what readers see."""
    return [listed.key async for listed in store.list("")]


# ── Any store ────────────────────────────────────────────────────────────────────────────────


async def test_every_store_is_a_custody(store: Store) -> None:
    """Opened, below a prefix or not."""
    assert isinstance(store, Custody)
    assert custody_of(store) is store


async def test_what_was_never_put_is_not_kept(store: Store) -> None:
    """And its removal is no error: whoever asks wants it gone."""
    custody = custody_of(store)
    assert await custody.kept(KEY) is None
    await custody.destroy(KEY)
    await custody.reveal(KEY)


async def test_an_object_without_a_lock_says_so(store: Store) -> None:
    """Size and sha256 of what is there."""
    await put(store)
    assert await custody_of(store).kept(KEY) == Kept(KEY, len(BODY), SHA)


async def test_what_is_destroyed_is_gone_for_readers_and_for_the_admin(store: Store) -> None:
    """In a bucket without versions, whose objects have no version id."""
    await put(store)
    await custody_of(store).destroy(KEY)
    assert await custody_of(store).kept(KEY) is None
    assert await names(store) == []
    await put(store)
    assert await names(store) == [KEY]


async def test_only_the_named_object_is_destroyed(store: Store) -> None:
    """A key that starts with the other's name is another object."""
    await put(store, KEY)
    await put(store, LONGER)
    await custody_of(store).destroy(KEY)
    assert await names(store) == [LONGER]
    await put(store, KEY)
    await custody_of(store).destroy(LONGER)
    assert await names(store) == [KEY]
    await custody_of(store).destroy(KEY.removesuffix(".jsonl.zst"))
    assert await names(store) == [KEY]


async def test_where_no_lock_can_be_kept_none_is_promised(store: Store) -> None:
    """A put that shall be locked is refused with what to do, and nothing is stored."""
    with pytest.raises(StoreError) as caught:
        await put(store, retain=Retain("compliance", TOMORROW))
    assert caught.value.refusal.answer is Answer.CONFIGURATION
    assert 'lock = "none"' in caught.value.advice
    assert await names(store) == []


async def test_a_hold_that_a_bucket_cannot_keep_is_refused_or_left_to_the_orders(
    plain: Bucket, store: Store
) -> None:
    """A bucket without Object Lock says so; a store that never has any does nothing."""
    await put(store)
    custody = custody_of(store)
    if custody.can_lock:
        with pytest.raises(StoreError) as caught:
            await custody.hold(KEY, on=True)
        assert caught.value.refusal.answer is Answer.CONFIGURATION
        assert "Object Lock" in caught.value.advice
    else:
        assert plain.kind in ("memory", "folder")
        await custody.hold(KEY, on=True)
    assert await custody.kept(KEY) == Kept(KEY, len(BODY), SHA)


# ── With Object Lock ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["governance", "compliance"])
async def test_a_lock_comes_with_the_put_and_nobody_destroys_before_its_end(
    locked: Store, mode: str
) -> None:
    """The store's root key included, and in governance too: a bypass is never asked for."""
    retain = Retain("compliance" if mode == "compliance" else "governance", TOMORROW)
    await put(locked, retain=retain)
    kept = await custody_of(locked).kept(KEY)
    assert kept == Kept(KEY, len(BODY), SHA, retain)
    error = await refused(locked)
    assert error.refusal.answer is Answer.LOCKED
    assert TOMORROW.isoformat() in str(error)
    assert mode in str(error)
    assert await locked.get(KEY) == BODY


@pytest.mark.parametrize("first", [True, False])
async def test_a_lock_of_one_version_keeps_all_of_them(locking: Bucket, *, first: bool) -> None:
    """It is looked for before anything goes: no version is lost on the way to a refusal."""
    if not locking.server:
        pytest.skip("nobody overwrites in memory")
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": TOMORROW}
    async with locking.open() as store:
        await put(store, retain=Retain("compliance", TOMORROW) if first else None)
        locking.overwrite(KEY, **({} if first else lock))
        assert (await refused(store)).refusal.answer is Answer.LOCKED
        with locking.server.client() as client:
            found = client.list_object_versions(Bucket=locking.name, Prefix=KEY)
        assert len(found["Versions"]) == 2


async def test_a_lock_that_has_run_out_protects_no_more(locked: Store) -> None:
    """Expiry is the store's: its clock, not ours."""
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    await put(locked, retain=Retain("compliance", until))
    await refused(locked)
    await asyncio.sleep(3.2)
    await custody_of(locked).destroy(KEY)
    assert await custody_of(locked).kept(KEY) is None


async def test_every_version_and_marker_goes(locking: Bucket) -> None:
    """A plain delete only hides, and hides again; destroying leaves nothing to find."""
    async with locking.open() as store:
        await put(store)
        await put(store, LONGER)
        await store.delete(KEY)
        for _ in range(3):
            locking.overwrite(KEY)
        if locking.server:
            with locking.server.client() as client:
                client.delete_object(Bucket=locking.name, Key=KEY)
        await custody_of(store).destroy(KEY)
        assert await custody_of(store).kept(KEY) is None
        assert await names(store) == [LONGER]
        if locking.server:
            with locking.server.client() as client:
                found = client.list_object_versions(Bucket=locking.name)
            assert [one["Key"] for one in found["Versions"]] == [LONGER]
            assert "DeleteMarkers" not in found


async def test_what_is_left_is_named_whoever_can_see_it(locking: Bucket) -> None:
    """Once, however many versions and markers it has, over any number of pages."""
    async with Prefixed(locking.open(), "ai") as store:
        for key in (KEY, LONGER, "other/a", "other/b"):
            await put(store, key)
        await store.delete(KEY)
        for _ in range(3):
            locking.overwrite(f"ai/{LONGER}")
        custody = custody_of(store)
        assert [key async for key in custody.remains("tenant=")] == [KEY, LONGER]
        await custody.destroy(KEY)
        assert [key async for key in custody.remains("")] == ["other/a", "other/b", LONGER]
        assert [key async for key in custody.remains("nothing")] == []


async def test_what_is_left_without_versions_is_what_is_there(store: Store) -> None:
    """Over any number of pages."""
    for number in range(5):
        await put(store, f"a/{number}")
    await store.delete("a/3")
    found = [key async for key in custody_of(store).remains("a/")]
    assert found == ["a/0", "a/1", "a/2", "a/4"]


async def test_a_legal_hold_outlives_every_lock(locked: Store) -> None:
    """It has no end of its own, and goes when it is taken off."""
    custody = custody_of(locked)
    await put(locked)
    await custody.hold(KEY, on=True)
    await custody.hold(KEY, on=True)
    kept = await custody.kept(KEY)
    assert kept
    assert (kept.held, kept.retain) == (True, None)
    error = await refused(locked)
    assert error.refusal.answer is Answer.LOCKED
    assert "legal hold" in str(error)
    await custody.hold(KEY, on=False)
    await custody.destroy(KEY)
    assert await custody.kept(KEY) is None


async def test_a_hold_on_what_is_not_there_is_refused(locked: Store) -> None:
    """Whoever thinks that he holds something shall learn that it is gone."""
    await put(locked, LONGER)
    with pytest.raises(StoreError) as caught:
        await custody_of(locked).hold(KEY, on=True)
    assert caught.value.refusal.answer is Answer.NOT_FOUND


async def test_what_lies_under_a_delete_marker_is_revealed(locked: Store) -> None:
    """It was kept all along, with its lock, and a hold reaches it there."""
    custody = custody_of(locked)
    retain = Retain("governance", TOMORROW)
    await put(locked, retain=retain)
    await locked.delete(KEY)
    assert await names(locked) == []
    kept = await custody.kept(KEY)
    assert kept == Kept(KEY, len(BODY), SHA, retain, hidden=True)
    await custody.hold(KEY, on=True)
    await custody.reveal(KEY)
    await custody.reveal(KEY)
    assert await locked.get(KEY) == BODY
    kept = await custody.kept(KEY)
    assert kept == Kept(KEY, len(BODY), SHA, retain, held=True)


# ── A real server alone ──────────────────────────────────────────────────────────────────────


@pytest.mark.ceph
async def test_who_may_not_look_at_versions_is_told_so(ceph: Ceph, tmp_path: Path) -> None:
    """The keys of a device: no list, no removal, and nothing is lost."""
    bucket = ceph.new_bucket(ObjectLockEnabledForBucket=True)
    _, stranger = ceph.as_new_user()
    async with open_store(stranger.settings(bucket, tmp_path)) as store:
        assert (await refused(store)).refusal.answer is Answer.CREDENTIALS


@pytest.mark.ceph
async def test_the_store_itself_refuses_where_we_would_not_have(
    ceph: Ceph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blind to the lock, the removal is still refused as LOCKED, by the server's own words."""
    bucket = ceph.new_bucket(ObjectLockEnabledForBucket=True)
    async with open_store(ceph.settings(bucket, tmp_path)) as store:
        await put(store, retain=Retain("compliance", TOMORROW))

        async def blind(*_: object, **__: object) -> tuple[Kept, datetime]:
            return Kept(KEY, 0, ""), datetime.now(UTC)

        monkeypatch.setattr(store, "_look", blind)
        assert (await refused(store)).refusal.answer is Answer.LOCKED
        assert await store.get(KEY) == BODY


@pytest.mark.ceph
async def test_what_r2_cannot_do_is_not_asked_of_it(ceph: Ceph, tmp_path: Path) -> None:
    """Without Object Lock there is one DELETE, and no verb on versions (R2 knows none)."""
    bucket = ceph.new_bucket()
    settings = replace(ceph.settings(bucket, tmp_path), object_lock=False)
    async with open_store(settings) as store:
        custody = custody_of(store)
        assert not custody.can_lock
        await put(store)
        await custody.hold(KEY, on=True)
        await custody.reveal(KEY)
        assert await custody.kept(KEY) == Kept(KEY, len(BODY), SHA)
        await custody.destroy(KEY)
        await custody.destroy(KEY)
        assert await custody.kept(KEY) is None


async def test_a_lock_rule_of_r2_refuses_the_removal(scripted: Scripted, tmp_path: Path) -> None:
    """10069, as Cloudflare documents it: LOCKED, and the object stays."""
    scripted.refuses("403 Forbidden", "ObjectLockedByBucketPolicy")
    settings = replace(scripted.as_server().settings("bucket", tmp_path), object_lock=False)
    async with open_store(settings) as store:
        assert (await refused(store)).refusal.answer is Answer.LOCKED
    assert [request.method for request in scripted.requests] == ["DELETE"]


# ── Memory and folder alone ──────────────────────────────────────────────────────────────────


async def test_in_memory_the_servers_clock_ends_a_lock() -> None:
    """So that tests of a year need no year."""
    store = MemoryStore(now=in_an_hour)
    await put(store, retain=Retain("compliance", datetime.now(UTC) + timedelta(minutes=50)))
    await custody_of(store).destroy(KEY)
    assert store.objects == {}


async def test_in_memory_each_verb_can_be_planned_to_fail() -> None:
    """A refusal does nothing; a lost answer has done it."""
    busy = Refuse(Answer.BUSY)
    store = MemoryStore(
        FaultPlan((Fault("destroy", busy, nth=1), Fault("destroy", LoseAnswer(), nth=2)))
    )
    await put(store)
    assert (await refused(store)).refusal.answer is Answer.BUSY
    assert KEY in store.objects
    assert (await refused(store)).refusal.answer is Answer.UNREACHABLE
    assert KEY not in store.objects


async def test_a_folder_that_became_empty_goes_with_its_last_object(tmp_path: Path) -> None:
    """Up to the store's root, which stays."""
    async with open_store(FolderSettings(tmp_path / "bucket")) as store:
        await put(store, "a/b/one")
        await put(store, "a/two")
        await custody_of(store).destroy("a/b/one")
        assert not (tmp_path / "bucket" / "a" / "b").exists()
        await custody_of(store).destroy("a/two")
        assert list((tmp_path / "bucket").iterdir()) == []
        await put(store, "a/b/one")
        assert await names(store) == ["a/b/one"]
