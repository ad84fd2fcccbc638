"""What an archive holds, from its manifests alone: no chunk is read.

A catalogue keeps one small value per conversation and chunk, so it grows with the archive's
index, never with its content. A manifest that cannot be read does not hide the rest: its key
stands in `Catalogue.unreadable`, and whoever shows or restores says so.

An archive that was copied under another prefix is read where it lies now: manifests name
chunks by their key, of which the part before ``tenant=`` is not believed.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from archiver.archive.fetch import no_progress
from archiver.archive.held import ArchivedConversation, HeldChunk
from archiver.archive.rollups import manifests_of
from archiver.archive.unseal import Unsealer
from archiver.errors import Damaged, KeyGone, NotArchived, NotForUs
from archiver.evidence import note
from archiver.format import manifests
from archiver.format.keys import ChunkKey, ManifestKey, parse_key

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

    from archiver.archive.signers import Trust
    from archiver.evidence.note import Note
    from archiver.model.shipment import ChunkEntry, ConversationCount, Manifest
    from archiver.stores.protocol import Store

__all__ = [
    "Catalogue",
    "find_tenants",
    "keys_in",
    "open_manifest",
    "read_catalogue",
    "rebase",
]

_CANDIDATES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The conversations of an archive, sorted by tenant, assistant and id.

    ``closed`` counts the chunks that are sealed to keys that were not brought: what they hold
    is not among ``rows``. ``erased`` counts those whose month key the vault has no more.
    """

    prefix: str
    tenants: tuple[str, ...]
    manifests: int
    unreadable: tuple[str, ...]
    rows: tuple[ArchivedConversation, ...]
    closed: int = 0
    erased: int = 0

    def conversations(self) -> tuple[ArchivedConversation, ...]:
        """Give every conversation."""
        return self.rows

    def find(self, text: str, *, tenant: str | None = None) -> ArchivedConversation:
        """Give the conversation whose id is ``text``, or the only one that starts so.

        Raises `NotArchived` where there is none, or more than one.
        """
        rows = [row for row in self.rows if tenant in (None, row.tenant)]
        found = [row for row in rows if row.id == text]
        if not found and text:
            found = [row for row in rows if row.id.startswith(text)]
        if len(found) == 1:
            return found[0]
        raise _ambiguous(text, found) if found else _absent(text, self.tenants)


def _absent(text: str, tenants: Sequence[str]) -> NotArchived:
    return NotArchived(
        f"no conversation {text!r} in the archive of {', '.join(tenants) or 'any tenant'}",
        advice="List what is there with `archiver ls`; what is newer than the last shipment"
        " arrives with `archiver sync`.",
    )


def _ambiguous(text: str, found: Sequence[ArchivedConversation]) -> NotArchived:
    names = [f"{row.id} ({row.tenant}, {row.assistant})" for row in found[:_CANDIDATES_SHOWN]]
    more = len(found) - len(names)
    return NotArchived(
        f"{text!r} fits {len(found)} conversations: {', '.join(names)}"
        + (f" and {more} more" if more else ""),
        advice="Give more of the id, or name one tenant with --tenant.",
    )


async def find_tenants(store: Store, prefix: str) -> tuple[str, ...]:
    """Give the tenants that have anything in the store, with one listing each.

    The listing starts anew behind each tenant's folder: ``0`` is the character after ``/``.
    """
    tenants: list[str] = []
    base = f"{prefix}/tenant=" if prefix else "tenant="
    after = ""
    while True:
        async with aclosing(keys_in(store, base, after)) as listing:
            key = await anext(listing, None)
        if key is None:
            return tuple(tenants)
        tenant, slash, _ = key.removeprefix(base).partition("/")
        after = f"{base}{tenant}0" if slash else key
        if slash:
            tenants.append(tenant)


async def keys_in(store: Store, prefix: str, after: str = "") -> AsyncGenerator[str, None]:
    """Yield every key below ``prefix`` that sorts after ``after``."""
    async for listed in store.list(prefix, after=after):
        yield listed.key


