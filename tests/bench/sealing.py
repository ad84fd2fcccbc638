"""What sealing to officers costs: the same backlog shipped in clear and sealed, in turns.

Each round makes two complete passes from nothing over the same files, one with officers in the
policy and one without, as whole processes; which goes first changes with each round. The
figure is the quotient of their times within a round.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from corpus import find
from figures import Figure
from measure import Failed
from policies import Place
from throughput import backlog_of, sync

from archiver.vault import age

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["sealing"]

_MOST: Final = 1.15
_OFFICERS: Final = 2


def _officers(place: Place) -> None:
    """Write officers, whose private keys nobody has, into the policy."""
    policy = json.loads(place.policy.read_text())
    recipients = [age.generate()[1] for _ in range(_OFFICERS)]
    policy["tenants"][0]["sealing"] = {"officers": recipients}
    place.policy.write_text(json.dumps(policy))


def _pass(place: Place, suffix: str) -> tuple[float, float]:
    """Make one pass from nothing; give its seconds of wall and CPU."""
    wall, cpu, _ = sync(place, inside=False)
    stored = [path.name for path in place.bucket.rglob("*.jsonl.zst*")]
    if not stored or not all(name.endswith(suffix) for name in stored):
        raise Failed(f"chunks were not stored as {suffix}")
    return wall, cpu


def sealing(work: Path, *, runs: int, size: int) -> list[Figure]:
    """Measure; ``size`` is the backlog's in bytes."""
    corpus = find()
    clear, sealed = Place(work / "clear"), Place(work / "sealed")
    for place in (clear, sealed):
        place.prepare()
    _officers(sealed)
    raw = backlog_of(corpus, clear.home, size)
    sealed.home.rmdir()
    sealed.home.symlink_to(clear.home)
    kinds = [(clear, ".jsonl.zst"), (sealed, ".jsonl.zst.age")]
    walls, cpus, plain = [], [], []
    for number in range(runs):
        spent = {}
        for place, suffix in kinds if number % 2 else reversed(kinds):
            spent[suffix] = _pass(place, suffix)
        (wall, cpu), (closed_wall, closed_cpu) = (spent[suffix] for _, suffix in kinds)
        walls.append(closed_wall / wall)
        cpus.append(closed_cpu / cpu)
        plain.append(wall)
    note = f"{raw / 1e6:.0f} MB of {corpus.origin}, {_OFFICERS} officers"
    return [
        Figure("sealed / in clear, time", "", tuple(walls), most=_MOST, note=note),
        Figure("sealed / in clear, CPU", "", tuple(cpus)),
        Figure("in clear", "s", tuple(plain)),
    ]
