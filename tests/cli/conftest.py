"""An archive with a story, made by the quickstart itself: grown, cut, deleted."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from archiver.cli.main import invoke
from archiver.evidence.keys import SigningKey
from archiver.format.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLAUDE = "5b0c2f9e-7d41-4c86-9a53-1e8f6a2d7c04"
SHORT_LIVED = "0e0e0e0e-1111-4222-8333-444444444444"
PROJECTS = "home/.claude/projects/-home-dev-projects-orders-api"


@dataclass(frozen=True)
class State:
    """The transcript of ``CLAUDE`` as it was when ``at`` had come."""

    at: str
    transcript: bytes


@dataclass(frozen=True)
class Story:
    """A quickstart's folder, and the states that it archived.

    First the sample; then a line was added, whose text tries to steer a terminal; then the
    file was cut to three lines, and a short-lived conversation came; then that one went.
    """

    root: Path
    claude: str
    short_lived: str
    states: tuple[State, ...]

    @property
    def archive(self) -> Path:
        """The folder that stands for the bucket."""
        return self.root / "archive"

    @property
    def admin(self) -> Path:
        """Give the file with the public key of the admin who vouches for the device."""
        return self.root / "admin.key.pub"

    def signer(self, device: str) -> SigningKey:
        """Give the key that a device of the story signs with."""
        return SigningKey.load(self.root / "state" / f"device-{device}.key", f"device/{device}")

    def chunks(self) -> list[Path]:
        """Give the chunks, in the order of their numbers."""
        return sorted(self.archive.rglob("dt=*/*.jsonl.zst"), key=lambda path: path.name)


def _quietly(*arguments: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert invoke(arguments) == 0, said.getvalue()


def _message(text: str) -> bytes:
    return json.dumps({"type": "user", "message": {"role": "user", "content": text}}).encode()


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Tell the story once; nobody may change it."""
    root = tmp_path_factory.mktemp("story") / "look"
    transcript = root / PROJECTS / f"{CLAUDE}.jsonl"
    passing = root / PROJECTS / f"{SHORT_LIVED}.jsonl"
    states = []

    def look() -> None:
        _quietly("quickstart", "--dir", str(root))
        states.append(State(rfc3339(datetime.now(UTC)), transcript.read_bytes()))

    look()
    with transcript.open("ab") as file:
        file.write(_message("\x1b]0;owned\x07 and \u202egnp.exe") + b"\n")
    look()
    transcript.write_bytes(b"".join(states[0].transcript.splitlines(keepends=True)[:3]))
    passing.write_bytes(_message("gone soon") + b"\n")
    look()
    passing.unlink()
    for _ in range(3):
        look()
    return Story(root, CLAUDE, SHORT_LIVED, tuple(states))


@pytest.fixture
def story(told: Story, tmp_path: Path) -> Story:
    """Copy the archive of the story, for a test that damages it."""
    root = tmp_path / "copy"
    shutil.copytree(told.archive, root / "archive")
    shutil.copy(told.admin, root)
    (root / "state").mkdir()
    for key in (told.root / "state").glob("device-*.key"):
        shutil.copy(key, root / "state")
    return Story(root, told.claude, told.short_lived, told.states)


@dataclass(frozen=True)
class Said:
    """What a command line printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


@pytest.fixture
def archiver(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run one command line through the front door."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        code = invoke([str(one) for one in arguments])
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return run


@pytest.fixture
def tenant() -> Callable[..., dict[str, Any]]:
    """Write a tenant as a policy has it."""

    def write(name: str, store: dict[str, Any], **said: Any) -> dict[str, Any]:
        return {
            "id": name,
            "conversations": {"working_directories": [f"~/{name}/**"]},
            "store": store,
            "identity": {"source": "os-user", "subject_key": "synthetic-subject-key"},
            **said,
        }

    return write


@pytest.fixture
def policy(tmp_path: Path) -> Callable[..., Path]:
    """Write a policy of these tenants; give its path."""

    def write(*tenants: dict[str, Any]) -> Path:
        path = tmp_path / "policy.json"
        path.write_text(json.dumps({"version": 1, "tenants": tenants}))
        return path

    return write
