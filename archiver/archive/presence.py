"""Whether what manifests list is there, and what everything else is that lies beside it.

The manifests were listed before. A chunk that none of them lists may have been shipped
meanwhile, so its device's manifests are looked for once more before anything is said of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archiver.archive.admission import admit
from archiver.archive.catalogue import open_manifest, rebase
from archiver.archive.claims import Seen
from archiver.archive.findings import Code, Finding
from archiver.archive.scope import Depth
from archiver.errors import Damaged
from archiver.evidence.note import MAX_NOTE_BYTES
from archiver.format.keys import ChunkKey, ManifestKey, is_probe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archiver.archive.authority import Authority
    from archiver.archive.claims import Claim
    from archiver.archive.ledger import Ledger
    from archiver.archive.objects import Objects
    from archiver.archive.request import Request
    from archiver.archive.signers import Signers
    from archiver.archive.stored import StoredPapers
    from archiver.model.answers import Listed

__all__ = ["Presence"]

_TOO_LARGE: Final = 128 * 1024 * 1024
"""Bytes that no chunk has: it is not read then, whatever is listed."""


class Presence:
    """Holds the listing of one tenant to its ledger. ``broken`` are devices that lost a chunk."""

    def __init__(
        self,
        objects: Objects,
        request: Request,
        ledger: Ledger,
        signers: Signers,
        authority: Authority,
    ) -> None:
        self._objects = objects
        self._request = request
        self._ledger = ledger
        self._signers = signers
        self._authority = authority
        self.broken: set[str] = set()
        self.findings: list[Finding] = []

    async def judge(self, papers: StoredPapers) -> None:
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
        self._judge_absent()

    def tell_foreign(self, keys: Iterable[str]) -> None:
        """Say what objects are that are no part of this archive."""
        for key in keys:
            self._tell_foreign(key)

    def _judge_absent(self) -> None:
        ordered = self._authority.ordered
        for claim in self._ledger.claims.values():
            if claim.order and self._request.scope.holds(claim.key):
                if claim.seen is Seen.ABSENT:
                    ordered.gone(claim.order)
                else:
                    ordered.left += 1
            elif claim.seen is Seen.ABSENT and self._request.scope.holds(claim.key):
                self.broken.add(claim.device)
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
        folder, covered = f"_manifests/{device}/", self._authority.covered
        async for listed in self._objects.listing(folder):
            key = self._objects.key(listed.key)
            if not isinstance(key, ManifestKey) or key.seq <= self._ledger.newest(device):
                continue
            if listed.size > MAX_NOTE_BYTES:
                continue
            body = await self._objects.get(listed.key)
            if body is None or admit(key, body, self._signers, covered).manifest is None:
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
