"""A growing corpus, saved again and again: what restic and archiver keep, and what it costs.

Every file of the corpus grows over a number of saves. After each save these look at the same
tree: ``restic backup`` into a repository on the same disk (version 2, its own default
compression), with its cache and without; ``archiver sync`` into a folder; and, as the daemon
does, one engine that lives on, looks after each save and seals at the end, as an hour's age
would.

Bytes: everything in restic's repository against everything in the bucket, manifests included.
CPU: user and system time of all processes, restic's ``init`` left out. Of restic's two runs
the cheaper one is what archiver is held against.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from anatomy import describe
from corpus import find
from figures import Figure, skipped
from measure import Failed, environment, reap, size_of, spend
from policies import Place

if TYPE_CHECKING:
    from corpus import Corpus

__all__ = ["replay"]

_MOST_BYTES: Final = 0.65
_MOST_CPU: Final = 1.0
_INSIDE: Final = Path(__file__).with_name("inside.py")


@dataclass(slots=True)
class _Kept:
    """What one program kept, in bytes, and the seconds of CPU it took."""

    size: int = 0
    cpu: float = 0.0


@dataclass(slots=True)
class _Restic:
    """One repository, with or without a cache."""

    folder: Path
    cached: bool
    kept: _Kept = field(default_factory=_Kept)

    @property
    def env(self) -> dict[str, str]:
        return environment(
            self.folder,
            RESTIC_PASSWORD="benchmark",
            RESTIC_CACHE_DIR=str(self.folder / "cache"),
            RESTIC_REPOSITORY=str(self.folder / "repository"),
        )

    def begin(self) -> None:
        self.folder.mkdir(parents=True)
        spend(("restic", "init", "--repository-version", "2"), self.env)

    def save(self, home: Path) -> None:
        more = () if self.cached else ("--no-cache",)
        self.kept.cpu += spend(("restic", "backup", "-q", *more, home), self.env).cpu
        self.kept.size = size_of(self.folder / "repository")


@dataclass(slots=True)
class _Sync:
    """One ``archiver sync`` a save."""

    place: Place
    kept: _Kept = field(default_factory=_Kept)

    def save(self) -> None:
        cost = spend(self.place.command("sync", "--json"), self.place.env)
        if due := json.loads(cost.output)["outcome"]["due"]:
            raise Failed(f"{due} things were not shipped")
        self.kept.cpu += cost.cpu
        self.kept.size = size_of(self.place.bucket)


class _Daemon:
    """One engine that looks after every save; it seals what is full, and the rest at the end."""

    def __init__(self, place: Place, env: dict[str, str]) -> None:
        self.place = place
        self.kept = _Kept()
        self._process = subprocess.Popen(
            [sys.executable, _INSIDE, "daemon", place.policy, place.state],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        _, self.kept.cpu, _ = reap(self._process)
        self.kept.size = size_of(self.place.bucket)

    def ask(self, what: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        if self._process.stdout.readline() != "done\n":
            raise Failed("the engine ended in the middle of the replay")


@dataclass(slots=True)
class _Round:
    """What everybody kept after the same saves."""

    restics: tuple[_Restic, ...]
    sync: _Sync
    daemon: _Daemon

    def quotients(self) -> tuple[float, float, float, float]:
        """Give bytes and CPU of a sync each save, then of the daemon, over restic's."""
        size = min(restic.kept.size for restic in self.restics)
        cpu = min(restic.kept.cpu for restic in self.restics)
        return (
            self.sync.kept.size / size,
            self.sync.kept.cpu / cpu,
            self.daemon.kept.size / size,
            self.daemon.kept.cpu / cpu,
        )

    def note(self, corpus: Corpus, steps: int) -> str:
        """Say what the quotients are made of."""
        cached, uncached = self.restics
        return (
            f"{corpus.size / 1e6:.1f} MB of {corpus.origin}, {steps} saves\n"
            f"restic: {cached.kept.size / 1e6:.2f} MB; CPU {cached.kept.cpu:.1f} s with cache,"
            f" {uncached.kept.cpu:.1f} s without\n"
            f"sync: CPU {self.sync.kept.cpu:.1f} s; {describe(self.sync.place.bucket)}\n"
            f"daemon: CPU {self.daemon.kept.cpu:.1f} s; {describe(self.daemon.place.bucket)}"
        )


def _round(corpus: Corpus, folder: Path, steps: int) -> _Round:
    restics = (_Restic(folder / "cached", cached=True), _Restic(folder / "bare", cached=False))
    for restic in restics:
        restic.begin()
    sync, alone = _Sync(Place(folder / "sync")), Place(folder / "daemon")
    sync.place.prepare()
    alone.prepare()
    home = sync.place.home
    with _Daemon(alone, sync.place.env) as daemon:
        for step in range(1, steps + 1):
            corpus.save(home, step, steps)
            for restic in restics:
                restic.save(home)
            sync.save()
            daemon.ask("collect")
        daemon.ask("end")
    return _Round(restics, sync, daemon)


def replay(work: Path, *, runs: int, steps: int) -> list[Figure]:
    """Measure ``steps`` saves, ``runs`` times."""
    if not shutil.which("restic"):
        return skipped("stored bytes / restic", "restic IS NOT INSTALLED: nothing to compare with")
    corpus = find()
    quotients, note = [], ""
    for number in range(runs):
        folder = work / f"replay-{number}"
        done = _round(corpus, folder, steps)
        quotients.append(done.quotients())
        note = done.note(corpus, steps)
        shutil.rmtree(folder)
    sync_bytes, sync_cpu, bytes_, cpu = zip(*quotients, strict=True)
    return [
        Figure("stored bytes / restic, as the daemon", "", bytes_, most=_MOST_BYTES, note=note),
        Figure("stored bytes / restic, a sync each save", "", sync_bytes, most=_MOST_BYTES),
        Figure("CPU / restic, as the daemon", "", cpu, most=_MOST_CPU),
        Figure("CPU / restic, a sync each save", "", sync_cpu, most=_MOST_CPU),
    ]
