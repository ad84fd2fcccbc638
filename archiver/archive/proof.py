"""A proof that one conversation is what was captured, which a stranger checks alone.

It holds the manifests that list the conversation's chunks, as they were signed; for each its
place in the tree and the path from there to the root; the statement in which an admin signed
that root; and the registry that it names, which says whose keys the devices' are. What it proves
and what it cannot is in FORMAT.md, and the script beside it, `checker`, proves it.

Only what the newest checkpoint covers can be proved: what is newer waits for the next one.
"""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from archiver.archive.catalogue import open_manifest, rebase
from archiver.archive.fetch import no_progress
from archiver.archive.rollups import manifests_of, series_of
from archiver.errors import ArchiverError, Damaged, NotArchived
from archiver.evidence import leaves, merkle, registry, statement
from archiver.evidence.leaves import Leaf
from archiver.format.keys import Series, parse_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from archiver.archive.held import ArchivedConversation
    from archiver.archive.signers import Trust
    from archiver.evidence.statement import Statement
    from archiver.format.keys import ManifestKey
    from archiver.stores.protocol import Store

__all__ = ["Proof", "ProvedManifest", "checker", "prove"]

_ADVICE = "Run `archiver verify` with the admin's key to see what is wrong."


class ProvedManifest(msgspec.Struct, frozen=True):
    """A manifest as it is stored, its leaf's number from 0, and its path up to the root (hex)."""

    note: str
    index: int
    path: tuple[str, ...]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What `checker` reads. ``chunks`` are keys from ``tenant=`` on; notes are as stored."""

    v: int = 1
    tenant: str
    assistant: str
    conversation: str
    chunks: tuple[str, ...]
    manifests: tuple[ProvedManifest, ...]
    statement: str
    registry: str


def checker() -> str:
    """Give the script that checks a proof: documentation that runs."""
    return resources.files("archiver.format").joinpath("check_proof.py.txt").read_text("utf-8")


async def prove(
    store: Store,
    row: ArchivedConversation,
    trust: Trust,
    *,
    progress: Callable[[int, int], None] = no_progress,
) -> Proof:
    """Make the proof of one conversation.

    Raise `NotArchived` where no checkpoint covers all of it, `Damaged` where what an admin
    signed does not agree with what is there.
    """
    place = parse_key(row.chunks[0].key)
    prefix = place.prefix if place else ""
    said, note = await _newest(store, prefix, row.tenant, trust)
    hashes: list[bytes] = []
    found: list[tuple[int, str]] = []
    missing = {chunk.key for chunk in row.chunks}
    there = manifests_of(store, prefix, row.tenant, trust, progress=progress)
    async with aclosing(there) as manifests:
        async for key, body in manifests:
            if len(hashes) == said.size:
                break
            hashes.append(_leaf(key, body))
            if listed := missing & _listed(key, body, prefix):
                missing -= listed
                found.append((len(hashes) - 1, body.decode()))
    tree = merkle.Tree()
    tree.extend(hashes)
    if (tree.size, tree.root().hex()) != (said.size, said.root):
        raise Damaged("the roll-ups are not what the newest checkpoint covers", advice=_ADVICE)
    if missing:
        raise NotArchived(
            f"{len(missing)} of {len(row.chunks)} chunks are in no checkpoint yet",
            advice="Let the admin run `archiver checkpoint`, then try again.",
        )
    return Proof(
        tenant=row.tenant,
        assistant=row.assistant,
        conversation=row.id,
        chunks=tuple(chunk.key[len(prefix) + 1 if prefix else 0 :] for chunk in row.chunks),
        manifests=tuple(
            ProvedManifest(text, index, tuple(one.hex() for one in _path(hashes, index)))
            for index, text in found
        ),
        statement=note.decode(),
        registry=await _registry(store, prefix, row.tenant, said),
    )


def _path(hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    return merkle.inclusion_proof(hashes, index)


async def _newest(store: Store, prefix: str, tenant: str, trust: Trust) -> tuple[Statement, bytes]:
    """Give the newest statement that an admin signed, and its note."""
    for _, body in reversed(await series_of(store, prefix, tenant, Series.CHECKPOINTS)):
        try:
            said = statement.opened(body, trust.opened(body)[0])
        except ArchiverError:
            continue
        if said.tenant == tenant:
            return said, body
    raise NotArchived(
        f"tenant {tenant} has no checkpoint that this admin signed: nothing can be proved",
        advice="Let the admin run `archiver checkpoint`; compare the public key that you gave.",
    )


async def _registry(store: Store, prefix: str, tenant: str, said: Statement) -> str:
    for _, body in reversed(await series_of(store, prefix, tenant, Series.REGISTRY)):
        if hashlib.sha256(body).hexdigest() == said.registry and len(body) <= registry.MAX_BYTES:
            return body.decode()
    raise Damaged("the registry that the newest checkpoint names is not there", advice=_ADVICE)


def _leaf(key: ManifestKey, body: bytes) -> bytes:
    return leaves.hash_of(Leaf(key.device, key.seq, hashlib.sha256(body).hexdigest()))


def _listed(key: ManifestKey, body: bytes, prefix: str) -> set[str]:
    try:
        manifest, _ = open_manifest(key, body)
    except Damaged:
        return set()
    entries = (*manifest.chunks, *manifest.recovered)
    return {str(rebase(one, prefix, manifest.tenant)) for one in entries}
