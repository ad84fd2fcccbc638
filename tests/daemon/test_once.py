"""One complete pass: what it says, and that it can be left."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from laptop import lines, tenant_rules

from archiver.daemon.once import once

if TYPE_CHECKING:
    from laptop import Laptop

REPOSITORY = Path(__file__).parents[2]


async def test_a_pass_that_is_cancelled_leaves_the_backlog_for_the_next(laptop: Laptop) -> None:
    """Ctrl-C does not wait for the rest of a large backlog; what was taken stays taken."""
    for number in range(4000):
        laptop.claude(f"c{number}").write_bytes(lines(number))
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(once(laptop.engine), 0.3)
    left_after = time.monotonic() - begun
    assert not laptop.engine.last_pass.finished
    taken = laptop.engine.last_pass.records
    outcome = await once(laptop.engine)
    assert left_after < time.monotonic() - begun - left_after
    assert (outcome.due, outcome.collected.records) == (0, 4000 - taken)


def test_sync_says_how_many_conversations_are_undecided(tmp_path: Path) -> None:
    """They are neither captured nor anybody's fault: the exit code stays."""
    claims = {"default": True, "exclude": ["/elsewhere/**"]}
    rules = tenant_rules("acme", tmp_path / "bucket", conversations=claims)
    (tmp_path / "policy.json").write_text(json.dumps({"version": 1, "tenants": [rules]}))
    folder = tmp_path / "home" / ".claude" / "projects" / "-p"
    folder.mkdir(parents=True)
    (folder / "c1.jsonl").write_bytes(b'{"type":"summary","summary":"x"}\n')
    config, state = str(tmp_path / "policy.json"), str(tmp_path / "state")
    done = subprocess.run(
        [sys.executable, "-m", "archiver", "sync", "--config", config, "--state", state],
        env={**os.environ, "HOME": str(tmp_path / "home"), "PYTHONPATH": str(REPOSITORY)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert "1 conversations wait: where they were held is not known yet" in done.stderr
