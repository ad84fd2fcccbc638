"""Credentials against a real S3 server: what a writer's can do, and their rotation."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from laptop import Laptop, _laptop, lines, tenant_rules
from servers import ceph

from archiver.archive.verify import Request, verify
from archiver.credentials import keeping
from archiver.credentials.documents import writer_policy
from archiver.credentials.keys import Keys
from archiver.daemon.rules import Rules, store_of
from archiver.policy.document import Policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Said
    from servers import Ceph, S3Server

__all__ = ["_laptop", "ceph"]

pytestmark = pytest.mark.ceph

GOVERNED = {
    "ObjectLockEnabled": "Enabled",
    "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty home without a keyring."""
    folder = tmp_path / "home-of-keys"
    folder.mkdir()
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(folder))
    return folder


def allow(ceph: Ceph, bucket: str, *statements: dict[str, Any]) -> None:
    """Set the bucket's policy."""
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    with ceph.client() as client:
        client.put_bucket_policy(Bucket=bucket, Policy=document)


def writer_of(ceph: Ceph, *, locked: bool) -> tuple[str, str, Ceph]:
    """Make a bucket and a user that may write into it as a device; give both, and its view."""
    bucket = ceph.new_bucket(**({"ObjectLockEnabledForBucket": True} if locked else {}))
    name, device = ceph.as_new_user()
    whom = {"AWS": [f"arn:aws:iam:::user/{name}"]}
    # Ceph 16 knows no s3:if-none-match, and refuses every put where it is demanded.
    document = writer_policy(bucket, "ai", "acme", conditional=False, principal=whom)
    owner = json.loads(ceph.admin("user", "info", "--access-key", ceph.access_key))["user_id"]
    reads = {
        # Here an object belongs to its writer: who owns the bucket must be let in by name.
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam:::user/{owner}"]},
        "Action": ["s3:Get*", "s3:DeleteObject*"],
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    allow(ceph, bucket, *document["Statement"], reads)
    if locked:
        with ceph.client() as client:
            client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=GOVERNED)
    return bucket, name, device


def store(server: S3Server, bucket: str) -> dict[str, Any]:
    """Give the store of a policy that names no credentials."""
    return {
        "kind": "s3",
        "bucket": bucket,
        "prefix": "ai",
        "endpoint": server.endpoint,
        "path_style": True,
    }


def keep(server: S3Server) -> None:
    """Keep the keys of a server for the tenant."""
    keeping.keep("acme", Keys(server.access_key, server.secret_key))


def tried(
    archiver: Callable[..., Said], config: Path
) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Test the tenant's keys; give the exit code, what they can by name, and the document."""
    said = archiver("credentials", "test", "acme", "--config", config, "--json")
    return said.code, {one["name"]: one["can"] for one in said.json["powers"]}, said.json


@pytest.fixture
def config(policy: Callable[..., Path], tenant: Callable[..., dict[str, Any]]) -> Any:
    """Write the policy of a tenant with this store."""

    def write(rules: dict[str, Any], **more: Any) -> Path:
        return policy(tenant("acme", rules, **more))

    return write


def test_a_writer_s_keys_fail_to_read_list_and_delete_and_are_just_right(
    ceph: Ceph, archiver: Callable[..., Said], config: Callable[..., Path]
) -> None:
    """In a bucket that keeps versions under a lock, nothing that they do loses anything."""
    bucket, _, device = writer_of(ceph, locked=True)
    keep(device)
    code, can, document = tried(archiver, config(store(ceph, bucket)))
    assert (code, document["just_right"]) == (0, True)
    refused = [name for name, answer in can.items() if answer == "no"]
    assert {
        "read",
        "list",
        "delete",
        "delete versions, locked or not",
        "change the bucket policy",
        "change the lifecycle",
    } <= set(refused)
    with ceph.client() as client:
        found = client.list_object_versions(Bucket=bucket, Prefix=document["stays"])
        bodies = {
            client.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])["ETag"]
            for one in found["Versions"]
        }
    assert len(bodies) == 1


def test_where_no_version_stays_an_overwrite_is_too_much(
    ceph: Ceph, archiver: Callable[..., Said], config: Callable[..., Path]
) -> None:
    """The same keys, another bucket: this server cannot demand If-None-Match."""
    bucket, _, device = writer_of(ceph, locked=False)
    keep(device)
    code, can, document = tried(archiver, config(store(ceph, bucket)))
    wrong = [one["name"] for one in document["powers"] if not one["right"]]
    assert (code, wrong) == (1, ["overwrite"])
    assert can["put over it with If-None-Match"] == "no"


def test_an_owner_s_keys_are_too_much_and_leave_nothing_behind(
    ceph: Ceph, archiver: Callable[..., Said], config: Callable[..., Path]
) -> None:
    """They delete past the governance lock: the probe alone, and what else is there stays."""
    bucket, _, _ = writer_of(ceph, locked=True)
    with ceph.client() as client:
        client.put_object(
            Bucket=bucket,
            Key="ai/tenant=acme/mine",
            Body=b"1",
            ContentMD5="xMpCOKC5I4INzFCab3WEmw==",
        )
    keep(ceph)
    code, can, document = tried(archiver, config(store(ceph, bucket)))
    assert (code, document["stays"]) == (1, "")
    assert can["delete versions, locked or not"] == "yes"
    with ceph.client() as client:
        found = client.list_object_versions(Bucket=bucket)
        assert [one["Key"] for one in found["Versions"]] == ["ai/tenant=acme/mine"]
        assert "DeleteMarkers" not in found


