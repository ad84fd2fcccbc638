"""Holds and erasures on a real S3 server: what its own rules and anybody's keys cannot undo."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pytest
from fleet import DESKTOP, LAPTOP
from holding import ADA, BOB, Office, hold

from archiver.errors import MustStay, StoreError
from archiver.model.answers import Answer
from archiver.model.shipment import Retain
from archiver.retention import hold as holds
from archiver.retention.destroy import finish
from archiver.retention.erase import Wanted, order, plan
from archiver.retention.hold import apply_holds
from archiver.stores.custody import custody_of
from archiver.stores.opening import open_store
from archiver.witness.place import Place
from archiver.witness.register import Desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from servers import Ceph

    from archiver.stores.protocol import Store

pytestmark = pytest.mark.ceph

KEY_ID = "1" * 16


@dataclass
class Real:
    """A real bucket with Object Lock, whose devices' objects are made in memory and shipped."""

    office: Office
    store: Store
    server: Ceph
    bucket: str
    shipped: set[str] = field(default_factory=set)

    @property
    def desk(self) -> Desk:
        """Where the admin signs."""
        office = self.office
        return Desk(Place(self.store, "ai", "acme"), office.trust, office.admin, office.memory)

    async def settle(self) -> None:
        """Cover what there is in memory, and put all that is new into the bucket, locks too."""
        await self.office.settle()
        for key, one in self.office.store.objects.items():
            if key not in self.shipped:
                sha256 = hashlib.sha256(one.body).hexdigest()
                await self.store.put(
                    key, one.body, sha256=sha256, metadata=one.metadata, retain=one.retain
                )
                self.shipped.add(key)

    def versions(self, key: str = "") -> list[str]:
        """Give the key of each version and marker there is."""
        with self.server.client() as client:
            page = client.list_object_versions(Bucket=self.bucket, Prefix=key)
        kinds = ("Versions", "DeleteMarkers")
        return sorted(one["Key"] for kind in kinds for one in page.get(kind, ()))

    def delete_all(self, key: str) -> list[str]:
        """Try to delete every version with the owner's keys and the bypass; give the refusals."""
        refused = []
        with self.server.client() as client:
            for one in client.list_object_versions(Bucket=self.bucket, Prefix=key)["Versions"]:
                try:
                    client.delete_object(
                        Bucket=self.bucket,
                        Key=key,
                        VersionId=one["VersionId"],
                        BypassGovernanceRetention=True,
                    )
                except botocore.exceptions.ClientError as error:
                    refused.append(error.response["Error"]["Code"])
        return refused

    async def held(self) -> set[str]:
        """Give the chunks with a legal hold."""
        custody = custody_of(self.store)
        found = {key: await custody.kept(key) for key in self.office.chunks()}
        return {key for key, kept in found.items() if kept and kept.held}

    async def erase(self, subject: str) -> Any:
        """Plan, order and do it."""
        now = datetime.now(UTC)
        this = await plan(self.desk, Wanted(subject), now=now)
        await order(self.desk, this, basis="x", reason="x", by="x", now=now)
        (done,) = await finish(self.desk)
        return done


@pytest.fixture
async def real(ceph: Ceph, tmp_path: Path) -> AsyncIterator[Real]:
    """Give an empty bucket."""
    async with opened(ceph, tmp_path) as found:
        yield found


@contextlib.asynccontextmanager
async def opened(ceph: Ceph, tmp_path: Path) -> AsyncIterator[Real]:
    """Give an empty bucket."""
    office = Office(tmp_path / "admin", prefix="ai")
    office.now = datetime.now(UTC) - timedelta(days=1)
    bucket = ceph.new_bucket(ObjectLockEnabledForBucket=True)
    async with open_store(ceph.settings(bucket, tmp_path, page=3)) as store:
        yield Real(office, store, ceph, bucket)


async def order_hold(real: Real, **says: Any) -> None:
    """Order a hold and apply it."""
    await holds.add(real.desk, hold(**says), by="x", now=datetime.now(UTC))
    await apply_holds(real.desk)


async def test_a_legal_hold_outlives_any_delete(real: Real) -> None:
    """With every right, and with the bypass of governance; released, it goes."""
    key = real.office.chunk(subject=ADA)
    free = real.office.chunk(subject=BOB)
    await real.settle()
    await order_hold(real, subject=ADA)
    assert await real.held() == {key}
    assert real.delete_all(key) == ["AccessDenied"]
    with pytest.raises(StoreError) as caught:
        await custody_of(real.store).destroy(key)
    assert caught.value.refusal.answer is Answer.LOCKED
    assert real.delete_all(free) == []
    await holds.release(real.desk, "case-1", reason="x", by="x", now=datetime.now(UTC))
    done = await apply_holds(real.desk)
    assert (done.lifted, real.delete_all(key)) == (1, [])


