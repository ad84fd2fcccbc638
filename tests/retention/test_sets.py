"""Sets of chunks, as runs: what is in them, and how an order names them."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from archiver.evidence.orders import Chunks
from archiver.format.keys import ChunkKey
from archiver.retention.sets import ChunkSet

DEVICES = ("a" * 16, "b" * 16)

chunks = st.tuples(st.sampled_from(DEVICES), st.integers(1, 40))


def key(device: str, seq: int) -> ChunkKey:
    """Name a chunk."""
    return ChunkKey("", "acme", "standard", "0" * 32, "2026-01-01", device, seq, "0" * 16)


def spelled(named: tuple[Chunks, ...]) -> set[tuple[str, int]]:
    """Give every chunk that an order names."""
    return {
        (one.device, seq)
        for one in named
        for first, last in one.runs
        for seq in range(first, last + 1)
    }


@given(st.lists(chunks), st.lists(chunks))
def test_it_holds_what_was_added_and_nothing_else(
    one: list[tuple[str, int]], other: list[tuple[str, int]]
) -> None:
    """In any order, one by one or as an order names them; runs never touch."""
    first, second = ChunkSet(), ChunkSet()
    for number, each in enumerate(one):
        assert first.add(key(*each)) == (each not in one[:number])
    for each in other:
        second.add(key(*each))
    both = ChunkSet.of((*first.named, *second.named))
    assert spelled(first.named) == set(one)
    assert spelled(both.named) == {*one, *other}
    for each in ((device, seq) for device in DEVICES for seq in range(1, 42)):
        assert (key(*each) in both) == (each in {*one, *other})
    for named in both.named:
        assert all(a[1] + 1 < b[0] for a, b in zip(named.runs, named.runs[1:], strict=False))


def test_what_daily_orders_of_many_years_name_is_put_together_at_once() -> None:
    """What it takes grows with their number, not with its square: that took half a minute."""
    daily = [
        Chunks(f"{device:016x}", ((3 * day, 3 * day),))
        for day in range(1, 2501)
        for device in range(50)
    ]
    before = time.process_time()
    found = ChunkSet.of(daily)
    assert time.process_time() - before < 5
    assert len(found) == len(daily)
