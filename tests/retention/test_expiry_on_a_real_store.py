"""Expiry on a real S3 server: what its locks and holds keep from any key, and what it removes."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pytest
from expiring import apply, begin, today
from fleet import DESKTOP, LAPTOP
from holding import ADA, BOB, Office, hold

from archiver.errors import StoreError
from archiver.model.answers import Answer
from archiver.model.shipment import Retain
from archiver.retention import hold as holds
from archiver.retention.examine import Refused
from archiver.stores.custody import custody_of
from archiver.stores.opening import open_store
from archiver.witness.place import Place
from archiver.witness.register import Desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from servers import Ceph

    from archiver.cli.retentions import Applied
    from archiver.stores.protocol import Store

pytestmark = pytest.mark.ceph


@dataclass
class Real:
    """A real bucket with Object Lock, whose objects are made in memory 400 days ago, and put."""

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

    async def ship(self) -> None:
        """Put all that is new into the bucket, locks too, and cover it as of today."""
        await self.office.settle()
        await today(self.office)
        for key, one in self.office.store.objects.items():
            if key not in self.shipped:
                sha256 = hashlib.sha256(one.body).hexdigest()
                await self.store.put(
                    key, one.body, sha256=sha256, metadata=one.metadata, retain=one.retain
                )
                self.shipped.add(key)

    async def apply(self, **said: Any) -> Applied:
        """Let expire what is due."""
        return await apply(self.office, desk=self.desk, **said)

    def versions(self, key: str = "ai/tenant=acme/class=") -> list[str]:
        """Give the key of each version and marker of what begins so."""
        with self.server.client() as client:
            page = client.list_object_versions(Bucket=self.bucket, Prefix=key)
        kinds = ("Versions", "DeleteMarkers")
        return sorted(one["Key"] for kind in kinds for one in page.get(kind, ()))

    def delete_all(self, key: str, *, bypass: bool) -> list[str]:
        """Try to delete every version with the owner's keys; give the refusals."""
        refused = []
        with self.server.client() as client:
            for one in client.list_object_versions(Bucket=self.bucket, Prefix=key)["Versions"]:
                try:
                    client.delete_object(
                        Bucket=self.bucket,
                        Key=key,
                        VersionId=one["VersionId"],
                        BypassGovernanceRetention=bypass,
                    )
                except botocore.exceptions.ClientError as error:
                    refused.append(error.response["Error"]["Code"])
        return refused


@pytest.fixture
async def real(ceph: Ceph, tmp_path: Path) -> AsyncIterator[Real]:
    """Give an empty bucket."""
    office = Office(tmp_path / "admin", prefix="ai")
    begin(office)
    bucket = ceph.new_bucket(ObjectLockEnabledForBucket=True)
    async with open_store(ceph.settings(bucket, tmp_path, page=3)) as store:
        yield Real(office, store, ceph, bucket)


async def test_what_is_due_leaves_no_version_and_no_marker(real: Real) -> None:
    """Also what was overwritten and deleted before; a neighbour stays."""
    due = real.office.chunk(LAPTOP, ADA)
    await real.office.settle()
    real.office.pass_days(300)
    fresh = real.office.chunk(DESKTOP, BOB)
    await real.ship()
    with real.server.client() as client:
        body = real.office.store.objects[due].body
        client.put_object(Bucket=real.bucket, Key=due, Body=body, ChecksumAlgorithm="SHA256")
        client.delete_object(Bucket=real.bucket, Key=due)
    assert real.versions(due) == [due] * 3
    done = await real.apply()
    assert (done.removed.removed, done.exit_status) == (1, 0)
    assert real.versions() == [fresh]
    assert len(real.versions("ai/tenant=acme/_orders/")) == 1


@pytest.mark.parametrize("mode", ["compliance", "governance"])
async def test_a_lock_keeps_a_chunk_until_its_date(real: Real, mode: Any) -> None:
    """From `retention apply`, which never bypasses; a compliance lock from anybody."""
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=8)
    key = real.office.chunk(retain=Retain(mode, until))
    free = real.office.chunk()
    await real.ship()
    done = await real.apply()
    assert (done.refused, done.exit_status) == ({str(Refused.LOCKED): 1}, 2)
    assert (done.removed.removed, real.versions()) == (1, [key])
    assert free != key
    assert real.delete_all(key, bypass=mode == "compliance") == ["AccessDenied"]
    with pytest.raises(StoreError) as caught:
        await custody_of(real.store).destroy(key)
    assert caught.value.refusal.answer is Answer.LOCKED
    await asyncio.sleep(max(0.0, (until - datetime.now(UTC)).total_seconds()) + 2)
    done = await real.apply()
    assert (done.removed.removed, real.versions()) == (1, [])


async def test_a_legal_hold_outlives_expiry(real: Real) -> None:
    """The order of the admin, and the hold that the store itself keeps."""
    key = real.office.chunk(LAPTOP, ADA)
    real.office.chunk(DESKTOP, BOB)
    await real.ship()
    await holds.add(real.desk, hold(subject=ADA), by="x", now=datetime.now(UTC))
    await holds.apply_holds(real.desk)
    done = await real.apply()
    assert (done.removed.removed, real.versions()) == (1, [key])
    assert real.delete_all(key, bypass=True) == ["AccessDenied"]
    await holds.release(real.desk, "case-1", reason="x", by="x", now=datetime.now(UTC))
    stays = await real.apply()  # it is on in the store still; this run takes it off
    assert (stays.refused, stays.holds["lifted"]) == ({str(Refused.HELD): 1}, 1)
    assert (await real.apply()).removed.removed == 1
    assert real.versions() == []


async def test_what_a_delete_marker_hid_is_removed_for_good(real: Real) -> None:
    """A marker, as a lifecycle puts it, is no loss: the bytes are there till their order."""
    key = real.office.chunk()
    await real.ship()
    with real.server.client() as client:
        client.delete_object(Bucket=real.bucket, Key=key)
    kept = await custody_of(real.store).kept(key)
    assert kept
    assert kept.hidden
    assert real.versions(key) == [key] * 2
    done = await real.apply()
    assert (done.removed.removed, done.refused, real.versions()) == (1, {}, [])


async def test_what_the_lifecycle_took_after_its_order_is_no_loss(real: Real) -> None:
    """Recorded first; the store removes by itself, and the next run finds nothing to do."""
    key = real.office.chunk()
    await real.ship()
    done = await real.apply(record_only=True)
    assert (done.ordered, real.versions()) == (1, [key])
    assert real.delete_all(key, bypass=False) == []
    done = await real.apply()
    assert (done.due, done.completed.removed, done.exit_status) == (0, 0, 0)
