"""The verification of one tenant, step by step; what each step means is said where it is judged."""

from __future__ import annotations

import random
from contextlib import aclosing
from typing import TYPE_CHECKING

from archiver.archive.authority import Authority, read_authority
from archiver.archive.claims import Seen
from archiver.archive.findings import Code, Finding
from archiver.archive.inspection import Inspection
from archiver.archive.ledger import Ledger
from archiver.archive.manifest_pass import ManifestPass
from archiver.archive.objects import Objects
from archiver.archive.presence import Presence
from archiver.archive.request import USUAL_SILENCE
from archiver.archive.scope import Depth
from archiver.archive.signers import Signers
from archiver.archive.stored import StoredPapers
from archiver.archive.unseal import Unsealer
from archiver.evidence import enrolment
from archiver.format.keys import EnrolmentKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from archiver.archive.request import Request
    from archiver.stores.protocol import Store

__all__ = ["TenantCheck", "nothing_there"]


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
        self._authority = Authority()
        self._broken: set[str] = set()
        self._ledger = Ledger(
            prefix,
            tenant,
            self._signers,
            silence_days=request.silence_days or USUAL_SILENCE,
            keeps_entries=request.depth is Depth.RECORDS,
        )
        self.manifests = self.chunks = self.stored_bytes = self.records = 0
        self.read = self.known = self.checkpoints = self.expired = self.erased = 0
        self.until: str | None = None
        self.findings: list[Finding] = []

    async def run(self) -> None:
        """Verify."""
        papers = StoredPapers(self._objects, self._request)
        await self._read_admin(papers)
        await self._read_enrolments()
        strangers = await self._read_manifests()
        self._judge_whole()
        presence = Presence(
            self._objects, self._request, self._ledger, self._signers, self._authority
        )
        presence.tell_foreign(strangers)
        await presence.judge(papers)
        self.findings += presence.findings
        self._broken |= presence.broken
        ordered = self._authority.ordered
        self.findings += await papers.judge(
            self._ledger.keys, self._authority.covered, ordered.keys.keys()
        )
        self.findings += ordered.judge()
        self.expired, self.erased = ordered.expired, ordered.erased
        await self._inspect()

    async def _read_admin(self, papers: StoredPapers) -> None:
        """Read what the admin signed, where one is trusted."""
        found = await read_authority(self._objects, self._request, papers)
        self._authority = found
        self.findings += found.findings
        self.checkpoints, self.until = found.checkpoints, found.until
        self._signers.roster, self._signers.sound = found.roster, found.sound
        self._ledger.ordered = found.ordered

    async def _read_enrolments(self) -> None:
        async for key, body in self._objects.bodies("_devices/", enrolment.MAX_BYTES + 64 * 1024):
            if isinstance(key, EnrolmentKey):
                self.findings += self._signers.enrolled(key, body)

    async def _read_manifests(self) -> list[str]:
        """Take in every manifest; give the keys of what lies among them and is none."""
        covered = self._authority.covered
        manifests = ManifestPass(self._objects, self._signers, covered)
        async with aclosing(manifests.run(self._progress)) as admitted:
            async for one in admitted:
                self.findings += self._ledger.add(one, covered)
        self.manifests = manifests.count
        return manifests.strangers

    def _judge_whole(self) -> None:
        """Judge the tenant, and its devices, as a whole."""
        covered, folder = self._authority.covered, self._objects.folder
        if not self.manifests:
            self.findings.append(nothing_there(folder))
        elif covered and covered.sound and not self.checkpoints:
            meaning = "no checkpoint of the admin is there"
            self.findings.append(Finding(Code.CHECKPOINT_NONE, f"{folder}_checkpoints/", meaning))
        as_of = self._request.as_of or self.until
        self.findings += self._ledger.judge_devices(covered, self._authority.registry, as_of)

    async def _inspect(self) -> None:
        """Read as much of the chunks as was asked for."""
        request = self._request
        claims = [
            one
            for one in self._ledger.claims.values()
            if request.scope.holds(one.key) and not (one.order and one.seen is Seen.ABSENT)
        ]
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
