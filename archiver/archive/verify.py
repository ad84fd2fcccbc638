"""Checking a whole archive against its own manifests, without this machine's state.

Without ``read_data`` it costs the listings and the manifests: it finds whatever is missing,
added, cut or renumbered. With it, every chunk is fetched and every record looked at.

What it cannot find: that the newest manifests of a device were removed together with all
that they list (nothing that is left names them), and a rewrite of everything by somebody who
may write to the store (nothing is signed yet).

Two listings are made, manifests first, so that what is shipped meanwhile looks like what it
is: not listed yet.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from contextlib import aclosing
from typing import TYPE_CHECKING

from archiver.archive.catalogue import find_tenants, keys_in
from archiver.archive.contents import Positions, check_chunk
from archiver.archive.fetch import in_turn, no_progress
from archiver.archive.findings import Code, Finding, Report
from archiver.archive.ledger import Claim, Ledger
from archiver.errors import StoreError
from archiver.format.keys import ChunkKey, ManifestKey, manifest_folder, parse_key, tenant_folder
from archiver.model.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from archiver.stores.protocol import Store

__all__ = ["verify"]


async def verify(
    store: Store,
    prefix: str,
    tenants: Sequence[str] | None = None,
    *,
    read_data: bool = False,
    progress: Callable[[int, int], None] = no_progress,
) -> Report:
    """Verify ``tenants`` (``None``: all that are there) below ``prefix``.

    ``progress`` is called with the objects fetched and their number so far. Raises
    `StoreError` where the store does not answer: then nothing is known.
    """
    names = tuple(tenants) if tenants is not None else await find_tenants(store, prefix)
    checks = [_TenantCheck(store, prefix, name, progress) for name in names]
    for check in checks:
        await check.run(read_data=read_data)
    findings = [finding for check in checks for finding in check.findings]
    if not names:
        findings.append(_nothing_there(prefix or store.name))
    claims = [claim.entry for check in checks for claim in check.ledger.claims.values()]
    return Report(
        tenants=names,
        read_data=read_data,
        manifests=sum(check.manifests for check in checks),
        chunks=len(claims),
        stored_bytes=sum(entry.stored_bytes for entry in claims),
        records=sum(entry.records for entry in claims),
        findings=tuple(findings),
    )


def _nothing_there(where: str) -> Finding:
    meaning = "there is no manifest: nothing was ever shipped here, or all of it is gone"
    return Finding(Code.NOTHING_THERE, where, meaning)


class _TenantCheck:
    """The verification of one tenant, step by step."""

    def __init__(
        self, store: Store, prefix: str, tenant: str, progress: Callable[[int, int], None]
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._folder = tenant_folder(prefix, tenant)
        self._manifests = manifest_folder(prefix, tenant)
        self._progress = progress
        self.ledger = Ledger(prefix, tenant)
        self.manifests = 0
        self.findings: list[Finding] = []
        self._broken: set[str] = set()

    async def run(self, *, read_data: bool) -> None:
        await self._read_manifests()
        if not self.manifests:
            self.findings.append(_nothing_there(self._folder))
        self.findings += self.ledger.judge_chains()
        here = await self._list_chunks()
        if read_data:
            await self._read_chunks(here)
        else:
            self._compare_sizes(here)

    async def _read_manifests(self) -> None:
        keys: list[ManifestKey] = []
        async for text in keys_in(self._store, self._manifests):
            key = parse_key(text)
            if isinstance(key, ManifestKey) and str(key) == text:
                keys.append(key)
            else:
                self._foreign(text)
        self.manifests = len(keys)

        async def get(key: ManifestKey) -> bytes:
            return await self._store.get(str(key))

        async with aclosing(in_turn(keys, get, limit=self._store.concurrency * 4)) as bodies:
            done = 0
            async for body in bodies:
                self.findings += self.ledger.add(keys[done], body)
                done += 1
                self._progress(done, len(keys))

    async def _list_chunks(self) -> dict[str, int]:
        """Judge every object by its key; give the sizes of those that are listed."""
        here: dict[str, int] = {}
        unlisted: set[tuple[str, int]] = set()
        async for listed in self._store.list(self._folder):
            if listed.key in self.ledger.claims:
                here[listed.key] = listed.size
            elif not listed.key.startswith(self._manifests):
                key = parse_key(listed.key)
                if isinstance(key, ChunkKey) and str(key) == listed.key:
                    unlisted.add((key.device, key.seq))
                    finding = self.ledger.judge_unlisted(key)
                    self.findings += [finding] if finding else []
                else:
                    self._foreign(listed.key)
        self.findings += self.ledger.judge_numbers(unlisted)
        for key_text, claim in self.ledger.claims.items():
            if key_text not in here:
                meaning = "a manifest lists it and it is not there"
                self._chunk_finding(Code.CHUNK_MISSING, claim, meaning)
        return here

    def _foreign(self, key: str) -> None:
        if key.removeprefix(self._folder).startswith("_") and not key.startswith(self._manifests):
            meaning = "it lies in a reserved folder that this version does not know"
            self.findings.append(Finding(Code.RESERVED_OBJECT, key, meaning))
        else:
            meaning = "it is not part of an archive, and was put there by somebody else"
            self.findings.append(Finding(Code.FOREIGN_OBJECT, key, meaning))

    def _chunk_finding(self, code: Code, claim: Claim, meaning: str) -> None:
        self._broken.add(claim.key.device)
        self.findings.append(Finding(code, str(claim.key), meaning))

    def _compare_sizes(self, here: dict[str, int]) -> None:
        for key, size in here.items():
            claim = self.ledger.claims[key]
            if size != claim.entry.stored_bytes:
                meaning = f"it has {size} bytes, not {claim.entry.stored_bytes}"
                self._chunk_finding(Code.CHUNK_SIZE, claim, meaning)

    async def _read_chunks(self, here: dict[str, int]) -> None:
        claims = [self.ledger.claims[key] for key in here]
        seen: defaultdict[tuple[str, str], Positions] = defaultdict(Positions)
        async with aclosing(in_turn(claims, self._get, limit=self._store.concurrency)) as frames:
            done = 0
            async for frame in frames:
                self._read_chunk(claims[done], frame, seen)
                done += 1
                self._progress(done, len(claims))
        self._judge_positions(seen)

    async def _get(self, claim: Claim) -> bytes | None:
        try:
            return await self._store.get(str(claim.key))
        except StoreError as error:
            if error.refusal.answer is Answer.NOT_FOUND:
                return None
            raise

    def _read_chunk(
        self, claim: Claim, frame: bytes | None, seen: defaultdict[tuple[str, str], Positions]
    ) -> None:
        if frame is None:
            self._chunk_finding(Code.CHUNK_MISSING, claim, "it went while it was being verified")
            return
        sha256 = hashlib.sha256(frame).hexdigest()
        if sha256 == claim.entry.sha256:
            for finding in check_chunk(claim, frame, seen):
                self._chunk_finding(finding.code, claim, finding.meaning)
            return
        others = (c for c in self.ledger.claims.values() if c.entry.sha256 == sha256)
        if other := next(others, None):
            self._chunk_finding(Code.CHUNK_SWAPPED, claim, f"it holds what {other.key} should")
        elif len(frame) != claim.entry.stored_bytes:
            meaning = f"it has {len(frame)} bytes, not {claim.entry.stored_bytes}"
            self._chunk_finding(Code.CHUNK_SIZE, claim, meaning)
        else:
            self._chunk_finding(Code.CHUNK_ALTERED, claim, "its bytes are not those listed")

    def _judge_positions(self, seen: dict[tuple[str, str], Positions]) -> None:
        """Find holes in the logs of devices whose chunks are all there and whole."""
        explained = self._broken | self.ledger.incomplete_devices()
        for (device, key), positions in sorted(seen.items()):
            if device not in explained and (gap := positions.gap()) is not None:
                meaning = f"stream {key} has no record at position {gap}, and has later ones"
                self.findings.append(Finding(Code.POSITION_GAP, device, meaning))
