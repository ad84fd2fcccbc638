"""A leaf names one manifest, in one form, at one place."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.errors import Damaged
from archiver.evidence import leaves
from archiver.evidence.leaves import Leaf

if TYPE_CHECKING:
    from random import Random

LINE = b"00c0ffee00c0ffee 12 " + b"ab" * 32 + b"\n"

some = st.builds(
    Leaf,
    st.sampled_from(["00c0ffee00c0ffee", "0" * 16, "f" * 16]),
    st.integers(1, 10**12 - 1) | st.integers(1, 20),
    st.sampled_from(["ab" * 32, "0" * 64]),
)


@given(some)
def test_every_leaf_comes_back_as_it_was(leaf: Leaf) -> None:
    """One leaf, one line."""
    assert leaves.decode(leaves.encode(leaf)) == leaf


def test_the_line_is_what_the_tree_commits_to() -> None:
    """With its newline, as it stands in a roll-up."""
    assert leaves.encode(Leaf("00c0ffee00c0ffee", 12, "ab" * 32)) == LINE
    expected = hashlib.sha256(b"\0" + LINE).digest()
    assert leaves.hash_of(leaves.decode(LINE)) == expected


@given(st.lists(some), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_who_listed_the_manifests(
    new: list[Leaf], random: Random
) -> None:
    """By device, then number, not text of the number; the same manifest once."""
    shuffled = random.sample(new + new, len(new) * 2)
    order = leaves.in_order(shuffled)
    assert order == leaves.in_order(new)
    assert len(order) == len(set(new))
    assert all((one.device, one.seq) <= (two.device, two.seq) for one, two in pairwise(order))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        LINE[:-1],
        LINE + b"\n",
        LINE + LINE,
        LINE.upper(),
        LINE.replace(b" 12 ", b" 012 "),
        LINE.replace(b" 12 ", b" 0 "),
        LINE.replace(b" 12 ", b"  12 "),
        LINE.replace(b" 12 ", b" -1 "),
        LINE.replace(b" 12 ", b" " + b"9" * 13 + b" "),
        LINE.replace(b"\n", b"\r\n"),
        LINE.replace(b" 12 ", " \u0661 ".encode()),
    ],
)
def test_another_form_is_damage(line: bytes) -> None:
    """Else one manifest could be two leaves."""
    with pytest.raises(Damaged):
        leaves.decode(line)


@pytest.mark.parametrize("leaf", [Leaf("x", 1, "0" * 64), Leaf("0" * 16, 0, "0" * 64)])
def test_what_could_not_be_read_is_not_written(leaf: Leaf) -> None:
    """The writer keeps the rules of the reader."""
    with pytest.raises(ValueError, match="leaf"):
        leaves.encode(leaf)
