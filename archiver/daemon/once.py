"""One complete pass: everything that is there now is captured, sealed, shipped, listed.

Used by ``archiver sync``, the quickstart, and by the daemon when it stops. Collecting runs
in a thread; what it fills is sealed and shipped beside it, so a large backlog streams
through and the spool stays small.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from archiver.capture.collect import Pass
    from archiver.daemon.engine import Engine
    from archiver.delivery.ship import Shipped

__all__ = ["Outcome", "Progress", "once"]

_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass has come; for a progress bar."""

    conversations: int
    chunks: int
    delivered: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one pass did. ``due`` counts parcels that should be in a store and are not."""

    collected: Pass
    sealed: int
    delivered: int
    delivered_bytes: int
    quarantined: int
    due: int


class _Tally:
    def __init__(self) -> None:
        self.sealed = self.delivered = self.size = self.quarantined = 0

    def add(self, shipped: list[Shipped]) -> None:
        for one in shipped:
            self.delivered += one.delivered
            self.size += one.size
            self.quarantined += one.quarantined


async def once(engine: Engine, progress: Callable[[Progress], None] = lambda _: None) -> Outcome:
    """Make one complete pass.

    Waits for files that are being written, as long as the policy's quiet time, then takes
    what there is.
    """
    tally = _Tally()
    quiet = engine.rules.policy.schedule.quiet_seconds if engine.rules else 0
    deadline = time.monotonic() + quiet + 1
    while True:
        collected = await _streamed(engine, tally, progress)
        moved = tally.delivered
        tally.sealed += await asyncio.to_thread(engine.seal, everything=True)
        await _ship(engine, tally, force=True)
        progress(Progress(collected.conversations, tally.sealed, tally.delivered))
        if collected.full and tally.delivered > moved:
            continue
        if not collected.unsettled or time.monotonic() >= deadline:
            break
        await asyncio.sleep(max(0.0, min(1.0, deadline - time.monotonic())))
    return Outcome(
        collected, tally.sealed, tally.delivered, tally.size, tally.quarantined, due(engine)
    )


async def _streamed(engine: Engine, tally: _Tally, progress: Callable[[Progress], None]) -> Pass:
    left = threading.Event()
    collecting = asyncio.ensure_future(asyncio.to_thread(engine.collect, left.is_set))
    shipping: asyncio.Task[None] | None = None
    shipped = tally.sealed
    try:
        while not collecting.done():
            await asyncio.wait([collecting], timeout=_POLL_SECONDS)
            if collecting.done():
                break
            tally.sealed += await asyncio.to_thread(engine.seal)
            if tally.sealed > shipped and (shipping is None or shipping.done()):
                if shipping:
                    await shipping
                shipped = tally.sealed
                shipping = asyncio.create_task(_ship(engine, tally, manifests=False))
            progress(Progress(engine.last_pass.conversations, tally.sealed, tally.delivered))
    finally:
        left.set()  # where this was cancelled, nobody waits for the rest of a backlog
        result = await collecting
        if shipping:
            await shipping
    return result


async def _ship(
    engine: Engine, tally: _Tally, *, force: bool = False, manifests: bool = True
) -> None:
    tenants = engine.rules.tenants if engine.rules else {}
    passes = [engine.ship(tenant, force=force, manifests=manifests) for tenant in tenants]
    for shipped in await asyncio.gather(*passes):
        tally.add(shipped)


def due(engine: Engine) -> int:
    """Count what enabled tenants should have in their stores and have not."""
    count = 0
    for tenant in engine.rules.tenants if engine.rules else ():
        backlog = engine.spool.backlog(tenant)
        count += (
            backlog.pending_chunks
            + backlog.pending_manifests
            + backlog.unlisted_chunks
            + bool(backlog.spooled_records)
        )
    return count
