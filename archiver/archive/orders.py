"""What an admin ordered to go, as a verifier believes it: expiry and erasure told from loss.

An order counts where a trusted admin signed it. It excuses a missing chunk only where its own
words cover that chunk: its class and its time were over, or it was of that person and month.
What it takes beyond its words, or under a hold that was in force then, is a finding, not a loss.
An order was given no later than the first checkpoint that knows it, whatever it says itself: one
that is dated ahead lets nothing go before its time.

Limits: of a sealed chunk nobody sees here whose conversation it holds, so a hold of a
conversation covers all that is sealed of its person. When a chunk's time began is the word of
the manifest that lists it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from archiver.archive.findings import Code, Finding
from archiver.archive.holds import holding
from archiver.errors import ArchiverError, Damaged
from archiver.evidence import orders
from archiver.evidence.documents import moment
from archiver.evidence.orders import Erasure, Expiry, in_force

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator, Mapping

    from archiver.archive.signers import Trust
    from archiver.evidence.orders import Order, Run
    from archiver.format.keys import ChunkKey, SeriesKey
    from archiver.model.shipment import ChunkEntry

__all__ = ["Given", "Ordered", "read_orders"]

_MONTH: Final = len("2026-01")
_HIGHEST: Final = 10**12
"""Above every number that a chunk can have."""

_CLOCKS_DIFFER: Final = timedelta(days=1)
"""How far the clocks of two machines of admins may be apart, and nobody be blamed."""


@dataclass(slots=True)
class Given:
    """A tenant's orders, read: those that an admin signed; their numbers by sha256 (hex)."""

    orders: tuple[Order, ...] = ()
    hashes: dict[str, int] = field(default_factory=dict)

    def given_by(self, known: Mapping[str, str]) -> dict[int, datetime]:
        """Give by when each order was given, by its number, where a checkpoint speaks of it.

        ``known`` is when a checkpoint first named which order, by its sha256, as the newest.
        """
        marks = sorted((self.hashes[sha], at) for sha, at in known.items() if sha in self.hashes)
        places = ((one.seq, bisect_left(marks, (one.seq,))) for one in self.orders)
        return {seq: moment(marks[at][1]) + _CLOCKS_DIFFER for seq, at in places if at < len(marks)}


async def read_orders(
    bodies: AsyncIterable[tuple[SeriesKey, bytes]], trust: Trust, tenant: str
) -> tuple[Given, list[Finding]]:
    """Read a tenant's orders, oldest first. Each must be signed and follow the one before.

    One that is gone or damaged does not take later ones with it: an admin signed them, too.
    """
    found: list[Order] = []
    hashes: dict[str, int] = {}
    findings: list[Finding] = []
    last_sha256, damaged = "", 0
    async for key, body in bodies:
        sha256 = hashlib.sha256(body).hexdigest()
        try:
            this = _opened(key, body, sha256, trust, tenant)
        except ArchiverError as error:
            findings.append(Finding(Code.ORDER_INVALID, str(key), f"{error}"))
            damaged += 1
            continue
        expected = found[-1].seq + 1 if found else 1
        if this.seq - expected > damaged:
            meaning = f"orders between number {expected} and {this.seq - 1} are not there"
            findings.append(Finding(Code.ORDER_MISSING, str(key), meaning))
        elif this.seq == expected and not orders.follows(
            found[-1] if found else None, last_sha256 or None, this
        ):
            meaning = "it does not follow the order before it"
            findings.append(Finding(Code.ORDER_INVALID, str(key), meaning))
        if this.seq >= expected:
            found.append(this)
            last_sha256, damaged = sha256, 0
        else:
            meaning = "another order of its number is there: the admin's key signed two"
            findings.append(Finding(Code.ORDER_INVALID, str(key), meaning))
        hashes[sha256] = this.seq
    return Given(tuple(found), hashes), findings


def _opened(key: SeriesKey, body: bytes, sha256: str, trust: Trust, tenant: str) -> Order:
    advice = "Restore it from a replica; compare it with the admin's own copy."
    if sha256[:16] != key.sha:
        raise Damaged("its bytes are not those that its name says", advice=advice)
    this = orders.opened(body, trust.opened(body)[0], tenant)
    if this.seq != key.seq:
        raise Damaged("it belongs under another key", advice=advice)
    return this


