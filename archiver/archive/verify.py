"""Checking a whole archive against what was signed, without this machine's state.

At `Depth.LISTING` it costs the listings and the manifests: it finds whatever is missing, added,
cut or renumbered, and who signed what. At `Depth.BYTES` the sha256 of every chunk is taken, and
at `Depth.RECORDS` every record is looked at.

With `Trust` in an admin's public key, devices are those that the admin approved, and what a
checkpoint covers can be neither rewritten nor cut off unseen. Without it, signatures are held
to the keys that the devices themselves published, which whoever may write to the store can
replace together with everything else.

Two listings are made, manifests first, so that what is shipped meanwhile looks like what it
is: not listed yet.
"""

from __future__ import annotations

import random
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from archiver.archive.catalogue import find_tenants, keys_in
from archiver.archive.coverage import Coverage, cover
from archiver.archive.fetch import in_turn, no_progress
from archiver.archive.findings import Code, Finding, Report
from archiver.archive.inspection import Inspection
from archiver.archive.ledger import Ledger
from archiver.archive.scope import Depth, Scope
from archiver.archive.signers import Signers, read_registry
from archiver.archive.unseal import Unsealer
from archiver.errors import StoreError
from archiver.evidence.registry import Roster
from archiver.format.keys import (
    ChunkKey,
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
from archiver.vault.layout import parse_vault_key, vault_folder

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from archiver.archive.journal import Journal
    from archiver.archive.ledger import Claim
    from archiver.archive.scope import Subset
    from archiver.archive.signers import Trust
    from archiver.evidence.statement import RollupEntry
    from archiver.stores.protocol import Store

__all__ = ["Request", "verify"]

EVERYTHING = Scope()

K = TypeVar("K", ManifestKey, EnrolmentKey, SeriesKey)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a verification.

    ``trust`` is whom to believe, ``None`` nobody. ``silence_days`` is how long a device may
    say nothing, up to ``as_of`` (RFC 3339; ``None``: up to the newest checkpoint).
    ``journal`` remembers what was read before, so that it is not read again. ``jobs`` chunks
    are read at once, ``None``: as many as the store likes.
    """

    trust: Trust | None = None
    depth: Depth = Depth.LISTING
    scope: Scope = EVERYTHING
    subset: Subset | None = None
    silence_days: float = 31
    as_of: str | None = None
    identities: tuple[str, ...] = ()
    journal: Journal | None = None
    jobs: int | None = None


async def verify(
    store: Store,
    prefix: str,
    tenants: Sequence[str] | None = None,
    request: Request | None = None,
    *,
    progress: Callable[[int, int], None] = no_progress,
) -> Report:
    """Verify ``tenants`` (``None``: all that are there) below ``prefix``.

    ``progress`` is called with the objects fetched and their number so far. Raises
    `StoreError` where the store does not answer: then nothing is known.
    """
    names = tuple(tenants) if tenants is not None else await find_tenants(store, prefix)
    asked = request or Request()
    checks = [_TenantCheck(store, prefix, name, asked, progress) for name in names]
    for check in checks:
        await check.run()
    findings = [finding for check in checks for finding in check.findings]
    if not names:
        findings.append(_nothing_there(prefix or store.name))
    return Report(
        tenants=names,
        depth=asked.depth,
        trusted=asked.trust is not None,
        manifests=sum(check.manifests for check in checks),
        chunks=sum(check.chunks for check in checks),
        stored_bytes=sum(check.stored_bytes for check in checks),
        records=sum(check.records for check in checks),
        read=sum(check.read for check in checks),
        checkpoints=sum(check.checkpoints for check in checks),
        covered_until=max((check.until for check in checks if check.until), default=None),
        findings=tuple(findings),
    )


def _nothing_there(where: str) -> Finding:
    meaning = "there is no manifest: nothing was ever shipped here, or all of it is gone"
    return Finding(Code.NOTHING_THERE, where, meaning)


class _TenantCheck:
    """The verification of one tenant, step by step."""

    def __init__(
        self,
        store: Store,
        prefix: str,
        tenant: str,
        request: Request,
        progress: Callable[[int, int], None],
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._tenant = tenant
        self._folder = tenant_folder(prefix, tenant)
        self._request = request
        self._progress = progress
        self._signers = Signers()
        self._covered: Coverage | None = None
        self._broken: set[str] = set()
        self._ledger = Ledger(
            prefix, tenant, self._signers, keeps_entries=request.depth is Depth.RECORDS
        )
        self.manifests = self.chunks = self.stored_bytes = self.records = self.read = 0
        self.checkpoints = 0
        self.until: str | None = None
        self.findings: list[Finding] = []

    async def run(self) -> None:
        await self._read_admin()
        await self._read_enrolments()
        await self._read_manifests()
        if not self.manifests:
            self.findings.append(_nothing_there(self._folder))
        request = self._request
        self.findings += self._ledger.judge_chains(
            self._covered,
            silence_days=request.silence_days,
            as_of=request.as_of or self.until,
        )
        await self._list_chunks()
        await self._check_keys()
        claims = [one for one in self._ledger.claims.values() if request.scope.holds(one.key)]
        self.chunks = len(claims)
        self.stored_bytes = sum(one.stored_bytes for one in claims)
        self.records = sum(one.records for one in claims)
        await self._inspect([one for one in claims if one.here])

    async def _read_admin(self) -> None:
        trust = self._request.trust
        if trust is None:
            return
        registries = await self._series(Series.REGISTRY)
        newest, _, findings = read_registry(registries, trust, self._tenant)
        self.findings += findings
        if newest is None and not findings:
            meaning = "no admin has approved any device of this tenant"
            self.findings.append(Finding(Code.REGISTRY_MISSING, self._folder, meaning))
        self._signers.roster = Roster(newest) if newest else None
        statements = await self._series(Series.CHECKPOINTS)
        self._covered, findings = await cover(statements, trust, self._tenant, self._rollup)
        self.findings += findings
        self.checkpoints, self.until = self._covered.statements, self._covered.until

    async def _series(self, series: Series) -> list[tuple[SeriesKey, bytes]]:
        folder = series_folder(self._prefix, self._tenant, series)
        keys = [key async for key in self._keys(folder, SeriesKey)]
        return [(key, await self._store.get(str(key))) for key in keys]

    async def _rollup(self, entry: RollupEntry) -> bytes | None:
        below = entry.key[entry.key.rfind("tenant=") :]
        return await self._get(f"{self._prefix}/{below}" if self._prefix else below)

    async def _read_enrolments(self) -> None:
        async for key in self._keys(f"{self._folder}_devices/", EnrolmentKey):
            self.findings += self._signers.enrolled(key, await self._store.get(str(key)))

    async def _keys(self, folder: str, kind: type[K]) -> AsyncGenerator[K, None]:
        """Yield the keys of one kind in a folder; what else lies there is foreign."""
        async with aclosing(keys_in(self._store, folder)) as texts:
            async for text in texts:
                key = parse_key(text)
                if isinstance(key, kind) and str(key) == text:
                    yield key
                else:
                    self._foreign(text)

    async def _read_manifests(self) -> None:
        folder = manifest_folder(self._prefix, self._tenant)
        keys = [key async for key in self._keys(folder, ManifestKey)]
        self.manifests = len(keys)

        async def get(key: ManifestKey) -> bytes:
            return await self._store.get(str(key))

        async with aclosing(in_turn(keys, get, limit=self._store.concurrency * 4)) as bodies:
            done = 0
            async for body in bodies:
                self.findings += self._ledger.add(keys[done], body)
                done += 1
                self._progress(done, len(keys))

    async def _list_chunks(self) -> None:
        """Judge every object by its key, and note which of those that are listed are there."""
        claims, scope = self._ledger.claims, self._request.scope
        unlisted: set[tuple[str, int]] = set()
        async for listed in self._store.list(self._folder):
            claim = claims.get(listed.key)
            if claim is not None:
                claim.here = True
                if listed.size != claim.stored_bytes and self._request.depth is Depth.LISTING:
                    meaning = f"it has {listed.size} bytes, not {claim.stored_bytes}"
                    self._find(Code.CHUNK_SIZE, claim.key, meaning)
            elif not listed.key.removeprefix(self._folder).startswith("_"):
                key = parse_key(listed.key)
                if isinstance(key, ChunkKey) and str(key) == listed.key:
                    unlisted.add((key.device, key.seq))
                    finding = self._ledger.judge_unlisted(key)
                    self.findings += [finding] if finding and scope.holds(listed.key) else []
                else:
                    self._foreign(listed.key)
            elif parse_vault_key(listed.key) is None and parse_key(listed.key) is None:
                self._foreign(listed.key)
        self.findings += self._ledger.judge_numbers(unlisted)
        for claim in claims.values():
            if not claim.here and scope.holds(claim.key):
                self._broken.add(claim.device)
                self._find(Code.CHUNK_MISSING, claim.key, "a manifest lists it; it is not there")

    def _find(self, code: Code, where: str, meaning: str) -> None:
        self.findings.append(Finding(code, where, meaning))

    def _foreign(self, key: str) -> None:
        known = ("_manifests/", "_devices/", "_registry/", "_checkpoints/", "_rollups/", "_keys/")
        below = key.removeprefix(self._folder)
        if below.startswith("_") and not below.startswith(known):
            meaning = "it lies in a reserved folder that this version does not know"
            self._find(Code.RESERVED_OBJECT, key, meaning)
        elif all(one.object != key for one in self.findings):
            meaning = "it is not part of an archive, and was put there by somebody else"
            self._find(Code.FOREIGN_OBJECT, key, meaning)

    async def _check_keys(self) -> None:
        """Hold the vault to the manifests: a wrapped key that went takes its month with it."""
        there = set()
        async for listed in self._store.list(vault_folder(self._prefix, self._tenant)):
            there.add(listed.key)
            wrap = self._ledger.keys.get(listed.key)
            if wrap is None:
                meaning = "no manifest lists it: it is on its way, or was wrapped anew"
                if parse_vault_key(listed.key):
                    self._find(Code.KEY_NOT_LISTED, listed.key, meaning)
            elif wrap.stored_bytes != listed.size:
                self._find(Code.KEY_ALTERED, listed.key, "its bytes are not those listed")
        for key in sorted(self._ledger.keys.keys() - there):
            meaning = "a manifest lists this wrapped key; what was sealed to it may be lost"
            self._find(Code.KEY_MISSING, key, meaning)

    async def _get(self, key: str) -> bytes | None:
        try:
            return await self._store.get(key)
        except StoreError as error:
            if error.refusal.answer is Answer.NOT_FOUND:
                return None
            raise

    async def _inspect(self, claims: list[Claim]) -> None:
        request = self._request
        if request.depth is Depth.LISTING:
            return
        if request.subset:
            claims = request.subset.choose(claims, random.Random())  # noqa: S311 - a sample
        inspection = Inspection(
            self._store,
            self._ledger,
            Unsealer(self._store, request.identities),
            depth=request.depth,
            whole=not request.subset and not request.scope.narrow and not request.journal,
            broken=self._broken,
        )
        jobs = request.jobs or self._store.concurrency
        async with aclosing(
            inspection.run(claims, request.journal, jobs=jobs, progress=self._progress)
        ) as found:
            async for finding in found:
                self.findings.append(finding)
        self.read = inspection.read
