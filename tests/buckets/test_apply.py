"""A bucket is brought to what the policy asks for: from anywhere, across crashes, and once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from asking import HOLD, ask, share, terms

from archiver.buckets.apply import Hands, Plan, perform, plan
from archiver.buckets.compare import weakened
from archiver.buckets.statements import Parties
from archiver.buckets.values import Place
from archiver.errors import StoreError
from archiver.model.answers import Answer
from archiver.stores.s3_bucket import S3Bucket

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from servers import Ceph, S3Server

    from archiver.buckets.wanted import Wanted
    from archiver.stores.settings import S3Settings

SHARES = (
    share(terms(days=30, lock="compliance"), terms("short", 5, "governance")),
    share(terms(days=9, lock="governance"), tenant="other", prefix=""),
)


@pytest.fixture(params=["moto", pytest.param("ceph", marks=pytest.mark.ceph)])
def server(request: pytest.FixtureRequest) -> S3Server:
    """Give a server: the fake, and the real one."""
    found: S3Server = request.getfixturevalue("ceph" if request.param == "ceph" else "moto_server")
    return found


@pytest.fixture
def writer(request: pytest.FixtureRequest) -> str:
    """Give somebody whom a bucket policy can name: Ceph wants users that there are."""
    if "ceph" not in request.node.name:
        return "arn:aws:iam::123456789012:role/archiver-writer"
    ceph: Ceph = request.getfixturevalue("ceph")
    return f"arn:aws:iam:::user/{ceph.as_new_user()[0]}"


def asked(settings: S3Settings, writer: str, **said: Any) -> Wanted:
    """Decide what a bucket on a server must be like."""
    place = Place("s3", settings.bucket, settings.endpoint or "")
    return ask(*said.pop("shares", SHARES), place=place, parties=Parties((writer,)), **said)


async def applied(wanted: Wanted, hands: Hands) -> Plan:
    """Do everything that there is to do; give what is left."""
    for _ in range(3):
        now = await plan(wanted, hands)
        for step in now.steps:
            await perform(step, hands)
    return await plan(wanted, hands)


@pytest.fixture
def new(server: S3Server, tmp_path: Path) -> Callable[..., S3Settings]:
    """Name a bucket; make it, or leave that to `apply`."""

    def name(*, made: bool = True, lock: bool = True) -> S3Settings:
        bucket = server.new_bucket(ObjectLockEnabledForBucket=lock)
        if not made:
            with server.client() as client:
                client.delete_bucket(Bucket=bucket)
        return server.settings(bucket, tmp_path)

    return name


@pytest.mark.parametrize("made", [True, False])
async def test_from_nothing_to_as_wanted_and_then_nothing(
    new: Callable[..., S3Settings], writer: str, *, made: bool
) -> None:
    """A second run finds nothing to do, and a check is clean."""
    settings = new(made=made)
    wanted = asked(settings, writer)
    async with S3Bucket(settings) as bucket:
        hands = Hands(bucket)
        assert weakened((await plan(wanted, hands)).differences)
        done = await applied(wanted, hands)
        assert done.steps == ()
        assert not weakened(done.differences)
        assert {one.aspect for one in done.differences} <= {"encryption"}


async def test_a_crash_at_any_step_leaves_what_the_next_run_completes(
    new: Callable[..., S3Settings], writer: str
) -> None:
    """And what was in force before is in force after it."""
    for fatal in range(8):
        settings = new()
        wanted = asked(settings, writer)
        async with S3Bucket(settings) as bucket:
            hands = Hands(bucket)
            before = await plan(wanted, hands)
            for step in before.steps[:fatal]:
                await perform(step, hands)
            crashed = await plan(wanted, hands)
            left = [one.aspect for one in crashed.differences]
            assert set(left) <= {one.aspect for one in before.differences}
            assert (await applied(wanted, hands)).steps == ()


async def test_what_others_set_stays_word_for_word(
    new: Callable[..., S3Settings], writer: str, server: S3Server
) -> None:
    """Their lifecycle rules and their statements."""
    settings = new()
    wanted = asked(settings, writer)
    rule = {
        "ID": "logs",
        "Status": "Enabled",
        "Filter": {"Prefix": "logs/"},
        "Expiration": {"Days": 3},
    }
    statement = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": [writer]},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{settings.bucket}/logs/*",
    }
    with server.client() as client:
        client.put_bucket_lifecycle_configuration(
            Bucket=settings.bucket, LifecycleConfiguration={"Rules": [rule]}
        )
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        client.put_bucket_policy(Bucket=settings.bucket, Policy=json.dumps(policy))
        async with S3Bucket(settings) as bucket:
            await applied(wanted, Hands(bucket))
        rules = client.get_bucket_lifecycle_configuration(Bucket=settings.bucket)["Rules"]
        there = json.loads(client.get_bucket_policy(Bucket=settings.bucket)["Policy"])
    assert rule in rules
    assert len(rules) == 8
    assert statement in there["Statement"]


async def test_a_hold_switches_removal_off_and_its_end_on_again(
    new: Callable[..., S3Settings], writer: str, server: S3Server
) -> None:
    """Of that tenant alone."""
    settings = new()
    async with S3Bucket(settings) as bucket:
        for holds, expected in ((), "Enabled"), ((HOLD,), "Disabled"), ((), "Enabled"):
            wanted = asked(settings, writer, holds={"acme": holds})
            assert (await applied(wanted, Hands(bucket))).steps == ()
            with server.client() as client:
                found = client.get_bucket_lifecycle_configuration(Bucket=settings.bucket)
            states = {one["ID"]: one["Status"] for one in found["Rules"]}
            assert states["archiver/acme/standard/expire"] == expected
            assert states["archiver/other/standard/expire"] == "Enabled"


async def test_a_default_lock_goes_when_a_tenant_begins_to_seal(
    new: Callable[..., S3Settings], writer: str
) -> None:
    """Wrapped keys must stay erasable."""
    settings = new()
    async with S3Bucket(settings) as bucket:
        one = share(terms(days=3, lock="governance"))
        await applied(asked(settings, writer, shares=(one,)), Hands(bucket))
        sealed = share(terms(days=3, lock="governance"), sealed=True)
        wanted = asked(settings, writer, shares=(sealed,))
        (found,) = [
            one for one in (await plan(wanted, Hands(bucket))).differences if "lock" in one.aspect
        ]
        assert (found.aspect, found.kind) == ("default lock", "different")
        done = await applied(wanted, Hands(bucket))
        assert done.steps == ()
        assert done.found is not None
        assert done.found.default is None


@pytest.mark.ceph
async def test_object_lock_on_a_bucket_that_was_made_without_is_refused_with_the_way_out(
    ceph: Ceph, tmp_path: Path
) -> None:
    """Ceph sets it at the making of a bucket only."""
    settings = ceph.settings(ceph.new_bucket(), tmp_path)
    wanted = asked(settings, f"arn:aws:iam:::user/{ceph.as_new_user()[0]}")
    async with S3Bucket(settings) as bucket:
        with pytest.raises(StoreError, match="InvalidBucketState") as refused:
            await applied(wanted, Hands(bucket))
        assert "--create" in refused.value.advice
        left = await plan(wanted, Hands(bucket))
        assert weakened(left.differences)


@pytest.mark.ceph
async def test_keys_that_may_not_look_are_told_what_they_need(ceph: Ceph, tmp_path: Path) -> None:
    """And a device's keys may not."""
    bucket = ceph.new_bucket()
    _, user = ceph.as_new_user()
    settings = user.settings(bucket, tmp_path)
    wanted = asked(settings, "arn:aws:iam:::user/nobody")
    async with S3Bucket(settings) as opened:
        with pytest.raises(StoreError) as refused:
            await plan(wanted, Hands(opened))
    assert refused.value.refusal.answer is Answer.CREDENTIALS
    assert "archiver bucket policy admin" in refused.value.advice
