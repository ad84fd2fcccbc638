"""``archiver bucket`` from the command line: what it prints, what it asks, how it exits."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from asking import HOLD
from cloudflare import ACCOUNT, TOKEN, Cloudflare, cloudflare
from servers import S3Server, ceph, moto_server

from archiver.archive.signers import Trust
from archiver.evidence.keys import SigningKey
from archiver.stores.opening import open_store
from archiver.witness.orders import give
from archiver.witness.place import Place
from archiver.witness.register import Desk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Said  # type: ignore[import-not-found]
    from servers import Ceph

    Run = Callable[..., Said]

__all__ = ["ceph", "cloudflare", "moto_server"]

WRITER = "arn:aws:iam::123456789012:role/archiver-writer"
LOCKED = {"days": 30, "lock": "compliance"}


@pytest.fixture
def on(
    tmp_path: Path, policy: Callable[..., Path], tenant: Callable[..., dict[str, Any]]
) -> Callable[..., Path]:
    """Write a policy for a bucket on a server."""

    def write(server: S3Server, bucket: str, retention: dict[str, Any] | None = None) -> Path:
        store = {
            "kind": "s3",
            "bucket": bucket,
            "endpoint": server.endpoint,
            "path_style": True,
            "credentials_file": str(server.credentials_file(tmp_path)),
        }
        return policy(tenant("acme", store, retention=retention or LOCKED))

    return write


def test_plan_apply_check(archiver: Run, on: Callable[..., Path], moto_server: S3Server) -> None:
    """Something to do, done, nothing to do; and the check agrees at each step."""
    config = on(moto_server, moto_server.new_bucket(ObjectLockEnabledForBucket=True))
    also = ("--config", config, "--writer-arn", WRITER)
    planned = archiver("bucket", "plan", *also)
    assert planned.code == 1
    assert "weaker" in planned.out
    assert "apply would: turn" not in planned.err  # a bucket with Object Lock has versions
    assert "; cannot be undone" in planned.err
    assert archiver("bucket", "check", *also).code == 1
    applied = archiver("bucket", "apply", *also, "--yes")
    assert (applied.code, "as the policy asks for" in applied.out) == (0, True)
    assert archiver("bucket", "plan", *also).code == 0
    again = archiver("bucket", "apply", *also)
    assert (again.code, "policy:" in again.err) == (0, False)
    assert archiver("bucket", "check", "--config", config).code == 0


def test_plan_changes_nothing(
    archiver: Run, on: Callable[..., Path], moto_server: S3Server
) -> None:
    """Twice the same answer, as JSON."""
    config = on(moto_server, moto_server.new_bucket())
    first, second = (archiver("bucket", "plan", "--config", config, "--json") for _ in range(2))
    assert first.json == second.json
    kinds = {one["aspect"]: one["kind"] for one in first.json[0]["differences"]}
    assert kinds["versioning"] == kinds["object lock"] == "weaker"


def test_nothing_that_cannot_be_undone_is_done_unasked(
    archiver: Run, on: Callable[..., Path], moto_server: S3Server
) -> None:
    """Nor anything before it: a no leaves the bucket as it was."""
    bucket = moto_server.new_bucket()
    refused = archiver("bucket", "apply", "--config", on(moto_server, bucket))
    assert refused.code == 64
    assert "pass --yes" in refused.err
    with moto_server.client() as client:
        assert "Status" not in client.get_bucket_versioning(Bucket=bucket)


def test_a_bucket_that_is_not_there_is_made_when_it_is_said(
    archiver: Run, on: Callable[..., Path], moto_server: S3Server
) -> None:
    """Without --create it is a difference like others."""
    also = ("--config", on(moto_server, "not-there-yet"), "--writer-arn", WRITER, "--yes")
    without = archiver("bucket", "apply", *also)
    assert (without.code, "--create" in without.err) == (1, True)
    assert archiver("bucket", "apply", *also, "--create").code == 0
    assert archiver("bucket", "check", *also[:-1]).code == 0


def test_who_writes_must_be_said_once(
    archiver: Run, on: Callable[..., Path], moto_server: S3Server
) -> None:
    """Then the bucket knows it."""
    config = on(moto_server, moto_server.new_bucket(), {"days": 9})
    silent = archiver("bucket", "apply", "--config", config, "--yes")
    assert (silent.code, "--writer-arn" in silent.err) == (1, True)
    named = archiver("bucket", "apply", "--config", config, "--writer-arn", WRITER)
    assert named.code == 0
    assert archiver("bucket", "apply", "--config", config).code == 0


@pytest.mark.ceph
def test_keys_that_may_not_look_end_in_3(
    archiver: Run, on: Callable[..., Path], ceph: Ceph
) -> None:
    """With what they would need."""
    bucket = ceph.new_bucket()
    _, device = ceph.as_new_user()
    said = archiver("bucket", "check", "--config", on(device, bucket))
    assert (said.code, "archiver bucket policy admin" in said.err) == (3, True)


def test_an_unknown_tenant_and_a_wrong_arn_are_refused(
    archiver: Run, on: Callable[..., Path], moto_server: S3Server
) -> None:
    """Before any request."""
    config = on(moto_server, "conversations")
    unknown = archiver("bucket", "plan", "--config", config, "--tenant", "nobody")
    assert (unknown.code, "it has acme" in unknown.err) == (64, True)
    wrong = archiver("bucket", "plan", "--config", config, "--writer-arn", "*")
    assert (wrong.code, "is not the ARN" in wrong.err) == (3, True)
    elsewhere = archiver("bucket", "plan", "--config", config, "--admin-arn", WRITER)
    assert (elsewhere.code, "--writer-arn" in elsewhere.err) == (3, True)


def test_a_folder_enforces_nothing(
    archiver: Run, policy: Callable[..., Path], tenant: Callable[..., Any], tmp_path: Path
) -> None:
    """That is said, and is no failure."""
    config = policy(tenant("acme", {"kind": "folder", "path": str(tmp_path / "archive")}))
    said = archiver("bucket", "check", "--config", config)
    assert (said.code, "A folder enforces nothing" in said.err) == (0, True)


def test_r2_takes_its_token_from_the_environment_and_never_shows_it(
    archiver: Run,
    policy: Callable[..., Path],
    tenant: Callable[..., Any],
    tmp_path: Path,
    moto_server: S3Server,
    cloudflare: Cloudflare,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without one it says which is needed."""
    bucket = moto_server.new_bucket()
    cloudflare.bucket(bucket)
    store = {
        "kind": "r2",
        "bucket": bucket,
        "account_id": ACCOUNT,
        "endpoint": moto_server.endpoint,
        "credentials_file": str(moto_server.credentials_file(tmp_path)),
    }
    config = policy(tenant("acme", store, retention={"days": 9, "lock": "rule"}))
    without = archiver("bucket", "plan", "--config", config)
    assert (without.code, "CLOUDFLARE_API_TOKEN" in without.err) == (3, True)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    monkeypatch.setenv("ARCHIVER_CLOUDFLARE_API", cloudflare.url)
    assert archiver("bucket", "apply", "--config", config).code == 64  # it would remove
    applied = archiver("bucket", "apply", "--config", config, "--yes")
    assert (applied.code, "not WORM" in applied.err) == (0, True)
    assert TOKEN not in applied.out + applied.err
    checked = archiver("bucket", "check", "--config", config, "--json")
    assert (checked.code, checked.json[0]["differences"]) == (0, [])
    cloudflare.rules[bucket, "default"] = []
    assert archiver("bucket", "check", "--config", config).code == 1


