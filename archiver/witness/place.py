"""One tenant in one opened store, and how its chains of notes are read and added to.

`append` keeps two admins apart without a lock: look, put, look again. Keys hold the hash of
their object, so two notes of one number have two keys; who finds another's beside its own
takes its own away and says so. In the moment between, somebody may have read it: it was signed,
and nothing counts on it.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from archiver.archive.rollups import series_of
from archiver.errors import EvidenceError, Overtaken, StoreError
from archiver.format.keys import Series, SeriesKey, parse_key, series_folder
from archiver.model.answers import Answer
from archiver.witness.bounds import SERIES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from archiver.stores.protocol import Store

__all__ = ["Place", "append", "patiently", "put_once"]

Result = TypeVar("Result")

_PASSING: Final = frozenset({Answer.BUSY, Answer.UNREACHABLE, Answer.CONCURRENT})
_WAITS: Final = (0.5, 2.0, 8.0)
"""Seconds before an answer that may pass is asked for again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tenant's archive lies. ``prefix`` is without its final slash."""

    store: Store
    prefix: str
    tenant: str

    async def series(self, series: Series) -> list[tuple[SeriesKey, bytes]]:
        """Get a series, oldest first; raise `EvidenceError` where one is too large to be one."""
        async for listed in self.store.list(series_folder(self.prefix, self.tenant, series)):
            if listed.size > SERIES[series] and isinstance(parse_key(listed.key), SeriesKey):
                raise EvidenceError(
                    f"{listed.key} has {listed.size} bytes, and is not read: archiver writes"
                    f" at most {SERIES[series]}",
                    advice="Nothing was signed. No admin wrote it: remove it.",
                )
        return await series_of(self.store, self.prefix, self.tenant, series)

    def key(self, series: Series, seq: int, body: bytes) -> SeriesKey:
        """Name an object of a series."""
        sha16 = hashlib.sha256(body).hexdigest()[:16]
        return SeriesKey(self.prefix, self.tenant, series, seq, sha16)


async def patiently(ask: Callable[[], Awaitable[Result]]) -> Result:
    """Ask a store, and ask again after an answer that may pass; raise the last one."""
    for wait in _WAITS:
        try:
            return await ask()
        except StoreError as error:
            if error.refusal.answer not in _PASSING:
                raise
        await asyncio.sleep(wait)
    return await ask()


async def put_once(store: Store, key: str, body: bytes) -> None:
    """Store an object, or find that the very same is there already.

    Raise `EvidenceError` where other bytes lie under its key: somebody put them there.
    """
    sha256 = hashlib.sha256(body).hexdigest()
    metadata = {"format": "archiver-1", "sha256": sha256}
    try:
        await patiently(lambda: store.put(key, body, sha256=sha256, metadata=metadata))
    except StoreError as error:
        if error.refusal.answer not in (Answer.EXISTS, Answer.LOCKED):
            raise
        if await patiently(lambda: store.get(key)) != body:
            raise EvidenceError(
                f"other bytes lie under {key}, which only an admin writes",
                advice="Find out who put them there; remove that object, then try again.",
            ) from error


async def append(place: Place, series: Series, seq: int, body: bytes) -> SeriesKey:
    """Add the object ``seq`` to a series; raise `Overtaken` where there is another one."""
    key = place.key(series, seq, body)
    if others := await _others(place, key):
        raise _overtaken(others[0])
    await put_once(place.store, str(key), body)
    if others := await _others(place, key):
        await _withdraw(place.store, str(key))
        raise _overtaken(others[0])
    return key


async def _others(place: Place, key: SeriesKey) -> list[str]:
    """Find other objects of the same number."""
    stem = f"{series_folder(place.prefix, place.tenant, key.series)}{key.seq:012d}-"
    return [listed.key async for listed in place.store.list(stem) if listed.key != str(key)]


async def _withdraw(store: Store, key: str) -> None:
    try:
        await patiently(lambda: store.delete(key))
    except StoreError as error:
        raise Overtaken(
            f"two admins signed at the same moment, and {key} cannot be taken back",
            advice="Remove that object before anything else is signed, then try again.",
        ) from error


def _overtaken(other: str) -> Overtaken:
    return Overtaken(
        f"another admin was faster: {other} is there already",
        advice="Look at what it says, then give the command again if it is still needed.",
    )