async def read_catalogue(
    store: Store,
    prefix: str,
    tenants: Sequence[str] | None = None,
    *,
    identities: Sequence[str] = (),
    trust: Trust | None = None,
    progress: Callable[[int, int], None] = no_progress,
) -> Catalogue:
    """Read every manifest of ``tenants`` (``None``: of all that are there).

    ``identities`` are an officer's private keys, to read what manifests say of sealed chunks.
    With ``trust`` in an admin, what the admin's roll-ups hold is read from them: a few objects a
    day, instead of one for each manifest.
    ``progress`` is called with the manifests read and their number.
    """
    names = tuple(tenants) if tenants is not None else await find_tenants(store, prefix)
    index = _Index(prefix, Unsealer(store, identities))
    unreadable: list[str] = []
    count = 0
    for name in names:
        found = manifests_of(store, prefix, name, trust, progress=progress)
        async with aclosing(found) as manifests_there:
            async for key, body in manifests_there:
                count += 1
                try:
                    await index.add(open_manifest(key, body)[0])
                except Damaged:
                    unreadable.append(str(key))
    rows = tuple(index.rows())
    return Catalogue(prefix, names, count, tuple(unreadable), rows, index.closed, index.erased)


def open_manifest(key: ManifestKey, body: bytes) -> tuple[Manifest, Note]:
    """Read a manifest, and the note that it stands in; nobody's signature is believed yet.

    Raise `Damaged` where its bytes or its contents are not its key's.
    """
    advice = "Run `archiver verify` to see what is affected; restore it from a replica."
    if hashlib.sha256(body).hexdigest()[:16] != key.sha:
        raise Damaged(f"the manifest {key} was altered", advice=advice)
    signed = note.read(body)
    manifest = manifests.decode(signed.text)
    if (manifest.tenant, manifest.device, manifest.seq) != (key.tenant, key.device, key.seq):
        raise Damaged(f"the manifest {key} belongs under another key", advice=advice)
    return manifest, signed


def rebase(entry: ChunkEntry, prefix: str, tenant: str) -> ChunkKey | None:
    """Give the key of a listed chunk where the archive lies now.

    ``None`` where the entry names no chunk of this tenant, or contradicts its own key.
    """
    key = parse_key(entry.key)
    if (
        isinstance(key, ChunkKey)
        and key.tenant == tenant
        and (key.seq, key.sha) == (entry.seq, entry.sha256[:16])
        and key.sealed == (entry.seal is not None)
    ):
        return replace(key, prefix=prefix)
    return None


class _Index:
    """Gathers the chunks of every conversation while manifests go by."""

    def __init__(self, prefix: str, unsealer: Unsealer) -> None:
        self._prefix = prefix
        self._unsealer = unsealer
        self._held: dict[tuple[str, str, str], dict[str, HeldChunk]] = defaultdict(dict)
        self._share: dict[tuple[str, str, str], float] = defaultdict(float)
        self.closed = self.erased = 0

    async def add(self, manifest: Manifest) -> None:
        for entry in (*manifest.chunks, *manifest.recovered):
            if key := rebase(entry, self._prefix, manifest.tenant):
                try:
                    counts = await self._unsealer.conversations(key, entry)
                except NotForUs:
                    counts = None
                except KeyGone:
                    self.erased += 1
                    continue
                if counts is None:
                    self.closed += 1
                else:
                    self._add_chunk(entry, key, counts)

    def _add_chunk(
        self, entry: ChunkEntry, key: ChunkKey, counts: Sequence[ConversationCount]
    ) -> None:
        for count in counts:
            name = (key.tenant, count.assistant, count.id)
            if str(key) in self._held[name]:
                continue  # shipped before the state was lost, and listed again as recovered
            self._share[name] += entry.stored_bytes * count.records / max(entry.records, 1)
            self._held[name][str(key)] = HeldChunk(
                key.device, key.seq, str(key), entry.sha256, entry.stored_bytes,
                entry.first_at, entry.last_at, count.records,
                entry.seal.key_id if entry.seal else None,
            )  # fmt: skip

    def rows(self) -> Iterator[ArchivedConversation]:
        for name in sorted(self._held):
            chunks = sorted(self._held[name].values(), key=lambda held: (held.device, held.seq))
            yield ArchivedConversation(
                *name,
                devices=tuple(sorted({held.device for held in chunks})),
                records=sum(held.records for held in chunks),
                first_at=min(held.first_at for held in chunks),
                last_at=max(held.last_at for held in chunks),
                chunks=tuple(chunks),
                stored_bytes=round(self._share[name]),
            )