@pytest.mark.parametrize("whose", ["writer", "officer", "admin", "bucket"])
def test_the_documents_are_json_and_name_the_bucket(
    archiver: Run, on: Callable[..., Path], moto_server: S3Server, whose: str
) -> None:
    """No store is asked: this bucket is not there."""
    config = on(moto_server, "conversations")
    said = archiver("bucket", "policy", whose, "--config", config, "--writer-arn", WRITER)
    assert said.code == 0
    assert said.json["Version"] == "2012-10-17"
    assert "arn:aws:s3:::conversations" in json.dumps(said.json)


def test_nobody_is_given_the_right_to_bypass_a_lock(
    archiver: Run, on: Callable[..., Path], moto_server: S3Server
) -> None:
    """Not even the admin."""
    config = on(moto_server, "conversations")
    for whose in ("writer", "officer", "admin"):
        document = archiver("bucket", "policy", whose, "--config", config).json
        granted = [one for one in document["Statement"] if one["Effect"] == "Allow"]
        assert granted
        for one in granted:
            assert not any("Bypass" in action or "*" in action for action in one["Action"])


async def hold(server: S3Server, bucket: str, key: SigningKey, folder: Path) -> None:
    """Order a hold of the tenant, as its admin does."""
    async with open_store(server.settings(bucket, folder)) as store:
        desk = Desk(Place(store, "", "acme"), Trust((key.public,)), key, folder)
        await give(desk, HOLD, by="synthetic", now=datetime.now(UTC))


