"""The daemon as a process: started, stopped, started twice, and what it loads and says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from laptop import WORKED_IN, Laptop, line, lines, read_archive, tenant_rules

from archiver.daemon import engine as engines
from archiver.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
CANARIES = [f"canary-{number}-says-tweet" for number in range(8)]
BOTO = ("boto3", "botocore", "aioboto3", "aiobotocore", "s3transfer")


class Place:
    """A home, a policy and a state folder for a process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.state = root / "state"
        self.bucket = root / "bucket"
        self.home.mkdir()
        self.tenant = tenant_rules("acme", self.bucket, chunk={"max_age_seconds": 1})
        self.schedule = {"collect_seconds": 10, "ship_seconds": 1, "quiet_seconds": 0}

    def publish(self) -> None:
        """Write the policy."""
        policy = {
            "version": 1,
            "tenants": [self.tenant],
            "schedule": self.schedule,
            "spool": {"free_floor_bytes": 2**26},
        }
        (self.root / "policy.json").write_text(json.dumps(policy))

    def command(self, *arguments: str) -> list[str]:
        """Give a command line; the options that name this place are added."""
        config = ["--config", str(self.root / "policy.json"), "--state", str(self.state)]
        return [sys.executable, "-m", "archiver", *arguments, *config]

    @property
    def environment(self) -> dict[str, str]:
        """Give the environment of its user."""
        return {**os.environ, "HOME": str(self.home), "PYTHONPATH": str(REPOSITORY)}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def chat(self, name: str) -> Path:
        """Give the place of a transcript."""
        folder = self.home / ".claude" / "projects" / "-p"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{name}.jsonl"

    @contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the daemon; its log goes into a file."""
        with (self.root / "log").open("ab") as log:
            process = subprocess.Popen(
                self.command("run"), env=self.environment, stdout=log, stderr=log
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    def wait_for(self, *words: str) -> dict[str, Any]:
        """Wait until the status file says something under these keys; give the status."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            found = self.status()
            value: Any = found
            for word in words:
                value = value[0] if isinstance(value, list) and value else value
                value = value.get(word) if isinstance(value, dict) else None
            if value:
                return found
            time.sleep(0.05)
        raise AssertionError((self.root / "log").read_text()[-2000:])

    def wait_for_log(self, words: str) -> None:
        """Wait until the log says something."""
        until = time.monotonic() + 60
        while words not in (self.root / "log").read_text():
            assert time.monotonic() < until
            time.sleep(0.01)

    def status(self) -> dict[str, Any]:
        """Read the status file."""
        path = self.state / "status.json"
        return dict(json.loads(path.read_bytes())) if path.exists() else {}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a place with its policy."""
    place = Place(tmp_path)
    place.publish()
    return place


def stopped(process: subprocess.Popen[bytes]) -> float:
    """Ask a process to end; give the seconds that it took."""
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    return time.monotonic() - begun


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process at once there")
def test_an_idle_daemon_stops_at_once_and_seals_what_is_spooled(place: Place) -> None:
    """Exit 0, nothing left unsealed, and the lock is free."""
    place.tenant["chunk"] = {"max_age_seconds": 3600}
    place.publish()
    place.chat("c1").write_bytes(lines(1))
    with place.daemon() as process:
        place.wait_for("tenants", "spooled_records")
        assert stopped(process) < 5
    (tenant,) = place.status()["tenants"]
    assert (tenant["spooled_records"], tenant["pending_chunks"]) == (0, 1)
    assert place.run("sync").returncode == 0
    assert read_archive(place.bucket).states("c1.jsonl") == [lines(1)]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM ends a process at once there")
@pytest.mark.parametrize("after", [0.1, 1.0])
def test_a_daemon_in_a_large_backlog_stops_within_five_seconds(place: Place, after: float) -> None:
    """In the middle of 400 MiB that were never captured; the next start takes the rest."""
    body = b"".join(line(number, noise="w" * 900) for number in range(8 * 1024))
    for number in range(50):
        place.chat(f"c{number:02d}").write_bytes(body)
    with place.daemon() as process:
        place.wait_for_log("is in force")
        time.sleep(after)
        assert stopped(process) < 5
    (tenant,) = place.status()["tenants"]
    assert tenant["pending_chunks"] + tenant["delivered_chunks"] < 50, "it was done already"
    assert place.run("sync").returncode == 0
    archive = read_archive(place.bucket)
    for number in range(50):
        assert archive.states(f"c{number:02d}.jsonl")[-1] == body


def test_a_second_instance_is_refused(place: Place) -> None:
    """Daemon or sync, it says so, exits with 75, and disturbs nothing."""
    with place.daemon() as process:
        place.wait_for("pid")
        for verb in ("run", "sync"):
            refused = place.run(verb)
            assert refused.returncode == 75
            assert "another archiver works in" in refused.stderr
            assert "Traceback" not in refused.stderr
        assert process.poll() is None
        assert place.run("status").returncode == 0
    assert place.run("sync").returncode == 0


def test_the_daemon_ships_what_was_there_when_it_started(place: Place) -> None:
    """A catch-up pass at the start, without waiting for the first interval."""
    place.schedule["collect_seconds"] = 86_400
    place.publish()
    place.chat("c1").write_bytes(lines(1))
    with place.daemon():
        found = place.wait_for("tenants", "spooled_records")
        assert found["policy"]["state"] == "in force"


@pytest.mark.skipif(sys.platform == "win32", reason="no other may write an open file there")
def test_a_spool_that_goes_bad_ends_the_daemon_and_the_next_start_sets_it_aside(
    place: Place,
) -> None:
    """Exit 74 with what to do; started again, as its service manager does, it takes up all."""
    # Three days: each fills less than a chunk, and all more than SQLite keeps in memory.
    body = b"".join(
        line(number, noise=os.urandom(400).hex(), timestamp=f"2026-01-0{day}T09:00:00.000Z")
        for day in (1, 2, 3)
        for number in range(4000)
    )
    place.tenant["chunk"] = {"max_age_seconds": 3600}
    place.publish()
    place.chat("c1").write_bytes(body)
    with place.daemon() as process:
        before = place.wait_for("tenants", "spooled_records")
        rot(place.state / "spool.db")
        rot(place.state / "spool.db-wal")
        place.tenant["chunk"] = {"max_age_seconds": 1}
        place.publish()
        assert process.wait(60) == 74
    log = (place.root / "log").read_text()
    assert "archiver ends: " in log
    assert "→ Start archiver again: it sets the damaged file aside" in log
    assert "Traceback" not in log
    assert log.count("SpoolDamaged") < 5, "it must not go on with a damaged spool"
    with place.daemon() as process:
        after = place.wait_for("spool", "set_aside")
        assert stopped(process) < 5
    assert after["device"] != before["device"]
    assert place.run("sync").returncode == 0
    assert read_archive(place.bucket).states("c1.jsonl") == [body]


def rot(path: Path) -> None:
    """Write over all but the head of a file, in place, as a bad disk does."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4096)
        file.write(b"\xa5" * max(0, size - 4096))


