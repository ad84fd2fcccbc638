"""What is new in a store since the last checkpoint, device by device.

A device without any approved key costs no read: its manifests are counted, and wait.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_left, bisect_right
from contextlib import aclosing
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from archiver.archive.fetch import in_turn
from archiver.archive.rollups import fetch_rollup, manifests_in, newer
from archiver.archive.runs import holes, joined, newest
from archiver.errors import ArchiverError
from archiver.evidence import enrolment
from archiver.format.keys import ManifestKey, manifest_folder, parse_key, tenant_folder
from archiver.witness import bounds
from archiver.witness.chains import sha256_of
from archiver.witness.memory import Head
from archiver.witness.newcomers import Chosen, LeftOut, Reason, choose, too_large
from archiver.witness.place import patiently

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping

    from archiver.evidence.standing import Roster
    from archiver.evidence.verifier import VerifierKey
    from archiver.witness.chains import Register, Statements
    from archiver.witness.memory import Memory
    from archiver.witness.place import Place

__all__ = ["News", "covered_so_far", "gaps", "gather"]

_AT_ONCE: Final = 4
"""Devices that are looked at together, for each put that the store likes at once."""


class News(NamedTuple):
    """What was found of one device, and how far along the run is."""

    device: str
    chosen: Chosen
    done: int
    total: int


async def covered_so_far(place: Place, memory: Memory, chain: Statements) -> dict[str, Head]:
    """Tell what the newest statement covers of each device.

    Reads the roll-ups that ``memory`` does not know. Raise `Damaged` where one is gone or
    altered: without it nobody knows what would be covered twice.
    """
    known = memory.statement.seq if memory.statement else 0
    heads = dict(memory.heads) if known else {}
    for entry in (entry for one in chain.all[known:] for entry in one.rollups):
        body = await patiently(partial(fetch_rollup, place.store, place.prefix, entry))
        for key, manifest in manifests_in(entry, body):
            head = heads.get(key.device, Head())
            sha256 = sha256_of(manifest) if key.seq > newest(head.runs) else head.sha256
            heads[key.device] = Head(joined(head.runs, key.seq), sha256)
    return heads


async def gather(
    place: Place, register: Register, heads: Mapping[str, Head]
) -> AsyncGenerator[News, None]:
    """Yield what is new of each device that has anything new, in the order of devices."""
    known = {entry.device for entry in register.newest.devices} if register.newest else set()
    covered = {device: head.runs for device, head in heads.items()}
    listing = newer(place.store, place.prefix, place.tenant, covered, also=known)
    keys = [key async for key in listing]
    devices = [(device, list(mine)) for device, mine in groupby(keys, key=attrgetter("device"))]

    async def look(one: tuple[str, list[ManifestKey]]) -> Chosen:
        device, mine = one
        head = heads.get(device, Head())
        if register.roster is None or not register.roster.keys(device):
            meaning = f"{len(mine)} manifests wait until an admin approves its key"
            return Chosen(head, left_out=[LeftOut(Reason.WAITING, device, meaning)])
        return await _look(place, register.roster, head, mine)

    limit = place.store.concurrency * _AT_ONCE
    async with aclosing(in_turn(devices, look, limit=limit)) as replies:
        done = 0
        async for chosen in replies:
            device, done = devices[done][0], done + 1
            yield News(device, chosen, done, len(devices))


def gaps(heads: Mapping[str, Head], left_out: Iterable[LeftOut]) -> Iterator[LeftOut]:
    """Tell which numbers are missing below what is covered, and are not merely left out."""
    there: dict[str, set[int]] = {}
    for one in left_out:
        if isinstance(key := parse_key(one.object), ManifestKey):
            there.setdefault(key.device, set()).add(key.seq)
    for device, head in heads.items():
        seen = sorted(there.get(device, ()))
        for first, last in holes(head.runs):
            mine = seen[bisect_left(seen, first) : bisect_right(seen, last)]
            if gone := last - first + 1 - len(mine):
                # Numbers are counted, never listed: whoever signs can make any gap.
                start = next((at for at, seq in enumerate(mine, first) if at != seq), None)
                begin = first + len(mine) if start is None else start
                meaning = f"{gone} manifests from number {begin} on are not there"
                yield LeftOut(Reason.GAP, device, meaning)


async def _look(place: Place, roster: Roster, head: Head, keys: list[ManifestKey]) -> Chosen:
    device, sizes = keys[0].device, await _sizes(place, keys)
    heavy = [left_out for key in keys if (left_out := too_large(key, sizes.get(str(key), 0)))]
    names = {one.object for one in heavy}
    light = [key for key in keys if str(key) not in names]
    found = [(key, await patiently(partial(place.store.get, str(key)))) for key in light]
    chosen = choose(head, found, roster)
    if any(one.reason is Reason.FORGED for one in chosen.left_out):
        # It may be a key that the device published, and nobody has approved yet.
        chosen = choose(head, found, roster, await _published(place, device))
    chosen.left_out += heavy
    return chosen


async def _sizes(place: Place, keys: list[ManifestKey]) -> dict[str, int]:
    """List a device's folder from the first of these on: what is too large is never read."""
    folder = f"{manifest_folder(place.prefix, place.tenant)}{keys[0].device}/"
    after = f"{folder}{keys[0].seq - 1:012d}-~"
    return {listed.key: listed.size async for listed in place.store.list(folder, after=after)}


async def _published(place: Place, device: str) -> list[VerifierKey]:
    folder = f"{tenant_folder(place.prefix, place.tenant)}_devices/{device}-"
    found = []
    listing = [listed async for listed in place.store.list(folder)]
    for text in [one.key for one in listing if one.size <= bounds.ENROLMENT]:
        with contextlib.suppress(ArchiverError):
            body = await patiently(partial(place.store.get, text))
            one = enrolment.open_self_signed(body)
            if (one.tenant, one.device) == (place.tenant, device):
                found.append(one.verifier)
    return found