@pytest.mark.ceph
def test_a_hold_in_the_archive_switches_removal_off(
    archiver: Run,
    policy: Callable[..., Path],
    tenant: Callable[..., dict[str, Any]],
    tmp_path: Path,
    ceph: Ceph,
) -> None:
    """And the check agrees. Not with moto: it ignores conditions, and would refuse every put."""
    bucket = ceph.new_bucket(ObjectLockEnabledForBucket=True)
    writer = f"arn:aws:iam:::user/{ceph.as_new_user()[0]}"
    key = SigningKey.generate("admin/acme")
    store = {
        "kind": "s3",
        "bucket": bucket,
        "endpoint": ceph.endpoint,
        "path_style": True,
        "credentials_file": str(ceph.credentials_file(tmp_path)),
    }
    evidence = {"admin_keys": [str(key.public)]}
    config = policy(tenant("acme", store, retention=LOCKED, evidence=evidence))
    also = ("--config", config, "--writer-arn", writer, "--yes")
    assert archiver("bucket", "apply", *also).code == 0
    asyncio.run(hold(ceph, bucket, key, tmp_path))
    checked = archiver("bucket", "check", *also[:-1], "--json")
    assert checked.code == 1
    (found,) = [one for one in checked.json[0]["differences"] if one["kind"] == "weaker"]
    assert found["why"] == "A hold is in force, and the store would remove what is held."
    assert archiver("bucket", "apply", *also).code == 0
    with ceph.client() as client:
        rules = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    states = {one["ID"]: one["Status"] for one in rules}
    assert states["archiver/acme/standard/expire"] == "Disabled"
    assert archiver("bucket", "check", *also[:-1]).code == 0


def test_a_hold_that_a_checkpoint_names_and_nobody_finds_is_not_over(
    archiver: Run,
    policy: Callable[..., Path],
    tenant: Callable[..., dict[str, Any]],
    tmp_path: Path,
    moto_server: S3Server,
) -> None:
    """Whoever takes an order away does not have the store remove what was held."""
    bucket = moto_server.new_bucket(ObjectLockEnabledForBucket=True)
    key = SigningKey.generate("admin/acme")
    private = tmp_path / "acme.key"
    key.save(private)
    private.with_name("acme.key.pub").write_text(f"{key.public}\n")
    store = {
        "kind": "s3",
        "bucket": bucket,
        "endpoint": moto_server.endpoint,
        "path_style": True,
        "credentials_file": str(moto_server.credentials_file(tmp_path)),
    }
    evidence = {"admin_keys": [str(key.public)]}
    config = policy(tenant("acme", store, retention=LOCKED, evidence=evidence))
    (tmp_path / "elsewhere").mkdir()
    asyncio.run(hold(moto_server, bucket, key, tmp_path / "elsewhere"))
    signed = archiver("checkpoint", "--config", config, "--admin-key", private)
    assert signed.code in (0, 1), signed.err
    with moto_server.client() as client:
        listed = client.list_objects_v2(Bucket=bucket, Prefix="tenant=acme/_orders/")["Contents"]
        for one in listed:
            client.delete_object(Bucket=bucket, Key=one["Key"])
    checked = archiver("bucket", "check", "--config", config)
    assert checked.code == 3
    assert "names an order that the store no longer has" in checked.err


@pytest.mark.ceph
def test_where_holds_may_not_be_read_nothing_that_removes_is_switched_on(
    archiver: Run, on: Callable[..., Path], ceph: Ceph
) -> None:
    """Keys that may set the bucket up and not read what lies in it."""
    bucket = ceph.new_bucket()
    deny = {
        "Sid": "Blind",
        "Effect": "Deny",
        "Principal": {"AWS": ["arn:aws:iam:::user/archiver"]},
        "Action": ["s3:GetObject"],
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    order = "tenant=acme/_orders/000000000001-0123456789abcdef.note"
    with ceph.client() as client:
        client.put_object(Bucket=bucket, Key=order, Body=b"1")
        client.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    config = on(ceph, bucket, {"days": 9})
    also = ("--config", config, "--writer-arn", "arn:aws:iam:::user/nobody")
    said = archiver("bucket", "plan", *also)
    assert said.code == 1
    assert "whether a hold is in force could not be read" in said.err
    assert "expire" not in said.out