class Ordered:
    """Asked about every listed chunk; says in the end what was wrong.

    ``expired`` and ``erased`` count the chunks that orders excuse and that are gone;
    ``left`` those that are there still. ``keys`` are the keys that were erased, by whose
    they were and their id: nobody's order takes another's key.
    ``given_by`` as `Given` has it.
    """

    def __init__(
        self, given: Iterable[Order] = (), given_by: Mapping[int, datetime] | None = None
    ) -> None:
        self._given_by = given_by or {}
        self._orders: dict[int, Order] = {}
        self._holds: dict[int, dict[str, orders.Hold]] = {}
        self._spans: dict[str, list[tuple[int, int, int]]] = {}
        self.keys: dict[tuple[str, str], str] = {}
        self._wrong: dict[tuple[int, Code], list[str]] = {}
        self._late: Counter[str] = Counter()
        self.expired = self.erased = self.left = 0
        before: list[Order] = []
        held: dict[str, orders.Hold] = {}
        for order in given:
            if isinstance(order.deed, Expiry | Erasure):
                self._take(order, order.deed)
                self._holds[order.seq] = held
            else:
                before.append(order)
                held = in_force(before)

    def _take(self, order: Order, deed: Expiry | Erasure) -> None:
        self._orders[order.seq] = order
        for named in deed.chunks:
            spans = self._spans.setdefault(named.device, [])
            new = [(*run, order.seq) for one in named.runs for run in _new(spans, one)]
            behind = not spans or not new or spans[-1] < new[0]
            spans += new
            if not behind:
                spans.sort()
        if isinstance(deed, Erasure):
            for key_id in deed.keys:
                self.keys.setdefault((deed.subject, key_id), order.created_at)

    def order_of(self, key: ChunkKey, entry: ChunkEntry, listed_at: str) -> int:
        """Give the number of the order that took a chunk, 0 where none did.

        ``listed_at`` is the time of the manifest that lists it.
        """
        spans = self._spans.get(key.device)
        at = bisect_right(spans, (key.seq, _HIGHEST, 0)) - 1 if spans else -1
        if not spans or at < 0 or not spans[at][0] <= key.seq <= spans[at][1]:
            sealed = key.subject, entry.seal.key_id if entry.seal else ""
            if sealed in self.keys and listed_at > self.keys[sealed]:
                self._late[key.device] += 1
            return 0
        number = spans[at][2]
        order = self._orders[number]
        said = moment(order.created_at)
        given = min(said, self._given_by.get(number, said))
        if not _covers(order.deed, key, listed_at, given):
            self._wrong.setdefault((number, Code.ORDER_UNLAWFUL), []).append(str(key))
        if holding(self._holds[number], key, entry):
            self._wrong.setdefault((number, Code.HOLD_BROKEN), []).append(str(key))
        return number

    def gone(self, number: int) -> None:
        """Note that a chunk which this order took is not there."""
        if isinstance(self._orders[number].deed, Expiry):
            self.expired += 1
        else:
            self.erased += 1

    def is_erased(self, number: int) -> bool:
        """Tell whether this order made what it took unreadable."""
        return bool(number) and isinstance(self._orders[number].deed, Erasure)

    def judge(self) -> Iterator[Finding]:
        """Yield what is wrong, one finding for each order and kind."""
        for (number, code), keys in sorted(self._wrong.items()):
            meaning = f"order {number} took {len(keys)} chunks that it must not, {keys[0]} first"
            yield Finding(code, f"order {number}", meaning)
        for device, count in sorted(self._late.items()):
            meaning = f"{count} chunks were sealed to keys that had been erased before"
            yield Finding(Code.SEALED_TO_ERASED, device, meaning)
        if self.left:
            meaning = f"{self.left} chunks are there that orders took"
            yield Finding(Code.ORDER_UNFINISHED, "orders", meaning)


def _covers(deed: orders.Deed, key: ChunkKey, listed_at: str, at: datetime) -> bool:
    """Tell whether an order's own words cover a chunk, as it was given ``at`` a time."""
    if isinstance(deed, Expiry):
        return key.klass == deed.klass and _due(listed_at, deed.days) <= at
    if isinstance(deed, Erasure):
        month = key.day[:_MONTH]
        return key.subject == deed.subject and (
            (deed.since or "") <= month <= (deed.until or "9999-99")
        )
    return False


def _due(listed_at: str, days: int) -> datetime:
    try:
        return moment(listed_at) + timedelta(days=days)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _new(spans: list[tuple[int, int, int]], run: Run) -> Iterator[Run]:
    """Yield the parts of a run that no earlier order took; ``spans`` ascend and are apart."""
    first, last = run
    at = max(bisect_right(spans, (first, _HIGHEST, 0)) - 1, 0)
    while at < len(spans) and spans[at][0] <= last:
        taken, end, _ = spans[at]
        if taken > first:
            yield first, taken - 1
        first, at = max(first, end + 1), at + 1
    if first <= last:
        yield first, last
