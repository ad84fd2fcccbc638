"""A store that asks for patience gets it a few times; then it is said, and nothing hangs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from servers import S3Server

from archiver.errors import StoreError
from archiver.model.answers import Answer
from archiver.stores.s3_bucket import S3Bucket, Unsupported

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def saying(*replies: tuple[str, str]) -> AsyncIterator[tuple[S3Server, list[str]]]:
    """Give a server that answers with these statuses and codes, the last one for ever."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status, code = replies[min(len(asked), len(replies) - 1)]
        asked.append(head.split("\r\n", 1)[0])
        body = f"<Error><Code>{code}</Code></Error>" if code else ""
        reply = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write((reply + body).encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield S3Server(f"http://127.0.0.1:{port}", "SCRIPTEDKEY", "scripted-secret"), asked


async def test_throttling_is_waited_out(tmp_path: Path) -> None:
    """A few times."""
    async with saying(("503 Slow Down", "SlowDown"), ("200 OK", "")) as (server, asked):
        async with S3Bucket(server.settings("bucket", tmp_path), waits=(0, 0)) as bucket:
            await bucket.put_versioning()
        assert len(asked) == 2


@pytest.mark.parametrize(
    ("status", "code", "answer", "requests", "advice"),
    [
        ("429 Too Many Requests", "SlowDown", Answer.BUSY, 3, "try again in a few minutes"),
        ("403 Forbidden", "AccessDenied", Answer.CREDENTIALS, 1, "archiver bucket policy admin"),
        ("403 Forbidden", "RequestTimeTooSkewed", Answer.CLOCK, 1, "clock"),
        ("404 Not Found", "NoSuchBucket", Answer.CONFIGURATION, 1, "Create the bucket"),
    ],
)
async def test_what_does_not_pass_ends_in_a_next_step(
    tmp_path: Path, status: str, code: str, answer: Answer, requests: int, advice: str
) -> None:
    """Only what may pass is asked for again."""
    async with saying((status, code)) as (server, asked):
        async with S3Bucket(server.settings("bucket", tmp_path), waits=(0, 0)) as bucket:
            with pytest.raises(StoreError) as refused:
                await bucket.put_versioning()
        assert refused.value.refusal.answer is answer
        assert advice in refused.value.advice
        assert len(asked) == requests


@pytest.mark.parametrize(
    ("status", "code"),
    [("501 Not Implemented", "NotImplemented"), ("405 Method Not Allowed", "MethodNotAllowed")],
)
async def test_what_a_server_does_not_know_is_not_taken_for_off(
    tmp_path: Path, status: str, code: str
) -> None:
    """It is a value of its own."""
    async with (
        saying((status, code)) as (server, _),
        S3Bucket(server.settings("bucket", tmp_path), waits=()) as bucket,
    ):
        assert isinstance(await bucket.object_lock(), Unsupported)
        assert isinstance(await bucket.lifecycle(), Unsupported)
