"""The benchmarks: ``python tests/bench/run.py [--json] [--runs N] [names…]``.

Prints one row for every figure, with its target and whether it was met; see README.md beside
this file for what each means. Without names everything runs but the soaks. Exits with 1 where
a target was missed or a measurement failed; what was skipped is said, and fails nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from backlog import backlog
from figures import Figure, Verdict, table
from idle import idle
from measure import Failed
from replay import replay
from retention import retention
from rollups import rollups
from sealing import sealing
from startup import quickstart, startup
from throughput import throughput
from verify import listing, reading

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Something to measure: how often unless told otherwise, and how much of it."""

    measure: Callable[..., list[Figure]]
    runs: int
    sizes: dict[str, int]
    summary: str


BENCHMARKS: Final = {
    "throughput": Benchmark(
        throughput, 3, {"size": 1_000_000_000}, "a backlog into a folder, against zstd -3"
    ),
    "replay": Benchmark(replay, 3, {"steps": 20}, "a growing corpus, against restic"),
    "idle": Benchmark(idle, 3, {}, "a daemon with nothing to do"),
    "backlog": Benchmark(backlog, 3, {"chunks": 100_000}, "a daemon with 100,000 chunks to ship"),
    "rollups": Benchmark(
        rollups, 1, {"devices": 200, "days": 14}, "checkpoints of a fleet, multiplied"
    ),
    "sealing": Benchmark(
        sealing, 5, {"size": 200_000_000}, "a backlog sealed to officers, against in clear"
    ),
    "verify": Benchmark(
        reading, 5, {"size": 8_000_000_000}, "verify --read-data over a folder, against openssl"
    ),
    "verify-listing": Benchmark(
        listing, 3, {"chunks": 200_000}, "verify without reading data, and its memory"
    ),
    "retention": Benchmark(
        retention, 1, {"chunks": 1_000_000}, "what of a million chunks is due, and its memory"
    ),
    "startup": Benchmark(startup, 15, {}, "status and --help"),
    "quickstart": Benchmark(quickstart, 5, {}, "the quickstart"),
}
SOAKS: Final = {
    "soak-throughput": Benchmark(throughput, 1, {"size": 2_000_000_000}, "2 GB instead of 1 GB"),
    "soak-replay": Benchmark(replay, 1, {"steps": 200}, "200 saves instead of 20"),
    "soak-idle": Benchmark(idle, 60, {}, "an hour instead of three minutes"),
    "soak-backlog": Benchmark(backlog, 1, {"chunks": 1_000_000}, "a million chunks"),
}


def main() -> int:
    """Measure what the arguments name; give the exit code."""
    options = _parse()
    work = Path(tempfile.mkdtemp(prefix="archiver-bench-", dir=options.folder))
    figures: list[Figure] = []
    try:
        for name in options.names or BENCHMARKS:
            benchmark = (BENCHMARKS | SOAKS)[name]
            print(f"{name}: {benchmark.summary} …", file=sys.stderr, flush=True)
            sizes = dict(benchmark.sizes)
            if options.size and "size" in sizes:
                sizes["size"] = options.size * 1_000_000
            runs = options.runs or benchmark.runs
            figures += _measure(name, benchmark, work / name, runs, sizes)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if options.as_json:
        print(json.dumps({"machine": _machine(), "figures": [one.as_json() for one in figures]}))
    else:
        print(", ".join(f"{key} {value}" for key, value in _machine().items()))
        print(table(figures))
    for figure in figures:
        if figure.verdict in (Verdict.SKIPPED, Verdict.FAILED):
            print(f"{figure.verdict}: {figure.name}: {figure.why_not}", file=sys.stderr)
    return int(any(one.verdict in (Verdict.MISSED, Verdict.FAILED) for one in figures))


def _measure(
    name: str, benchmark: Benchmark, work: Path, runs: int, sizes: dict[str, int]
) -> list[Figure]:
    work.mkdir()
    try:
        return benchmark.measure(work, runs=runs, **sizes)
    except Failed as error:
        return [Figure(name, "", why_not=str(error), failed=True)]
    finally:
        shutil.rmtree(work)


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "processors": os.cpu_count(),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _parse() -> argparse.Namespace:
    known = BENCHMARKS | SOAKS
    listed = "\n".join(f"  {name:16} {one.summary}" for name, one in known.items())
    parser = argparse.ArgumentParser(
        description="Measure archiver on this machine.",
        epilog=f"names:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="name", help="what to measure; see below")
    parser.add_argument("--json", dest="as_json", action="store_true", help="print JSON")
    parser.add_argument("--runs", type=int, metavar="N", help="how often to measure each figure")
    parser.add_argument(
        "--size", type=int, metavar="MB", help="the backlog of throughput and sealing, in MB"
    )
    parser.add_argument("--folder", type=Path, help="where to work; default: the temporary folder")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(known)):
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
