"""The chain of a tenant's orders: read, judged, and added to.

As with registries, an admin who is about to sign sees the whole chain first: every order must
be signed by a trusted admin and follow the one before, and what this machine or a checkpoint
has seen must still be there. Else nothing is signed; nor by a clock that the newest checkpoint
contradicts, because an order that is dated ahead bars the next one for as long.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.errors import ArchiverError, EvidenceError, HistoryChanged
from archiver.evidence import orders
from archiver.evidence.documents import moment
from archiver.format.keys import Series
from archiver.format.times import rfc3339
from archiver.witness.chains import follow_statements, sha256_of, unsound
from archiver.witness.memory import Mark, recall, remember
from archiver.witness.place import append

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from archiver.archive.signers import Trust
    from archiver.evidence.orders import Deed, Hold, Order
    from archiver.format.keys import SeriesKey
    from archiver.witness.chains import Statements
    from archiver.witness.memory import Memory
    from archiver.witness.place import Place
    from archiver.witness.register import Desk

__all__ = [
    "Orders",
    "check_clock",
    "check_orders",
    "current",
    "follow_orders",
    "give",
    "read_orders",
]


_STALE: Final = timedelta(days=31)
"""Age of the newest checkpoint from which the clock may be the reason."""


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders of a tenant, oldest first; ``hashes`` (hex) by number."""

    all: tuple[Order, ...] = ()
    hashes: dict[int, str] = field(default_factory=dict)

    @property
    def newest(self) -> Order | None:
        """Give the last one."""
        return self.all[-1] if self.all else None

    @property
    def sha256(self) -> str | None:
        """Give the hash of its stored bytes."""
        return self.hashes[self.all[-1].seq] if self.all else None

    @property
    def mark(self) -> Mark | None:
        """Give what `Memory` keeps of it."""
        return Mark(self.all[-1].seq, self.hashes[self.all[-1].seq]) if self.all else None

    @property
    def holds(self) -> dict[str, Hold]:
        """Give the holds that are in force, by id."""
        return orders.in_force(self.all)


def follow_orders(bodies: Iterable[tuple[SeriesKey, bytes]], trust: Trust, tenant: str) -> Orders:
    """Follow a tenant's orders; raise `EvidenceError`."""
    found: list[Order] = []
    hashes: dict[int, str] = {}
    last_sha256: str | None = None
    for key, body in bodies:
        sha256 = sha256_of(body)
        try:
            this = orders.opened(body, trust.opened(body)[0], tenant)
        except ArchiverError as error:
            raise unsound(key, str(error)) from error
        if sha256[:16] != key.sha or this.seq != key.seq:
            raise unsound(key, "it belongs under another key")
        if not orders.follows(found[-1] if found else None, last_sha256, this):
            raise unsound(key, "it does not follow the one before it")
        found.append(this)
        last_sha256 = hashes[this.seq] = sha256
    return Orders(tuple(found), hashes)


def check_orders(chain: Statements, found: Orders) -> None:
    """Raise `HistoryChanged` where the order that the newest checkpoint names is gone."""
    last = chain.newest
    if last and last.orders is not None and last.orders not in found.hashes.values():
        raise HistoryChanged(
            f"checkpoint number {last.seq} names an order that the store no longer has",
            advice="Nothing was signed. Restore the orders from a replica: without them, holds"
            " end and lawful expiry looks like loss.",
        )


async def read_orders(place: Place, trust: Trust, memory: Memory) -> Orders:
    """Read every order of a tenant and follow their chain.

    Raise `EvidenceError` where one of them is not sound, `HistoryChanged` where the store no
    longer holds the one that this machine knows.
    """
    found = follow_orders(await place.series(Series.ORDERS), trust, place.tenant)
    memory.check("order", memory.orders, found.hashes)
    return found


async def current(desk: Desk) -> tuple[Memory, Orders, Statements]:
    """Give what this machine remembers, the orders as somebody may sign on top, and checkpoints."""
    memory = recall(desk.memory, desk.place)
    found = await read_orders(desk.place, desk.trust, memory)
    bodies = await desk.place.series(Series.CHECKPOINTS)
    chain = follow_statements(bodies, desk.trust, desk.place.tenant)
    memory.check("checkpoint", memory.statement, chain.hashes)
    check_orders(chain, found)
    return memory, found, chain


def check_clock(chain: Statements, now: datetime) -> None:
    """Raise `EvidenceError` where the newest checkpoint says that this clock may be off."""
    last = chain.newest
    if last is None:
        return
    age = now - moment(last.created_at)
    if age < timedelta():
        raise EvidenceError(
            f"the last checkpoint was made at {last.created_at}, and this clock says earlier",
            advice="Set the clock of this machine, then try again.",
        )
    if age > _STALE:
        raise EvidenceError(
            f"the last checkpoint was made at {last.created_at}: by this clock {age.days} days ago",
            advice="Set this machine's clock if it is ahead: orders live by it. Else run"
            " `archiver checkpoint`, then try again.",
        )


async def give(
    desk: Desk,
    deed: Deed,
    *,
    by: str,
    now: datetime,
    check: Callable[[Orders], None] = lambda _known: None,
) -> tuple[Order, SeriesKey]:
    """Sign and store the next order; raise `EvidenceError`. Nothing is done about it yet.

    ``check`` is asked with the orders that this one follows, and raises where it may not.
    """
    memory, known, chain = await current(desk)
    check(known)
    check_clock(chain, now)
    if known.newest and known.newest.created_at > rfc3339(now):
        raise EvidenceError(
            f"the last order was given at {known.newest.created_at}, and this clock says earlier",
            advice="Set the clock of this machine, then try again.",
        )
    this = orders.next_order(
        known.newest, known.sha256, deed, tenant=desk.place.tenant, by=by, now=now
    )
    body = orders.sign(this, desk.signer)
    key = await append(desk.place, Series.ORDERS, this.seq, body)
    mark = Mark(this.seq, sha256_of(body))
    remember(desk.memory, desk.place, msgspec.structs.replace(memory, orders=mark))
    return this, key
