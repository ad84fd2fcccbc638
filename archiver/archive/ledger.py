"""What the manifests of one tenant claim together, and whether they agree. Pure.

Rules:

1. The manifests of a device are numbered from 1 without a gap; each names the sha256 of the
   one before, the first names none.
2. The chunks of a device are numbered from 1 without a gap. A number is listed by a manifest
   of the device, listed as recovered by the device that came after it, or quarantined.
3. An object under a number that is listed with other bytes was put there by somebody else.
   One under a number that nobody lists is not vouched for; above every listed number it may
   be on its way.
4. Where a manifest is missing or unreadable, what it may have listed is not judged: one
   damage, one finding.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from archiver.archive.catalogue import open_manifest, rebase
from archiver.archive.findings import Code, Finding
from archiver.errors import Damaged
from archiver.format.keys import manifest_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.format.keys import ChunkKey, ManifestKey
    from archiver.model.shipment import ChunkEntry, Manifest

__all__ = ["Claim", "Ledger"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A chunk that a manifest lists, and where it must lie now."""

    key: ChunkKey
    entry: ChunkEntry


@dataclass(frozen=True, slots=True)
class _Link:
    seq: int
    key: str
    sha256: str
    previous: str | None
    readable: bool


class Ledger:
    """Takes in the manifests of one tenant, in any order, then judges them."""

    def __init__(self, prefix: str, tenant: str) -> None:
        self._prefix = prefix
        self._tenant = tenant
        self._links: dict[str, list[_Link]] = defaultdict(list)
        self._numbers: dict[str, dict[int, str]] = defaultdict(dict)
        self._quarantined: dict[str, set[int]] = defaultdict(set)
        self._blind: set[str] = set()
        self.claims: dict[str, Claim] = {}

    def add(self, key: ManifestKey, body: bytes) -> Iterator[Finding]:
        """Take in one manifest; yield what is wrong with it alone."""
        sha256 = hashlib.sha256(body).hexdigest()
        try:
            manifest = open_manifest(key, body)
        except Damaged as error:
            code = Code.MANIFEST_MISPLACED if sha256[:16] == key.sha else Code.MANIFEST_ALTERED
            self._links[key.device].append(_Link(key.seq, str(key), key.sha, None, readable=False))
            self._blind.add(key.device)
            yield Finding(code, str(key), f"{error}; what it lists cannot be believed")
            return
        link = _Link(key.seq, str(key), sha256, manifest.previous, readable=True)
        self._links[key.device].append(link)
        self._quarantined[key.device].update(manifest.quarantined)
        yield from self._claim_all(key, manifest)

    def _claim_all(self, key: ManifestKey, manifest: Manifest) -> Iterator[Finding]:
        entries = [(entry, True) for entry in manifest.chunks]
        entries += [(entry, False) for entry in manifest.recovered]
        for entry, own in entries:
            where = rebase(entry, self._prefix, self._tenant)
            if where is None or (own and where.device != key.device):
                self._blind.add(key.device)
                yield Finding(
                    Code.LISTING_INVALID,
                    str(key),
                    f"its entry number {entry.seq} contradicts itself or names another owner",
                )
                continue
            taken = self._numbers[where.device].setdefault(where.seq, str(where))
            if taken != str(where):
                yield Finding(
                    Code.SEQUENCE_REUSED, str(where), f"{taken} is listed under the same number"
                )
            self.claims[str(where)] = Claim(where, entry)

    def judge_chains(self) -> Iterator[Finding]:
        """Yield what is wrong with the order of the manifests (rule 1)."""
        for device in sorted(self._links):
            before: list[_Link] = []
            ordered = sorted(self._links[device], key=attrgetter("seq", "key"))
            for seq, same in groupby(ordered, key=attrgetter("seq")):
                links = list(same)
                yield from self._judge_links(device, seq, before, links)
                before = links

    def _judge_links(
        self, device: str, seq: int, before: list[_Link], links: list[_Link]
    ) -> Iterator[Finding]:
        expected = before[0].seq + 1 if before else 1
        if len(links) > 1:
            yield Finding(
                Code.MANIFEST_FORK, links[0].key, f"{len(links) - 1} more have the same number"
            )
        if seq != expected:
            self._blind.add(device)
            folder = f"{manifest_folder(self._prefix, self._tenant)}{device}/"
            gone = _numbers(expected, seq - 1)
            yield Finding(Code.MANIFEST_MISSING, folder, f"{gone} not there")
        elif len(links) == 1 and links[0].readable and not _follows(before, links[0]):
            meaning = "it does not name the manifest before it"
            yield Finding(Code.MANIFEST_CHAIN, links[0].key, meaning)

    def judge_numbers(self, present: set[tuple[str, int]]) -> Iterator[Finding]:
        """Yield the chunk numbers that nobody accounts for (rule 2).

        ``present`` are the numbers of stored objects that no manifest lists: each has a
        finding of its own.
        """
        for device in sorted(self._numbers.keys() | self._quarantined.keys()):
            listed = self._numbers.get(device, {}).keys()
            quarantined = self._quarantined.get(device, set()) - listed
            for seq in sorted(quarantined):
                meaning = f"chunk {seq} met other bytes under its key and is kept on the device"
                yield Finding(Code.CHUNK_QUARANTINED, device, meaning)
            if device in self._blind:
                continue
            stored = {seq for owner, seq in present if owner == device}
            for first, last in _holes(listed | quarantined, stored):
                meaning = f"{_numbers(first, last)} not accounted for"
                yield Finding(Code.CHUNK_GAP, device, meaning)

    def judge_unlisted(self, key: ChunkKey) -> Finding | None:
        """Say what a stored chunk is that no manifest lists (rule 3)."""
        numbers = self._numbers.get(key.device, {})
        if key.seq in numbers:
            meaning = f"the manifests list {numbers[key.seq]} under its number"
            return Finding(Code.CHUNK_INSERTED, str(key), meaning)
        if key.seq > max(numbers, default=0):
            meaning = "no manifest lists it yet; the next shipment should"
            return Finding(Code.CHUNK_NOT_YET_LISTED, str(key), meaning)
        if key.device in self._blind or key.seq in self._quarantined.get(key.device, ()):
            return None
        meaning = "later chunks are listed and it is not; nobody vouches for it"
        return Finding(Code.CHUNK_UNLISTED, str(key), meaning)

    def incomplete_devices(self) -> set[str]:
        """Give the devices whose chunks the manifests do not all account for."""
        gaps = {finding.object for finding in self.judge_numbers(set())}
        return self._blind | gaps


def _follows(before: list[_Link], link: _Link) -> bool:
    """Tell whether a manifest names the one before it.

    Of an altered manifest only the 16 digits in its key are known; it has its own finding.
    """
    if not before:
        return link.previous is None
    return any((link.previous or "").startswith(earlier.sha256) for earlier in before)


def _holes(known: set[int], stored: set[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last number of each run that is in neither, below the highest known."""
    before = 0
    highest = max(known, default=0)
    for seq in sorted(known | {seq for seq in stored if seq < highest}):
        if seq > before + 1:
            yield before + 1, seq - 1
        before = seq


def _numbers(first: int, last: int) -> str:
    return f"number {first} is" if first == last else f"numbers {first} to {last} are"
