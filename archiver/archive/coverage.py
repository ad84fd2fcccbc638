"""What the admin's checkpoints hold fixed: the chain of statements, and the leaves they cover.

Statements are read oldest first. Each must be signed by an admin and follow the one before; the
leaves that its roll-ups list are appended to one tree, whose root must be the one signed. What
came out of it, `Coverage`, is then what manifests are held against: one that is covered and
gone was deleted, one that is there with other bytes was rewritten.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from archiver.archive.findings import Code, Finding
from archiver.errors import ArchiverError, Damaged
from archiver.evidence import leaves, statement
from archiver.evidence.leaves import Leaf
from archiver.evidence.merkle import Tree
from archiver.evidence.statement import Break
from archiver.format.frame import unpack
from archiver.format.keys import ManifestKey, parse_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

    from archiver.archive.signers import Trust
    from archiver.evidence.statement import RollupEntry, Statement
    from archiver.format.keys import SeriesKey

__all__ = ["Coverage", "RollupLine", "cover", "rollup_lines"]


class RollupLine(msgspec.Struct, frozen=True):
    """One line of a roll-up: a manifest's key below the prefix, and its stored bytes as text."""

    key: str
    note: str


@dataclass(slots=True)
class Coverage:
    """The manifests that the newest checkpoint covers: sha256 by device and number.

    ``until`` is the time of the newest statement, ``None`` where there is none; ``whole`` is
    false where a roll-up could not be read, so that some leaves are not known here.
    """

    sha256: dict[tuple[str, int], str] = field(default_factory=dict)
    until: str | None = None
    whole: bool = True
    statements: int = 0
    registry: str | None = None


_line = msgspec.json.Decoder(RollupLine)


def rollup_lines(body: bytes) -> Iterator[RollupLine]:
    """Read a roll-up's stored bytes; raise `Damaged` where it is none."""
    for line in unpack(body).splitlines():
        try:
            yield _line.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise _damaged(
                "a line of a roll-up is not the JSON object that it should be"
            ) from error


async def cover(
    bodies: Iterable[tuple[SeriesKey, bytes]],
    trust: Trust,
    tenant: str,
    fetch: Callable[[RollupEntry], Awaitable[bytes | None]],
) -> tuple[Coverage, list[Finding]]:
    """Follow a tenant's statements, oldest first; ``fetch`` gives a roll-up, ``None`` if gone."""
    found, findings = Coverage(), []
    tree, last, last_sha256 = Tree(), None, None
    for key, body in bodies:
        try:
            this = _opened(key, body, trust, tenant)
        except ArchiverError as error:
            findings.append(Finding(Code.CHECKPOINT_INVALID, str(key), f"{error}"))
            continue
        findings += _breaks(key, last, last_sha256, this)
        if not found.whole or tree.size != (this.rollups[0].first if this.rollups else this.size):
            tree, found.whole = statement.tree_of(this), False
        else:
            findings += [one async for one in _append(key, this, tree, found, fetch)]
        last, last_sha256 = this, hashlib.sha256(body).hexdigest()
        found.until, found.registry = this.created_at, this.registry
        found.statements += 1
    return found, findings


def _opened(key: SeriesKey, body: bytes, trust: Trust, tenant: str) -> Statement:
    if hashlib.sha256(body).hexdigest()[:16] != key.sha:
        raise _damaged("its bytes are not those that its name says")
    admin, _ = trust.opened(body)
    this = statement.opened(body, admin)
    if (this.tenant, this.seq) != (tenant, key.seq):
        raise _damaged("it belongs under another key")
    return this


def _breaks(
    key: SeriesKey, last: Statement | None, last_sha256: str | None, this: Statement
) -> Iterator[Finding]:
    broken = statement.follows(last, last_sha256, this)
    if broken is None:
        return
    expected = last.seq + 1 if last else 1
    if broken is Break.SEQUENCE and this.seq > expected:
        meaning = f"the checkpoints from {expected} to {this.seq - 1} are not there"
        yield Finding(Code.CHECKPOINT_MISSING, str(key), meaning)
    elif broken is Break.CLOCK:
        meaning = "it says that it was made before the checkpoint that it follows"
        yield Finding(Code.CLOCK_BACKWARDS, str(key), meaning)
    else:
        meaning = f"it contradicts the checkpoint before it ({broken})"
        yield Finding(Code.CHECKPOINT_INCONSISTENT, str(key), meaning)


async def _append(
    key: SeriesKey,
    this: Statement,
    tree: Tree,
    found: Coverage,
    fetch: Callable[[RollupEntry], Awaitable[bytes | None]],
) -> AsyncIterator[Finding]:
    """Append a statement's new leaves; the tree must then have the root that was signed."""
    for entry in this.rollups:
        body = await fetch(entry)
        try:
            if body is None:
                yield Finding(Code.ROLLUP_MISSING, entry.key, "a checkpoint lists it; it is gone")
                raise _damaged("it is gone")
            added = _leaves(entry, body)
        except Damaged as error:
            if body is not None:
                yield Finding(Code.ROLLUP_ALTERED, entry.key, f"{error}")
            found.whole = False
            return
        for leaf in added:
            tree.append(leaves.hash_of(leaf))
            found.sha256[leaf.device, leaf.seq] = leaf.sha256
    if (tree.size, tree.root().hex()) != (this.size, this.root):
        found.whole = False
        meaning = "its roll-ups do not give the root that was signed"
        yield Finding(Code.CHECKPOINT_INCONSISTENT, str(key), meaning)


def _leaves(entry: RollupEntry, body: bytes) -> list[Leaf]:
    if hashlib.sha256(body).hexdigest() != entry.sha256:
        raise _damaged("its bytes are not those that the checkpoint lists")
    added = []
    for line in rollup_lines(body):
        key = parse_key(line.key)
        if not isinstance(key, ManifestKey):
            raise _damaged("it names an object that is no manifest")
        added.append(Leaf(key.device, key.seq, hashlib.sha256(line.note.encode()).hexdigest()))
    if len(added) != entry.count:
        raise _damaged(f"it lists {len(added)} manifests, not {entry.count}")
    return added


def _damaged(message: str) -> Damaged:
    return Damaged(message, advice="Restore it from a replica.")
