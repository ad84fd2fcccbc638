"""SIGKILL while others read for a pass: the real command, its processes, and an oracle."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from laptop import line, read_archive, tenant_rules

from archiver.capture import reader_pool

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
FILES = 80
LIVES = 6

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")


@pytest.fixture
def place(memory: Path) -> Iterator[Path]:
    """Give a home with 120 MiB that were never captured, and a policy."""
    rules = tenant_rules("acme", memory / "bucket")
    policy = {"version": 1, "tenants": [rules], "schedule": {"quiet_seconds": 0}}
    (memory / "policy.json").write_text(json.dumps(policy))
    folder = memory / "home" / ".claude" / "projects" / "-p"
    folder.mkdir(parents=True)
    for number in range(FILES):
        (folder / f"c{number:02d}.jsonl").write_bytes(content(number))
    return memory


def content(number: int) -> bytes:
    """Give what a file holds: a mebibyte and a half."""
    return b"".join(line(1500 * number + one, noise="w" * 900) for one in range(1400))


def sync(place: Path) -> subprocess.Popen[bytes]:
    """Start the command."""
    config, state = str(place / "policy.json"), str(place / "state")
    return subprocess.Popen(
        [sys.executable, "-m", "archiver", "sync", "--config", config, "--state", state],
        env={**os.environ, "HOME": str(place / "home"), "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
    )


def readers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Wait until it has processes that read, or is done."""
    while process.poll() is None:
        try:
            found = psutil.Process(process.pid).children()
            readers = [one for one in found if "spawn_main" in " ".join(one.cmdline())]
        except psutil.Error:
            continue
        if readers:
            return found
        time.sleep(0.005)
    return []


@pytest.mark.skipif(reader_pool._cores() < 2, reason="one core reads alone")
def test_killed_with_results_in_flight_a_pass_loses_nothing(place: Path) -> None:
    """Killed again and again; then one pass, and every byte is there once, and no process."""
    draw = random.Random(3)
    left: list[psutil.Process] = []
    killed_with_readers = 0
    for _ in range(LIVES):
        process = sync(place)
        readers = readers_of(process)
        time.sleep(draw.uniform(0, 0.6))
        killed_with_readers += bool(readers) and process.poll() is None
        left += readers
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert killed_with_readers >= 2
    assert sync(place).wait() == 0
    archive = read_archive(place / "bucket")
    for number in range(FILES):
        name = f"c{number:02d}.jsonl"
        assert archive.states(name)[-1] == content(number)
        assert {one.op for one in archive.log(name)} == {"entry"}
    _, alive = psutil.wait_procs(left, timeout=10)
    assert alive == []
