"""What orders said shall expire is removed, all versions; also what an earlier run left undone.

A chunk is removed only where an order of its class names its number, a covered manifest lists
this very key, its time by that manifest was over when the order was given, and no hold in force
covers any listing of it. So an order never takes what came later under a number that somebody
else had used. The orders are looked at again after every thousand chunks: a hold that comes
meanwhile stops what is left.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from archiver.archive.fetch import in_turn, no_progress
from archiver.archive.holds import holding
from archiver.durable import files
from archiver.errors import StoreError
from archiver.evidence.documents import moment
from archiver.evidence.orders import Expiry
from archiver.format.keys import ChunkKey, parse_key, tenant_folder
from archiver.model.answers import Answer
from archiver.retention.believed import believed_manifests, claims
from archiver.retention.due import counted_from, due_at
from archiver.retention.listing import look, overtaken
from archiver.retention.sets import ChunkSet
from archiver.stores.custody import custody_of
from archiver.witness.place import patiently

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Iterable
    from datetime import datetime

    from archiver.evidence.orders import Chunks, Order
    from archiver.model.shipment import ChunkEntry
    from archiver.retention.listing import Known, ListedManifest
    from archiver.witness.place import Place
    from archiver.witness.register import Desk

__all__ = ["Removed", "finish", "remove"]

_AT_ONCE: Final = 4
"""Chunks that are removed together, for each put that the store likes at once."""

_PAGE: Final = 1000
_TOLD: Final = 20


@dataclass(slots=True)
class Removed:
    """What became of chunks that orders name: those that a hold or the store ``kept`` stay.

    ``keys`` are the first of those that the store keeps.
    """

    removed: int = 0
    stored_bytes: int = 0
    held: int = 0
    kept: int = 0
    keys: list[str] = field(default_factory=list)


async def finish(desk: Desk, *, progress: Callable[[int, int], None] = no_progress) -> Removed:
    """Remove what any order said shall expire and is there still.

    Costs a listing of the classes of which anything ever expired; more where anything is left.
    """
    named = _Named((await look(desk)).orders.all)
    left = {key async for key in _remaining(desk.place, named)}
    return await _Removal(desk, named, left).run(progress) if left else Removed()


async def remove(
    desk: Desk,
    given: Iterable[Order],
    *,
    progress: Callable[[int, int], None] = no_progress,
) -> Removed:
    """Remove what these orders say shall expire."""
    named = _Named(given)
    return await _Removal(desk, named, None).run(progress) if named.orders else Removed()


class _Expiry(NamedTuple):
    """What one order lets go: all that was due by then."""

    at: datetime
    days: int
    chunks: ChunkSet


class _Named:
    """What orders let expire, by class: of each order, and of all of them together."""

    def __init__(self, given: Iterable[Order]) -> None:
        self.orders: dict[str, list[_Expiry]] = {}
        named: dict[str, list[Chunks]] = {}
        for order in given:
            if isinstance(deed := order.deed, Expiry):
                one = _Expiry(moment(order.created_at), deed.days, ChunkSet.of(deed.chunks))
                self.orders.setdefault(deed.klass, []).append(one)
                named.setdefault(deed.klass, []).extend(deed.chunks)
        self._all = {klass: ChunkSet.of(chunks) for klass, chunks in named.items()}

    def __contains__(self, key: ChunkKey) -> bool:
        """Tell whether an order of its class names its number."""
        return key.klass in self._all and key in self._all[key.klass]

    def lets_go(self, key: ChunkKey, one: ListedManifest) -> bool:
        """Tell whether an order that names it was given when its time was over."""
        since = counted_from(one.created_at, one.floor or "")
        return key in self and any(
            key in order.chunks and (due := due_at(since, order.days)) and due <= order.at
            for order in reversed(self.orders[key.klass])  # what is left is mostly the newest's
        )


async def _remaining(place: Place, named: _Named) -> AsyncGenerator[str, None]:
    """Yield the keys of these chunks under which any version is left."""
    custody = custody_of(place.store)
    for klass in sorted(named.orders):
        folder = f"{tenant_folder(place.prefix, place.tenant)}class={klass}/"
        async for text in custody.remains(folder):
            key = parse_key(text)
            if isinstance(key, ChunkKey) and key in named:
                yield text


class _Removal:
    """One removal; begun anew, without what is done, when somebody gives an order meanwhile."""

    def __init__(self, desk: Desk, named: _Named, only: Collection[str] | None) -> None:
        self._desk, self._place, self._named, self._only = desk, desk.place, named, only
        self._custody = custody_of(desk.place.store)
        self._over = ChunkSet()
        self.done = Removed()

    async def run(self, progress: Callable[[int, int], None]) -> Removed:
        while not await self._pass(progress):
            pass
        return self.done

    async def _pass(self, progress: Callable[[int, int], None]) -> bool:
        """Remove as long as nobody orders anything; tell whether it came to the end."""
        known = await look(self._desk)
        held = await self._held(known, progress)
        self.done.held = len(held)
        page: list[tuple[ChunkKey, ChunkEntry]] = []
        async with aclosing(self._meant(known, progress)) as meant:
            async for key, entry, goes in meant:
                if goes and key not in held and key not in self._over:
                    page.append((key, entry))
                if len(page) >= _PAGE:
                    if await overtaken(self._place, known):
                        return False
                    await self._destroy(page)
                    page.clear()
        if page and await overtaken(self._place, known):
            return False
        await self._destroy(page)
        return True

    async def _meant(
        self, known: Known, progress: Callable[[int, int], None]
    ) -> AsyncGenerator[tuple[ChunkKey, ChunkEntry, bool], None]:
        """Yield each listing of a chunk that is named, and whether an order lets it go by that."""
        found = believed_manifests(self._place, known, progress=progress)
        async with aclosing(found) as manifests:
            async for one in manifests:
                for key, entry in claims(one) if one.floor is not None else ():
                    if key in self._named and (self._only is None or str(key) in self._only):
                        yield key, entry, self._named.lets_go(key, one)

    async def _held(self, known: Known, progress: Callable[[int, int], None]) -> ChunkSet:
        held = ChunkSet()
        if known.orders.holds:
            async with aclosing(self._meant(known, progress)) as meant:
                async for key, entry, _ in meant:
                    if key not in self._over and holding(known.orders.holds, key, entry):
                        held.add(key)
        return held

    async def _destroy(self, page: list[tuple[ChunkKey, ChunkEntry]]) -> None:
        limit = self._place.store.concurrency * _AT_ONCE
        async with aclosing(in_turn(page, self._destroyed, limit=limit)) as replies:
            for key, entry in page:
                gone, new = await anext(replies), self._over.add(key)
                if gone:
                    self.done.removed += new
                    self.done.stored_bytes += entry.stored_bytes if new else 0
                else:
                    self.done.kept += 1
                    self.done.keys += [str(key)] if len(self.done.keys) < _TOLD else []

    async def _destroyed(self, one: tuple[ChunkKey, ChunkEntry]) -> bool:
        """Destroy a chunk; tell whether the store let it go."""
        try:
            await patiently(lambda: self._custody.destroy(str(one[0])))
        except StoreError as error:
            if error.refusal.answer is not Answer.LOCKED:
                raise
            return False
        files.reached("retention.removed")
        return True
