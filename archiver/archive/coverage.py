"""What the admin's checkpoints hold fixed: the chain of statements, and the leaves they cover.

Statements are read oldest first. Each must be signed by an admin and follow the one before.
It names its roll-ups by their sha256, so the leaves that those list are the admin's word; they
are appended to one tree, whose root must be the one signed. Where a statement or a roll-up is
gone or damaged, the tree goes on from the peaks of the next statement, and what that one and
later ones cover is known all the same.

What came out of it, `Coverage`, is then what manifests are held against: one that is covered
and gone was deleted, one that is there with other bytes was rewritten.
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
from archiver.format.keys import ManifestKey, Series, SeriesKey, parse_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator

    from archiver.archive.signers import Trust
    from archiver.evidence.statement import RollupEntry, Statement

    Fetch = Callable[[RollupEntry], Awaitable[bytes | None]]

__all__ = ["Coverage", "RollupLine", "cover", "rollup_lines"]


class RollupLine(msgspec.Struct, frozen=True):
    """One line of a roll-up: a manifest's key below the prefix, and its stored bytes as text."""

    key: str
    note: str


@dataclass(slots=True)
class Coverage:
    """The manifests that checkpoints cover: sha256 by device and number.

    ``until`` is the time of the newest statement, ``None`` where there is none; ``registry``
    and ``orders`` the sha256 (hex) of what it names of them. ``ordered`` is when a statement
    first named which order. ``rollups`` are the keys, from ``tenant=`` on, of all roll-ups that
    statements list. ``sound`` says that nothing was found.
    """

    leaves: dict[str, dict[int, bytes]] = field(default_factory=dict)
    more: set[tuple[str, int, bytes]] = field(default_factory=set)
    until: str | None = None
    statements: int = 0
    registry: str | None = None
    orders: str | None = None
    ordered: dict[str, str] = field(default_factory=dict)
    rollups: set[str] = field(default_factory=set)
    sound: bool = True

    def add(self, leaf: Leaf) -> None:
        """Note that a manifest is covered; of one number there may be several, if it forked."""
        sha256 = bytes.fromhex(leaf.sha256)
        mine = self.leaves.setdefault(leaf.device, {})
        if mine.setdefault(leaf.seq, sha256) != sha256:
            self.more.add((leaf.device, leaf.seq, sha256))

    def holds(self, device: str, seq: int, sha256: str) -> bool | None:
        """Tell whether these bytes (their hex sha256) are covered; ``None``: nor are others."""
        fixed = self.leaves.get(device, {}).get(seq)
        if fixed is None:
            return None
        found = bytes.fromhex(sha256)
        return fixed == found or (device, seq, found) in self.more

    def newest(self, device: str) -> int:
        """Give the highest number of a device that is covered, 0 where none is."""
        return max(self.leaves.get(device, ()), default=0)


_line = msgspec.json.Decoder(RollupLine)


def rollup_lines(body: bytes) -> Iterator[RollupLine]:
    """Read a roll-up's stored bytes; raise `Damaged` where it is none."""
    text = unpack(body)
    raw, at = memoryview(text), 0
    while at < len(text):
        end = text.find(b"\n", at)
        if end < 0:
            raise _damaged("the last line of a roll-up has no end")
        try:
            yield _line.decode(raw[at:end])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise _damaged(
                "a line of a roll-up is not the JSON object that it should be"
            ) from error
        at = end + 1


async def cover(
    bodies: AsyncIterable[tuple[SeriesKey, bytes]], trust: Trust, tenant: str, fetch: Fetch
) -> tuple[Coverage, list[Finding]]:
    """Follow a tenant's statements, oldest first; ``fetch`` gives a roll-up, ``None`` if gone."""
    found, findings = Coverage(), []
    tree: Tree | None = Tree()
    last, last_sha256, damaged = None, None, 0
    async for key, body in bodies:
        try:
            this = _opened(key, body, trust, tenant)
        except ArchiverError as error:
            findings.append(Finding(Code.CHECKPOINT_INVALID, str(key), f"{error}"))
            damaged += 1
            continue
        broken = list(_breaks(key, last, last_sha256, this, damaged))
        findings += broken
        first = this.rollups[0].first if this.rollups else this.size
        if tree is not None and tree.size != first:
            tree = None
        read = [one async for one in _append(key, this, tree, found, fetch)]
        findings += [one for one in read if not (broken and one.code is _ROOT)]
        tree = _tree_of(this)
        last, last_sha256, damaged = this, hashlib.sha256(body).hexdigest(), 0
        found.until, found.registry = this.created_at, this.registry
        found.orders = this.orders
        if this.orders:
            found.ordered.setdefault(this.orders, this.created_at)
        found.statements += 1
    found.sound = not findings
    return found, findings