def canaries() -> bytes:
    """Write a transcript that holds a canary wherever a user's words may stand."""
    return b"".join(
        [
            line(1, message={"role": "user", "content": CANARIES[0]}),
            line(2, type="summary", summary=CANARIES[1]),
            line(3, message={"role": CANARIES[2], "model": CANARIES[3], "content": []}),
            line(4, timestamp=CANARIES[4]),
            b'{"torn": "' + CANARIES[5].encode() + b"\n",
            b"\xff\xfe" + CANARIES[5].encode() + b"\n",
        ]
    )


def plant(place: Place) -> None:
    """Lay canaries into files of every shape."""
    place.chat("c1").write_bytes(canaries())
    results = place.chat("c1").parent / "c1" / "tool-results"
    results.mkdir(parents=True)
    (results / "t.txt").write_text(CANARIES[6])
    session = place.home / ".cline" / "data" / "sessions" / "s1"
    session.mkdir(parents=True)
    (session / "s1.json").write_text(json.dumps({"cwd": WORKED_IN, "title": CANARIES[7]}))
    torn = json.dumps({"messages": [{"content": CANARIES[0]}], CANARIES[7]: CANARIES[1]})
    (session / "s1.messages.json").write_text(torn[:-1])


def assert_silent(where: str, text: bytes) -> None:
    """Hold a text to not holding a canary."""
    for canary in [*CANARIES, "tweet"]:
        assert canary.encode() not in text, where


def test_no_words_of_a_conversation_leave_the_records(place: Place) -> None:
    """Not in the log, the status, the output, the keys, the manifests, nor with a bad store."""
    plant(place)
    with place.daemon() as process:
        place.wait_for("tenants", "delivered_chunks")
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    place.tenant["store"]["path"] = str(place.root / "not" / "mounted")
    place.publish()
    place.chat("c1").write_bytes(canaries() + canaries())
    outputs = [place.run(*verb) for verb in (("sync",), ("status",), ("sources",), ("doctor",))]
    assert outputs[0].returncode == 1
    for done in outputs:
        assert_silent("output", (done.stdout + done.stderr).encode())
    assert_silent("log", (place.root / "log").read_bytes())
    assert_silent("status", (place.state / "status.json").read_bytes())
    stored = list(place.bucket.rglob("*"))
    assert any(path.suffix == ".note" for path in stored)
    for path in stored:
        assert_silent("key", str(path.relative_to(place.bucket)).encode())
        if path.suffix == ".note":
            assert_silent("manifest", path.read_bytes())
    words = b"".join(read_archive(place.bucket).chunks.values())
    assert CANARIES[0].encode() in words


