"""One large backlog, from the files to a folder: MB of raw transcript a second.

Each round measures, one after the other on the same files: ``zstd -3 -T1`` on all of them as
one stream (the yardstick), ``archiver sync`` as a whole process, and the same pass without the
start of the process. The figure is the quotient within a round, so what else the machine does
falls on both sides.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from corpus import claude_files, find
from figures import Figure, skipped
from measure import MIB, Failed, size_of, spend
from policies import Place

if TYPE_CHECKING:
    from corpus import Corpus

__all__ = ["backlog_of", "sync", "throughput"]

_LEAST: Final = 0.3
_INSIDE: Final = Path(__file__).with_name("inside.py")


def backlog_of(corpus: Corpus, home: Path, size: int) -> int:
    """Write the corpus' transcripts again and again, each time as other conversations."""
    bodies = claude_files(corpus)
    written = number = 0
    while written < size:
        folder = home / ".claude" / "projects" / f"-home-dev-project-{number:05}"
        folder.mkdir(parents=True)
        for place, body in enumerate(bodies):
            (folder / f"{number:08x}-0000-4000-8000-{place:012x}.jsonl").write_bytes(body)
            written += len(body)
        number += 1
    return written


def sync(place: Place, *, inside: bool) -> tuple[float, float, int]:
    """Make one pass from nothing; give its seconds of wall and CPU, and its peak memory."""
    for folder in (place.state, place.bucket):
        shutil.rmtree(folder, ignore_errors=True)
    if not inside:
        cost = spend(place.command("sync", "--json"), place.env)
        due = json.loads(cost.output)["outcome"]["due"]
        wall, cpu = cost.wall, cost.cpu
    else:
        cost = spend((sys.executable, _INSIDE, "once", place.policy, place.state), place.env)
        told = json.loads(cost.output)
        due, wall, cpu = told["due"], told["wall"], told["cpu"]
    if due:
        raise Failed(f"{due} things were not shipped")
    return wall, cpu, cost.resident


def throughput(work: Path, *, runs: int, size: int) -> list[Figure]:
    """Measure; ``size`` is the backlog's in bytes."""
    if not shutil.which("zstd"):
        return skipped("throughput / zstd -3 -T1", "zstd IS NOT INSTALLED: nothing to compare with")
    corpus = find()
    place = Place(work / "throughput")
    place.prepare()
    raw = backlog_of(corpus, place.home, size)
    joined, packed = place.folder / "joined", place.folder / "joined.zst"
    with joined.open("wb") as target:
        for path in sorted(place.home.rglob("*.jsonl")):
            target.write(path.read_bytes())
    alone, whole, inner, cpus, peak = [], [], [], [], 0
    for _ in range(runs):
        zstd = spend(("zstd", "-3", "-T1", "-q", "-f", joined, "-o", packed), place.env)
        wall, cpu, resident = sync(place, inside=False)
        alone.append(raw / zstd.wall / 1e6)
        whole.append(raw / wall / 1e6)
        cpus.append(cpu / zstd.cpu)
        peak = max(peak, resident)
        inner.append(raw / sync(place, inside=True)[0] / 1e6)
    note = (
        f"{raw / 1e6:.0f} MB of {corpus.origin}; peak memory {peak / MIB:.0f} MiB;"
        f" stored {size_of(place.bucket) / 1e6:.1f} MB, zstd {packed.stat().st_size / 1e6:.1f} MB"
    )
    quotients = [
        tuple(ours / theirs for ours, theirs in zip(one, alone, strict=True))
        for one in (whole, inner)
    ]
    return [
        Figure("throughput / zstd -3 -T1", "", quotients[0], least=_LEAST, note=note),
        Figure("throughput / zstd, without the process's start", "", quotients[1]),
        Figure("throughput", "MB/s", tuple(whole)),
        Figure("zstd -3 -T1 alone", "MB/s", tuple(alone)),
        Figure("CPU / CPU of zstd", "", tuple(cpus)),
    ]
