"""The tree is that of RFC 6962: by published vectors, and against its recursive definition."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.evidence import merkle
from archiver.evidence.merkle import Tree, leaf_hash, verify_consistency, verify_inclusion

# The vectors of Certificate Transparency's reference trees.
DATA = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
LEAVES = [leaf_hash(bytes.fromhex(data)) for data in DATA]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = [
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CONSISTENCY = [
    (1, 1, []),
    (1, 8, INCLUSION[0][2]),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]

SOME = hashlib.sha256(b"some").digest()


def of(count: int) -> list[bytes]:
    """Give that many different leaves."""
    return [leaf_hash(b"%d" % number) for number in range(count)]


def split(size: int) -> int:
    """Give the largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def head(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, as it is defined."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\1" + head(leaves[:k]) + head(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of 2.1.1, as it is defined."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), head(leaves[k:])]
    return [*path(m - k, leaves[k:]), head(leaves[:k])]


def subproof(m: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    """SUBPROOF of 2.1.2, as it is defined."""
    if m == len(leaves):
        return [] if whole else [head(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), head(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), head(leaves[:k])]


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots(size: int) -> None:
    """Of none to eight leaves."""
    tree = Tree()
    tree.extend(LEAVES[:size])
    assert tree.root().hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_the_published_inclusion_proofs(index: int, size: int, proof: list[str]) -> None:
    """Made and verified."""
    made = merkle.inclusion_proof(LEAVES[:size], index)
    assert [one.hex() for one in made] == proof
    assert verify_inclusion(LEAVES[index], index, size, made, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "size", "proof"), CONSISTENCY)
def test_the_published_consistency_proofs(old: int, size: int, proof: list[str]) -> None:
    """Made and verified."""
    made = merkle.consistency_proof(LEAVES[:size], old)
    assert [one.hex() for one in made] == proof
    roots = bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[size])
    assert verify_consistency(old, size, made, *roots)


@given(st.integers(0, 200), st.data())
def test_the_tree_is_the_one_of_the_definition(size: int, data: st.DataObject) -> None:
    """Roots and both proofs, of every size, from the start and from any earlier tree."""
    leaves, old = of(size), data.draw(st.integers(0, size))
    tree = Tree()
    tree.extend(leaves[:old])
    assert tree.root() == head(leaves[:old])
    tree = Tree(old, tree.peaks)
    if old < size:
        index = data.draw(st.integers(old, size - 1))
        assert list(tree.inclusion_proof(leaves[old:], index)) == path(index, leaves)
        anywhere = data.draw(st.integers(0, size - 1))
        assert list(merkle.inclusion_proof(leaves, anywhere)) == path(anywhere, leaves)
    if old:
        expected = subproof(old, leaves, whole=True)
        assert list(tree.growth_proof(leaves[old:])) == expected
        assert list(merkle.consistency_proof(leaves, old)) == expected
    assert tree.size == old
    tree.extend(leaves[old:])
    assert (tree.size, tree.root()) == (size, head(leaves))


@pytest.mark.parametrize("size", [*range(1, 20), 31, 32, 33, 70])
def test_a_leaf_is_proved_at_its_place_in_its_tree_and_nowhere_else(size: int) -> None:
    """Every other index, size, leaf and root, and every changed proof, fails."""
    leaves = of(size)
    root = head(leaves)
    for index, leaf in enumerate(leaves):
        proof = merkle.inclusion_proof(leaves, index)
        assert verify_inclusion(leaf, index, size, proof, root)
        for other in {index - 1, index + 1, index ^ 2, size, -1} - {index}:
            assert not verify_inclusion(leaf, other, size, proof, root)
        for other in (0, -1, size // 2, size * 2):
            assert not verify_inclusion(leaf, index, other, proof, root)
        assert not verify_inclusion(SOME, index, size, proof, root)
        assert not verify_inclusion(leaf, index, size, proof, SOME)
        for changed in spoilt_proofs(proof, root):
            assert not verify_inclusion(leaf, index, size, changed, root)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 8, 9, 16, 21, 33])
