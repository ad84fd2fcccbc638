"""What only a real S3 server can show (Ceph RGW): rights, quotas, locks, altered bytes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import botocore.auth
import pytest

from archiver.errors import StoreError
from archiver.model.answers import Answer
from archiver.stores.opening import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from servers import Ceph

    from archiver.stores.protocol import Store
    from archiver.stores.settings import S3Settings

pytestmark = pytest.mark.ceph

BODY = b"some stored bytes" * 5000
SHA = hashlib.sha256(BODY).hexdigest()


async def put(store: Store, key: str = "a/b") -> None:
    """Put the usual body."""
    await store.put(key, BODY, sha256=SHA, metadata={"records": "1"})


async def refusal(settings: S3Settings) -> StoreError:
    """Give the error of a put."""
    async with open_store(settings) as store:
        with pytest.raises(StoreError) as caught:
            await put(store)
    return caught.value


async def test_a_wrong_secret_is_a_matter_of_credentials(ceph: Ceph, tmp_path: Path) -> None:
    """The server cannot verify the signature."""
    server = replace(ceph, secret_key="wrong")
    error = await refusal(server.settings(ceph.new_bucket(), tmp_path))
    assert error.refusal.answer is Answer.CREDENTIALS
    assert error.refusal.code == "SignatureDoesNotMatch"
    assert "secret" in error.advice


async def test_an_unknown_key_id_is_a_matter_of_credentials(ceph: Ceph, tmp_path: Path) -> None:
    """A revoked key looks like this."""
    server = replace(ceph, access_key="NOBODY")
    error = await refusal(server.settings(ceph.new_bucket(), tmp_path))
    assert error.refusal.answer is Answer.CREDENTIALS
    assert error.refusal.code == "InvalidAccessKeyId"


async def test_a_missing_bucket_is_a_matter_of_configuration(ceph: Ceph, tmp_path: Path) -> None:
    """Put, get and listing all name the bucket, not the key, as what is missing."""
    settings = ceph.settings("no-such-bucket", tmp_path)
    error = await refusal(settings)
    assert error.refusal.answer is Answer.CONFIGURATION
    assert "Create the bucket" in error.advice
    async with open_store(settings) as store:
        with pytest.raises(StoreError) as caught:
            await store.get("a")
        assert caught.value.refusal.answer is Answer.CONFIGURATION
        with pytest.raises(StoreError) as caught:
            _ = [listed async for listed in store.list("")]
        assert caught.value.refusal.answer is Answer.CONFIGURATION


async def test_the_bucket_of_another_user_is_a_matter_of_credentials(
    ceph: Ceph, tmp_path: Path
) -> None:
    """Valid keys without any right."""
    _, stranger = ceph.as_new_user()
    error = await refusal(stranger.settings(ceph.new_bucket(), tmp_path))
    assert error.refusal.answer is Answer.CREDENTIALS
    assert "s3:PutObject" in error.advice


async def test_with_the_right_to_put_alone_one_can_put(ceph: Ceph, tmp_path: Path) -> None:
    """A device that may only write writes once, is told EXISTS, and can read nothing."""
    bucket = ceph.new_bucket()
    name, writer = ceph.as_new_user()
    whom = {
        "Principal": {"AWS": [f"arn:aws:iam:::user/{name}"]},
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    statements = [
        {"Effect": "Allow", "Action": ["s3:PutObject"], **whom},
        # Here an object belongs to its writer, who may read it where nothing denies that.
        {"Effect": "Deny", "Action": ["s3:GetObject", "s3:DeleteObject"], **whom},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    with ceph.client() as client:
        client.put_bucket_policy(Bucket=bucket, Policy=policy)
    async with open_store(writer.settings(bucket, tmp_path)) as store:
        await put(store)
        with pytest.raises(StoreError) as caught:
            await put(store)
        assert caught.value.refusal.answer is Answer.EXISTS
        for verb in (store.head, store.get, store.delete):
            with pytest.raises(StoreError) as caught:
                await verb("a/b")
            assert caught.value.refusal.answer is Answer.CREDENTIALS, verb
        with pytest.raises(StoreError) as caught:
            _ = [listed async for listed in store.list("")]
        assert caught.value.refusal.answer is Answer.CREDENTIALS


async def test_a_quota_that_is_used_up_is_full(ceph: Ceph, tmp_path: Path) -> None:
    """The store says so by a code of its own, which is no matter of credentials."""
    name, user = ceph.as_new_user()
    ceph.admin("quota", "set", "--quota-scope=user", "--uid", name, "--max-objects=0")
    ceph.admin("quota", "enable", "--quota-scope=user", "--uid", name)
    error = await refusal(user.settings(user.new_bucket(), tmp_path))
    assert error.refusal.answer is Answer.FULL
    assert error.refusal.code == "QuotaExceeded"


async def test_a_locked_bucket_takes_the_put_and_keeps_it(ceph: Ceph, tmp_path: Path) -> None:
    """Object Lock with default retention: the PUT passes, and no version can be deleted."""
    bucket = ceph.new_bucket(ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    with ceph.client() as client:
        client.put_object_lock_configuration(
            Bucket=bucket,
            ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
        )
        async with open_store(ceph.settings(bucket, tmp_path)) as store:
            # Once only: in a versioned bucket Ceph 16.2 does not look at If-None-Match.
            await put(store)
        found = client.head_object(Bucket=bucket, Key="a/b")
        assert found["ObjectLockMode"] == "COMPLIANCE"
        assert found["ObjectLockRetainUntilDate"] > datetime.now(UTC)
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            client.delete_object(Bucket=bucket, Key="a/b", VersionId=found["VersionId"])


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_off_is_a_matter_of_the_clock(
    ceph: Ceph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Signed an hour off, the put is refused with the server's own time."""
    settings = ceph.settings(ceph.new_bucket(), tmp_path)
    shifted = (datetime.now(UTC) + timedelta(hours=hours)).replace(tzinfo=None)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: shifted)
    error = await refusal(settings)
    assert error.refusal.answer is Answer.CLOCK
    assert error.refusal.server_time
    assert abs(error.refusal.server_time.timestamp() - datetime.now(UTC).timestamp()) < 60


