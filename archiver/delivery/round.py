"""One tenant's parcels against one opened store, until nothing is pending or it says stop.

* Oldest first, in batches: memory does not grow with the backlog. When nothing in the oldest
  batch can go now, the round is over.
* Chunks first, several at once; the papers of the batch after them, one by one and in order.
  No paper goes while a parcel of the round is left behind: a manifest may only list what is
  stored. What must be stored before any chunk (keys), the outbox gives alone.
* A parcel that is refused for now is left behind and the others go on, so one that a store or
  a proxy never takes holds nobody up. Three left behind in a row speak against the store, not
  against the parcels, and end the round.
* After a round of failures one parcel goes alone, another one each time, and its refusal ends
  the round: a long outage costs one request each time.
* A named state of the tenant ends the round at once; what is under way may finish.
* The receipt is durable before the sealed file goes. Cancelling a round is safe anywhere: what
  was on the wire is pending still.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archiver.delivery.steps import Deliver, Quarantine, Retry, Wait
from archiver.durable.files import reached

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archiver.delivery.courier import Courier
    from archiver.delivery.outbox import Outbox
    from archiver.delivery.parcel import Parcel, Waiting
    from archiver.delivery.steps import Ending

__all__ = ["BATCH", "Round", "Tally"]

BATCH: Final = 64
"""Parcels that are looked at together."""

_STRIKES: Final = 3


@dataclass(slots=True)
class Tally:
    """What a pass has done so far: counts, and stored bytes."""

    delivered: int = 0
    size: int = 0
    quarantined: int = 0


class Round:
    """One round of ``tenant`` through ``courier``, with ``slots`` parcels at once."""

    def __init__(
        self, outbox: Outbox, tenant: str, courier: Courier, *, slots: int, tally: Tally
    ) -> None:
        self._outbox = outbox
        self._tenant = tenant
        self._courier = courier
        self._slots = slots
        self._tally = tally
        self._left: set[str] = set()
        self._strikes = 0
        self._stopped: Waiting | None = None
        self._soonest: Waiting | None = None

    async def run(self) -> Waiting | None:
        """Ship; give what the tenant waits for now, ``None`` when nothing is pending."""
        while not self._stopped and (batch := self._batch()):
            await self._together(deque(parcel for parcel in batch if parcel.kind == "chunk"))
            for parcel in batch:
                if parcel.kind == "paper":
                    await self._in_turn(parcel)
        return self._stopped or self._soonest

    def _batch(self) -> Sequence[Parcel]:
        pending = self._outbox.pending(self._tenant, BATCH)
        batch = [parcel for parcel in pending if parcel.key not in self._left]
        failures = self._outbox.failures(self._tenant)
        if not failures:
            return batch
        chunks = [parcel for parcel in batch if parcel.kind == "chunk"]
        return [chunks[failures % len(chunks)]] if chunks else batch[:1]

    async def _together(self, chunks: deque[Parcel]) -> None:
        async def work() -> None:
            while chunks and not self._stopped:
                parcel = chunks.popleft()
                self._settle(parcel, await self._courier.bring(parcel))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._slots, len(chunks))):
                    group.create_task(work())
        except ExceptionGroup as errors:
            # One slot's error cancels the others: callers expect it as it was raised.
            raise errors.exceptions[0] from None

    async def _in_turn(self, paper: Parcel) -> None:
        if self._left:
            self._left.add(paper.key)
        else:
            self._settle(paper, await self._courier.bring(paper))

    def _settle(self, parcel: Parcel, ending: Ending) -> None:
        match ending:
            case Deliver(receipt):
                self._outbox.deliver(parcel, receipt)
                reached("ship.receipt")
                self._outbox.discard(parcel)
                reached("ship.unlinked")
                self._succeeded(parcel)
            case Quarantine(reason):
                self._outbox.quarantine(parcel, reason)
                self._tally.quarantined += 1
            case Retry(waiting):
                self._left_behind(parcel, waiting)
            case Wait(waiting):
                self._left.add(parcel.key)
                self._stopped = self._stopped or waiting

    def _left_behind(self, parcel: Parcel, waiting: Waiting) -> None:
        self._left.add(parcel.key)
        self._strikes += 1
        if self._strikes >= _STRIKES or self._outbox.failures(self._tenant):
            self._stopped = self._stopped or waiting
        if self._soonest is None or waiting.until < self._soonest.until:
            self._soonest = waiting

    def _succeeded(self, parcel: Parcel) -> None:
        self._tally.delivered += 1
        self._tally.size += parcel.size
        self._strikes = 0
        if self._outbox.failures(self._tenant):
            self._outbox.set_waiting(self._tenant, None, 0)
