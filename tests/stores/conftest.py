"""The stores that the contract is checked over, and a server that says what it is told to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from servers import S3Server, ceph, moto_server

from archiver.stores.memory import MemoryStore
from archiver.stores.opening import open_store
from archiver.stores.settings import FolderSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from archiver.stores.protocol import Store

__all__ = ["ceph", "moto_server"]


@pytest.fixture(params=["memory", "folder", "moto", pytest.param("ceph", marks=pytest.mark.ceph)])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Give a function that opens the same empty store each time: another client of it."""
    if request.param == "memory":
        memory = MemoryStore()
        return lambda: memory
    if request.param == "folder":
        return lambda: open_store(FolderSettings(tmp_path / "bucket"))
    server = request.getfixturevalue("ceph" if request.param == "ceph" else "moto_server")
    settings = server.settings(server.new_bucket(), tmp_path, page=4)
    return lambda: open_store(settings)


@pytest.fixture
async def store(opener: Callable[[], Store]) -> AsyncIterator[Store]:
    """Give an empty store, opened."""
    async with opener() as opened:
        yield opened


@dataclass(frozen=True)
class Request:
    """What a client sent. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Scripted:
    """A server on loopback that answers every request with ``reply``, byte for byte.

    An empty reply hangs; ``b"CUT"`` closes the connection without a word.
    """

    reply: bytes = b""
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    def says(self, status: str, body: str = "", **headers: str) -> None:
        """Set the reply from its parts."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.reply = ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def refuses(self, status: str, code: str, **headers: str) -> None:
        """Set the reply to an error as S3 words it."""
        self.says(status, f"<Error><Code>{code}</Code><Message>told</Message></Error>", **headers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, until the test ends or the client leaves."""
        task = asyncio.current_task()
        assert task
        self.connections.add(task)
        # The client may be gone at any moment, and the test with it.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            request = await self.receive(reader)
            if not self.reply:
                await reader.read()
            elif self.reply != b"CUT":
                head = self.reply.partition(b"\r\n\r\n")[0]
                whole = self.reply if request.method != "HEAD" else head + b"\r\n\r\n"
                writer.write(whole)
                await writer.drain()
        writer.close()

    async def receive(self, reader: asyncio.StreamReader) -> Request:
        """Read one request, to the end of its body, and keep it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ")
        self.requests.append(Request(method, path, headers, body))
        return self.requests[-1]

    def as_server(self) -> S3Server:
        """Give it as something that settings can be made for."""
        return S3Server(f"http://127.0.0.1:{self.port}", "SCRIPTEDKEY", "scripted-secret")


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """Give a server that says what the test tells it to."""
    script = Scripted()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    yield script
    server.close()
    for connection in script.connections:
        connection.cancel()
    await asyncio.gather(*script.connections)
    await server.wait_closed()
