"""Ship what is pending, tenant by tenant, and remember what each tenant waits for.

* A pass of one tenant is a series of rounds, each with a store opened afresh: credentials are
  read anew and no connection outlives a sleep of the machine.
* A short wait for the store is slept out inside the pass; a longer one, and every state that
  needs a human, is kept in the outbox, and passes before its time do nothing.
* Tenants share the bandwidth and nothing else: none waits for another's store.
* Two passes of one tenant never overlap; the second waits for the first.
* Nothing is opened where nothing is pending: an idle pass loads no store's library.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from archiver.delivery.courier import Courier, ask
from archiver.delivery.parcel import WaitReason
from archiver.delivery.round import Round, Tally
from archiver.delivery.waits import wait_for
from archiver.errors import StoreError
from archiver.model.answers import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime

    from archiver.delivery.outbox import Outbox
    from archiver.delivery.pace import Pace
    from archiver.delivery.parcel import Waiting
    from archiver.stores.protocol import Store

__all__ = ["Limits", "Shipped", "Shipper"]

_LEAST_NAP: Final = 1.0  # seconds that each nap is charged, so that naps of zero end as well


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits in seconds: of one question to a store, of all naps of one pass."""

    answer: float = 120.0
    naps: float = 30.0


@dataclass(frozen=True, slots=True)
class Shipped:
    """What one pass did for one tenant: counts, stored bytes, and why it ended early if so."""

    delivered: int
    size: int
    quarantined: int
    waiting: Waiting | None


class Shipper:
    """Ships from ``outbox``.

    ``open_store`` makes the unopened store of a tenant, ``clock`` gives aware times, ``draw``
    random numbers in [0, 1). `StoreError` never leaves a pass; what the outbox raises does.
    """

    def __init__(
        self,
        outbox: Outbox,
        open_store: Callable[[str], Store],
        *,
        clock: Callable[[], datetime],
        draw: Callable[[], float],
        pace: Pace | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        limits: Limits | None = None,
    ) -> None:
        self._outbox = outbox
        self._open_store = open_store
        self._clock = clock
        self._draw = draw
        self._pace = pace
        self._sleep = sleep
        self._limits = limits or Limits()
        self._passes: dict[str, asyncio.Lock] = {}

    async def ship_all(self, tenants: Iterable[str], *, force: bool = False) -> dict[str, Shipped]:
        """Ship every tenant, all at once.

        Where a pass raised, its error is raised after every other tenant had its pass.
        """
        names = tuple(tenants)
        passes = (self.ship(tenant, force=force) for tenant in names)
        results = await asyncio.gather(*passes, return_exceptions=True)
        shipped: dict[str, Shipped] = {}
        for tenant, result in zip(names, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            shipped[tenant] = result
        return shipped

    async def ship(self, tenant: str, *, force: bool = False) -> Shipped:
        """Ship one tenant until nothing is pending or it has to wait.

        ``force`` asks the store even before a waiting state is over: after a change of the
        policy, a wake-up, or on a human's word.
        """
        async with self._passes.setdefault(tenant, asyncio.Lock()):
            waiting = self._outbox.waiting(tenant)
            if waiting and waiting.holds(self._clock()) and not force:
                return Shipped(0, 0, 0, waiting)
            return await self._pass(tenant)

    async def _pass(self, tenant: str) -> Shipped:
        tally, naps = Tally(), self._limits.naps
        while True:
            pending = self._outbox.pending(tenant, 1)
            waiting = self._remember(tenant, await self._round(tenant, tally) if pending else None)
            if waiting and waiting.reason is WaitReason.TIME:
                nap = (waiting.until - self._clock()).total_seconds()
                naps -= max(nap, _LEAST_NAP)
                if naps >= 0:
                    await self._sleep(max(nap, 0))
                    continue
            return Shipped(tally.delivered, tally.size, tally.quarantined, waiting)

    async def _round(self, tenant: str, tally: Tally) -> Waiting | None:
        try:
            async with AsyncExitStack() as stack:
                opening = stack.enter_async_context(self._open_store(tenant))
                store = await ask(opening, seconds=self._limits.answer)
                if isinstance(store, Refusal):
                    return self._refused(tenant, store)
                courier = Courier(
                    store,
                    clock=self._clock,
                    draw=self._draw,
                    failures=partial(self._outbox.failures, tenant),
                    pace=self._pace,
                    patience=self._limits.answer,
                )
                slots = store.concurrency
                return await Round(self._outbox, tenant, courier, slots=slots, tally=tally).run()
        except StoreError as error:
            return self._refused(tenant, error.refusal)

    def _refused(self, tenant: str, refusal: Refusal) -> Waiting:
        failures = self._outbox.failures(tenant)
        return wait_for(refusal, now=self._clock(), failures=failures, draw=self._draw())

    def _remember(self, tenant: str, waiting: Waiting | None) -> Waiting | None:
        earlier, failures = self._outbox.waiting(tenant), self._outbox.failures(tenant)
        if waiting:
            waiting = waiting.after(earlier)
            self._outbox.set_waiting(tenant, waiting, failures + 1)
        elif earlier or failures:
            self._outbox.set_waiting(tenant, None, 0)
        return waiting
