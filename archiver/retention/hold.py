"""Legal holds: ordered, put on what matches, and taken off where none is in force any more.

The signed order is the hold; nothing in archiver destroys what one in force matches. Where a
store keeps holds by itself (S3 Object Lock), each matching chunk gets a legal hold too, so that
neither its lifecycle nor anybody's keys get past it, and what a delete marker hides is brought
back. `apply_holds` makes the store what the orders say, whatever it was: it may run at any time
and die at any point, and the next run completes it.

Costs: what it costs to read all manifests from roll-ups, and for each chunk that any hold ever
matched one or two requests.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from archiver.archive.fetch import in_turn, no_progress
from archiver.archive.holds import matches
from archiver.errors import NotOrdered, StoreError
from archiver.evidence.orders import Hold, Release
from archiver.model.answers import Answer
from archiver.retention.listing import listed_chunks, look
from archiver.retention.sets import ChunkSet
from archiver.stores.custody import custody_of
from archiver.witness.orders import give
from archiver.witness.place import patiently

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
    from datetime import datetime

    from archiver.evidence.orders import Order
    from archiver.format.keys import ChunkKey
    from archiver.retention.listing import Known
    from archiver.stores.custody import Custody
    from archiver.witness.orders import Orders
    from archiver.witness.register import Desk

__all__ = ["Applied", "add", "apply_holds", "check_in_force", "check_new", "release"]

Did = TypeVar("Did")

_AT_ONCE: Final = 4
"""Chunks that are asked about together, for each put that the store likes at once."""

_BATCH: Final = 1000


@dataclass(slots=True)
class Applied:
    """What a run of `apply_holds` found and did, in chunks.

    ``in_force`` counts the holds. ``matching`` chunks are listed and covered by one of them,
    ``absent`` of those are not in the store, in no version. ``by_record`` says that the store
    keeps no holds, so that the signed order alone stands.
    """

    in_force: int
    by_record: bool
    matching: int = 0
    placed: int = 0
    revealed: int = 0
    absent: int = 0
    lifted: int = 0


async def add(desk: Desk, hold: Hold, *, by: str, now: datetime) -> Order:
    """Order a hold; raise `EvidenceError`. Nothing is held in the store yet: `apply_holds`.

    An id is given once: a hold that was released does not come back.
    """

    def new(known: Orders) -> None:
        check_new(known.all, hold.id)

    order, _ = await give(desk, hold, by=by, now=now, check=new)
    return order


async def release(desk: Desk, name: str, *, reason: str, by: str, now: datetime) -> Order:
    """Order that a hold ends; raise `EvidenceError`. `apply_holds` then lets go."""

    def held(known: Orders) -> None:
        check_in_force(known.holds, name)

    order, _ = await give(desk, Release(id=name, reason=reason), by=by, now=now, check=held)
    return order


def check_new(given: Iterable[Order], name: str) -> None:
    """Raise `NotOrdered` where a hold of this id was ever ordered."""
    for order in given:
        if isinstance(order.deed, Hold) and order.deed.id == name:
            raise NotOrdered(
                f"the hold {name} was ordered at {order.created_at} already",
                advice="Give another --id; a hold that was released does not come back. See"
                " `archiver hold list --all`.",
            )


def check_in_force(held: Iterable[str], name: str) -> None:
    """Raise `NotOrdered` where no hold of this id is in force."""
    if name not in (known := sorted(held)):
        raise NotOrdered(
            f"no hold {name} is in force; there is {', '.join(known) or 'none'}",
            advice="See `archiver hold list --all`.",
        )


async def apply_holds(desk: Desk, *, progress: Callable[[int, int], None] = no_progress) -> Applied:
    """Make the store hold what the orders hold, and nothing that only ended ones held.

    ``progress`` is called with the manifests read and their number. Raise `EvidenceError`
    where the orders are not sound, `StoreError` where the store refuses.
    """
    known, lifted = await look(desk), 0
    while True:
        done = await _Run(desk, known).run(progress)
        done.lifted += lifted
        if done.lifted == lifted:
            return done
        before, known, lifted = known, await look(desk), done.lifted
        if known.orders.sha256 == before.orders.sha256:
            return done
        # What was ordered while holds were taken off may hold just those chunks.


class _Run:
    """One run: everything that is to be held first, then what may be let go."""

    def __init__(self, desk: Desk, known: Known) -> None:
        self._desk, self._known = desk, known
        self._custody: Custody = custody_of(desk.place.store)
        self._in_force = tuple(known.orders.holds.values())
        self._ended = tuple(_ended(known))
        self._seen, self._ended_keys = ChunkSet(), dict[str, "ChunkKey"]()
        self.done = Applied(len(self._in_force), not self._custody.can_lock)

    async def run(self, progress: Callable[[int, int], None]) -> Applied:
        if not (self._in_force or (self._ended and self._custody.can_lock)):
            return self.done
        batch: list[ChunkKey] = []
        chain = self._known.chain
        async with aclosing(listed_chunks(self._desk.place, chain, progress=progress)) as listing:
            async for one in listing:
                if any(matches(hold, one.key, one.entry) for hold in self._in_force):
                    # Other bytes under the same number are held as well, and counted once.
                    self.done.matching += self._seen.add(one.key)
                    batch.append(one.key)
                elif any(matches(hold, one.key, one.entry) for hold in self._ended):
                    self._ended_keys[str(one.key)] = one.key
                if len(batch) >= _BATCH:
                    await self._hold(batch)
                    batch.clear()
        await self._hold(batch)
        await self._let_go()
        return self.done

    async def _hold(self, keys: list[ChunkKey]) -> None:
        if self._custody.can_lock:
            async for found in self._each(keys, self._held):
                self.done.placed += "placed" in found
                self.done.revealed += "revealed" in found
                self.done.absent += "absent" in found

    async def _held(self, key: str) -> tuple[str, ...]:
        kept = await patiently(lambda: self._custody.kept(key))
        if kept is None:
            return ("absent",)
        did = []
        if not kept.held and not self.done.by_record:
            try:
                await patiently(lambda: self._custody.hold(key, on=True))
                did.append("placed")
            except StoreError as error:
                if error.refusal.answer is Answer.NOT_FOUND:
                    return ("absent",)
                if error.refusal.answer is not Answer.CONFIGURATION:
                    raise
                self.done.by_record = True  # the bucket was made without Object Lock
        if kept.hidden:
            await patiently(lambda: self._custody.reveal(key))
            did.append("revealed")
        return tuple(did)

    async def _let_go(self) -> None:
        if not (self._ended_keys and self._custody.can_lock):
            return
        if (await look(self._desk)).orders.sha256 != self._known.orders.sha256:
            return  # somebody ordered meanwhile; the next run knows it
        # A chunk that is listed twice stays held if one listing says so.
        free = [key for key in self._ended_keys.values() if key not in self._seen]
        async for lifted in self._each(free, self._lifted):
            self.done.lifted += lifted

    async def _lifted(self, key: str) -> bool:
        kept = await patiently(lambda: self._custody.kept(key))
        if kept is None or not kept.held:
            return False
        await patiently(lambda: self._custody.hold(key, on=False))
        return True

    async def _each(
        self, keys: list[ChunkKey], work: Callable[[str], Awaitable[Did]]
    ) -> AsyncGenerator[Did, None]:
        limit = self._desk.place.store.concurrency * _AT_ONCE
        async with aclosing(in_turn(map(str, keys), work, limit=limit)) as replies:
            async for reply in replies:
                yield reply


def _ended(known: Known) -> Iterator[Hold]:
    """Yield the holds that were in force once."""
    for order in known.orders.all:
        if isinstance(order.deed, Hold) and order.deed.id not in known.orders.holds:
            yield order.deed
