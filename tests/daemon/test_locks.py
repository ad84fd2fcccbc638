"""Chunks are locked by the put that stores them, or the tenant waits and says what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from laptop import lines, patched, tenant_rules
from servers import ceph, moto_server

from archiver.daemon import engine as engines
from archiver.delivery.parcel import WaitReason
from archiver.format.times import parse_rfc3339
from archiver.stores.memory import MemoryStore
from archiver.stores.opening import open_store

if TYPE_CHECKING:
    from laptop import Laptop
    from servers import Ceph, S3Server

    from archiver.delivery.parcel import Waiting
    from archiver.stores.protocol import Store

__all__ = ["ceph", "moto_server"]

DAYS = 30
REAL = ["moto_server", pytest.param("ceph", marks=pytest.mark.ceph)]


def locking(laptop: Laptop, lock: str = "compliance", **more: Any) -> None:
    """Give the tenant a bucket and a lock; what opens it is patched."""
    laptop.tenants = [
        tenant_rules(
            "acme",
            laptop.bucket,
            store={"kind": "s3", "bucket": "bucket"},
            retention={"days": DAYS, "lock": lock, **more},
        )
    ]


def ship(laptop: Laptop, store: Store) -> Waiting | None:
    """Capture a conversation and ship it; give what the tenant waits for then."""
    with patched(engines, "store_of", lambda _: store):
        laptop.apply()
        laptop.append(laptop.claude("c1"), lines(1))
        laptop.look()
        laptop.ship()
    return laptop.engine.outbox.waiting("acme")


def test_a_clock_that_was_ahead_at_the_sealing_locks_nothing_for_longer(laptop: Laptop) -> None:
    """A lock of ten years too many could be undone by nobody."""
    store = MemoryStore()
    locking(laptop)
    with patched(engines, "store_of", lambda _: store):
        laptop.apply()
        laptop.clock.sleep(3650 * 86_400)
        laptop.append(laptop.claude("c1"), lines(1))
        laptop.look()
        laptop.seal()
        laptop.clock.sleep(-3650 * 86_400)
        laptop.ship()
    (lock,) = [one.retain for key, one in store.objects.items() if key.endswith(".zst")]
    assert lock
    assert timedelta(days=DAYS - 1) < lock.until - laptop.clock() <= timedelta(days=DAYS)


def test_only_chunks_are_locked_and_until_their_days_are_over(laptop: Laptop) -> None:
    """Counted from the sealing; manifests and keys carry no lock of a class."""
    store = MemoryStore()
    locking(laptop)
    before = laptop.clock()
    assert ship(laptop, store) is None
    locks = {key: one.retain for key, one in store.objects.items()}
    chunks = [lock for key, lock in locks.items() if key.endswith(".zst")]
    assert [lock for key, lock in locks.items() if not key.endswith(".zst")] == [None, None]
    (lock,) = chunks
    assert lock
    assert lock.mode == "compliance"
    assert timedelta(0) <= lock.until - before - timedelta(days=DAYS) < timedelta(seconds=30)


def test_a_lock_ends_before_an_admin_may_expire_the_chunk(laptop: Laptop) -> None:
    """That is counted from the manifest that lists it."""
    store = MemoryStore()
    locking(laptop)
    with patched(engines, "store_of", lambda _: store):
        laptop.apply()
        laptop.append(laptop.claude("c1"), lines(1))
        laptop.look()
        laptop.seal()
        laptop.clock.sleep(5)
        laptop.ship()
    (lock,) = [one.retain for key, one in store.objects.items() if one.retain]
    (at,) = laptop.engine.spool._db.execute("SELECT last_manifest_at FROM tenants").fetchone()
    assert lock.until <= parse_rfc3339(at) + timedelta(days=DAYS)


@pytest.mark.parametrize("lock", ["none", "governance"])
def test_what_waits_is_locked_as_the_policy_says_when_it_goes(laptop: Laptop, lock: str) -> None:
    """The mode and the days of now, for what was sealed under other terms."""
    store = MemoryStore()
    locking(laptop)
    laptop.apply()
    laptop.append(laptop.claude("c1"), lines(1))
    laptop.look()
    laptop.seal()
    locking(laptop, lock)
    ship(laptop, store)
    modes = {one.retain and one.retain.mode for one in store.objects.values()}
    assert modes == ({None} if lock == "none" else {None, "governance"})


@pytest.mark.parametrize("name", REAL)
def test_a_bucket_without_object_lock_is_waited_for_by_name(
    laptop: Laptop, name: str, request: pytest.FixtureRequest
) -> None:
    """Nothing is stored unlocked; status says what to do; with a lock-free class all of it goes."""
    server: S3Server = request.getfixturevalue(name)
    bucket = server.new_bucket()
    store = open_store(server.settings(bucket, laptop.root))
    locking(laptop)
    waiting = ship(laptop, store)
    assert waiting
    assert waiting.reason is WaitReason.CONFIGURATION
    assert "Object Lock" in waiting.advice
    with server.client() as client:
        assert "Contents" not in client.list_objects_v2(Bucket=bucket)
        locking(laptop, "none")
        assert ship(laptop, store) is None
        stored = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert any(one["Key"].endswith(".zst") for one in stored)


@pytest.mark.parametrize("name", REAL)
def test_in_a_bucket_with_object_lock_the_chunk_cannot_be_deleted(
    laptop: Laptop, name: str, request: pytest.FixtureRequest
) -> None:
    """Asked of the server itself, with the keys that own the bucket."""
    server: S3Server = request.getfixturevalue(name)
    bucket = server.new_bucket(ObjectLockEnabledForBucket=True)
    locking(laptop)
    assert ship(laptop, open_store(server.settings(bucket, laptop.root))) is None
    with server.client() as client:
        found = client.list_object_versions(Bucket=bucket)["Versions"]
        (chunk,) = [one for one in found if one["Key"].endswith(".zst")]
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            client.delete_object(Bucket=bucket, Key=chunk["Key"], VersionId=chunk["VersionId"])


@pytest.mark.ceph
def test_keys_that_may_not_lock_are_waited_for_by_name(laptop: Laptop, ceph: Ceph) -> None:
    """The right is named that is missing."""
    bucket = ceph.new_bucket(ObjectLockEnabledForBucket=True)
    _, stranger = ceph.as_new_user()
    locking(laptop)
    waiting = ship(laptop, open_store(stranger.settings(bucket, laptop.root)))
    assert waiting
    assert waiting.reason is WaitReason.CREDENTIALS
    assert "s3:PutObjectRetention" in waiting.advice