_ROOT = Code.CHECKPOINT_INCONSISTENT


def _tree_of(this: Statement) -> Tree | None:
    try:
        return statement.tree_of(this)
    except ValueError:
        return None


def _opened(key: SeriesKey, body: bytes, trust: Trust, tenant: str) -> Statement:
    if hashlib.sha256(body).hexdigest()[:16] != key.sha:
        raise _damaged("its bytes are not those that its name says")
    admin, _ = trust.opened(body)
    this = statement.opened(body, admin)
    if (this.tenant, this.seq) != (tenant, key.seq):
        raise _damaged("it belongs under another key")
    for entry in this.rollups:
        where = parse_key(entry.key)
        if (
            not isinstance(where, SeriesKey)
            or (where.tenant, where.series) != (tenant, Series.ROLLUPS)
            or where.sha != entry.sha256[:16]
        ):
            raise _damaged("it lists an object that is no roll-up of this tenant")
    return this


def _breaks(
    key: SeriesKey, last: Statement | None, last_sha256: str | None, this: Statement, damaged: int
) -> Iterator[Finding]:
    """Yield what keeps a statement from standing here; ``damaged`` ones before it are known."""
    broken = statement.follows(last, last_sha256, this)
    if broken is None:
        return
    expected = last.seq + 1 if last else 1
    if broken is Break.SEQUENCE and this.seq > expected:
        if this.seq - expected > damaged:
            meaning = f"checkpoints between number {expected} and {this.seq - 1} are not there"
            yield Finding(Code.CHECKPOINT_MISSING, str(key), meaning)
        elif last and this.size < last.size:
            yield Finding(_ROOT, str(key), "its tree is smaller than one before it")
    elif broken is Break.CLOCK:
        meaning = "it says that it was made before the checkpoint that it follows"
        yield Finding(Code.CLOCK_BACKWARDS, str(key), meaning)
    else:
        meaning = f"it contradicts the checkpoint before it ({broken})"
        yield Finding(_ROOT, str(key), meaning)


async def _append(
    key: SeriesKey, this: Statement, tree: Tree | None, found: Coverage, fetch: Fetch
) -> AsyncIterator[Finding]:
    """Take in a statement's new leaves; the tree must then have the root that was signed.

    ``tree`` is ``None`` where what came before is not known.
    """
    for entry in this.rollups:
        found.rollups.add(entry.key[entry.key.rindex("tenant=") :])
        body = await fetch(entry)
        if body is None:
            tree = None
            yield Finding(Code.ROLLUP_MISSING, entry.key, "a checkpoint lists it; it is gone")
            continue
        try:
            _check(entry, body)
            for leaf in _leaves(entry, body):
                found.add(leaf)
                if tree is not None:
                    tree.append(leaves.hash_of(leaf))
        except Damaged as error:
            tree = None
            yield Finding(Code.ROLLUP_ALTERED, entry.key, f"{error}")
    if tree is not None and (tree.size, tree.root().hex()) != (this.size, this.root):
        yield Finding(_ROOT, str(key), "its roll-ups do not give the root that was signed")


def _check(entry: RollupEntry, body: bytes) -> None:
    if hashlib.sha256(body).hexdigest() != entry.sha256:
        raise _damaged("its bytes are not those that the checkpoint lists")


def _leaves(entry: RollupEntry, body: bytes) -> Iterator[Leaf]:
    count = 0
    for line in rollup_lines(body):
        key = parse_key(line.key)
        if not isinstance(key, ManifestKey):
            raise _damaged("it names an object that is no manifest")
        sha256 = hashlib.sha256(line.note.encode("utf-8", "surrogatepass")).hexdigest()
        yield Leaf(key.device, key.seq, sha256)
        count += 1
    if count != entry.count:
        raise _damaged(f"it lists {count} manifests, not {entry.count}")


def _damaged(message: str) -> Damaged:
    return Damaged(message, advice="Restore it from a replica.")
