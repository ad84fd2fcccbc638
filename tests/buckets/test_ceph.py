"""What a bucket that was set up really enforces, by a real S3 server (Ceph RGW 16).

Not enforced there, and so not proved here: the demand for conditional writes, the bounds of a
writer's locks (Ceph stores both and evaluates neither), TLS (it listens to plain http).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from asking import HOLD, ask, share, terms
from botocore.exceptions import ClientError

from archiver.buckets import documents
from archiver.buckets.apply import Hands, perform, plan
from archiver.buckets.statements import Parties, bucket_statements, policy_document
from archiver.buckets.values import Place, Unsupported
from archiver.errors import StoreError
from archiver.stores.s3_bucket import S3Bucket

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from servers import Ceph

    from archiver.buckets.wanted import Share, Wanted

pytestmark = pytest.mark.ceph
FOLDER = "ai/tenant=acme/class=standard/"


async def set_up(
    ceph: Ceph, folder: Path, *shares: Share, writer: str = "nobody", **said: Any
) -> tuple[str, Wanted]:
    """Make a bucket and bring it to what these tenants ask for."""
    lock = any(one.lock != "none" for one in shares[0].terms)
    settings = ceph.settings(ceph.new_bucket(ObjectLockEnabledForBucket=lock), folder)
    place = Place("s3", settings.bucket, settings.endpoint or "")
    arn = f"arn:aws:iam:::user/{writer}"
    wanted = ask(*shares, place=place, parties=Parties((arn,)), **said)
    async with S3Bucket(settings) as bucket:
        for step in (await plan(wanted, Hands(bucket))).steps:
            await perform(step, Hands(bucket))
        assert (await plan(wanted, Hands(bucket))).steps == ()
    return settings.bucket, wanted


def refused(call: Any, **said: Any) -> str:
    """Give the code with which a call is refused."""
    with pytest.raises(ClientError) as error:
        call(**said)
    return str(error.value.response["Error"]["Code"])


async def until(ceph: Ceph, bucket: str, done: Callable[[], bool]) -> None:
    """Have the server work on a bucket's lifecycle until something is so."""
    for _ in range(40):
        await asyncio.to_thread(ceph.work_on_lifecycle, bucket)
        if await asyncio.to_thread(done):
            return
        await asyncio.sleep(0.5)
    raise AssertionError("it never came to be so")


def versions(client: Any, bucket: str) -> list[str]:
    """Give the keys of all versions and markers that are left."""
    page = client.list_object_versions(Bucket=bucket)
    return [one["Key"] for part in ("Versions", "DeleteMarkers") for one in page.get(part, ())]


