"""The right to erasure: one person's months are made unreadable, for everybody and for ever.

In this order: everything is looked at and judged (`archiver.retention.erasing`), nothing done;
the order is signed and stored; the wraps of the month keys are destroyed, all versions; chunks
are removed where that may be. What a lock of governance keeps stays, as noise. A crash leaves an
order behind that `finish` completes, and a hold that was ordered in between stops it.

Manifests speak of stored bytes and of sizes, not of what was said: they stay, and still verify.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archiver.archive.fetch import in_turn, no_progress
from archiver.errors import MustStay, NotArchived, NotOrdered
from archiver.evidence.orders import Erasure
from archiver.format.keys import ChunkKey, parse_key, tenant_folder
from archiver.retention.believed import believed_chunks
from archiver.retention.erasing import Target, forbidden, lock_of
from archiver.retention.listing import look
from archiver.retention.sets import ChunkSet
from archiver.stores.custody import custody_of
from archiver.vault.layout import parse_vault_key, vault_folder
from archiver.vault.months import month_of
from archiver.witness.orders import give
from archiver.witness.place import patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from archiver.evidence.orders import Order
    from archiver.retention.listing import Known, ListedChunk
    from archiver.witness.orders import Orders
    from archiver.witness.place import Place
    from archiver.witness.register import Desk

__all__ = [
    "Plan",
    "Wanted",
    "erased_chunks",
    "order",
    "plan",
    "remaining_chunks",
    "remaining_wraps",
]

_AT_ONCE: Final = 4
_MONTH: Final = len("2026-01")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose, and which months: ``YYYY-MM``, both included. ``None`` is the first, and the last."""

    subject: str
    since: str | None = None
    until: str | None = None

    def has(self, month: str) -> bool:
        """Tell whether a month is meant."""
        return (self.since or "") <= month <= (self.until or "9999-99")


@dataclass(frozen=True, slots=True)
class Plan:
    """What an erasure would do. ``wraps`` are keys in the store, ``keys`` ids of month keys.

    ``after`` is the sha256 of the newest order that it was judged by.
    """

    wanted: Wanted
    targets: tuple[Target, ...]
    wraps: tuple[str, ...]
    keys: tuple[str, ...]
    months: tuple[str, ...]
    stay: int
    after: str | None

    @property
    def stored_bytes(self) -> int:
        """Give the bytes of all its chunks."""
        return sum(one.chunk.entry.stored_bytes for one in self.targets)

    @property
    def clear(self) -> int:
        """Count the chunks that are not sealed."""
        return sum(not one.sealed for one in self.targets)


async def plan(
    desk: Desk,
    wanted: Wanted,
    *,
    now: datetime,
    progress: Callable[[int, int], None] = no_progress,
) -> Plan:
    """Look at everything, and judge it; nothing is done.

    Raise `MustStay` with every reason where it may not be, `NotArchived` where nothing is there
    of that person and time.
    """
    known = await look(desk)
    erased = erased_chunks(known.orders.all)
    listed = await _listed(desk.place, known, wanted, progress)
    there = await remaining_chunks(desk.place, wanted, (one.key.klass for one in listed.values()))
    wraps = await remaining_wraps(desk.place, wanted)
    new = [one for key, one in listed.items() if key in there and one.key not in erased]
    if not new and not wraps and there.keys() <= listed.keys():
        raise NotArchived(
            f"nothing of the subject {wanted.subject} is left to erase in these months",
            advice="See `archiver keys list` for subjects and months. A name becomes a subject"
            " with --user, and with the subject key of the tenant's policy.",
        )
    targets = await _looked_at(desk.place, new)
    vault = [key for text in wraps if (key := parse_vault_key(text))]
    obstacles = list(
        forbidden(
            targets,
            there.keys() - listed.keys(),
            known.orders.holds,
            subject=wanted.subject,
            months={key.month for key in vault},
            now=now,
        )
    )
    if obstacles:
        raise MustStay(
            f"nothing of {wanted.subject} was erased: {'; '.join(one.reason for one in obstacles)}",
            advice=" ".join(dict.fromkeys(one.advice for one in obstacles)),
        )
    found = {month_of(one.key.day) for one in new}
    months = sorted(found.union(key.month for key in vault))
    ids = {key.key_id for key in vault} | set(_ids(targets))
    stay = sum(lock_of(one, now) is not None for one in targets)
    return Plan(
        wanted, targets, tuple(wraps), tuple(sorted(ids)), tuple(months), stay, known.orders.sha256
    )


