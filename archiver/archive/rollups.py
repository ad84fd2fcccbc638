"""A tenant's manifests from roll-ups, and only those that are newer from their own objects.

A roll-up is believed where a statement that an admin signed names its sha256. What is in none,
or only in one that is gone or altered, is fetched from the device's folder: nothing is missed,
it only takes longer. A manifest that was deleted after it was covered still comes from its
roll-up; that it is gone is for `archiver verify` to tell.

To find what is newer, the folder of the manifests is listed once where that is short. Where it
is long, each device is asked for what follows what is covered: one request for each. Then a
device is known by a roll-up or by its enrolment; one that has neither is not looked for.
"""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from archiver.archive.coverage import rollup_lines
from archiver.archive.fetch import in_turn, no_progress
from archiver.archive.runs import Runs, floor, holds, joined
from archiver.errors import ArchiverError, Damaged, StoreError
from archiver.evidence import statement
from archiver.format.keys import (
    EnrolmentKey,
    ManifestKey,
    Series,
    SeriesKey,
    manifest_folder,
    parse_key,
    series_folder,
    tenant_folder,
)
from archiver.model.answers import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping

    from archiver.archive.signers import Trust
    from archiver.evidence.statement import RollupEntry
    from archiver.model.answers import Listed
    from archiver.stores.protocol import Store

__all__ = ["fetch_rollup", "manifests_in", "manifests_of", "newer", "series_of"]

_ROLLUPS_AT_ONCE: Final = 2
_SHORT: Final = 100_000
"""Covered manifests up to which the folder is listed whole: a hundred pages."""

_SHORT_PER_DEVICE: Final = 64
"""The same for each device: pages come one after the other, devices are asked side by side."""


async def manifests_of(
    store: Store,
    prefix: str,
    tenant: str,
    trust: Trust | None = None,
    *,
    progress: Callable[[int, int], None] = no_progress,
) -> AsyncGenerator[tuple[ManifestKey, bytes], None]:
    """Yield every manifest of a tenant, as it is stored: those in roll-ups first.

    Without ``trust`` no roll-up is believed. Nobody's signature on the manifests is looked at.
    ``progress`` is called with the manifests so far and their number as far as it is known.
    """
    covered: dict[str, Runs] = {}
    entries = await _signed_rollups(store, prefix, tenant, trust) if trust else []
    done, total = 0, sum(entry.count for entry in entries)

    async def rollup(entry: RollupEntry) -> list[tuple[ManifestKey, bytes]]:
        try:
            return list(manifests_in(entry, await fetch_rollup(store, prefix, entry)))
        except Damaged:
            return []

    async with aclosing(in_turn(entries, rollup, limit=_ROLLUPS_AT_ONCE)) as found:
        async for lines in found:
            for key, body in lines:
                covered[key.device] = joined(covered.get(key.device, ()), key.seq)
                done += 1
                yield replace(key, prefix=prefix), body
                progress(done, total)
    keys = [key async for key in newer(store, prefix, tenant, covered)]
    total = done + len(keys)
    async with aclosing(_bodies(store, keys)) as bodies:
        for key in keys:
            done += 1
            yield key, await anext(bodies)
            progress(done, total)