async def test_a_writer_cannot_read_list_delete_unlock_or_change_the_bucket(
    ceph: Ceph, tmp_path: Path
) -> None:
    """Although somebody gave it every right there is. It can write, and with a lock."""
    name, user = ceph.as_new_user()
    locked = share(terms(days=3, lock="governance"))
    bucket, wanted = await set_up(ceph, tmp_path, locked, writer=name)
    everything = {
        "Sid": "TooMuch",
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam:::user/{name}"]},
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    assert isinstance(wanted.bucket.statements, tuple)
    policy = policy_document(wanted.bucket.statements)
    policy["Statement"].append(everything)
    key = f"{FOLDER}chunk"
    with ceph.client() as owner, user.client() as writer:
        owner.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        soon = datetime.now(UTC) + timedelta(days=1)
        lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": soon}
        put = writer.put_object(Bucket=bucket, Key=key, Body=b"1", IfNoneMatch="*", **lock)
        version = put["VersionId"]
        assert refused(writer.get_object, Bucket=bucket, Key=key) == "AccessDenied"
        assert refused(writer.list_objects_v2, Bucket=bucket) == "AccessDenied"
        assert refused(writer.list_object_versions, Bucket=bucket) == "AccessDenied"
        assert refused(writer.delete_object, Bucket=bucket, Key=key) == "AccessDenied"
        unlock = {"VersionId": version, "BypassGovernanceRetention": True}
        assert refused(writer.delete_object, Bucket=bucket, Key=key, **unlock) == "AccessDenied"
        shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": soon - timedelta(hours=1)}
        assert (
            refused(
                writer.put_object_retention,
                Bucket=bucket,
                Key=key,
                Retention=shorter,
                BypassGovernanceRetention=True,
            )
            == "AccessDenied"
        )
        held = {"LegalHold": {"Status": "OFF"}}
        assert refused(writer.put_object_legal_hold, Bucket=bucket, Key=key, **held)
        assert refused(writer.get_bucket_policy, Bucket=bucket) == "AccessDenied"
        assert refused(writer.delete_bucket_policy, Bucket=bucket) == "AccessDenied"
        assert refused(writer.put_bucket_policy, Bucket=bucket, Policy="{}") == "AccessDenied"
        assert refused(writer.delete_bucket_lifecycle, Bucket=bucket) == "AccessDenied"
        off = {"VersioningConfiguration": {"Status": "Suspended"}}
        assert refused(writer.put_bucket_versioning, Bucket=bucket, **off) == "AccessDenied"
        assert versions(owner, bucket) == [key]


async def test_what_a_writer_overwrites_stays_below(ceph: Ceph, tmp_path: Path) -> None:
    """Ceph 16 evaluates no demand for conditional writes, and with versions not even the header.

    So it is the versions that lose nothing.
    """
    name, user = ceph.as_new_user()
    bucket, wanted = await set_up(ceph, tmp_path, share(), writer=name)
    assert isinstance(wanted.bucket.statements, tuple)
    policy = policy_document(wanted.bucket.statements)
    # Who puts an object owns it there: even the bucket's owner must be let in.
    for who, action in ((name, "s3:PutObject"), ("archiver", "s3:GetObject*")):
        allow = {
            "Effect": "Allow",
            "Principal": {"AWS": [f"arn:aws:iam:::user/{who}"]},
            "Action": action,
            "Resource": f"arn:aws:s3:::{bucket}/*",
        }
        policy["Statement"].append(allow)
    with ceph.client() as owner, user.client() as writer:
        owner.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        first = writer.put_object(Bucket=bucket, Key="k", Body=b"first", IfNoneMatch="*")
        again = {"Bucket": bucket, "Key": "k", "Body": b"other"}
        writer.put_object(**again, IfNoneMatch="*")
        writer.put_object(**again)
        version = first["VersionId"]
        body = owner.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read()
    assert body == b"first"


async def test_a_bare_demand_for_conditional_writes_would_shut_ceph_for_everybody(
    ceph: Ceph,
) -> None:
    """It takes every header for missing: hence the second condition, which it never meets."""
    bucket = ceph.new_bucket()
    name, _ = ceph.as_new_user()
    parties = Parties((f"arn:aws:iam:::user/{name}",))
    (demand, _) = policy_document(bucket_statements(bucket, parties, tls=False, longest_lock=None))[
        "Statement"
    ]
    bare = {**demand, "Condition": {"Null": demand["Condition"]["Null"]}}
    with ceph.client() as owner:
        for statement, shut in ((demand, False), (bare, True)):
            policy = {"Version": "2012-10-17", "Statement": [statement]}
            owner.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
            said = {"Bucket": bucket, "Key": f"k{shut}", "Body": b"1", "IfNoneMatch": "*"}
            if shut:
                assert refused(owner.put_object, **said) == "AccessDenied"
            else:
                owner.put_object(**said)


async def test_nobody_deletes_what_is_locked_in_compliance_mode_before_its_date(
    ceph: Ceph, tmp_path: Path
) -> None:
    """Not the owner of the bucket with every right; the default lock is enough."""
    bucket, _ = await set_up(ceph, tmp_path, share(terms(days=1, lock="compliance")))
    key = f"{FOLDER}chunk"
    with ceph.client() as owner:
        version = owner.put_object(Bucket=bucket, Key=key, Body=b"1")["VersionId"]
        kept = owner.head_object(Bucket=bucket, Key=key)
        assert kept["ObjectLockMode"] == "COMPLIANCE"
        this = {"Bucket": bucket, "Key": key, "VersionId": version}
        bypass = {"BypassGovernanceRetention": True}
        assert refused(owner.delete_object, **this, **bypass) == "AccessDenied"
        soon = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(seconds=9)}
        assert refused(owner.put_object_retention, **this, Retention=soon, **bypass)
        assert owner.get_object(**this)["Body"].read() == b"1"


@pytest.mark.xdist_group("lifecycles")
async def test_lifecycle_removes_what_is_due_and_nothing_else(
    ceph_of_lifecycles: Ceph, tmp_path: Path
) -> None:
    """Chunks of the class with an end, every version; a day lasts 5 seconds here."""
    ceph = ceph_of_lifecycles
    brief = share(terms(days=1), terms("forever", None), grace_days=1)
    bucket, _ = await set_up(ceph, tmp_path, brief)
    stays = {
        "ai/tenant=acme/class=forever/chunk",
        "ai/tenant=acme/_keys/subject=x/wrap",
        "ai/tenant=acme/_manifests/m",
        "ai/tenant=other/class=standard/chunk",
    }
    with ceph.client() as owner:
        for key in (*stays, f"{FOLDER}chunk", f"{FOLDER}replaced", f"{FOLDER}replaced"):
            owner.put_object(Bucket=bucket, Key=key, Body=b"1")
        await until(ceph, bucket, lambda: set(versions(owner, bucket)) == stays)