def test_keys_that_may_change_the_rules_are_found_out_and_change_nothing(
    ceph: Ceph, archiver: Callable[..., Said], config: Callable[..., Path]
) -> None:
    """They cannot even read them, so that only asking tells."""
    bucket, name, device = writer_of(ceph, locked=True)
    whom = {"Principal": {"AWS": [f"arn:aws:iam:::user/{name}"]}}
    both = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    change = ["s3:PutObject", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration"]
    allow(
        ceph,
        bucket,
        {"Effect": "Allow", "Action": change, "Resource": both, **whom},
        {"Effect": "Deny", "Action": ["s3:Get*", "s3:Delete*"], "Resource": both, **whom},
    )
    with ceph.client() as client:
        before = client.get_bucket_policy(Bucket=bucket)["Policy"]
    keep(device)
    code, can, _ = tried(archiver, config(store(ceph, bucket)))
    assert code == 1
    assert (can["read the bucket policy"], can["change the bucket policy"]) == ("no", "yes")
    assert (can["read the lifecycle"], can["change the lifecycle"]) == ("no", "yes")
    with ceph.client() as client:
        assert client.get_bucket_policy(Bucket=bucket)["Policy"] == before
        with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
            client.get_bucket_lifecycle_configuration(Bucket=bucket)


@pytest.mark.parametrize("lock", ["none", "governance"])
def test_keys_that_are_too_strict_are_reported(
    ceph: Ceph, archiver: Callable[..., Said], config: Callable[..., Path], lock: str
) -> None:
    """They put nothing; or they put, and may not lock as the policy wants it."""
    bucket, name, device = writer_of(ceph, locked=True)
    whom = {"Principal": {"AWS": [f"arn:aws:iam:::user/{name}"]}}
    both = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    denied = "s3:PutObject" if lock == "none" else "s3:PutObjectRetention"
    allow(
        ceph,
        bucket,
        {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": both, **whom},
        {"Effect": "Deny", "Action": [denied, "s3:Get*"], "Resource": both, **whom},
    )
    keep(device)
    rules = {"retention": {"days": 180, "lock": lock}}
    code, can, document = tried(archiver, config(store(ceph, bucket), **rules))
    if lock == "none":
        assert (code, can["put"]) == (1, "no")
        assert "AccessDenied" in document["powers"][0]["note"]
    else:
        # Ceph 16 asks for no right of its own to lock with the put: then all is right.
        assert can["put"] == "yes"
        assert can["lock"] in ("yes", "no")
        assert (code == 0) is (can["lock"] == "yes")


def test_no_probe_is_a_finding_of_verify(
    ceph: Ceph, archiver: Callable[..., Said], config: Callable[..., Path], laptop: Laptop
) -> None:
    """It stays where it may not be deleted, beside what was shipped."""
    bucket, _, device = writer_of(ceph, locked=True)
    keep(device)
    _, _, document = tried(archiver, config(store(ceph, bucket)))
    assert "/_probe/" in document["stays"]
    laptop.tenants = [tenant_rules("acme", laptop.bucket, store=store(ceph, bucket))]
    laptop.engine.apply(laptop.rules())
    laptop.write(laptop.claude("c1"), lines(1, 2))
    laptop.look()
    laptop.ship()
    keep(ceph)

    async def found() -> list[str]:
        async with store_of(laptop.rules().tenants["acme"]) as opened:
            report = await verify(opened, "", request=Request(silence_days=36_500))
            return [one.object for one in report.findings]

    assert [one for one in asyncio.run(found()) if "_probe" in one] == []


def test_keys_that_are_replaced_mid_backlog_lose_and_repeat_nothing(
    ceph: Ceph, laptop: Laptop
) -> None:
    """The old ones are revoked while chunks are on the way; no restart, no second version."""
    bucket, name, old = writer_of(ceph, locked=True)
    keep(old)
    laptop.tenants = [tenant_rules("acme", laptop.bucket, store=store(ceph, bucket))]
    document = laptop.document()
    document["schedule"]["bandwidth_bytes_per_second"] = 2048
    laptop.engine.apply(Rules.of(Policy.model_validate_json(json.dumps(document))))
    spool, engine = laptop.engine.spool, laptop.engine
    for number in range(16):
        laptop.write(laptop.claude(f"c{number}"), lines(number))
        laptop.look()
        engine.seal(everything=True)
    assert spool.backlog("acme").pending_chunks == 16

    async def story() -> str:
        shipping = asyncio.create_task(engine.ship("acme"))
        while spool.backlog("acme").delivered_chunks < 3:
            assert not shipping.done(), "nothing was left to revoke"
            await asyncio.sleep(0.05)
        made = json.loads(
            await asyncio.to_thread(
                ceph.admin, "key", "create", "--uid", name, "--gen-access-key", "--gen-secret"
            )
        )
        new = next(one for one in made["keys"] if one["access_key"] != old.access_key)
        await asyncio.to_thread(
            ceph.admin, "key", "rm", "--uid", name, "--access-key", old.access_key
        )
        await shipping
        waiting = engine.outbox.waiting("acme")
        assert waiting is not None
        keep(replace(ceph, access_key=new["access_key"], secret_key=new["secret_key"]))
        await engine.ship("acme", force=True)
        return str(waiting.reason)

    assert asyncio.run(story()) == "credentials"
    left = spool.backlog("acme")
    assert (left.pending_chunks, left.delivered_chunks, left.quarantined_chunks) == (0, 16, 0)
    with ceph.client() as client:
        versions = client.list_object_versions(Bucket=bucket)["Versions"]
    chunks = [one["Key"] for one in versions if "/dt=" in one["Key"]]
    assert (len(chunks), len(set(chunks))) == (16, 16)
    with contextlib.suppress(ClientError), old.client() as revoked:
        revoked.put_object(Bucket=bucket, Key="ai/tenant=acme/class=x/late", Body=b"1")
        pytest.fail("the old keys still work, so nothing was tried")
