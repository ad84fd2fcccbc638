"""What the manifests of one tenant claim together, and whether they agree. Pure.

Rules:

1. The manifests of a device are numbered from 1 without a gap; each names the sha256 of the
   one before, the first names none. Each is signed by its device.
2. The chunks of a device are numbered from 1 without a gap. A number is listed by a manifest
   of the device, listed as recovered by the device that came after it, or quarantined.
3. An object under a number that is listed with other bytes was put there by somebody else.
   One under a number that nobody lists is not vouched for; above every listed number it may
   be on its way.
4. What a checkpoint covers must be there with the same bytes.
5. A device may be silent, and its clock may err, only so far.
6. Where a manifest is missing or not believed, what it may have listed is not judged: one
   damage, one finding.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from archiver.archive.catalogue import open_manifest, rebase
from archiver.archive.findings import Code, Finding
from archiver.archive.intervals import judge_times
from archiver.errors import Damaged
from archiver.format.keys import manifest_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.archive.coverage import Coverage
    from archiver.archive.signers import Signers
    from archiver.format.keys import ChunkKey, ManifestKey
    from archiver.model.shipment import ChunkEntry, KeyEntry, Manifest

__all__ = ["Claim", "Ledger"]

_FATAL = frozenset({Code.SIGNATURE_WRONG})
"""Findings about a signature after which the manifest is not believed."""


class Claim(msgspec.Struct, gc=False):
    """A chunk that a manifest lists, where it must lie now, and whether it does.

    Small, because there may be millions. ``entry`` is the listing as JSON, kept only where
    records are to be read. ``sha256`` has 32 bytes.
    """

    key: str
    device: str
    seq: int
    sha256: bytes
    stored_bytes: int
    records: int
    entry: bytes = b""
    here: bool = False


@dataclass(frozen=True, slots=True)
class _Link:
    seq: int
    key: str
    sha256: str
    previous: str | None
    at: str | None

    @property
    def believed(self) -> bool:
        return self.at is not None


class Ledger:
    """Takes in the manifests of one tenant, in any order, then judges them.

    ``keeps_entries`` keeps what is needed to judge records.
    """

    def __init__(
        self, prefix: str, tenant: str, signers: Signers, *, keeps_entries: bool = False
    ) -> None:
        self._prefix = prefix
        self._tenant = tenant
        self._signers = signers
        self._keeps_entries = keeps_entries
        self._links: dict[str, list[_Link]] = defaultdict(list)
        self._numbers: dict[str, dict[int, str]] = defaultdict(dict)
        self._quarantined: dict[str, set[int]] = defaultdict(set)
        self._captured: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        self._listed: dict[str, int] = defaultdict(int)
        self._blind: set[str] = set()
        self.claims: dict[str, Claim] = {}
        self.keys: dict[str, KeyEntry] = {}

    def add(self, key: ManifestKey, body: bytes) -> Iterator[Finding]:
        """Take in one manifest; yield what is wrong with it alone."""
        sha256 = hashlib.sha256(body).hexdigest()
        try:
            manifest, signed = open_manifest(key, body)
        except Damaged as error:
            code = Code.MANIFEST_MISPLACED if sha256[:16] == key.sha else Code.MANIFEST_ALTERED
            yield self._not_believed(key, Finding(code, str(key), f"{error}"), key.sha)
            return
        finding = self._signers.judge(key.device, signed, manifest.created_at, str(key))
        if finding and finding.code in _FATAL:
            yield self._not_believed(key, finding, sha256)
            return
        if finding:
            yield finding
        self._links[key.device].append(
            _Link(key.seq, str(key), sha256, manifest.previous, manifest.created_at)
        )
        self._quarantined[key.device].update(manifest.quarantined)
        counts = manifest.records
        if counts.captured:
            self._captured[key.device].append((key.seq, counts.captured - counts.dropped, str(key)))
        self.keys |= {self._prefix_of(one.key): one for one in manifest.keys}
        yield from self._claim_all(key, manifest)

    def _not_believed(self, key: ManifestKey, finding: Finding, sha256: str) -> Finding:
        self._links[key.device].append(_Link(key.seq, str(key), sha256, None, None))
        self._blind.add(key.device)
        meaning = f"{finding.meaning}; what it lists cannot be believed"
        return Finding(finding.code, finding.object, meaning)

    def _prefix_of(self, key: str) -> str:
        """Give a listed key where the archive lies now."""
        below = key[key.rindex("tenant=") :] if "tenant=" in key else key
        return f"{self._prefix}/{below}" if self._prefix else below

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
            if own:
                self._listed[key.device] += entry.records
            yield from self._claim(where, entry)

    def _claim(self, where: ChunkKey, entry: ChunkEntry) -> Iterator[Finding]:
        text = str(where)
        numbers = self._numbers[where.device]
        taken = numbers.setdefault(where.seq, text)
        if taken != text:
            meaning = f"{taken} is listed under the same number"
            yield Finding(Code.SEQUENCE_REUSED, text, meaning)
        self.claims[text] = Claim(
            text,
            where.device,
            where.seq,
            bytes.fromhex(entry.sha256),
            entry.stored_bytes,
            entry.records,
            msgspec.json.encode(entry) if self._keeps_entries else b"",
        )

    def judge_chains(
        self, covered: Coverage | None, *, silence_days: float, as_of: str | None
    ) -> Iterator[Finding]:
        """Yield what is wrong with the order of the manifests (rules 1, 4 and 5)."""
        for device in sorted(self._links):
            before: list[_Link] = []
            ordered = sorted(self._links[device], key=attrgetter("seq", "key"))
            for seq, same in groupby(ordered, key=attrgetter("seq")):
                links = list(same)
                yield from self._judge_links(device, seq, before, links, covered)
                before = links
            believed = [(one.key, one.at) for one in ordered if one.at is not None]
            yield from judge_times(device, believed, silence_days=silence_days, as_of=as_of)
            yield from self._judge_counts(device)
        if covered is not None:
            yield from self._judge_coverage(covered)

    def _judge_links(
        self,
        device: str,
        seq: int,
        before: list[_Link],
        links: list[_Link],
        covered: Coverage | None,
    ) -> Iterator[Finding]:
        expected = before[0].seq + 1 if before else 1
        if len(links) > 1:
            yield Finding(
                Code.MANIFEST_FORK, links[0].key, f"{len(links) - 1} more have the same number"
            )
        if seq != expected:
            self._blind.add(device)
            gone = _numbers(expected, seq - 1)
            yield Finding(Code.MANIFEST_MISSING, self._folder(device), f"{gone} not there")
        elif len(links) == 1 and _rewritten(device, links[0], covered):
            meaning = "a checkpoint covers other bytes under this number"
            yield Finding(Code.HISTORY_REWRITTEN, links[0].key, meaning)
        elif (
            len(links) == 1
            and links[0].believed
            and not _follows(device, before, links[0], covered)
        ):
            meaning = "it does not name the manifest before it"
            yield Finding(Code.MANIFEST_CHAIN, links[0].key, meaning)

    def _folder(self, device: str) -> str:
        return f"{manifest_folder(self._prefix, self._tenant)}{device}/"

    def _judge_counts(self, device: str) -> Iterator[Finding]:
        """Hold what is listed to the collector's own count, as its newest manifest gives it."""
        if device in self._blind or not self._captured.get(device):
            return
        _, kept, key = max(self._captured[device])
        listed = self._listed[device]
        if listed > kept:
            meaning = f"it says that {kept} records were captured, and {listed} are listed"
            yield Finding(Code.COUNT_WRONG, key, meaning)

    def _judge_coverage(self, covered: Coverage) -> Iterator[Finding]:
        highest: dict[str, int] = defaultdict(int)
        for device, seq in covered.sha256:
            highest[device] = max(highest[device], seq)
        for device, last in sorted(highest.items()):
            links = {link.seq: link for link in self._links.get(device, ())}
            newest = max(links, default=0)
            if newest < last:
                self._blind.add(device)
                gone = _numbers(newest + 1, last)
                meaning = f"{gone} not there, and a checkpoint covers them"
                yield Finding(Code.TAIL_MISSING, self._folder(device), meaning)

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
        listed = numbers.get(key.seq)
        if listed is not None and listed.rsplit("/", 1)[-1] == str(key).rsplit("/", 1)[-1]:
            self.claims[listed].here = True  # found, though not where it belongs
            return Finding(Code.CHUNK_MISPLACED, str(key), f"it belongs under {listed}")
        if listed is not None:
            meaning = f"the manifests list {listed} under its number"
            return Finding(Code.CHUNK_INSERTED, str(key), meaning)
        if key.device in self._blind or key.seq in self._quarantined.get(key.device, ()):
            return None
        if key.seq > max(numbers, default=0):
            meaning = "no manifest lists it yet; the next shipment should"
            return Finding(Code.CHUNK_NOT_YET_LISTED, str(key), meaning)
        meaning = "later chunks are listed and it is not; nobody vouches for it"
        return Finding(Code.CHUNK_UNLISTED, str(key), meaning)

    def incomplete_devices(self) -> set[str]:
        """Give the devices whose chunks the manifests do not all account for."""
        gaps = {finding.object for finding in self.judge_numbers(set())}
        return self._blind | gaps


def _rewritten(device: str, link: _Link, covered: Coverage | None) -> bool:
    fixed = covered.sha256.get((device, link.seq)) if covered else None
    return link.believed and fixed is not None and fixed != link.sha256


def _follows(device: str, before: list[_Link], link: _Link, covered: Coverage | None) -> bool:
    """Tell whether a manifest names the one before it.

    One that is not believed has its own finding: it may not be what was named.
    """
    if not before or not link.believed:
        return link.previous is None
    return any(
        not one.believed or link.previous == one.sha256 or _rewritten(device, one, covered)
        for one in before
    )


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
