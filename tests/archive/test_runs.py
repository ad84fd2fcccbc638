"""Sets of numbers kept as runs are sets."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from archiver.archive.runs import Runs, floor, holds, holes, joined, newest

numbers = st.lists(st.integers(1, 30), max_size=40)


def runs_of(found: list[int]) -> Runs:
    """Put numbers together in the order in which they come."""
    runs: Runs = ()
    for number in found:
        runs = joined(runs, number)
    return runs


@given(found=numbers)
def test_in_whatever_order_they_come_the_numbers_are_those(found: list[int]) -> None:
    """Runs are sorted, whole, and never touch."""
    runs, there = runs_of(found), set(found)
    assert {number for first, last in runs for number in range(first, last + 1)} == there
    assert all(first <= last for first, last in runs)
    assert all(b > a + 1 for (_, a), (b, _) in itertools.pairwise(runs))
    assert all(holds(runs, number) == (number in there) for number in range(32))


@given(found=numbers)
def test_what_is_missing_is_what_is_not_there_below_the_newest(found: list[int]) -> None:
    """And up to the floor nothing is."""
    runs, there = runs_of(found), set(found)
    missing = set(range(1, max(there, default=0))) - there
    gone = {number for first, last in holes(runs) for number in range(first, last + 1)}
    assert gone == missing
    assert newest(runs) == max(there, default=0)
    assert floor(runs) == min(missing | {newest(runs) + 1}) - 1
