"""What manifests say of chunks that may go: of another device's, only what that one signed, too.

A machine that lost its state goes on as a new device, and lists what the old one had sealed as
recovered; both keys sign that manifest (FORMAT.md §8). Without the old key's signature anybody
who may sign for one device could let another's chunks expire under it, or keep them for ever.
"""

from __future__ import annotations

from contextlib import aclosing
from itertools import chain as chained
from typing import TYPE_CHECKING

from archiver.archive.fetch import no_progress
from archiver.errors import Damaged
from archiver.evidence import note
from archiver.evidence.documents import moment
from archiver.evidence.note import Outcome
from archiver.evidence.standing import Standing
from archiver.retention.listing import listed_manifests
from archiver.witness.register import read_register

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from archiver.evidence.note import Note
    from archiver.evidence.standing import Roster
    from archiver.format.keys import ChunkKey
    from archiver.model.shipment import ChunkEntry
    from archiver.retention.listing import Known, ListedChunk, ListedManifest
    from archiver.witness.place import Place

__all__ = ["believed_chunks", "believed_manifests", "claims"]


async def believed_manifests(
    place: Place, known: Known, *, progress: Callable[[int, int], None] = no_progress
) -> AsyncGenerator[ListedManifest, None]:
    """Yield what `listed_manifests` does, but for what one device says of another alone.

    Reads the registries where a manifest speaks of another device, and not else; raise
    `EvidenceError` where they are not sound.
    """
    roster: Roster | None = None
    read = False
    async with aclosing(listed_manifests(place, known.chain, progress=progress)) as manifests:
        async for one in manifests:
            if one.recovered and not read:
                roster = (await read_register(place, known.trust, known.memory)).roster
                read = True
            yield _without_strangers(one, roster) if one.recovered else one


async def believed_chunks(
    place: Place, known: Known, *, progress: Callable[[int, int], None] = no_progress
) -> AsyncGenerator[ListedChunk, None]:
    """Yield each chunk of them by itself, those that are covered first."""
    async with aclosing(believed_manifests(place, known, progress=progress)) as manifests:
        async for one in manifests:
            for key, entry in claims(one):
                yield one.chunk(key, entry)


def claims(listing: ListedManifest) -> Iterator[tuple[ChunkKey, ChunkEntry]]:
    """Yield what a manifest may speak of: its device's chunks, and those that it recovered."""
    mine = (one for one in listing.own if one[0].device == listing.device)
    return chained(mine, listing.recovered) if listing.recovered else mine


def _without_strangers(one: ListedManifest, roster: Roster | None) -> ListedManifest:
    try:
        signed = note.read(one.body)
    except Damaged:
        return one._replace(recovered=[])
    devices = {key.device for key, _ in one.recovered}
    proved = {device for device in devices if roster and _signed(one, signed, device, roster)}
    return one._replace(recovered=[pair for pair in one.recovered if pair[0].device in proved])


def _signed(one: ListedManifest, signed: Note, device: str, roster: Roster) -> bool:
    """Tell whether a key that an admin approved for that device and time signed a manifest."""
    at = moment(one.created_at)
    return any(
        note.signed_by(signed, key) is Outcome.VALID
        and roster.standing(device, key, at) is Standing.APPROVED
        for key in roster.keys(device)
    )
