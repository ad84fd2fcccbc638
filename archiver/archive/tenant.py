"""The verification of one tenant, step by step; what each step means is said where it is judged.

Two listings are made, manifests first. A chunk that no manifest lists may have been shipped
meanwhile, so its device's manifests are looked for once more before anything is said of it.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.archive.admission import admit, too_long
from archiver.archive.catalogue import open_manifest, rebase
from archiver.archive.claims import Seen
from archiver.archive.coverage import cover
from archiver.archive.fetch import Budget, in_turn
from archiver.archive.findings import Code, Finding
from archiver.archive.inspection import Inspection
from archiver.archive.intervals import silent_since
from archiver.archive.ledger import Ledger
from archiver.archive.objects import BATCH, Objects
from archiver.archive.request import USUAL_PAUSE, USUAL_SILENCE
from archiver.archive.scope import Depth
from archiver.archive.signers import Signers, read_registries
from archiver.archive.stored import StoredPapers
from archiver.archive.unseal import Unsealer
from archiver.errors import Damaged
from archiver.evidence import enrolment, registry, statement
from archiver.evidence.documents import moment
from archiver.evidence.note import MAX_NOTE_BYTES
from archiver.format.keys import ChunkKey, EnrolmentKey, ManifestKey, Series, SeriesKey, is_probe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from archiver.archive.admission import Admitted
    from archiver.archive.claims import Claim
    from archiver.archive.coverage import Coverage
    from archiver.archive.request import Request
    from archiver.evidence.registry import Registry
    from archiver.evidence.statement import RollupEntry
    from archiver.model.answers import Listed
    from archiver.stores.protocol import Store

__all__ = ["TenantCheck", "nothing_there"]

_TOO_LARGE = 128 * 1024 * 1024
"""Bytes that no chunk has: it is not read then, whatever is listed."""

_BATCHES = 3
_BATCH_BYTES = 16 * 1024 * 1024
_IN_FLIGHT = 64 * 1024 * 1024


def nothing_there(where: str) -> Finding:
    """Say that there is no archive: that is never a success."""
    meaning = "there is no manifest: nothing was ever shipped here, or all of it is gone"
    return Finding(Code.NOTHING_THERE, where, meaning)


class TenantCheck:
    """One run over one tenant. What was found stands in its attributes afterwards."""

    def __init__(
        self,
        store: Store,
        prefix: str,
        tenant: str,
        request: Request,
        progress: Callable[[int, int], None],
    ) -> None:
        self._objects = Objects(store, prefix, tenant)
        self._request = request
        self._progress = progress
        self._signers = Signers()
        self._registry: Registry | None = None
        self._covered: Coverage | None = None
        self._broken: set[str] = set()
        self._ledger = Ledger(
            prefix,
            tenant,
            self._signers,
            silence_days=request.silence_days or USUAL_SILENCE,
            keeps_entries=request.depth is Depth.RECORDS,
        )
        self.manifests = self.chunks = self.stored_bytes = self.records = 0
        self.read = self.known = self.checkpoints = 0
        self.until: str | None = None
        self.findings: list[Finding] = []

    async def run(self) -> None:
        """Verify."""
        papers = StoredPapers(self._objects, self._request)
        await self._read_admin(papers)
        await self._read_enrolments()
        await self._read_manifests()
        if not self.manifests:
            self.findings.append(nothing_there(self._objects.folder))
        elif self._covered and self._covered.sound and not self.checkpoints:
            meaning = "no checkpoint of the admin is there"
            self._find(Code.CHECKPOINT_NONE, f"{self._objects.folder}_checkpoints/", meaning)
        as_of = self._request.as_of or self.until
        self.findings += self._ledger.judge_devices(self._covered, self._registry, as_of)
        await self._judge_listing(papers)
        self.findings += await papers.judge(self._ledger.keys, self._covered)
        await self._inspect()

    async def _read_admin(self, papers: StoredPapers) -> None:
        """Read what the admin signed, where one is trusted."""
        trust, tenant = self._request.trust, self._objects.tenant
        if trust is None:
            return
        found, findings = await read_registries(self._series(Series.REGISTRY), trust, tenant)
        self.findings += findings
        if found.newest is None and not findings:
            meaning = "no admin has approved any device of this tenant"
            self._find(Code.REGISTRY_MISSING, self._objects.folder, meaning)
        self._registry, self._signers.roster = found.newest, found.roster
        await papers.list_rollups()

        async def fetch(entry: RollupEntry) -> bytes | None:
            return await papers.rollup(entry)

        covered, findings = await cover(self._series(Series.CHECKPOINTS), trust, tenant, fetch)
        self.findings += findings
        self._covered, self.checkpoints, self.until = covered, covered.statements, covered.until
        if found.sound and covered.registry and covered.registry not in found.hashes:
            meaning = "the newest checkpoint names a registry that is not there"
            self._find(Code.REGISTRY_GONE, f"{self._objects.folder}_registry/", meaning)
            found.sound = False
        self._signers.sound = found.sound
        if covered.until and self._request.as_of:
            last, due = moment(covered.until), moment(self._request.as_of)
            pause = self._request.pause_days or USUAL_PAUSE
            where = f"{self._objects.folder}_checkpoints/"
            if silent := silent_since(where, last, due, timedelta(days=pause)):
                self.findings.append(silent)

    async def _series(self, series: Series) -> AsyncIterator[tuple[SeriesKey, bytes]]:
        most = registry.MAX_BYTES if series is Series.REGISTRY else statement.MAX_BYTES
        async for key, body in self._objects.bodies(f"_{series}/", most + 64 * 1024):
            if isinstance(key, SeriesKey) and key.series is series:
                yield key, body

    async def _read_enrolments(self) -> None:
        async for key, body in self._objects.bodies("_devices/", enrolment.MAX_BYTES + 64 * 1024):
            if isinstance(key, EnrolmentKey):
                self.findings += self._signers.enrolled(key, body)

    async def _read_manifests(self) -> None:
        """Take in every manifest. Signatures are looked at in a thread, batch after batch."""
        batches, sizes = await self._list_manifests()
        budget = Budget(_IN_FLIGHT)

        async def ask(batch: tuple[str, int]) -> list[Admitted]:
            async with budget.taken(batch[1]):
                return await self._admitted(batch[0].split("\n"), sizes)

        def taken() -> Iterable[tuple[str, int]]:
            while batches:
                yield batches.popleft()

        done = 0
        async with aclosing(in_turn(taken(), ask, limit=_BATCHES)) as admitted:
            async for ones in admitted:
                for one in ones:
                    self.findings += self._ledger.add(one, self._covered)
                    done += 1
                    self._progress(done, self.manifests)

    async def _list_manifests(self) -> tuple[deque[tuple[str, int]], dict[str, int]]:
        """Give the keys of all manifests in batches, as text, each with the bytes that it has.

        Those that are too long to be fetched come with their sizes as well.
        """
        batches: deque[tuple[str, int]] = deque()
        batch: list[str] = []
        weight = 0
        sizes: dict[str, int] = {}
        async for listed in self._objects.listing("_manifests/"):
            if not isinstance(self._objects.key(listed.key), ManifestKey):
                self._tell_foreign(listed.key)
                continue
            if listed.size > MAX_NOTE_BYTES:
                sizes[listed.key] = listed.size
            size = 0 if listed.key in sizes else listed.size
            if batch and (len(batch) == BATCH or weight + size > _BATCH_BYTES):
                batches.append(("\n".join(batch), weight))
                batch, weight = [], 0
            self.manifests += 1
            batch.append(listed.key)
            weight += size
        if batch:
            batches.append(("\n".join(batch), weight))
        return batches, sizes

    async def _admitted(self, keys: list[str], sizes: dict[str, int]) -> list[Admitted]:
        bodies = await self._objects.several([key for key in keys if key not in sizes])
        return await asyncio.to_thread(self._admit_all, keys, sizes, deque(bodies))

    def _admit_all(
        self, keys: list[str], sizes: dict[str, int], bodies: deque[bytes | None]
    ) -> list[Admitted]:
        found = []
        for text in keys:
            key = self._objects.key(text)
            assert isinstance(key, ManifestKey)  # noqa: S101 - so they were listed
            if text in sizes:
                found.append(too_long(key, sizes[text]))
            elif (body := bodies.popleft()) is not None:
                found.append(admit(key, body, self._signers, self._covered))
        return found

    async def _judge_listing(self, papers: StoredPapers) -> None:
        """Judge every object by its key, and note which of those that are listed are there."""
        unlisted: list[tuple[ChunkKey, Finding]] = []
        async for listed in self._objects.outside_manifests():
            claim = self._ledger.claims.get(listed.key)
            if claim is not None:
                self._note_claim(claim, listed)
                continue
            key = self._objects.key(listed.key)
            if isinstance(key, ChunkKey):
                if finding := self._ledger.judge_unlisted(key):
                    unlisted.append((key, finding))
            elif key is None:
                self._judge_stranger(listed.key)
            else:
                papers.seen(key, listed)
        await self._judge_unlisted(unlisted)
        for claim in self._ledger.claims.values():
            if claim.seen is Seen.ABSENT and self._request.scope.holds(claim.key):
                self._broken.add(claim.device)
                meaning = "a manifest lists it; it is not there"
                self._find(Code.CHUNK_MISSING, claim.key, meaning)

    def _note_claim(self, claim: Claim, listed: Listed) -> None:
        claim.seen = Seen.HERE
        if listed.size > _TOO_LARGE:
            claim.seen = Seen.TOO_LARGE
        elif listed.size == claim.stored_bytes:
            return
        else:
            claim.seen = Seen.WRONG_SIZE
        read = self._request.depth is not Depth.LISTING and claim.seen is Seen.WRONG_SIZE
        if not read and self._request.scope.holds(claim.key):
            meaning = f"it has {listed.size} bytes, not {claim.stored_bytes}"
            if claim.seen is Seen.TOO_LARGE:
                meaning = f"it has {listed.size} bytes; at most {_TOO_LARGE} are read"
            self._find(Code.CHUNK_SIZE, claim.key, meaning)

    def _judge_stranger(self, text: str) -> None:
        """Judge an object that is no part of this archive, however it may look."""
        if claim := self._ledger.named(text.rsplit("/", 1)[-1]):
            self.findings.append(self._ledger.judge_misplaced(text, claim))
        else:
            self._tell_foreign(text)

    async def _judge_unlisted(self, unlisted: list[tuple[ChunkKey, Finding]]) -> None:
        later: dict[str, set[str]] = {}
        numbers = []
        for key, finding in unlisted:
            numbers.append((key.device, key.seq))
            if finding.code in (Code.CHUNK_NOT_YET_LISTED, Code.CHUNK_UNLISTED):
                if key.device not in later:
                    later[key.device] = await self._listed_since(key.device)
                if str(key) in later[key.device]:
                    continue
            if self._request.scope.holds(str(key)):
                self.findings.append(finding)
        self.findings += self._ledger.judge_numbers(numbers)

    async def _listed_since(self, device: str) -> set[str]:
        """Give the chunks that a device listed since its manifests were read."""
        found = set()
        folder = f"_manifests/{device}/"
        async for listed in self._objects.listing(folder):
            key = self._objects.key(listed.key)
            if not isinstance(key, ManifestKey) or key.seq <= self._ledger.newest(device):
                continue
            if listed.size > MAX_NOTE_BYTES:
                continue
            body = await self._objects.get(listed.key)
            if body is None or admit(key, body, self._signers, self._covered).manifest is None:
                continue
            try:
                manifest, _ = open_manifest(key, body)
            except Damaged:
                continue
            places = (rebase(one, key.prefix, key.tenant) for one in manifest.chunks)
            found |= {str(place) for place in places if place}
        return found

    def _find(self, code: Code, where: str, meaning: str) -> None:
        self.findings.append(Finding(code, where, meaning))

    def _tell_foreign(self, key: str) -> None:
        if is_probe(key) and key.startswith(self._objects.folder):
            return
        if self._objects.is_reserved(key):
            meaning = "it lies in a reserved folder that this version does not know"
            self._find(Code.RESERVED_OBJECT, key, meaning)
        else:
            meaning = "it is not part of an archive, and was put there by somebody else"
            self._find(Code.FOREIGN_OBJECT, key, meaning)

    async def _inspect(self) -> None:
        """Read as much of the chunks as was asked for."""
        request = self._request
        claims = [one for one in self._ledger.claims.values() if request.scope.holds(one.key)]
        self.chunks = len(claims)
        self.stored_bytes = sum(one.stored_bytes for one in claims)
        self.records = sum(one.records for one in claims)
        if request.depth is Depth.LISTING:
            return
        suspects = [one for one in claims if one.seen is Seen.WRONG_SIZE]
        claims = [one for one in claims if one.seen is Seen.HERE]
        if request.subset:
            claims = request.subset.choose(claims, random.Random())  # noqa: S311 - a sample
        if request.journal:
            before = len(claims)
            claims = [one for one in claims if not request.journal.knows(one, request.depth)]
            self.known = before - len(claims)
        inspection = Inspection(
            self._objects.store,
            self._ledger,
            Unsealer(self._objects.store, request.identities),
            depth=request.depth,
            whole=request.reads_all and not self.known,
            broken=self._broken,
        )
        jobs = request.jobs or self._objects.store.concurrency
        self.findings += [
            finding
            async for finding in inspection.run(
                suspects + claims, request.journal, jobs=jobs, progress=self._progress
            )
        ]
        self.read = inspection.read
