"""A bandwidth limit that all tenants share.

Over any span of time no more is sent than the limit allows for that span, plus one parcel.
Each parcel may start when those before it are paid for, in the order in which they asked.
The limit shapes when parcels start, not the wire: one parcel goes at the line's full speed.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Bucket", "Pace"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket that holds one parcel: ``rate`` in bytes per second.

    ``free_at`` is the moment, in seconds of the caller's clock, at which everything that was
    taken is paid for.
    """

    rate: float
    free_at: float = 0.0

    def take(self, size: int, now: float) -> tuple[Bucket, float]:
        """Take ``size`` bytes; give the bucket afterwards and the seconds to wait first."""
        start = max(now, self.free_at)
        return replace(self, free_at=start + size / self.rate), start - now


class Pace:
    """The limit in force: ``bytes_per_second`` over every tenant together."""

    def __init__(
        self,
        bytes_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._bucket = Bucket(bytes_per_second, clock())

    async def wait(self, size: int) -> None:
        """Return when ``size`` bytes may start."""
        self._bucket, delay = self._bucket.take(size, self._clock())
        if delay > 0:
            await self._sleep(delay)
