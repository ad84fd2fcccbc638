"""Opening sealed chunks, on the side of an officer. A device never has what this needs.

A month key that somebody was handed (``archiver keys export``) opens its chunks without the
vault. Each other one is unwrapped once and remembered, the latest ones only. That a key is gone or
for others is remembered too, or ten thousand chunks of an erased person would ask ten thousand
times. What the store refused is not: it may answer next time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.errors import ArchiveError, Damaged, KeyGone, NotForUs
from archiver.vault import age
from archiver.vault.months import key_id
from archiver.vault.wrap import Opened, open_wrap

if TYPE_CHECKING:
    from archiver.vault.layout import VaultKey
    from archiver.vault.months import KeyName

__all__ = ["Fetch", "Opener"]

Fetch = Callable[["KeyName"], Awaitable[Sequence[tuple["VaultKey", bytes]]]]
"""Gives all wraps of one month key, as `archiver.vault.layout.wraps_of` lists them."""


@dataclass(slots=True)
class _Place:
    """Where the answer for one key will be; the first who asks finds it out."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    answer: Opened | ArchiveError | None = None


class Opener:
    """Opens chunks with the private keys of an officer, and remembers ``keep`` month keys."""

    def __init__(self, fetch: Fetch, identities: Sequence[str], *, keep: int = 4096) -> None:
        self._fetch = fetch
        self._identities = tuple(identities)
        self._keep = keep
        self._handed: dict[str, str] | None = None
        self._places: OrderedDict[KeyName, _Place] = OrderedDict()

    async def open(self, name: KeyName, body: bytes) -> bytes:
        """Give the frame in a chunk that is sealed to the month key ``name``.

        Raise `KeyGone` where the vault has no wrap of it, `NotForUs` where it has none for
        these identities, `Damaged` where each one that it has is damaged, or the chunk is.
        """
        identity = self._own().get(name.key_id) or (await self.key(name)).identity
        try:
            return age.decrypt(body, (identity,))
        except NotForUs:
            raise Damaged(
                f"a chunk is not sealed to its month key {name.key_id}, or was altered",
                advice="Compare its sha256 with the manifest; restore it from a replica.",
            ) from None

    async def key(self, name: KeyName) -> Opened:
        """Give the month key ``name`` itself, for an export; raise as `open` does."""
        place = self._places.setdefault(name, _Place())
        self._places.move_to_end(name)
        while len(self._places) > self._keep:
            self._places.popitem(last=False)
        async with place.lock:
            if place.answer is None:
                place.answer = self._unwrap(name, await self._fetch(name))
        if isinstance(place.answer, ArchiveError):
            # A new one each time: a raised error collects the places that it passed.
            raise type(place.answer)(str(place.answer), advice=place.answer.advice)
        return place.answer

    def _own(self) -> dict[str, str]:
        """Give the identities by the id that each would have as a month key."""
        if self._handed is None:
            ours = [one for one in self._identities if age.is_native(one)]
            self._handed = {key_id(age.recipient_of(one)): one for one in ours}
        return self._handed

    def _unwrap(
        self, name: KeyName, wraps: Sequence[tuple[VaultKey, bytes]]
    ) -> Opened | ArchiveError:
        answer: ArchiveError = KeyGone(
            f"the vault has no wrap of month key {name.key_id}"
            f" (subject {name.subject}, {name.month})",
            advice="If that month was erased, this is how it should be. Else look for the"
            " objects in a replica, or wait until the device has shipped them.",
        )
        for key, body in wraps:
            if key.name != name:
                continue
            try:
                return open_wrap(body, self._identities, key)
            except NotForUs as error:
                answer = error
            except Damaged as error:
                # That others have a sound wrap says more than that one is damaged.
                answer = answer if isinstance(answer, NotForUs) else error
        return answer
