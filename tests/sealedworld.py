"""A company whose chunks are sealed: a home, a policy, officers with key files, and a bucket.

    world = World(tmp_path)
    world.say("sentence one")
    world.archiver("sync")
    world.archiver("ls", "--identity", world.key("ada"))

Everything goes through the command line, in this process. All keys are made for the test.
"""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from laptop import WORKED_IN, tenant_rules

from archiver.cli.main import invoke

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CANARY", "CHAT", "Said", "World"]

CANARY = "zyzzyva-0c7d"
CHAT = f"{CANARY}-conversation"


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


@dataclass
class World:
    """``officers`` are recipients by name; the policy lists those in ``listed``."""

    root: Path
    officers: dict[str, str] = field(default_factory=dict)
    listed: tuple[str, ...] = ("ada", "bob")

    def __post_init__(self) -> None:
        """Make the folders, the officers' keys and the policy."""
        for folder in (self.home, self.bucket):
            folder.mkdir(parents=True)
        for name in self.listed:
            self.hire(name)
        self.decide(*self.listed)

    @property
    def home(self) -> Path:
        """The developer's home."""
        return self.root / "home"

    @property
    def state(self) -> Path:
        """The developer's spool."""
        return self.root / "state"

    @property
    def bucket(self) -> Path:
        """The folder that stands for the bucket."""
        return self.root / "bucket"

    @property
    def policy(self) -> Path:
        """The policy document."""
        return self.root / "policy.json"

    @property
    def transcript(self) -> Path:
        """The developer's only conversation."""
        return self.home / ".claude" / "projects" / "-p" / f"{CHAT}.jsonl"

    def hire(self, name: str) -> None:
        """Make the key of one more officer, as the officer does it."""
        said = self.archiver("keys", "generate", "officer", "--to", self.key(name))
        assert said.code == 0, said.err
        self.officers[name] = said.out.strip()

    def key(self, name: str) -> Path:
        """Give the file with an officer's private key."""
        return self.root / f"{name}.key"

    def decide(self, *names: str, **more: Any) -> None:
        """Write the policy, with these officers."""
        self.listed = names
        officers = [self.officers[name] for name in names]
        tenant = tenant_rules("acme", self.bucket, sealing={"officers": officers}, **more)
        document = {"version": 1, "tenants": [tenant], "schedule": {"quiet_seconds": 0}}
        self.policy.write_text(json.dumps(document))

    def say(self, text: str, at: str = "2026-01-31T09:00:00.000Z") -> None:
        """Have the developer say something about the canary."""
        self.transcript.parent.mkdir(parents=True, exist_ok=True)
        said = {
            "type": "user",
            "cwd": WORKED_IN,
            "timestamp": at,
            "message": {"role": "user", "content": f"{CANARY} {text}"},
        }
        with self.transcript.open("ab") as file:
            file.write(json.dumps(said).encode() + b"\n")

    def sync(self) -> None:
        """Collect, seal and ship."""
        said = self.archiver("sync", "--state", self.state)
        assert said.code == 0, said.err

    def archiver(self, *arguments: object, typed: str = "") -> Said:
        """Run one command line at this home, with this policy and ``typed`` on stdin."""
        out, err = io.StringIO(), io.StringIO()
        environ = {"HOME": str(self.home), "ARCHIVER_CONFIG": str(self.policy)}
        with (
            patch.dict("os.environ", environ),
            patch("sys.stdin", io.StringIO(typed)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = invoke([str(one) for one in arguments])
        return Said(code, out.getvalue(), err.getvalue())

    def objects(self) -> dict[str, bytes]:
        """Give every stored object."""
        return {
            path.relative_to(self.bucket).as_posix(): path.read_bytes()
            for path in sorted(self.bucket.rglob("*"))
            if path.is_file()
        }

    def wraps(self) -> list[str]:
        """Give the names of the wrapped keys."""
        return [key for key in self.objects() if "/_keys/" in key]
