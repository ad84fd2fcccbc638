"""What an auditor asks of a tenant's retention: its terms, what is there, what went, and by whom.

Everything is the admin's signed word, or follows from it: what is there by covered manifests and
orders, not by a look at each chunk. That it is so, `archiver verify` proves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.evidence.orders import Erasure, Expiry, Hold
from archiver.format.times import rfc3339
from archiver.retention.due import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archiver.evidence.orders import Order
    from archiver.retention.plan import Plan

__all__ = ["ClassRow", "Gone", "HeldBy", "Report", "report"]

_THERE = tuple(one for one in Verdict if one is not Verdict.ORDERED)
_REFUSED = (Verdict.HELD, Verdict.LOCKED, Verdict.UNCOVERED)


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class: its terms by the policy in force, and what of it is there.

    ``days`` is ``None`` where it stays for ever, or where the policy does not name the class:
    then ``lock`` is ``None``, too. ``refused`` counts what is over and stays, by the reason.
    """

    klass: str
    days: int | None
    lock: str | None
    chunks: int
    stored_bytes: int
    oldest: str | None
    due: int
    next_due: str | None
    refused: dict[str, int]


@dataclass(frozen=True, slots=True)
class Gone:
    """What one order let go: ``what`` is the class that expired, or the subject erased."""

    order: int
    kind: str
    at: str
    by: str
    what: str
    why: str
    chunks: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class HeldBy:
    """A hold in force."""

    order: int
    id: str
    matter: str
    since: str
    by: str


@dataclass(frozen=True, slots=True)
class Report:
    """One tenant. ``checkpoint`` is the number of the newest one, ``covered_at`` its time."""

    tenant: str
    at: str
    policy: str | None
    checkpoint: int | None
    covered_at: str | None
    classes: tuple[ClassRow, ...]
    gone: tuple[Gone, ...] = ()
    holds: tuple[HeldBy, ...] = ()
    shortened: dict[str, int] = field(default_factory=dict)


def report(tenant: str, this: Plan, given: Iterable[Order], policy: str | None) -> Report:
    """Put a plan and the orders together; ``policy`` is the document's sha256 (hex)."""
    orders = list(given)
    known = {*this.terms, *(klass for klass, _, _ in this.groups)}
    last = this.checkpoint
    return Report(
        tenant,
        rfc3339(this.at),
        policy,
        last.seq if last else None,
        last.created_at if last else None,
        tuple(_class(this, klass) for klass in sorted(known)),
        tuple(gone for one in orders if (gone := _gone(one))),
        tuple(_holds(orders, this)),
        {klass: one.chunks for klass, one in sorted(this.shortened.items())},
    )


def _class(this: Plan, klass: str) -> ClassRow:
    terms = this.terms.get(klass)
    there = this.count(*_THERE, klass=klass)
    coming = this.count(Verdict.COMING, klass=klass)
    refused = {str(one): this.count(one, klass=klass).chunks for one in _REFUSED}
    return ClassRow(
        klass,
        terms.days if terms else None,
        terms.lock if terms else None,
        there.chunks,
        there.stored_bytes,
        there.oldest or None,
        this.count(Verdict.DUE, klass=klass).chunks,
        rfc3339(coming.first) if coming.first else None,
        {why: count for why, count in refused.items() if count},
    )


def _gone(order: Order) -> Gone | None:
    match order.deed:
        case Expiry() as deed:
            what, why = deed.klass, f"{deed.days} days"
        case Erasure() as deed:
            what, why = deed.subject, deed.basis
        case _:
            return None
    kind = "expiry" if isinstance(deed, Expiry) else "erasure"
    return Gone(
        order.seq, kind, order.created_at, order.by, what, why, deed.count, deed.stored_bytes
    )


def _holds(given: Iterable[Order], this: Plan) -> Iterable[HeldBy]:
    for order in given:
        deed = order.deed
        if isinstance(deed, Hold) and this.holds.get(deed.id) is deed:
            yield HeldBy(order.seq, deed.id, deed.matter, order.created_at, order.by)
