"""One parcel against one opened store, from the sealed file to the end of the attempt.

The sealed file is read just before it is sent and hashed again, so bytes that rotted on this
disk never leave it. Each call of `Courier.bring` holds one parcel's bytes, and only while they
are on the wire. Every question to the store has a time limit, whose end counts as "no answer":
what the store did then is found out by the next attempt.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
from typing import TYPE_CHECKING, Final, TypedDict, TypeVar

from archiver.delivery.rules import compare, examine, judge, rehash
from archiver.delivery.steps import Compare, ReadBack, Rehash, Retry
from archiver.delivery.waits import unreadable
from archiver.errors import StoreError
from archiver.model.answers import Answer, Found, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from archiver.delivery.pace import Pace
    from archiver.delivery.parcel import Parcel
    from archiver.delivery.steps import Ending, Step
    from archiver.stores.protocol import Store

__all__ = ["Courier", "ask"]

_SLOWEST_LINE: Final = 32 * 1024  # bytes per second; a slower line may time out
_T = TypeVar("_T")


async def ask(answer: Awaitable[_T], *, seconds: float) -> _T | Refusal:
    """Await a store's answer; give a refusal instead of `StoreError` or after ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except StoreError as error:
        return error.refusal
    except TimeoutError:
        return Refusal(Answer.UNREACHABLE, "Timeout")


class _Circumstances(TypedDict):
    now: datetime
    failures: int
    draw: float


class Courier:
    """Brings parcels to ``store``.

    ``clock``, ``draw`` and ``failures`` give what the rules want to know; ``patience`` is the
    time limit in seconds of each question, to which the parcel's size adds.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        draw: Callable[[], float],
        failures: Callable[[], int],
        pace: Pace | None,
        patience: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._draw = draw
        self._failures = failures
        self._pace = pace
        self._patience = patience

    async def bring(self, parcel: Parcel) -> Ending:
        """Try once to get the parcel into the store, and say how that ended."""
        if self._pace:
            await self._pace.wait(parcel.size)
        step = await self._send(parcel)
        while True:
            match step:
                case Compare():
                    found = await self._ask(parcel, self._store.head(parcel.key))
                    step = compare(parcel, found, **self._circumstances())
                case ReadBack(suspect):
                    found = await self._read_back(parcel)
                    step = compare(parcel, found, suspect=suspect, **self._circumstances())
                case Rehash(refusal):
                    step = await self._rehash(parcel, refusal)
                case _:
                    return step

    async def _send(self, parcel: Parcel) -> Step:
        try:
            body, actual = await asyncio.to_thread(_read, parcel)
        except OSError as error:
            return self._unreadable(error)
        damage = examine(parcel, actual)
        if damage:
            return damage
        metadata = dict(parcel.metadata)
        put = self._store.put(
            parcel.key, body, sha256=parcel.sha256, metadata=metadata, retain=parcel.retain
        )
        return judge(parcel, await self._ask(parcel, put), **self._circumstances())

    async def _rehash(self, parcel: Parcel, refusal: Refusal) -> Ending:
        try:
            _, actual = await asyncio.to_thread(_read, parcel)
        except OSError as error:
            return self._unreadable(error)
        return rehash(parcel, actual, refusal, **self._circumstances())

    async def _read_back(self, parcel: Parcel) -> Found | Refusal:
        body = await self._ask(parcel, self._store.get(parcel.key))
        if isinstance(body, Refusal):
            return body
        return Found(parcel.key, len(body), hashlib.sha256(body).hexdigest(), {})

    def _unreadable(self, error: OSError) -> Retry:
        code = errno.errorcode.get(error.errno or 0, type(error).__name__)
        return Retry(unreadable(code, **self._circumstances()))

    def _circumstances(self) -> _Circumstances:
        return {"now": self._clock(), "failures": self._failures(), "draw": self._draw()}

    async def _ask(self, parcel: Parcel, answer: Awaitable[_T]) -> _T | Refusal:
        return await ask(answer, seconds=self._patience + parcel.size / _SLOWEST_LINE)


def _read(parcel: Parcel) -> tuple[bytes, str | None]:
    """Give the sealed bytes and their sha256; ``None`` where the file is not there."""
    if parcel.path is None:
        body = parcel.body or b""
    else:
        try:
            body = parcel.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return b"", None
    return body, hashlib.sha256(body).hexdigest()
