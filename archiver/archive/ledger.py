"""What the manifests of one tenant claim together, and whether they agree. Pure.

Rules:

1. The manifests of a device are one chain (`archiver.archive.chain`).
2. The chunks of a device are numbered from 1 without a gap. A number is listed by a manifest
   of the device, listed as recovered by the device that came after it, or said by the device
   to be in no archive: quarantined, purged, or expired before it was sent.
3. An object under a number that is listed with other bytes was put there by somebody else.
   One under a number that nobody lists is not vouched for.
4. What a checkpoint covers must be there with the same bytes.
5. A device that is approved and was not revoked speaks, within the tenant's window.
6. Where a manifest is missing or not believed, what it may have listed is not judged: one
   damage, one finding.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from archiver.archive.catalogue import rebase
from archiver.archive.chain import Chain, numbers
from archiver.archive.claims import Claim, Seen
from archiver.archive.findings import Code, Finding
from archiver.archive.intervals import silent_since
from archiver.archive.numbering import Numbering
from archiver.archive.orders import Ordered
from archiver.evidence.documents import moment
from archiver.format.keys import ChunkKey, manifest_folder, parse_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from archiver.archive.admission import Admitted
    from archiver.archive.coverage import Coverage
    from archiver.archive.signers import Signers
    from archiver.evidence.registry import Registry
    from archiver.format.keys import ManifestKey
    from archiver.model.shipment import ChunkEntry, KeyEntry, Manifest, RecordCounts

__all__ = ["Ledger"]


class Ledger:
    """Takes in the manifests of one tenant, in the order of their keys, then judges them.

    ``silence_days`` is how long a device may say nothing; ``keeps_entries`` keeps what is
    needed to judge records. ``claims`` are the listed chunks and ``keys`` the listed wrapped
    keys, by where they must lie now. ``counts`` is what each device's newest manifest counts;
    ``blind`` are devices of which a manifest is missing or not believed. ``ordered`` is what an
    admin ordered to go.
    """

    def __init__(
        self,
        prefix: str,
        tenant: str,
        signers: Signers,
        *,
        silence_days: float = 31,
        keeps_entries: bool = False,
    ) -> None:
        self._prefix = prefix
        self._tenant = tenant
        self._signers = signers
        self.silence = timedelta(days=silence_days)
        self._keeps_entries = keeps_entries
        self._chain: tuple[str, Chain] | None = None
        self._numbering = Numbering()
        self._vouched: dict[str, str] = {}
        self._told: set[tuple[str, Code]] = set()
        self._reused: list[Finding] = []
        self._newest: dict[str, int] = {}
        self.ordered = Ordered()
        self._spoke: dict[str, datetime] = {}
        self.counts: dict[str, RecordCounts] = {}
        self.blind: set[str] = set()
        self.claims: dict[str, Claim] = {}
        self.keys: dict[str, KeyEntry] = {}

    def add(self, one: Admitted, covered: Coverage | None) -> Iterator[Finding]:
        """Take in one manifest; yield what is wrong with it, and with what came before."""
        device = one.key.device
        if self._chain is None or self._chain[0] != device:
            yield from self.close(covered)
            self._chain = device, Chain(self._folder(device), silence=self.silence)
        yield from self._chain[1].add(one)
        if (finding := one.finding) and (finding.object, finding.code) not in self._told:
            if finding.object == device:
                self._told.add((device, finding.code))
            yield finding
        if one.manifest is not None:
            yield from self._judge_strangers(one)
            yield from self._take(one.key, one.manifest, one.strangers)

    def close(self, covered: Coverage | None) -> Iterator[Finding]:
        """Judge the device whose manifests came last: there are no more of it."""
        if self._chain is None:
            return
        device, chain = self._chain
        self._chain = None
        yield from chain.close()
        self._newest[device] = chain.newest
        if not chain.forked:
            yield from self._reused
        self._reused.clear()
        if chain.broken:
            self.blind.add(device)
        if chain.counts is not None:
            self.counts[device] = chain.counts
        gone = list(self._judge_tail(device, chain.newest, covered))
        if chain.last_at is not None and not gone:
            self._spoke[device] = chain.last_at
        yield from gone

    def _judge_tail(self, device: str, newest: int, covered: Coverage | None) -> Iterator[Finding]:
        last = covered.newest(device) if covered else 0
        if newest < last:
            self.blind.add(device)
            meaning = f"{numbers(newest + 1, last)} not there, and a checkpoint covers them"
            yield Finding(Code.TAIL_MISSING, self._folder(device), meaning)

    def judge_devices(
        self, covered: Coverage | None, registry: Registry | None, as_of: str | None
    ) -> Iterator[Finding]:
        """Judge devices as a whole, when all manifests are in (rules 4 and 5).

        ``as_of`` is the time up to which they should have spoken; ``None`` does not ask.
        """
        yield from self.close(covered)
        for device in sorted(covered.leaves.keys() - self._newest.keys()) if covered else ():
            self._newest[device] = 0
            yield from self._judge_tail(device, 0, covered)
        approved = registry.devices if registry else ()
        expected = {one.device for one in approved if one.revoked_at is None}
        for device in sorted(expected - self._newest.keys()):
            meaning = "an admin approved it, and there is no manifest of it"
            yield Finding(Code.DEVICE_MISSING, device, meaning)
        if as_of is None:
            return
        due = moment(as_of)
        for device, at in sorted(self._spoke.items()):
            silent = silent_since(device, at, due, self.silence)
            if silent and self._signers.expects(device, due):
                yield silent

    def _folder(self, device: str) -> str:
        return f"{manifest_folder(self._prefix, self._tenant)}{device}/"

    def _judge_strangers(self, one: Admitted) -> Iterator[Finding]:
        """Say for whom a manifest speaks without being asked to: that is not believed."""
        for device in sorted(one.strangers):
            self.blind.add(device)
            meaning = f"it lists chunks of device {device}, whose key did not sign for them"
            yield Finding(Code.RECOVERY_UNPROVED, str(one.key), meaning)

    def _take(
        self, key: ManifestKey, manifest: Manifest, strangers: frozenset[str]
    ) -> Iterator[Finding]:
        """Believe what a manifest says; yield what cannot be."""
        self._numbering.take_unsent(key.device, manifest)
        for wrap in manifest.keys:
            below = wrap.key[wrap.key.rindex("tenant=") :]
            self.keys[f"{self._prefix}/{below}" if self._prefix else below] = wrap
        for entries, own in ((manifest.chunks, True), (manifest.recovered, False)):
            for entry in entries:
                where = rebase(entry, self._prefix, self._tenant)
                if where is None or (own and where.device != key.device):
                    stranger = parse_key(entry.key)
                    self.blind.add(key.device)
                    if isinstance(stranger, ChunkKey):
                        self.blind.add(stranger.device)
                    yield Finding(
                        Code.LISTING_INVALID,
                        str(key),
                        f"its entry number {entry.seq} contradicts itself or names another owner",
                    )
                elif own or where.device not in strangers:
                    yield from self._claim(where, entry, key, manifest.created_at)

    def _claim(
        self, where: ChunkKey, entry: ChunkEntry, by: ManifestKey, at: str
    ) -> Iterator[Finding]:
        """Note who lists a chunk. Of two that differ the owner's stays, else the first."""
        text = str(where)
        taken = self._numbering.take(where.device, where.seq, text)
        if taken != text:
            meaning = f"{taken} is listed under the same number"
            self._reused.append(Finding(Code.SEQUENCE_REUSED, text, meaning))
        claim = Claim(
            text,
            bytes.fromhex(entry.sha256),
            entry.stored_bytes,
            entry.records,
            msgspec.json.encode(entry) if self._keeps_entries else b"",
        )
        before = self.claims.get(text)
        if before is not None and _said(before) != _said(claim):
            liar = str(by)
            if where.device == by.device and text in self._vouched:
                liar = self._vouched.pop(text)
                claim.order = before.order
                self.claims[text] = claim
            meaning = f"it lists {text} otherwise than its device does, or did before"
            yield Finding(Code.LISTING_INVALID, liar, meaning)
        elif before is None:
            claim.order = self.ordered.order_of(where, entry, at)
            self.claims[text] = claim
            if where.device != by.device:
                self._vouched[text] = str(by)

    def newest(self, device: str) -> int:
        """Give the number of a device's newest manifest, 0 where it has none."""
        return self._newest.get(device, 0)

    def named(self, name: str) -> Claim | None:
        """Give the listed chunk whose key has this last part."""
        key = self._numbering.named(name)
        return self.claims[key] if key else None

    def judge_numbers(self, present: Iterable[tuple[str, int]]) -> Iterator[Finding]:
        """Yield the chunk numbers that nobody accounts for (rule 2).

        ``present`` are the numbers of stored objects that no manifest lists: each has a
        finding of its own.
        """
        yield from self._numbering.judge(present, self.blind)

    def judge_unlisted(self, key: ChunkKey) -> Finding | None:
        """Say what a stored chunk is that no manifest lists (rule 3)."""
        if claim := self.named(str(key).rsplit("/", 1)[-1]):
            return self.judge_misplaced(str(key), claim)
        listed = self._numbering.key_of(key.device, key.seq)
        if listed is not None:
            meaning = f"the manifests list {listed} under its number"
            return Finding(Code.CHUNK_INSERTED, str(key), meaning)
        if key.device in self.blind or self._numbering.is_unsent(key.device, key.seq):
            return None
        if key.device in self.counts and key.seq > self._numbering.highest(key.device):
            meaning = "no manifest lists it: its device did not come to it, or it is not its own"
            return Finding(Code.CHUNK_NOT_YET_LISTED, str(key), meaning)
        meaning = "no manifest lists it, and its device has gone on; nobody vouches for it"
        return Finding(Code.CHUNK_UNLISTED, str(key), meaning)

    def judge_misplaced(self, text: str, claim: Claim) -> Finding:
        """Say that a listed chunk lies under another key; it is not missing then as well."""
        if claim.seen is Seen.ABSENT:
            claim.seen = Seen.ELSEWHERE
        return Finding(Code.CHUNK_MISPLACED, text, f"it belongs under {claim.key}")

    def incomplete_devices(self) -> set[str]:
        """Give the devices whose chunks the manifests do not all account for."""
        return self.blind | {finding.object for finding in self.judge_numbers(())}


def _said(claim: Claim) -> tuple[bytes, int, int]:
    return claim.sha256, claim.stored_bytes, claim.records
