"""Reading chunks: their bytes held to their sha256, their records to their listing.

Hashing runs in threads, so several chunks are hashed at once; a store that can hash where the
bytes lie does it there. Only where a hash is wrong are the bytes fetched to say what happened.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, defaultdict
from contextlib import aclosing
from functools import cached_property
from typing import TYPE_CHECKING, Final

from archiver.archive.contents import Positions, check_chunk
from archiver.archive.fetch import in_turn
from archiver.archive.findings import Code, Finding
from archiver.archive.scope import Depth
from archiver.errors import Damaged, KeyGone, NotForUs, StoreError
from archiver.model.answers import Answer
from archiver.stores.protocol import Hashing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

    from archiver.archive.claims import Claim
    from archiver.archive.journal import Journal
    from archiver.archive.ledger import Ledger
    from archiver.archive.unseal import Unsealer
    from archiver.stores.protocol import Store

__all__ = ["Inspection"]

_BATCH_BYTES: Final = 64 * 1024 * 1024
_SHARES: Final = 16
"""Pieces that each of those who read should have, at least, so that all end at one time."""

_LIKE_BYTES: Final = 256 * 1024
"""What opening a file costs, as bytes that are hashed in the same time."""


class Inspection:
    """Reads the chunks of one tenant.

    ``whole`` says that all are read, so that holes in the logs of streams mean something.
    ``broken`` are the devices of which something is known to be missing already. ``read``
    counts the chunks that were read, ``closed`` those that could not be opened.
    """

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        unsealer: Unsealer,
        *,
        depth: Depth,
        whole: bool,
        broken: set[str],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._unsealer = unsealer
        self._depth = depth
        self._whole = whole
        self._seen: defaultdict[tuple[str, str], Positions] = defaultdict(Positions)
        self._broken = broken
        self.read = self.closed = 0

    async def run(
        self,
        todo: Sequence[Claim],
        journal: Journal | None,
        *,
        jobs: int,
        progress: Callable[[int, int], None],
    ) -> AsyncGenerator[Finding, None]:
        """Read; yield what is wrong. What is sound is noted in ``journal``."""
        async with aclosing(self._replies(todo, jobs)) as replies:
            async for findings in replies:
                claim = todo[self.read]
                self.read += 1
                if findings:
                    self._broken.add(claim.device)
                elif journal:
                    journal.add(claim, self._depth)
                for finding in findings:
                    if finding.code is not Code.CHUNK_CLOSED:
                        yield finding
                progress(self.read, len(todo))
        if self.closed:
            meaning = (
                f"{self.closed} chunks are sealed to keys that were not brought, or are gone:"
                " only their bytes were checked"
            )
            yield Finding(Code.CHUNK_CLOSED, self._store.name, meaning)
        if self._depth is Depth.RECORDS and self._whole:
            for finding in self._judge_positions():
                yield finding

    async def _replies(
        self, todo: Sequence[Claim], jobs: int
    ) -> AsyncGenerator[list[Finding], None]:
        """Yield what is wrong with each chunk, in order."""
        if self._depth is Depth.RECORDS:
            async with aclosing(in_turn(todo, self._records, limit=jobs)) as replies:
                async for found in replies:
                    yield found
            return
        batches = _batches(todo, jobs) if isinstance(self._store, Hashing) else ([x] for x in todo)
        async with aclosing(in_turn(batches, self._bytes, limit=jobs, ahead=2)) as answers:
            async for several in answers:
                for found in several:
                    yield found

    async def _bytes(self, claims: Sequence[Claim]) -> list[list[Finding]]:
        if not isinstance(self._store, Hashing):
            return [await self._fetched(claim) for claim in claims]
        digests = await self._store.digests([claim.key for claim in claims])
        return [
            []
            if found and bytes.fromhex(found.sha256) == claim.sha256
            else await self._fetched(claim)
            for claim, found in zip(claims, digests, strict=True)
        ]

    async def _fetched(self, claim: Claim) -> list[Finding]:
        try:
            body = await self._store.get(claim.key)
        except StoreError as error:
            return self._gone(claim, error)
        if await asyncio.to_thread(_sha256, body) == claim.sha256:
            return []
        return [self._judge_bytes(claim, body)]

    async def _records(self, claim: Claim) -> list[Finding]:
        try:
            body = await self._store.get(claim.key)
        except StoreError as error:
            return self._gone(claim, error)
        if await asyncio.to_thread(_sha256, body) != claim.sha256:
            return [self._judge_bytes(claim, body)]
        if self._ledger.ordered.is_erased(claim.order):
            return []  # nobody can open it, as was ordered
        try:
            frame = await self._unsealer.chunk(claim, body)
        except (NotForUs, KeyGone):
            self.closed += 1
            return [Finding(Code.CHUNK_CLOSED, claim.key, "it is sealed")]
        except Damaged as error:
            return [Finding(Code.CHUNK_UNREADABLE, claim.key, f"it was sealed wrong: {error}")]
        return list(check_chunk(claim, frame, self._seen))

    def _gone(self, claim: Claim, error: StoreError) -> list[Finding]:
        if error.refusal.answer is not Answer.NOT_FOUND:
            raise error
        return [Finding(Code.CHUNK_MISSING, claim.key, "it went while it was being verified")]

    @cached_property
    def _by_hash(self) -> dict[bytes, str]:
        return {one.sha256: one.key for one in self._ledger.claims.values()}

    def _judge_bytes(self, claim: Claim, body: bytes) -> Finding:
        if other := self._by_hash.get(_sha256(body)):
            return Finding(Code.CHUNK_SWAPPED, claim.key, f"it holds what {other} should")
        listed = claim.stored_bytes
        if len(body) < listed:
            meaning = f"it has {len(body)} bytes, not {listed}"
            return Finding(Code.CHUNK_TRUNCATED, claim.key, meaning)
        if len(body) > listed and _sha256(memoryview(body)[:listed]) == claim.sha256:
            meaning = f"{len(body) - listed} bytes stand behind those that are listed"
            return Finding(Code.CHUNK_APPENDED, claim.key, meaning)
        return Finding(Code.CHUNK_ALTERED, claim.key, "its bytes are not those listed")

    def _taken(self) -> Counter[str]:
        """Count the records of each device that orders took."""
        found: Counter[str] = Counter()
        for claim in self._ledger.claims.values():
            if claim.order:
                found[claim.device] += claim.records
        return found

    def _judge_positions(self) -> Iterator[Finding]:
        """Find holes in the logs of devices whose chunks are all there and whole.

        What an order took, and what its newest manifest says was given up unsent, explain as
        many records, and no more.
        """
        explained = self._broken | self._ledger.incomplete_devices()
        holes: dict[str, dict[str, Positions]] = defaultdict(dict)
        for (device, key), positions in sorted(self._seen.items()):
            if device not in explained and positions.missing():
                holes[device][key] = positions
        taken = self._taken()
        for device, streams in holes.items():
            missing = sum(one.missing() for one in streams.values()) - taken[device]
            if missing <= 0:
                continue
            counts = self._ledger.counts.get(device)
            if counts and missing <= counts.dropped:
                meaning = (
                    f"{missing} records are not in the archive; its device says that it gave up"
                    f" {counts.dropped} unsent ({(counts.reason or 'for no reason')[:100]})"
                )
                yield Finding(Code.RECORDS_DROPPED, device, meaning)
                continue
            for key, positions in streams.items():
                meaning = (
                    f"stream {key} has no record at position {positions.gap()}, and later ones"
                )
                yield Finding(Code.POSITION_GAP, device, meaning)


def _batches(claims: Sequence[Claim], jobs: int) -> Iterator[list[Claim]]:
    """Cut into pieces that are worth a trip to a thread, and short enough to share out."""
    total = sum(claim.stored_bytes + _LIKE_BYTES for claim in claims)
    most = min(_BATCH_BYTES, total // (jobs * _SHARES))
    batch: list[Claim] = []
    size = 0
    for claim in claims:
        batch.append(claim)
        size += claim.stored_bytes + _LIKE_BYTES
        if size >= most:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _sha256(body: bytes | memoryview) -> bytes:
    return hashlib.sha256(body).digest()
