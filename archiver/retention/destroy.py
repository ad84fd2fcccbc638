"""What erasures ordered is done, and what one that died left undone is completed.

Each order in the chain is held against what is left in the store. First the wraps of its month
keys go, all versions, and it is looked whether they are gone; then its chunks, where no lock
keeps them. A key that a device made after the order is not the order's, and stays. A hold in
force stops what is left of an erasure, whichever was ordered first: the orders are looked at
again before the first and after every thousand chunks.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archiver.archive.fetch import in_turn, no_progress
from archiver.errors import StoreError
from archiver.evidence.orders import Erasure
from archiver.model.answers import Answer
from archiver.retention.believed import believed_chunks
from archiver.retention.erase import Wanted, remaining_chunks, remaining_wraps
from archiver.retention.erasing import Target, held
from archiver.retention.listing import look, overtaken
from archiver.retention.sets import ChunkSet
from archiver.stores.custody import custody_of
from archiver.vault.layout import parse_vault_key
from archiver.witness.place import patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from archiver.retention.erasing import Obstacle
    from archiver.retention.listing import Known, ListedChunk
    from archiver.witness.place import Place
    from archiver.witness.register import Desk

__all__ = ["Done", "finish"]

_AT_ONCE: Final = 4
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one erasure in this run.

    ``wraps`` were destroyed, ``wraps_left`` are kept by a lock on the vault. ``removed`` counts
    chunks; ``stay`` are sealed ones that a lock keeps, unreadable; ``readable`` are those that
    it keeps in clear. ``held`` says which holds stopped it, before anything was done or meanwhile.
    """

    seq: int
    deed: Erasure
    wraps: int = 0
    wraps_left: tuple[str, ...] = ()
    removed: int = 0
    stay: int = 0
    readable: tuple[str, ...] = ()
    held: tuple[Obstacle, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether nothing of it can be read any more."""
        return not (self.held or self.wraps_left or self.readable)


async def finish(
    desk: Desk, *, progress: Callable[[int, int], None] = no_progress
) -> tuple[Done, ...]:
    """Do what is left of every erasure that was ordered; give those of which anything was.

    Raise `EvidenceError` where the orders are not sound, `StoreError` where the store refuses.
    """
    known = await look(desk)
    open_ = [
        (one.seq, one.deed, ChunkSet.of(one.deed.chunks))
        for one in known.orders.all
        if isinstance(one.deed, Erasure)
    ]
    if not open_:
        return ()
    mine: dict[int, dict[str, ListedChunk]] = {seq: {} for seq, _, _ in open_}
    async with aclosing(believed_chunks(desk.place, known, progress=progress)) as listing:
        async for one in listing:
            for seq, deed, chunks in open_:
                if one.covered and one.key.subject == deed.subject and one.key in chunks:
                    mine[seq].setdefault(str(one.key), one)
    done = [await _one(desk, seq, deed, mine[seq]) for seq, deed, _ in open_]
    return tuple(one for one in done if one is not None)


async def _one(desk: Desk, seq: int, deed: Erasure, mine: dict[str, ListedChunk]) -> Done | None:
    place = desk.place
    wanted = Wanted(deed.subject, deed.since, deed.until)
    classes = (one.key.klass for one in mine.values())
    there = await remaining_chunks(place, wanted, classes)
    chunks = [one for key, one in mine.items() if key in there]
    wraps = [key for key in await remaining_wraps(place, wanted) if _of(deed, key)]
    if not chunks and not wraps:
        return None
    months = tuple({key.month for text in wraps if (key := parse_vault_key(text))})
    known = await look(desk)  # a hold may have come meanwhile
    if stopped := _stopped(known, deed, chunks, months):
        return Done(seq, deed, held=stopped)
    kept = await _destroyed(place, wraps)
    left = [key for key in await remaining_wraps(place, wanted) if _of(deed, key)]
    stay, done = set[str](), 0
    while done < len(chunks):
        if await overtaken(place, known):
            known = await look(desk)
            if stopped := _stopped(known, deed, chunks[done:], months):
                break
        page = [str(one.key) for one in chunks[done : done + _PAGE]]
        stay.update(await _destroyed(place, page))
        done += len(page)
    return Done(
        seq,
        deed,
        wraps=len(wraps) - len(left),
        wraps_left=tuple(sorted({*kept, *left})),
        removed=done - len(stay),
        stay=sum(one.key.sealed for one in chunks if str(one.key) in stay),
        readable=tuple(str(c.key) for c in chunks if str(c.key) in stay and not c.key.sealed),
        held=stopped,
    )


def _stopped(
    known: Known, deed: Erasure, chunks: Iterable[ListedChunk], months: tuple[str, ...]
) -> tuple[Obstacle, ...]:
    """Give the holds in force that keep this from going."""
    targets = [Target(one, None) for one in chunks]
    return tuple(held(targets, known.orders.holds, deed.subject, months))


def _of(deed: Erasure, text: str) -> bool:
    """Tell whether something in the vault is the order's: its keys, or what is no wrap at all."""
    key = parse_vault_key(text)
    return key is None or key.key_id in deed.keys


async def _destroyed(place: Place, keys: Iterable[str]) -> list[str]:
    """Destroy; give the keys of those that a lock keeps."""
    custody = custody_of(place.store)

    async def destroy(key: str) -> str | None:
        try:
            await patiently(lambda: custody.destroy(key))
        except StoreError as error:
            if error.refusal.answer is not Answer.LOCKED:
                raise
            return key
        return None

    limit = place.store.concurrency * _AT_ONCE
    async with aclosing(in_turn(keys, destroy, limit=limit)) as replies:
        return [key async for key in replies if key]