@pytest.mark.xdist_group("lifecycles")
async def test_a_legal_hold_outlives_the_lifecycle_of_the_bucket(
    ceph_of_lifecycles: Ceph, tmp_path: Path
) -> None:
    """The rule removes what it may; what is held is hidden at most, and comes back."""
    async with opened(ceph_of_lifecycles, tmp_path) as real:
        await outlive(real)


async def outlive(real: Real) -> None:
    """Tell the story of that."""
    key = real.office.chunk(subject=ADA)
    free = real.office.chunk(subject=BOB)
    await real.settle()
    body = await real.store.get(key)
    await order_hold(real, subject=ADA)
    rule = {
        "ID": "expire",
        "Status": "Enabled",
        "Filter": {"Prefix": "ai/tenant=acme/class="},
        "Expiration": {"Days": 1},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }
    with real.server.client() as client:
        client.put_bucket_lifecycle_configuration(
            Bucket=real.bucket, LifecycleConfiguration={"Rules": [rule]}
        )
    custody = custody_of(real.store)
    for _ in range(40):
        await asyncio.to_thread(real.server.work_on_lifecycle, real.bucket)
        kept = await custody.kept(key)
        if kept and kept.hidden and await custody.kept(free) is None:
            break
        await asyncio.sleep(1)
    with real.server.client() as client:
        client.delete_bucket_lifecycle(Bucket=real.bucket)
    assert await custody.kept(free) is None
    assert kept
    assert (kept.held, kept.hidden) == (True, True)
    done = await apply_holds(real.desk)
    assert (done.revealed, await real.store.get(key)) == (1, body)


async def test_a_bucket_without_object_lock_has_the_record_alone(
    ceph: Ceph, tmp_path: Path
) -> None:
    """Asked once, and not failed over."""
    office = Office(tmp_path / "admin", prefix="ai", now=datetime.now(UTC) - timedelta(days=1))
    async with open_store(ceph.settings(bucket := ceph.new_bucket(), tmp_path)) as store:
        real = Real(office, store, ceph, bucket)
        office.chunk()
        await real.settle()
        await holds.add(real.desk, hold(), by="x", now=datetime.now(UTC))
        done = await apply_holds(real.desk)
    assert (done.by_record, done.matching, done.placed, done.absent) == (True, 1, 0, 0)


async def test_a_hold_covers_what_arrives_later(real: Real) -> None:
    """At the next run."""
    first = real.office.chunk(subject=ADA)
    await real.settle()
    await order_hold(real, subject=ADA)
    second = real.office.chunk(subject=ADA)
    real.office.chunk(subject=BOB)
    await real.settle()
    done = await apply_holds(real.desk)
    assert (await real.held(), done.placed) == ({first, second}, 1)


async def test_an_erasure_destroys_all_versions_of_the_wraps(real: Real) -> None:
    """Those that were overwritten, deleted and rewrapped; of nobody else."""
    office = real.office
    wraps = [office.wrap(), office.wrap(listed=False)]
    key = office.chunk(key_id=KEY_ID)
    other, theirs = office.wrap(DESKTOP, BOB), office.chunk(DESKTOP, BOB, key_id=KEY_ID)
    await real.settle()
    with real.server.client() as client:
        client.put_object(Bucket=real.bucket, Key=wraps[0], Body=b"x", ChecksumAlgorithm="SHA256")
        for wrap in wraps:
            client.delete_object(Bucket=real.bucket, Key=wrap)
    assert len(real.versions("ai/tenant=acme/_keys/")) == 6
    done = await real.erase(ADA)
    assert (done.wraps, done.removed, done.complete) == (2, 1, True)
    assert real.versions("ai/tenant=acme/_keys/") == [other]
    assert real.versions(key) == []
    assert real.versions(theirs) == [theirs]


async def test_an_erasure_is_refused_under_a_compliance_lock(real: Real) -> None:
    """Nothing goes, and the date is told; what governance keeps stays as noise."""
    office = real.office
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    wrap = office.wrap(LAPTOP, ADA)
    office.chunk(LAPTOP, ADA, key_id=KEY_ID, retain=Retain("compliance", until))
    office.wrap(DESKTOP, BOB)
    soft = office.chunk(DESKTOP, BOB, key_id=KEY_ID, retain=Retain("governance", until))
    await real.settle()
    before = real.versions()
    with pytest.raises(MustStay, match=f"until {until.date()}"):
        await real.erase(ADA)
    assert real.versions() == before
    done = await real.erase(BOB)
    assert (done.wraps, done.removed, done.stay, done.complete) == (1, 0, 1, True)
    assert real.versions(soft) == [soft]
    assert real.versions("ai/tenant=acme/_keys/") == [wrap]
