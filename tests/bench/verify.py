"""What verifying costs: without reading data by the number of chunks, with it against openssl.

Archives are generated (see `archives`), signed like real ones, by fifty devices.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from figures import Figure, skipped
from measure import ARCHIVER, MIB, Failed, environment, reap, size_of, spend

__all__ = ["listing", "reading"]

_MAKER: Final = Path(__file__).with_name("archives.py")
_CHUNK_BYTES: Final = 1_500_000
_SHARE: Final = 0.8
_SECONDS: Final = 60.0
_MEMORY: Final = 200.0
_CLEAN: Final = 10_000


def reading(work: Path, *, runs: int, size: int) -> list[Figure]:
    """Hash ``size`` bytes of chunks, by verify and by openssl, on as many processors each."""
    if not shutil.which("openssl"):
        return skipped("verify --read-data", "OPENSSL NOT INSTALLED")
    archive = work / "archive"
    admin = _made(archive, size // _CHUNK_BYTES, 10, _CHUNK_BYTES)
    files = sorted(str(path) for path in archive.rglob("*.zst"))
    total = sum(Path(name).stat().st_size for name in files)
    names = work / "files"
    names.write_text("\n".join(files))
    figures = []
    for jobs in (1, 2):
        each = -(-len(files) // jobs)
        by_openssl = ["xargs", "-a", str(names), f"-P{jobs}", f"-n{each}", "openssl", "dgst"]
        by_openssl.append("-sha256")
        by_us = [*_command(archive, admin), "--read-data", "--jobs", str(jobs)]
        ours, theirs = [], []
        _timed(work, by_openssl)  # both find the files in the page cache
        for _ in range(runs):
            theirs.append(_timed(work, by_openssl)[0])
            ours.append(_timed(work, by_us)[0])
        share = tuple(their / our for their, our in zip(theirs, ours, strict=True))
        told = (
            f"{total / 1e9:.1f} GB in {len(files)} chunks: openssl"
            f" {statistics.median(theirs):.2f} s, verify {statistics.median(ours):.2f} s, start of"
            " the process and signatures included"
        )
        figures.append(
            Figure(
                f"verify --read-data --jobs {jobs} / openssl, {jobs} processes",
                "",
                share,
                least=_SHARE,
                note=told,
            )
        )
    return figures


def listing(work: Path, *, runs: int, chunks: int) -> list[Figure]:
    """Verify up to ``chunks`` chunks without reading them, ten and one of them a manifest."""
    figures = []
    for per_manifest in (10, 1):
        for part in (8, 4, 2, 1):
            count = chunks // part
            archive = work / f"archive-{per_manifest}-{count}"
            admin = _made(archive, count, per_manifest, 0)
            costs = [_timed(work, _command(archive, admin)) for _ in range(runs)]
            name = f"verify, {count} chunks, {per_manifest} a manifest"
            per = count / 100_000
            note = f"{size_of(archive / 'tenant=bench' / '_manifests') / 1e6:.0f} MB of manifests"
            figures.append(
                Figure(
                    f"{name}: time per 100,000",
                    "s",
                    tuple(seconds / per for seconds, _ in costs),
                    most=_SECONDS,
                    note=note,
                )
            )
            figures.append(
                Figure(
                    f"{name}: peak RSS",
                    "MiB",
                    tuple(resident / MIB for _, resident in costs),
                    most=_MEMORY if count <= 100_000 else None,
                )
            )
            shutil.rmtree(archive)
    return figures + _clean(work)


def _clean(work: Path) -> list[Figure]:
    """Count the findings in an archive that has nothing wrong, its bytes read."""
    archive = work / "clean"
    admin = _made(archive, _CLEAN, 10, 2000)
    command = [*_command(archive, admin), "--read-data", "--json"]
    said = subprocess.run(command, env=environment(work), capture_output=True, check=False).stdout
    shutil.rmtree(archive)
    found = len(json.loads(said)["findings"])
    return [Figure(f"findings in a clean archive of {_CLEAN} chunks", "", (found,), most=0)]


def _made(archive: Path, chunks: int, per_manifest: int, size: int) -> Path:
    """Make an archive, and give the file of its admin's key.

    In a process of its own: what this one holds, the kernel counts for those that it starts.
    """
    numbers = (str(number) for number in (chunks, per_manifest, size))
    spend((sys.executable, _MAKER, archive, *numbers), environment(archive.parent))
    return archive.with_name(f"{archive.name}.pub")


def _command(archive: Path, admin: Path) -> list[str]:
    return [*ARCHIVER, "verify", "--archive", str(archive), "--admin-key", str(admin)]


def _timed(work: Path, command: list[str]) -> tuple[float, int]:
    """Run; give seconds and most bytes resident; raise `Failed` where it says that it failed."""
    with (work / "said").open("wb") as said:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment(work), stdout=said, stderr=subprocess.STDOUT
        )
        code, _, resident = reap(process)
        seconds = time.perf_counter() - begin
    if code:
        raise Failed(f"{command[0]} exited with {code}: {(work / 'said').read_text()[-500:]}")
    return seconds, resident
