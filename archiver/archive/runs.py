"""Sets of numbers that mostly have no gap, kept as runs. Pure.

    ((1, 2555),)            every number from 1 to 2555
    ((1, 3), (5, 9))        4 is not there

What a checkpoint covers of a device is such a set: one pair for years of manifests.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

__all__ = ["Runs", "floor", "holds", "holes", "joined", "newest"]

Runs = tuple[tuple[int, int], ...]
"""First and last number of each run, in order; no two runs touch."""


def joined(runs: Runs, number: int) -> Runs:
    """Give the set with one more number.

    >>> joined(((1, 3), (5, 9)), 4)
    ((1, 9),)
    """
    if runs and number == runs[-1][1] + 1:
        return (*runs[:-1], (runs[-1][0], number))
    if holds(runs, number):
        return runs
    at = bisect_right(runs, (number, number))
    before, after = runs[:at], runs[at:]
    first = last = number
    if before and before[-1][1] == number - 1:
        first, before = before[-1][0], before[:-1]
    if after and after[0][0] == number + 1:
        last, after = after[0][1], after[1:]
    return (*before, (first, last), *after)


def holds(runs: Runs, number: int) -> bool:
    """Tell whether the number is in the set."""
    return any(first <= number <= last for first, last in runs)


def floor(runs: Runs) -> int:
    """Give the number up to which, from 1 on, none is missing."""
    return runs[0][1] if runs and runs[0][0] == 1 else 0


def newest(runs: Runs) -> int:
    """Give the highest number, 0 of an empty set."""
    return runs[-1][1] if runs else 0


def holes(runs: Runs) -> Runs:
    """Give what is missing below the highest number.

    >>> holes(((2, 3), (5, 9)))
    ((1, 1), (4, 4))
    """
    bounds = ((0, 0), *runs)
    return tuple((a + 1, b - 1) for (_, a), (b, _) in pairwise(bounds) if b > a + 1)