@contextlib.asynccontextmanager
async def relay(
    server: Ceph, alter: Callable[[bytes], bytes], *, reply: bool
) -> AsyncIterator[Ceph]:
    """Stand between client and server: alter what is sent, and keep the reply or cut it off."""
    port = int(server.endpoint.rpartition(":")[2])
    tasks = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        back, forth = await asyncio.open_connection("127.0.0.1", port)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        forth.write(head + alter(await reader.readexactly(length)))
        answer = await back.readuntil(b"\r\n\r\n")
        if reply:
            length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            writer.write(answer + await back.readexactly(length))
            await writer.drain()
        forth.close()
        writer.close()

    between = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    try:
        yield replace(server, endpoint=f"http://127.0.0.1:{between.sockets[0].getsockname()[1]}")
    finally:
        between.close()
        await asyncio.gather(*tasks)


async def test_bytes_altered_on_the_way_are_corrupt_and_not_stored(
    ceph: Ceph, tmp_path: Path
) -> None:
    """One flipped bit between here and there: the server notices by itself."""
    bucket = ceph.new_bucket()
    async with relay(ceph, lambda body: body[:-1] + b"X", reply=True) as server:
        error = await refusal(server.settings(bucket, tmp_path))
    assert error.refusal.answer is Answer.CORRUPT
    async with open_store(ceph.settings(bucket, tmp_path)) as store:
        assert [listed async for listed in store.list("")] == []


async def test_after_a_lost_answer_the_object_is_there(ceph: Ceph, tmp_path: Path) -> None:
    """Stored, and the connection cut: UNREACHABLE, then EXISTS, and head tells the same bytes."""
    bucket = ceph.new_bucket()
    async with relay(ceph, lambda body: body, reply=False) as server:
        error = await refusal(server.settings(bucket, tmp_path))
    assert error.refusal.answer is Answer.UNREACHABLE
    error = await refusal(ceph.settings(bucket, tmp_path))
    assert error.refusal.answer is Answer.EXISTS
    async with open_store(ceph.settings(bucket, tmp_path)) as store:
        found = await store.head("a/b")
    assert (found.size, found.sha256, found.metadata["records"]) == (len(BODY), SHA, "1")