def test_a_tree_is_proved_to_begin_with_its_own_past_only(size: int) -> None:
    """Every other size and root, and every changed proof, fails."""
    leaves = of(size)
    root = head(leaves)
    for old in range(1, size + 1):
        before, proof = head(leaves[:old]), merkle.consistency_proof(leaves, old)
        assert verify_consistency(old, size, proof, before, root)
        assert not verify_consistency(old, size, proof, SOME, root)
        assert not verify_consistency(old, size, proof, before, SOME)
        for changed in spoilt_proofs(proof, root):
            assert not verify_consistency(old, size, changed, before, root)
        if old < size:
            assert not verify_consistency(old, size, proof, root, before)
            for other in {old - 1, old + 1, old ^ 2, -1, size + 1} - {old}:
                assert not verify_consistency(other, size, proof, before, root)
            assert not verify_consistency(old, size * 2, proof, before, root)
            assert not verify_consistency(size, old, proof, root, before)


def spoilt_proofs(proof: tuple[bytes, ...], root: bytes) -> list[tuple[bytes, ...]]:
    """Change a proof in every way that an attacker would try first."""
    changed = [(*proof, root), (root, *proof), (*proof, b""), (b"", *proof), (*proof, SOME)]
    changed += [proof[:at] + proof[at + 1 :] for at in range(len(proof))]
    for at, one in enumerate(proof):
        flipped = bytes([one[0] ^ 8]) + one[1:]
        changed += [(*proof[:at], bad, *proof[at + 1 :]) for bad in (flipped, one[:31], one + b"x")]
    return changed


def test_nothing_grows_into_anything() -> None:
    """An empty tree has one root, and needs no proof."""
    empty = merkle.EMPTY_ROOT
    assert verify_consistency(0, 0, (), empty, empty)
    assert verify_consistency(0, 1, (), empty, SOME)
    assert not verify_consistency(0, 1, (), SOME, SOME)
    assert not verify_consistency(0, 0, (), empty, SOME)
    assert not verify_consistency(0, 1, (SOME,), empty, SOME)
    assert not verify_inclusion(SOME, 0, 0, (), empty)
    assert Tree().growth_proof([SOME]) == ()


def test_hashes_of_other_lengths_never_verify() -> None:
    """Else two neighbours could share their 64 bytes differently, with the same node."""
    left, right = of(2)
    root = head([left, right])
    assert not verify_inclusion(left + right[:1], 0, 2, (right[1:],), root)
    assert not verify_consistency(1, 2, (right[1:],), left + right[:1], root)


@given(
    st.integers(-5, 50),
    st.integers(-5, 50),
    st.lists(st.sampled_from([b"", SOME, *LEAVES]), max_size=8),
)
def test_verifying_nonsense_is_false_and_no_error(one: int, two: int, proof: list[bytes]) -> None:
    """The proofs come from a store that may be hostile."""
    assert not verify_inclusion(SOME, one, two, proof, LEAVES[0])
    assert not verify_consistency(max(one, 1), two, proof, SOME, LEAVES[0])


def test_a_hundred_million_leaves_are_remembered_by_their_peaks() -> None:
    """One hash for each bit of the size."""
    size = 100_000_000
    tree = Tree(size, [SOME] * size.bit_count())
    proof = tree.growth_proof(LEAVES)
    before = tree.root()
    tree.extend(LEAVES)
    assert len(tree.peaks) <= 27
    assert verify_consistency(size, size + 8, proof, before, tree.root())


def test_what_cannot_be_proved_is_not_asked_for() -> None:
    """Peaks of another size, leaves that are not among the new ones."""
    for size, peaks in ((1, []), (0, [SOME]), (3, [SOME]), (1, [b"short"]), (-1, [SOME])):
        with pytest.raises(ValueError, match="peak"):
            Tree(size, peaks)
    for index in (-1, 2, 5):
        with pytest.raises(IndexError):
            Tree(3, [SOME, SOME]).inclusion_proof(of(2), index)
    for old in (-1, 9):
        with pytest.raises(IndexError):
            merkle.consistency_proof(LEAVES, old)
