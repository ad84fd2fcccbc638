"""SIGKILL at random times: the real daemon, a producer that never stops, and an oracle."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from laptop import WORKED_IN, line, read_archive, tenant_rules

from archiver.format.lines import payload_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
SECONDS = 25

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")


class Producer(threading.Thread):
    """Appends to transcripts and rewrites a document, and knows what it wrote."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self.home = home
        self.ended = threading.Event()
        self.document = home / ".cline" / "data" / "sessions" / "s1" / "s1.messages.json"
        self.document.parent.mkdir(parents=True)
        (self.document.parent / "s1.json").write_text(json.dumps({"cwd": WORKED_IN}))
        self.chats = [home / ".claude" / "projects" / "-p" / f"c{n}.jsonl" for n in range(4)]
        self.chats[0].parent.mkdir(parents=True)

    def run(self) -> None:
        """Write until told to end: whole lines, halves of lines, and torn documents."""
        draw = random.Random(5)
        said: list[dict[str, object]] = []
        number = 0
        while not self.ended.wait(draw.uniform(0.001, 0.02)):
            number += 1
            with draw.choice(self.chats).open("ab", buffering=0) as file:
                body = line(number, noise=draw.randbytes(draw.randrange(400)).hex())
                cut = draw.randrange(len(body))
                file.write(body[:cut])
                if number % 3 == 0:
                    time.sleep(0.002)
                file.write(body[cut:])
            if number % 5 == 0:
                said.append({"role": "user", "content": f"message {number}"})
                body = json.dumps({"title": f"t{number // 50}", "messages": said}).encode()
                with self.document.open("wb", buffering=0) as file:
                    file.write(body[: len(body) // 2])
                    file.write(body[len(body) // 2 :])


@pytest.fixture
def place(memory: Path) -> Iterator[Path]:
    """Give a home, a policy that seals and ships every second, and a producer at work."""
    rules = tenant_rules("acme", memory / "bucket", chunk={"max_age_seconds": 1})
    policy = {
        "version": 1,
        "tenants": [rules],
        "schedule": {"collect_seconds": 10, "ship_seconds": 1, "quiet_seconds": 1},
        "spool": {"free_floor_bytes": 2**26},
    }
    (memory / "policy.json").write_text(json.dumps(policy))
    (memory / "home").mkdir()
    return memory


def command(place: Path, verb: str) -> list[str]:
    """Give the command line of a verb."""
    config, state = str(place / "policy.json"), str(place / "state")
    return [sys.executable, "-m", "archiver", verb, "--config", config, "--state", state]


def environment(place: Path) -> dict[str, str]:
    """Give the environment of a user whose home is the test's."""
    return {**os.environ, "HOME": str(place / "home"), "PYTHONPATH": str(REPOSITORY)}


def test_killed_again_and_again_the_daemon_loses_nothing(place: Path) -> None:
    """Some twenty lives of a second or two; then one pass, and every byte is there once."""
    draw = random.Random(11)
    producer = Producer(place / "home")
    producer.start()
    lives = 0
    until = time.monotonic() + SECONDS
    with (place / "log").open("wb") as log:
        while time.monotonic() < until:
            daemon = subprocess.Popen(
                command(place, "run"), env=environment(place), stdout=log, stderr=log
            )
            time.sleep(draw.uniform(0.3, 2.5))
            assert daemon.poll() is None, (place / "log").read_text()[-2000:]
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
            lives += 1
    producer.ended.set()
    producer.join()
    assert lives >= 8
    shipped_by_the_killed = sum(1 for _ in (place / "bucket").rglob("*.jsonl.zst"))
    assert shipped_by_the_killed >= 5
    done = subprocess.run(
        command(place, "sync"), env=environment(place), check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    archive = read_archive(place / "bucket")
    assert b"Traceback" not in (place / "log").read_bytes()
    for chat in producer.chats:
        body = chat.read_bytes()
        log_of_chat = archive.log(chat.name)
        assert {one.op for one in log_of_chat} == {"entry"}
        assert b"".join(payload_bytes(one) + one.eol.encode() for one in log_of_chat) == body
        assert all(
            state is not None and body.startswith(state) for state in archive.states(chat.name)
        )
    last = archive.states(producer.document.name)[-1]
    assert last is not None
    assert json.loads(last) == json.loads(producer.document.read_bytes())