@pytest.mark.xdist_group("lifecycles")
async def test_lifecycle_removes_nothing_of_a_tenant_under_a_hold(
    ceph_of_lifecycles: Ceph, tmp_path: Path
) -> None:
    """The other tenant's is removed meanwhile, which shows that the store was at work."""
    ceph = ceph_of_lifecycles
    shares = (
        share(terms(days=1), grace_days=1),
        share(terms(days=1), tenant="other", grace_days=1),
    )
    bucket, _ = await set_up(ceph, tmp_path, *shares, holds={"acme": (HOLD,)})
    free = "ai/tenant=other/class=standard/chunk"
    with ceph.client() as owner:
        for key in (f"{FOLDER}chunk", free):
            owner.put_object(Bucket=bucket, Key=key, Body=b"1")
        await until(ceph, bucket, lambda: free not in versions(owner, bucket))
        assert versions(owner, bucket) == [f"{FOLDER}chunk"]


async def test_what_somebody_makes_public_is_not(ceph: Ceph, tmp_path: Path) -> None:
    """The grant is made, and has no effect."""
    bucket, _ = await set_up(ceph, tmp_path, share())
    with ceph.client() as owner:
        owner.put_object(Bucket=bucket, Key="k", Body=b"1", ACL="public-read")
        url = f"{ceph.endpoint}/{bucket}/k"
        assert (await asyncio.to_thread(httpx.get, url)).status_code == 403
        off = dict.fromkeys(("IgnorePublicAcls", "RestrictPublicBuckets"), False)
        owner.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=off)
        assert (await asyncio.to_thread(httpx.get, url)).status_code == 200


async def test_all_four_switches_of_the_public_access_block_would_shut_ceph_for_everybody(
    ceph: Ceph,
) -> None:
    """Why only two of them are asked of a server that is not Amazon's."""
    bucket = ceph.new_bucket()
    with ceph.client() as owner:
        on = {"BlockPublicAcls": True}
        owner.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=on)
        assert refused(owner.put_object, Bucket=bucket, Key="k", Body=b"1") == "AccessDenied"


def with_principal(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Write a policy of a user as one of the bucket, without what Ceph has no word for."""
    statements = []
    for one in document["Statement"]:
        actions = [action for action in one["Action"] if "Encryption" not in action]
        who = {"AWS": [f"arn:aws:iam:::user/{name}"]}
        statements.append({**one, "Action": actions, "Principal": who})
    return statements


@pytest.mark.parametrize("whose", ["officer", "admin"])
async def test_the_printed_policies_are_enough_and_no_more(
    ceph: Ceph, tmp_path: Path, whose: str
) -> None:
    """An officer reads its tenant; an admin looks at the bucket, too, and destroys versions."""
    acme = share(terms(days=3, lock="governance"))
    bucket, wanted = await set_up(ceph, tmp_path, acme)
    name, user = ceph.as_new_user()
    document = {
        "officer": documents.officer_document(bucket, (acme,)),
        "admin": documents.admin_document(bucket, (acme,)),
    }[whose]
    key = "ai/tenant=acme/_keys/subject=x/wrap"
    with ceph.client() as owner, user.client() as client:
        owner.delete_bucket_policy(Bucket=bucket)
        configuration = {"ObjectLockEnabled": "Enabled"}
        owner.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration)
        version = owner.put_object(Bucket=bucket, Key=key, Body=b"1")["VersionId"]
        owner.put_object(Bucket=bucket, Key="ai/tenant=other/_keys/w", Body=b"1")
        # Ceph takes every grant for a public one, and would not let it have an effect.
        owner.delete_public_access_block(Bucket=bucket)
        policy = {"Version": "2012-10-17", "Statement": with_principal(document, name)}
        owner.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == b"1"
        listed = client.list_objects_v2(Bucket=bucket, Prefix="ai/tenant=acme/")
        assert [one["Key"] for one in listed["Contents"]] == [key]
        assert refused(client.list_objects_v2, Bucket=bucket) == "AccessDenied"
        other = {"Bucket": bucket, "Key": "ai/tenant=other/_keys/w"}
        assert refused(client.get_object, **other) == "AccessDenied"
        client.put_object(Bucket=bucket, Key=f"{key}-2", Body=b"1", IfNoneMatch="*")
        chunk = {"Bucket": bucket, "Key": f"{FOLDER}chunk", "Body": b"1"}
        assert refused(client.put_object, **chunk) == "AccessDenied"
        this = {"Bucket": bucket, "Key": key, "VersionId": version}
        settings = user.settings(bucket, tmp_path)
        async with S3Bucket(settings) as opened:
            if whose == "officer":
                assert refused(client.delete_object, **this) == "AccessDenied"
                with pytest.raises(StoreError):
                    await plan(wanted, Hands(opened))
            else:
                client.delete_object(**this)
                unasked = replace(wanted.bucket, encryption=Unsupported("nobody may look"))
                seen = await plan(replace(wanted, bucket=unasked), Hands(opened))
                assert seen.found is not None
                assert seen.found.object_lock is True
