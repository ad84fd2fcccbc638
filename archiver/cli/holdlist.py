"""What ``archiver hold list`` finds, as rows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.cli.admin import check_found
from archiver.cli.archives import bars
from archiver.cli.orders import trusted
from archiver.evidence.orders import Hold, Release
from archiver.retention.extent import Extent, extents
from archiver.retention.listing import look_at
from archiver.witness.memory import Memory
from archiver.witness.place import Place

if TYPE_CHECKING:
    from archiver.cli.archives import Archives, Part
    from archiver.evidence.orders import Order

__all__ = ["Row", "listed", "words_of"]


@dataclass(frozen=True, slots=True)
class Row:
    """A hold, and what it covers now. ``of`` says in words what it is about."""

    tenant: str
    id: str
    matter: str
    reason: str
    of: str
    ordered_at: str
    by: str
    released_at: str | None
    chunks: int
    stored_bytes: int
    first_day: str
    last_day: str


def listed(archives: Archives, keys: tuple[str, ...], *, everything: bool) -> list[Row]:
    """List the holds of every tenant that is meant."""
    tenants: list[str] = []

    async def work(part: Part) -> list[Row]:
        trust = trusted(part, keys)
        tenants.extend(part.tenants)
        rows = []
        for tenant in part.tenants:
            place = Place(part.store, part.prefix, tenant)
            known = await look_at(place, trust, Memory())
            with bars("manifests") as tell:
                in_force = known.orders.holds
                found = await extents(place, known, in_force.values(), progress=tell)
            ended = _ended(known.orders.all)
            for order in known.orders.all:
                this = order.deed
                if isinstance(this, Hold) and (everything or this.id in in_force):
                    extent = found.get(this.id, Extent())
                    rows.append(_row(tenant, order, this, extent, ended.get(this.id)))
        return rows

    rows = [row for found in asyncio.run(archives.each(work)) for row in found]
    check_found(archives, tenants)
    return rows


def words_of(hold: Hold) -> str:
    """Say what a hold is about."""
    said = [f"subject {hold.subject}"] if hold.subject else []
    said += [f"conversation {hold.conversation} ({hold.assistant})"] if hold.conversation else []
    said += [f"from {hold.since}"] if hold.since else []
    said += [f"to {hold.until}"] if hold.until else []
    return ", ".join(said) or "everything"


def _ended(given: tuple[Order, ...]) -> dict[str, str]:
    """Give when each hold that was released was."""
    found: dict[str, str] = {}
    for order in given:
        if isinstance(order.deed, Release):
            found.setdefault(order.deed.id, order.created_at)
    return found


def _row(tenant: str, order: Order, this: Hold, extent: Extent, ended: str | None) -> Row:
    return Row(
        tenant,
        this.id,
        this.matter,
        this.reason,
        words_of(this),
        order.created_at,
        order.by,
        ended,
        extent.chunks,
        extent.stored_bytes,
        extent.first,
        extent.last,
    )