async def newer(
    store: Store,
    prefix: str,
    tenant: str,
    covered: Mapping[str, Runs],
    *,
    also: Iterable[str] = (),
    at_most: int | None = None,
) -> AsyncGenerator[ManifestKey, None]:
    """Yield the keys of the manifests that are not ``covered``, in the order of keys.

    ``also`` names devices that are known from elsewhere. What has more bytes than ``at_most``
    is left out: whoever may write can put anything there.
    """
    folder = manifest_folder(prefix, tenant)
    size = sum(floor(runs) for runs in covered.values())
    if size <= max(_SHORT, _SHORT_PER_DEVICE * len(covered)):
        async for listed in store.list(folder):
            if found := _uncovered(listed, covered, at_most):
                yield found
        return
    enrolled = {
        key.device
        async for listed in store.list(f"{tenant_folder(prefix, tenant)}_devices/")
        if isinstance(key := parse_key(listed.key), EnrolmentKey)
    }

    async def ask(device: str) -> list[ManifestKey]:
        # "~" sorts behind every character of a hash.
        after = f"{folder}{device}/{floor(covered.get(device, ())):012d}-~"
        return [
            key
            async for listed in store.list(f"{folder}{device}/", after=after)
            if (key := _uncovered(listed, covered, at_most))
        ]

    devices = sorted(enrolled | covered.keys() | set(also))
    async with aclosing(in_turn(devices, ask, limit=store.concurrency * 4)) as replies:
        async for keys in replies:
            for key in keys:
                yield key


def manifests_in(entry: RollupEntry, body: bytes) -> Iterator[tuple[ManifestKey, bytes]]:
    """Yield the manifests of a roll-up, their keys without prefix.

    Raise `Damaged` where ``body`` is not what the statement listed.
    """
    advice = "Restore it from a replica; the manifests themselves may still be there."
    if hashlib.sha256(body).hexdigest() != entry.sha256:
        raise Damaged(f"the roll-up {entry.key} is not what was signed", advice=advice)
    count = 0
    for line in rollup_lines(body):
        key = parse_key(line.key)
        if not isinstance(key, ManifestKey):
            raise Damaged(f"the roll-up {entry.key} lists what is no manifest", advice=advice)
        count += 1
        yield key, line.note.encode()
    if count != entry.count:
        raise Damaged(f"the roll-up {entry.key} lists {count} manifests", advice=advice)


async def fetch_rollup(store: Store, prefix: str, entry: RollupEntry) -> bytes:
    """Get the object of an entry where the archive lies now; raise `Damaged` where it is gone."""
    below = entry.key[entry.key.rfind("tenant=") :]
    try:
        return await store.get(f"{prefix}/{below}" if prefix else below)
    except StoreError as error:
        if error.refusal.answer is not Answer.NOT_FOUND:
            raise
        advice = "Restore it from a replica; a checkpoint covers what it lists."
        raise Damaged(f"the roll-up {entry.key} is gone", advice=advice) from error


async def series_of(
    store: Store, prefix: str, tenant: str, series: Series
) -> list[tuple[SeriesKey, bytes]]:
    """Get every object of a series, in the order of its keys. What has another name is not one."""
    keys = [
        key
        async for listed in store.list(series_folder(prefix, tenant, series))
        if isinstance(key := parse_key(listed.key), SeriesKey) and str(key) == listed.key
    ]
    async with aclosing(_bodies(store, keys)) as bodies:
        return list(zip(keys, [body async for body in bodies], strict=True))


async def _signed_rollups(
    store: Store, prefix: str, tenant: str, trust: Trust
) -> list[RollupEntry]:
    entries: list[RollupEntry] = []
    for _, body in await series_of(store, prefix, tenant, Series.CHECKPOINTS):
        try:
            said = statement.opened(body, trust.opened(body)[0])
        except ArchiverError:
            continue
        if said.tenant == tenant:
            entries += said.rollups
    return entries


def _uncovered(
    listed: Listed, covered: Mapping[str, Runs], at_most: int | None
) -> ManifestKey | None:
    key = parse_key(listed.key)
    if at_most is not None and listed.size > at_most:
        return None
    if isinstance(key, ManifestKey) and str(key) == listed.key:
        return None if holds(covered.get(key.device, ()), key.seq) else key
    return None


def _bodies(store: Store, keys: Iterable[ManifestKey | SeriesKey]) -> AsyncGenerator[bytes, None]:
    async def get(key: ManifestKey | SeriesKey) -> bytes:
        return await store.get(str(key))

    return in_turn(keys, get, limit=store.concurrency * 4)
