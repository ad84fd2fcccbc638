"""Getting stored objects, a few at a time, and never believing them unchecked.

Promise: bytes that leave `fetch_chunk` have the sha256 that the manifest lists; anything
else is `Damaged` and names the key. At most ``limit`` requests are under way at once, and
answers come in the order of the questions.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import msgspec

from archiver.archive.unseal import Unsealer
from archiver.errors import ChunkGone, Damaged, KeyGone, StoreError
from archiver.format.frame import unpack
from archiver.format.lines import decode_line
from archiver.model.answers import Answer

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Iterable,
        Iterator,
        Sequence,
    )

    from archiver.archive.held import ArchivedConversation, HeldChunk
    from archiver.errors import ArchiveError
    from archiver.model.record import Record
    from archiver.stores.protocol import Store

__all__ = ["Budget", "fetch_chunk", "in_turn", "no_progress", "read_records"]

Question = TypeVar("Question")
Reply = TypeVar("Reply")


class _Whose(msgspec.Struct, frozen=True):
    assistant: str
    conversation: str


_whose = msgspec.json.Decoder(_Whose)


def no_progress(_done: int, _total: int) -> None:
    """Tell nobody."""


class Budget:
    """Bytes that may be in memory at once. One thing that is larger than all of it comes alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._used = 0
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def taken(self, size: int) -> AsyncIterator[None]:
        """Wait until there is room for ``size`` bytes, and hold it."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._used or self._used + size <= self._most)
            self._used += size
        try:
            yield
        finally:
            async with self._changed:
                self._used -= size
                self._changed.notify_all()


async def in_turn(
    questions: Iterable[Question],
    ask: Callable[[Question], Awaitable[Reply]],
    *,
    limit: int,
    ahead: int = 1,
) -> AsyncGenerator[Reply, None]:
    """Ask at most ``limit`` questions at once; yield the replies in order.

    Up to ``ahead`` times as many may be answered while the first one is still waited for: then
    replies must be small. The first error ends it, and cancels what is still under way.
    """
    under_way: deque[asyncio.Future[Reply]] = deque()
    turns = asyncio.Semaphore(limit)

    async def in_its_turn(question: Question) -> Reply:
        async with turns:
            return await ask(question)

    try:
        for question in questions:
            under_way.append(asyncio.ensure_future(in_its_turn(question)))
            if len(under_way) >= limit * ahead:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def fetch_chunk(store: Store, key: str, sha256: str) -> bytes:
    """Give the stored bytes of one chunk, checked against its manifest's ``sha256`` (hex)."""
    advice = "Run `archiver verify` to see what else is affected; restore it from a replica."
    try:
        frame = await store.get(key)
    except StoreError as error:
        if error.refusal.answer is not Answer.NOT_FOUND:
            raise
        raise ChunkGone(
            f"the chunk {key} is listed but not there",
            advice="It expired, was erased or was lost: run `archiver verify` to see which.",
        ) from error
    if hashlib.sha256(frame).hexdigest() != sha256:
        raise Damaged(f"the chunk {key} is not what its manifest lists", advice=advice)
    return frame


async def read_records(
    store: Store,
    chunks: Sequence[HeldChunk],
    conversation: ArchivedConversation,
    *,
    unsealer: Unsealer | None = None,
    progress: Callable[[int, int], None] = no_progress,
    lost: list[ArchiveError] | None = None,
) -> AsyncGenerator[Record, None]:
    """Yield the records of one conversation, chunk by chunk as ``chunks`` names them.

    ``unsealer`` opens what is sealed. ``progress`` is called with the chunks done and their
    number. A chunk that is gone, or whose key is, is passed over and put into ``lost``; without
    that list it is raised as `ChunkGone` or `KeyGone`.
    """
    opener = unsealer or Unsealer(store)

    async def get(chunk: HeldChunk) -> bytes | None:
        try:
            body = await fetch_chunk(store, chunk.key, chunk.sha256)
            return await opener.frame(chunk.key, chunk.key_id, body)
        except (ChunkGone, KeyGone) as error:
            if lost is None:
                raise
            lost.append(error)
            return None

    async with aclosing(in_turn(chunks, get, limit=store.concurrency)) as frames:
        done = 0
        async for frame in frames:
            if frame is not None:
                for record in _records_of(frame, chunks[done].key, conversation):
                    yield record
            done += 1
            progress(done, len(chunks))


def _records_of(frame: bytes, key: str, conversation: ArchivedConversation) -> Iterator[Record]:
    wanted = (conversation.assistant, conversation.id)
    try:
        for line in unpack(frame).split(b"\n"):
            if line and wanted == _owner(line):
                yield decode_line(line)
    except (Damaged, msgspec.MsgspecError, RecursionError) as error:
        raise Damaged(
            f"the chunk {key} cannot be read: it was sealed wrong, or by a newer archiver",
            advice=getattr(error, "advice", "Run `archiver verify --read-data`."),
        ) from error


def _owner(line: bytes) -> tuple[str, str]:
    whose = _whose.decode(line)
    return whose.assistant, whose.conversation
