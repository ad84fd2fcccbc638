"""Temporary keys that were asked for, held in memory until shortly before they end.

A store is opened afresh for every round; without this, each of them would ask STS or run a
command. Nothing is written anywhere. Keys are asked for anew five minutes before their end (a
quarter of a short life); where that fails, the old ones serve until they have ended. A store
that refused them has them forgotten, so that a role whose sessions were revoked is not locked
out for their rest.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from archiver.credentials.keys import expiry_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable
    from datetime import datetime

    from archiver.credentials.keys import Keys

__all__ = ["HELD", "Sessions"]

_MARGIN: Final = timedelta(minutes=5)


class Sessions:
    """Temporary keys by who asked for them."""

    def __init__(self) -> None:
        self._held: dict[Hashable, tuple[Keys | None, Keys, datetime]] = {}

    async def get(
        self,
        asker: Hashable,
        base: Keys | None,
        ask: Callable[[], Awaitable[Keys]],
        *,
        clock: Callable[[], datetime],
    ) -> Keys:
        """Give keys that have not ended; ``ask`` where none are held, or others for ``base``."""
        found_base, keys, until = self._held.get(asker, (None, None, None))
        if keys is None or until is None or found_base != base:
            return await self._asked(asker, base, ask, clock)
        now = clock()
        if now < until:
            return keys
        try:
            return await self._asked(asker, base, ask, clock)
        except Exception:
            expiry = expiry_of(keys)
            if expiry is None or expiry.at <= clock():
                raise
            return keys

    async def _asked(
        self,
        asker: Hashable,
        base: Keys | None,
        ask: Callable[[], Awaitable[Keys]],
        clock: Callable[[], datetime],
    ) -> Keys:
        began = clock()
        keys = await ask()
        self._held.pop(asker, None)
        if expiry := expiry_of(keys):
            margin = min(_MARGIN, max((expiry.at - began) / 4, timedelta()))
            self._held[asker] = (base, keys, expiry.at - margin)
        return keys

    def forget(self, asker: Hashable) -> None:
        """Ask anew the next time."""
        self._held.pop(asker, None)


HELD: Final = Sessions()
"""Those of this process."""
