"""The Merkle tree of RFC 6962, section 2.1: one hash that stands for a growing list.

* A leaf hashes as SHA-256(0x00, data), a node as SHA-256(0x01, left, right), an empty tree as
  SHA-256 of nothing. A tree splits at the largest power of two below its size; an odd node is
  carried up, never doubled.
* `Tree` is appended to. It holds one hash per bit of its size (27 for 100 million leaves),
  its ``peaks``: the roots of the full trees that it is made of, largest first. Peaks are enough
  to append, to prove that a longer list begins with this one, and to prove a leaf appended
  since; nothing older has to be read again.
* The verifying functions give a bool, never an error, for whatever they are handed.

Sizes and indexes count leaves, from 0; every hash has 32 bytes.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "EMPTY_ROOT",
    "Tree",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "verify_consistency",
    "verify_inclusion",
]

EMPTY_ROOT: Final = hashlib.sha256().digest()
_HASH_BYTES: Final = 32


def leaf_hash(data: bytes) -> bytes:
    """Hash one leaf's data."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two nodes into the one above them."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """A tree that is appended to, in memory that grows with the logarithm of its size.

    Give the ``size`` and ``peaks`` of an earlier tree to go on from there; `ValueError` where
    they do not fit each other.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)
        if size < 0 or size.bit_count() != len(self._peaks) or not _are_hashes(self._peaks):
            raise ValueError(f"a tree of {size} leaves has one peak per bit of its size")

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The roots of the full trees that this one is made of, largest first."""
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> None:
        """Add one leaf by its hash."""
        peaks, size = self._peaks, self.size
        while size & 1:
            leaf = node_hash(peaks.pop(), leaf)
            size >>= 1
        peaks.append(leaf)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaves by their hashes, in this order."""
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """Give the hash of the whole tree."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def growth_proof(self, added: Sequence[bytes]) -> tuple[bytes, ...]:
        """Prove that the tree with ``added`` appended begins with this one.

        Nothing is appended here. Of an empty tree, or without new leaves, the proof is empty.
        """
        if not self.size or not added:
            return ()
        height = _trailing_zeros(self.size)
        index = (self.size >> height) - 1
        path = self._path(added, index, height)
        return (self._peaks[-1], *path) if index else path

    def inclusion_proof(self, added: Sequence[bytes], index: int) -> tuple[bytes, ...]:
        """Prove that leaf ``index`` is in the tree with ``added`` appended.

        ``index`` counts from the first leaf of the whole tree and names one of ``added``;
        else raise `IndexError`. Nothing is appended here.
        """
        if not self.size <= index < self.size + len(added):
            raise IndexError(f"leaf {index} is not one of those that are added")
        return self._path(added, index, 0)

    def _path(self, added: Sequence[bytes], index: int, height: int) -> tuple[bytes, ...]:
        """Give the sibling of every node from ``index`` at ``height`` up to the root.

        ``level`` holds the nodes of one height from number ``first`` on: those with a new leaf
        below them, and the old peak beside them where there is one.
        """
        path: list[bytes] = []
        level, first, peaks = list(added), self.size, list(self._peaks)
        at = 0
        while len(level) > 1 or first:
            if first & 1:
                level.insert(0, peaks.pop())
                first -= 1
            if at >= height:
                sibling = (index ^ 1) - first
                if sibling < len(level):
                    path.append(level[sibling])
                index >>= 1
            level, first, at = _parents(level), first >> 1, at + 1
        return tuple(path)


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Prove that leaf ``index`` is in the tree of these leaf hashes (RFC 6962, 2.1.1)."""
    return Tree().inclusion_proof(leaves, index)


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """Prove that the tree of these leaf hashes begins with its first ``old_size`` (2.1.2)."""
    if not 0 <= old_size <= len(leaves):
        raise IndexError(f"a tree of {len(leaves)} leaves never had {old_size}")
    tree = Tree()
    tree.extend(leaves[:old_size])
    return tree.growth_proof(leaves[old_size:])


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Tell whether the tree of ``size`` leaves with this root has this leaf hash at ``index``."""
    if not 0 <= index < size or not _are_hashes((leaf, root, *proof)):
        return False
    # RFC 9162, 2.1.3.2: the node's number and that of the last node at the same height.
    last = size - 1
    for sibling in proof:
        if not last:
            return False
        if index & 1 or index == last:
            leaf = node_hash(sibling, leaf)
            while not index & 1:
                index, last = index >> 1, last >> 1
        else:
            leaf = node_hash(leaf, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and leaf == root


def verify_consistency(
    old_size: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes
) -> bool:
    """Tell whether the tree of ``size`` leaves begins with the one of ``old_size``."""
    if not 0 <= old_size <= size or not _are_hashes((old_root, root, *proof)):
        return False
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT and (size > 0 or root == EMPTY_ROOT)
    if old_size == size:
        return not proof and old_root == root
    return _grew(old_size, size, proof, old_root, root)


def _grew(old_size: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> bool:
    """Walk up from the old tree's last peak, building both roots (RFC 9162, 2.1.4.2)."""
    height = _trailing_zeros(old_size)
    index, last = (old_size - 1) >> height, (size - 1) >> height
    path = list(proof) if index else [old_root, *proof]
    if not path:
        return False
    old = new = path[0]
    for sibling in path[1:]:
        if not last:
            return False
        if index & 1 or index == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not index & 1:
                index, last = index >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and old == old_root and new == root


def _parents(level: list[bytes]) -> list[bytes]:
    """Hash neighbours together; an odd last one is carried up."""
    sha256, last = hashlib.sha256, len(level) & ~1
    above = [sha256(b"\1" + level[at] + level[at + 1]).digest() for at in range(0, last, 2)]
    return above + level[last:]


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1


def _are_hashes(values: Iterable[bytes]) -> bool:
    """Tell whether all have 32 bytes: else two neighbours could share theirs differently."""
    return all(len(value) == _HASH_BYTES for value in values)