async def order(
    desk: Desk, this: Plan, *, basis: str, reason: str, by: str, now: datetime
) -> Order:
    """Sign and store the order; raise `NotOrdered` where the orders changed since the plan."""
    chunks = ChunkSet()
    for one in this.targets:
        chunks.add(one.chunk.key)
    deed = Erasure(
        subject=this.wanted.subject,
        since=this.wanted.since,
        until=this.wanted.until,
        basis=basis,
        reason=reason,
        keys=this.keys,
        chunks=chunks.named,
        count=len(this.targets),
        stored_bytes=this.stored_bytes,
    )

    def unchanged(known: Orders) -> None:
        if known.sha256 != this.after:
            raise NotOrdered(
                "somebody gave an order since this erasure was planned",
                advice="Give the same command again: it may be a hold.",
            )

    given, _ = await give(desk, deed, by=by, now=now, check=unchanged)
    return given


async def remaining_chunks(
    place: Place, wanted: Wanted, classes: Iterable[str]
) -> dict[str, ChunkKey]:
    """Give the chunks of that person and time of which any version is left, by key.

    ``classes`` are known ones; others that readers see are found.
    """
    custody, base = custody_of(place.store), tenant_folder(place.prefix, place.tenant)
    found = {}
    for klass in sorted({*classes, *await _classes(place)}):
        async for text in custody.remains(f"{base}class={klass}/subject={wanted.subject}/"):
            key = parse_key(text)
            if isinstance(key, ChunkKey) and _means(wanted, key):
                found[text] = key
    return found


async def remaining_wraps(place: Place, wanted: Wanted) -> list[str]:
    """Give everything that is left, in any version, in the vault of that person's months."""
    folder = f"{vault_folder(place.prefix, place.tenant)}subject={wanted.subject}/"
    remains = custody_of(place.store).remains(folder)
    return sorted([key async for key in remains if wanted.has(key[len(folder) :][:_MONTH])])


async def _classes(place: Place) -> set[str]:
    """Give the classes that the tenant has chunks of, with one listing each."""
    base = f"{tenant_folder(place.prefix, place.tenant)}class="
    found, after = set[str](), ""
    while True:
        first = await anext(aiter(place.store.list(base, after=after)), None)
        if first is None:
            return found
        klass = first.key.removeprefix(base).partition("/")[0]
        found.add(klass)
        after = f"{base}{klass}0"  # the character after "/"


async def _listed(
    place: Place, known: Known, wanted: Wanted, progress: Callable[[int, int], None]
) -> dict[str, ListedChunk]:
    """Give what covered manifests list of that person and time, by key."""
    listed: dict[str, ListedChunk] = {}
    async with aclosing(believed_chunks(place, known, progress=progress)) as listing:
        async for one in listing:
            if one.covered and _means(wanted, one.key):
                listed.setdefault(str(one.key), one)
    return listed


async def _looked_at(place: Place, chosen: list[ListedChunk]) -> tuple[Target, ...]:
    custody = custody_of(place.store)
    if not custody.can_lock:
        return tuple(Target(one, None) for one in chosen)

    async def ask(one: ListedChunk) -> Target:
        return Target(one, await patiently(lambda: custody.kept(str(one.key))))

    limit = place.store.concurrency * _AT_ONCE
    async with aclosing(in_turn(chosen, ask, limit=limit)) as found:
        return tuple([one async for one in found])


def erased_chunks(given: Iterable[Order]) -> ChunkSet:
    """Give the chunks that were ordered to be erased."""
    deeds = [one.deed for one in given if isinstance(one.deed, Erasure)]
    return ChunkSet.of(one for deed in deeds for one in deed.chunks)


def _means(wanted: Wanted, key: ChunkKey) -> bool:
    return key.subject == wanted.subject and wanted.has(month_of(key.day))


def _ids(targets: Iterable[Target]) -> Iterable[str]:
    seals = (one.chunk.entry.seal for one in targets)
    return (seal.key_id for seal in seals if seal)