def test_no_words_of_a_conversation_are_in_object_metadata(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts, sizes and hashes, in ASCII, and nothing else."""
    store = MemoryStore()
    monkeypatch.setattr(engines, "store_of", lambda _rules: store)
    laptop.write(laptop.claude("c1"), canaries())
    laptop.look()
    laptop.ship()
    assert len(store.objects) >= 2
    for key, one in store.objects.items():
        assert set(one.metadata) <= {"format", "raw-size", "records", "seq", "sha256"}
        for name, value in one.metadata.items():
            assert value.isascii()
            assert_silent("metadata", f"{key} {name} {value}".encode())


def modules(script: str, *arguments: str) -> set[str]:
    """Run a script in a fresh interpreter; give the top packages that it has loaded."""
    ending = "\nimport sys as _s; print('|'.join({name.partition('.')[0] for name in _s.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", script + ending, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'tests'}"},
    )
    return set(done.stdout.splitlines()[-1].split("|"))


_COMMAND = "import sys\nfrom archiver.cli.main import invoke\ninvoke(sys.argv[1:])"

_IDLE = """
import asyncio, json, sys
from pathlib import Path
from laptop import Laptop, lines, watching
from archiver.daemon.run import Daemon
root = Path(sys.argv[1])
laptop = Laptop(root)
laptop.write(laptop.claude("c1"), lines(1))
laptop.look()
laptop.ship()
laptop.tenants[0]["store"] = {
    "kind": "r2", "bucket": "bucket", "account_id": "0" * 32, "profile": "none"
}
(root / "policy.json").write_text(json.dumps(laptop.document()))
daemon = Daemon(laptop.engine, watching(laptop, root / "policy.json"))
async def idle():
    for _ in range(4):
        await daemon.tick()
        await daemon.ship()
        await daemon.housekeep()
        while daemon._shipping:
            await asyncio.sleep(0.01)
asyncio.run(idle())
assert laptop.engine.rules.tenants["acme"].store.kind == "r2"
assert not daemon._faults.last, daemon._faults.last
"""


_FIRST_DAY = """
import asyncio, json, sys
from pathlib import Path
from laptop import Laptop, watching
from archiver.daemon.run import Daemon
laptop = Laptop(Path(sys.argv[1]))
laptop.tenants[0]["store"] = {
    "kind": "r2", "bucket": "bucket", "account_id": "0" * 32, "profile": "none"
}
(laptop.root / "policy.json").write_text(json.dumps(laptop.document()))
daemon = Daemon(laptop.engine, watching(laptop, laptop.root / "policy.json"))
async def first_day():
    for _ in range(4):
        await daemon.tick()
        await daemon.ship()
        while daemon._shipping:
            await asyncio.sleep(0.01)
asyncio.run(first_day())
assert laptop.engine.rules.tenants["acme"].store.kind == "r2"
assert not daemon._faults.last, daemon._faults.last
"""


@pytest.mark.parametrize("arguments", [["--help"], ["status"], ["status", "--json"]])
def test_status_and_help_load_no_boto(tmp_path: Path, arguments: list[str]) -> None:
    """Nor what only the daemon needs."""
    more = ["--state", str(tmp_path)] if "status" in arguments else []
    loaded = modules(_COMMAND, *arguments, *more)
    assert "archiver" in loaded
    assert loaded.isdisjoint({*BOTO, "apscheduler", "pydantic", "sqlite3"})


def test_a_first_start_with_a_bucket_and_nothing_to_send_loads_no_boto(tmp_path: Path) -> None:
    """No manifest is due before there is something to list, or a day has passed."""
    loaded = modules(_FIRST_DAY, str(tmp_path))
    assert "apscheduler" in loaded
    assert loaded.isdisjoint({*BOTO, "cryptography"})


def test_idle_ticks_of_a_tenant_with_a_bucket_load_no_boto(tmp_path: Path) -> None:
    """Where nothing is to be sent, no store's library is loaded."""
    loaded = modules(_IDLE, str(tmp_path))
    assert "apscheduler" in loaded
    assert loaded.isdisjoint(BOTO)
