"""What an admin says daily about a tenant's whole archive, signed as a note.

A statement holds a C2SP checkpoint of the tree over all manifests, the proof that this tree
begins with the one before, and the roll-ups in which the new leaves are listed. Each names the
statement before by the SHA-256 of its stored bytes.

`follows` decides whether one statement may stand after another. It looks at no signature:
`opened` does that, for the statement and for the checkpoint inside it. What it cannot see is a
second chain that the same admin shows to somebody else: for that, compare checkpoints, or keep
a copy where the admin cannot write.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.errors import Damaged
from archiver.evidence import checkpoint, documents, merkle, note
from archiver.evidence.checkpoint import Checkpoint, origin_of
from archiver.evidence.documents import Count, Hash, Number, Tenant, Text, Time, moment
from archiver.evidence.merkle import Tree
from archiver.format.times import rfc3339
from archiver.model.record import FORMAT_VERSION
from archiver.model.shipment import Window

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from archiver.evidence.note import Signer, VerifierKey

__all__ = [
    "MAX_BYTES",
    "Break",
    "RollupEntry",
    "Statement",
    "checkpoint_of",
    "decode",
    "follows",
    "next_statement",
    "opened",
    "sign",
    "tree_of",
]

MAX_BYTES: Final = 16 * 1024 * 1024
"""Largest statement that is read."""

_WHAT: Final = "a checkpoint statement"


class RollupEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One object that lists leaves ``first`` to ``first + count - 1`` of the tree."""

    key: Text
    sha256: Hash
    stored_bytes: Count
    first: Count
    count: Count


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one tenant's archive at one time. All hashes are hex.

    ``previous`` is ``None`` where ``seq`` is 1. ``checkpoint`` is the signed note with ``size``
    and ``root`` once more, as text. ``peaks`` are those of `Tree`, so that the next run need not
    read old leaves. ``consistency`` proves the growth from the previous size. ``rollups`` list
    exactly the leaves that are new. ``registry`` is the sha256 of the registry gone by, ``orders``
    that of the newest order.
    """

    v: int
    tenant: Tenant
    seq: Number
    previous: Hash | None
    created_at: Time
    window: Window
    size: Count
    root: Hash
    peaks: tuple[Hash, ...]
    checkpoint: str
    consistency: tuple[Hash, ...] = ()
    rollups: tuple[RollupEntry, ...] = ()
    registry: Hash | None = None
    orders: Hash | None = None

    def __post_init__(self) -> None:
        """Refuse times that never were."""
        for text in (self.created_at, self.window.until, self.window.since or self.created_at):
            moment(text)


class Break(StrEnum):
    """Why a statement cannot stand after another."""

    TENANT = "tenant"
    """It speaks of another tenant."""

    CHECKPOINT = "checkpoint"
    """Its own parts disagree: checkpoint, size, root and peaks."""

    SEQUENCE = "sequence"
    """Its number is not the next one."""

    PREVIOUS = "previous"
    """It names another statement as the one before."""

    SHRUNK = "shrunk"
    """Its tree is smaller."""

    INCONSISTENT = "inconsistent"
    """Its tree does not begin with the one before: history was rewritten."""

    ROLLUPS = "rollups"
    """Its roll-ups do not list exactly the new leaves."""

    CLOCK = "clock"
    """It was made earlier than the one before, as it says itself."""


def sign(statement: Statement, key: Signer) -> bytes:
    """Write the note that is stored."""
    return note.write(documents.encode(statement, _WHAT, MAX_BYTES), key)


def decode(text: bytes) -> Statement:
    """Read the text of a note whose signature is looked at elsewhere; raise `Damaged`."""
    return documents.decode(text, Statement, _WHAT, MAX_BYTES)


def opened(body: bytes, admin: VerifierKey) -> Statement:
    """Read a stored statement; it and the checkpoint inside must be signed by ``admin``.

    Raise `Damaged` or `NotSigned`.
    """
    statement = decode(note.opened(body, admin))
    note.opened(_inner(statement), admin)
    return statement


def checkpoint_of(statement: Statement) -> Checkpoint:
    """Read the checkpoint inside, without its signature; raise `Damaged`."""
    return checkpoint.decode(note.read(_inner(statement)).text)


def tree_of(statement: Statement | None) -> Tree:
    """Give the tree to go on from, empty before the first; `ValueError` for bad peaks."""
    if statement is None:
        return Tree()
    return Tree(statement.size, map(bytes.fromhex, statement.peaks))


def next_statement(  # noqa: PLR0913 - what a statement says
    last: Statement | None,
    last_sha256: str | None,
    added: Sequence[bytes],
    *,
    tenant: str,
    key: Signer,
    now: datetime,
    rollups: tuple[RollupEntry, ...] = (),
    registry: str | None = None,
    orders: str | None = None,
) -> Statement:
    """Make the statement after ``last``, whose stored bytes have this sha256.

    ``added`` are the hashes of the new leaves in their order. Both of the last are ``None``
    for a tenant's first.
    """
    tree = tree_of(last)
    consistency = tree.growth_proof(added)
    tree.extend(added)
    head = checkpoint.encode(Checkpoint(origin_of(tenant), tree.size, tree.root()))
    return Statement(
        v=FORMAT_VERSION,
        tenant=tenant,
        seq=last.seq + 1 if last else 1,
        previous=last_sha256,
        created_at=rfc3339(now),
        window=Window(since=last.window.until if last else None, until=rfc3339(now)),
        size=tree.size,
        root=tree.root().hex(),
        peaks=tuple(peak.hex() for peak in tree.peaks),
        checkpoint=note.write(head, key).decode(),
        consistency=tuple(one.hex() for one in consistency),
        rollups=rollups,
        registry=registry,
        orders=orders,
    )


def follows(last: Statement | None, last_sha256: str | None, this: Statement) -> Break | None:
    """Say what keeps ``this`` from standing after ``last``, the gravest first; else ``None``.

    ``last_sha256`` (hex) is over the stored bytes of ``last``; both are ``None`` at first.
    """
    if last is not None and last.tenant != this.tenant:
        return Break.TENANT
    if not _agrees(this):
        return Break.CHECKPOINT
    if this.seq != (last.seq + 1 if last else 1):
        return Break.SEQUENCE
    if this.previous != last_sha256:
        return Break.PREVIOUS
    return _growth(last, this)


def _growth(last: Statement | None, this: Statement) -> Break | None:
    size, root = (last.size, last.root) if last else (0, merkle.EMPTY_ROOT.hex())
    if this.size < size:
        return Break.SHRUNK
    proof = [bytes.fromhex(one) for one in this.consistency]
    if not merkle.verify_consistency(
        size, this.size, proof, bytes.fromhex(root), bytes.fromhex(this.root)
    ):
        return Break.INCONSISTENT
    if not _lists(this.rollups, size, this.size):
        return Break.ROLLUPS
    if last is not None and moment(this.created_at) < moment(last.created_at):
        return Break.CLOCK
    return None


def _agrees(this: Statement) -> bool:
    """Tell whether checkpoint, size, root and peaks say the same."""
    try:
        head, tree = checkpoint_of(this), tree_of(this)
    except (Damaged, ValueError):
        return False
    root = bytes.fromhex(this.root)
    return head == Checkpoint(origin_of(this.tenant), this.size, root) and tree.root() == root


def _lists(rollups: tuple[RollupEntry, ...], first: int, end: int) -> bool:
    """Tell whether the roll-ups list each leaf from ``first`` to ``end`` once, in order."""
    for one in rollups:
        if one.first != first or not one.count:
            return False
        first += one.count
    return first == end


def _inner(statement: Statement) -> bytes:
    return statement.checkpoint.encode("utf-8", "surrogatepass")
