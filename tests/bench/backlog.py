"""A hundred thousand sealed chunks that wait: what they cost a daemon in memory.

Two daemons side by side, alike but for what waits: a few chunks, and the whole backlog, as
after weeks without a network. Both start and ship into a folder; memory is read at the start
and many times while they ship. The chunks are small, since only their number is at stake.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from figures import Figure, skipped
from measure import spend, watch
from policies import Place, nobody

if TYPE_CHECKING:
    from measure import Watched

__all__ = ["backlog"]

_MOST: Final = 20.0
_FEW: Final = 100
_SHIPPING_SECONDS: Final = 20
_INSIDE: Final = Path(__file__).with_name("inside.py")


def _watched(daemon: Watched) -> tuple[float, float, float]:
    """Give RSS at the start and the most while shipping, and how long the start took."""
    begin = time.monotonic()
    daemon.wait_for(lambda: "in force" in daemon.said(), 300)
    took = time.monotonic() - begin
    first = most = daemon.resident()
    while time.monotonic() < begin + took + _SHIPPING_SECONDS:
        most = max(most, daemon.resident())
        time.sleep(0.05)
    return first, most, took


def backlog(work: Path, *, runs: int, chunks: int) -> list[Figure]:
    """Measure with ``chunks`` waiting."""
    if not Path("/proc/self/status").exists():
        return skipped("backlog", "NOT LINUX: there is no /proc to read memory from")
    starts, ships, tooks, left = [], [], [], 0
    for number in range(runs):
        seen = []
        for count in (_FEW, chunks):
            place = Place(work / f"backlog-{number}-{count}")
            place.prepare(claims=nobody)
            spend((sys.executable, _INSIDE, "backlog", place.state, str(count)), place.env)
            with contextlib.ExitStack() as stack:
                log = place.folder / "log"
                daemon = stack.enter_context(watch(place.command("run"), place.env, log))
                seen.append(_watched(daemon))
            left = sum(1 for _ in (place.state / "sealed" / "bench").iterdir())
        (few_first, few_most, _), (first, most, took) = seen
        starts.append(first - few_first)
        ships.append(most - few_most)
        tooks.append(took)
    note = f"{chunks} chunks; {chunks - left} of them shipped while it was watched"
    return [
        Figure(f"memory of {chunks} chunks, at the start", "MiB", tuple(starts), most=_MOST),
        Figure(f"memory of {chunks} chunks, shipping", "MiB", tuple(ships), most=_MOST, note=note),
        Figure(f"start with {chunks} chunks", "s", tuple(tooks)),
    ]
