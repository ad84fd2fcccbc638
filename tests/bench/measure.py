"""Running a process and asking the kernel what it cost; watching one that goes on.

Limits: POSIX only. CPU of a process that ended includes the children that it waited for. What
a running process takes is read from Linux's ``/proc`` and clocks.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "ARCHIVER",
    "MIB",
    "ROOT",
    "Cost",
    "Failed",
    "Watched",
    "environment",
    "reap",
    "size_of",
    "spend",
    "watch",
]

ROOT = Path(__file__).resolve().parents[2]
ARCHIVER = (sys.executable, "-m", "archiver")
MIB = 1024 * 1024

_SCHEDULED = 2  # CPUCLOCK_SCHED of linux/posix-timers.h: a process's CPU clock, in ns


class Failed(Exception):
    """A process that is measured did not do its work."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took: seconds of wall clock and of CPU, most bytes resident."""

    wall: float
    cpu: float
    resident: int
    output: str
    errors: str


def environment(home: Path, **more: str) -> dict[str, str]:
    """Give an environment whose home is ``home``, and that knows this checkout's archiver."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    return kept | {"HOME": str(home), "PYTHONPATH": str(ROOT)} | more


def spend(command: Sequence[str | Path], env: Mapping[str, str]) -> Cost:
    """Run a process to its end; raise `Failed` where it says that it failed."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
        code, cpu, resident = reap(process)
        wall = time.perf_counter() - begin
        said = []
        for file in (output, errors):
            file.seek(0)
            said.append(file.read().decode(errors="replace"))
    if code:
        name = " ".join(str(part) for part in command[:4])
        raise Failed(f"`{name} …` exited with {code}: {said[1].strip()[-500:]}")
    return Cost(wall, cpu, resident, *said)


def reap(process: subprocess.Popen[Any]) -> tuple[int, float, int]:
    """Wait for a process; give its exit code, seconds of CPU and most bytes resident."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return process.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss * unit


@dataclass(frozen=True, slots=True)
class Watched:
    """A process that runs. Its log is a file, so no pipe can block it."""

    process: subprocess.Popen[bytes]
    log: Path

    def resident(self) -> float:
        """Give its resident memory now, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def cpu(self) -> float:
        """Give the CPU that all its threads ever took, ended ones too, in seconds."""
        clock = (~self.process.pid << 3) | _SCHEDULED
        return time.clock_gettime_ns(clock) / 1e9

    def said(self) -> str:
        """Give its log."""
        return self.log.read_text(errors="replace")

    def wait_for(self, done: Callable[[], object], seconds: float) -> None:
        """Wait until ``done()`` is true; raise `Failed` where it is not in time."""
        deadline = time.monotonic() + seconds
        while not done():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"the process did not come to it:\n{self.said()[-2000:]}")
            time.sleep(0.1)


@contextlib.contextmanager
def watch(command: Sequence[str | Path], env: Mapping[str, str], log: Path) -> Iterator[Watched]:
    """Start a process, and end it when the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Watched(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def size_of(folder: Path) -> int:
    """Add up the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
