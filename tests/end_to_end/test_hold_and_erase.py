"""A hold and an erasure over a real S3 server with Object Lock, by the commands people type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from company import Company

if TYPE_CHECKING:
    from pathlib import Path

    from servers import Ceph

pytestmark = pytest.mark.ceph

WHAT = ("--tenant", "acme", "--id", "case-1", "--matter", "4711", "--reason", "x", "--by", "Legal")
WHY = ("--tenant", "acme", "--basis", "Art. 17", "--reason", "request 1", "--by", "DPO", "--yes")


@pytest.fixture
def bucket(ceph: Ceph) -> str:
    """Give an empty bucket with Object Lock."""
    return ceph.new_bucket(ObjectLockEnabledForBucket=True)


@pytest.fixture
def company(ceph: Ceph, bucket: str, tmp_path: Path) -> Company:
    """Give a company whose chunks are locked by governance; two people said something."""
    store = {
        "kind": "s3",
        "bucket": bucket,
        "prefix": "ai",
        "endpoint": ceph.endpoint,
        "path_style": True,
        "credentials_file": str(ceph.credentials_file(tmp_path)),
    }
    rules = {"store": store, "retention": {"days": 30, "lock": "governance"}}
    company = Company(tmp_path / "company", rules=rules)
    company.say("one")
    company.sync()
    eve = company.colleague("eve")
    eve.say("mine")
    eve.sync()
    company.vouch()
    return company


def versions(ceph: Ceph, bucket: str, part: str) -> list[dict[str, Any]]:
    """Give the versions and markers of what has ``part`` in its key."""
    with ceph.client() as client:
        page = client.list_object_versions(Bucket=bucket)
    found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
    return [one for one in found if part in one["Key"]]


def body(ceph: Ceph, bucket: str, key: str) -> bytes:
    """Get an object."""
    with ceph.client() as client:
        return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_from_a_hold_to_an_erasure(ceph: Ceph, bucket: str, company: Company) -> None:
    """Held, refused, released, erased: one stays as noise, the other person reads on."""
    mine, theirs = company.subject, company.colleagues[0].subject
    said = company.sign("hold", "add", *WHAT, "--user", "dev", "--yes")
    assert said.code == 0, said.err
    assert "legal holds put on 1" in said.err
    assert "archiver bucket apply" in said.err
    refused = company.sign("erase", mine, *WHY)
    assert (refused.code, "the hold case-1" in refused.err) == (3, True)
    assert len(versions(ceph, bucket, f"_keys/subject={mine}")) == 1
    end = ("--tenant", "acme", "--reason", "settled", "--by", "Legal", "--yes")
    released = company.sign("hold", "release", "case-1", *end)
    assert (released.code, "taken off 1" in released.err) == (0, True), released.err
    done = company.sign("erase", mine, *WHY, "--json")
    assert done.code == 0, done.err
    (erasure,) = done.json[0]["erasures"]
    assert (erasure["wraps_destroyed"], erasure["chunks_left_as_noise"]) == (1, 1)
    assert versions(ceph, bucket, f"_keys/subject={mine}") == []
    assert len(versions(ceph, bucket, f"/subject={mine}/dt=")) == 1
    assert len(versions(ceph, bucket, f"/subject={theirs}/dt=")) == 1
    for name in ("ada", "bob"):
        shown = company.archiver("ls", "--json", "--identity", company.key(name))
        (left,) = shown.json["conversations"]
        assert left["records"] == 1
    company.vouch()
    assert company.sign("erase", "--continue", "--tenant", "acme").code == 0
