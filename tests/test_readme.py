"""Every command and every document of the README, run as its reader would run it."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from servers import S3Server, moto_server

from archiver.assistants.registry import ASSISTANTS
from archiver.cli.exits import ExitCode
from archiver.policy.load import load

__all__ = ["moto_server"]

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
SESSION = [line for block in BLOCKS for line in block.splitlines()]
COMMANDS = [line[2:] for line in SESSION if line.startswith("$ ")]
TOOLS = ("age", "zstd", "jq")
OF_ADMINS = ("archiver policy", "archiver credentials", "archiver bucket")
"""What is typed by who sets policies and buckets, who has no quickstart to work on."""

SAYS_SO = ("archiver policy diff", "archiver bucket plan", "archiver credentials test")
"""These exit with 1 where there is a difference, or something to do: as there is here."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the README's shell is POSIX")


class Reader:
    """A new user with an empty home, who has run the quickstart, and does what the text says."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.work = home / "archive-work"
        self.work.mkdir()
        tools = home / "bin"
        tools.mkdir()
        for name in ("systemctl", "launchctl"):  # no service manager is touched by a test
            (tools / name).write_text("#!/bin/sh\nexit 0\n")
            (tools / name).chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if "ARCHIVER" not in name}
        self.environ = kept | {
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "PATH": os.pathsep.join((str(tools), str(Path(sys.executable).parent), kept["PATH"])),
        }

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the README has it, with real names for its placeholders."""
        command = command.replace("pip install . && ", "")  # done for this environment
        command = command.replace(
            "python3 tests/run.py", f"{sys.executable} {ROOT}/tests/run.py -h"
        )
        if "CONVERSATION" in command:
            command = command.replace("CONVERSATION", self.conversation())
        for placeholder, pattern in (("FILE.age", "*.jsonl.zst.age"), ("FILE", "*.jsonl.zst")):
            if f"{placeholder} " in command:
                chunks = sorted(self.home.rglob(f"dt=*/{pattern}"))
                command = command.replace(placeholder, f"'{chunks[0]}'")
        if "--admin-key acme.key" in command:
            command = command.replace("acme.key", f"'{self.key}'", 1)
            command = command.replace(".key'.pub", ".key.pub'")
        if re.search("device approve|keys export|apply|hold|erase", command):
            command += "" if "list" in command or "hold apply" in command else " --yes"  # asked
        command = command.replace("--user NAME", f"--user {getpass.getuser()}")
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.work,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def conversation(self) -> str:
        """Give a conversation that `archiver ls` names."""
        found = re.search(r"claude-code\s+(\S+)", self.type("archiver ls").stdout)
        assert found is not None
        return found[1]

    def begin(self) -> None:
        """Run the quickstart, and work with its policy and spool from then on."""
        done = self.type("archiver quickstart")
        assert done.returncode == 0, done.stderr
        self.environ |= {
            "ARCHIVER_CONFIG": str(self.policy),
            "ARCHIVER_STATE": str(self.folder / "state"),
        }

    def forget_admin(self) -> None:
        """Take away what the quickstart's admin signed, so that the reader does it."""
        for signed in ("_registry", "_checkpoints"):
            shutil.rmtree(self.folder / "archive" / "tenant=quickstart" / signed)
        shutil.rmtree(self.folder / "state" / "admin")

    @property
    def policy(self) -> Path:
        """The policy that the quickstart made."""
        (found,) = self.home.rglob("policy.toml")
        return found

    @property
    def folder(self) -> Path:
        """The folder of the quickstart."""
        return self.policy.parent

    @property
    def key(self) -> Path:
        """The private key of the reader's admin."""
        return self.folder / "admin.key"

    def seal_to(self, recipient: str) -> None:
        """List an officer in the policy, and say something more."""
        section = f'[tenants.sealing]\nofficers = ["{recipient}"]\n\n[schedule]'
        text = self.policy.read_text(encoding="utf-8")
        self.policy.write_text(text.replace("[schedule]", section), encoding="utf-8")
        (transcript,) = (self.folder / "home" / ".claude").rglob("5b0c*.jsonl")
        transcript.write_bytes(transcript.read_bytes() + b'{"type":"user"}\n')
        home = self.environ["HOME"]
        self.environ["HOME"] = str(self.folder / "home")
        done = self.type("archiver sync")
        self.environ["HOME"] = home
        assert done.returncode == 0, done.stderr


class Admin(Reader):
    """An admin with a policy for ``acme``, whose bucket is on a server of the test."""

    def serve(self, server: S3Server) -> None:
        """Make what the commands name: a key, policies, keys of a bucket, Cline's settings."""
        assert self.type("archiver keys generate admin --name acme --to acme.key").returncode == 0
        made = self.type(
            "archiver policy init --yes --to policy.toml --tenant acme --default --store s3"
            f" --bucket acme-conversations --endpoint {server.endpoint} --days 180d"
            ' --admin-key "$(cat acme.key.pub)"'
        )
        assert made.returncode == 0, made.stderr
        text = (self.work / "policy.toml").read_text(encoding="utf-8")
        (self.work / "old.toml").write_text(text.replace('"180d"', '"7y"'), encoding="utf-8")
        (self.work / "keys.ini").write_text(
            f"[default]\naws_access_key_id = {server.access_key}\n"
            f"aws_secret_access_key = {server.secret_key}\n"
        )
        uploading = {
            "enabled": True,
            "type": "s3_access_keys",
            "s3AccessSettings": {
                "bucket": "acme-conversations",
                "accessKeyId": "SYNTHETICKEYID",
                "secretAccessKey": "synthetic-secret",
                "region": "us-east-1",
            },
        }
        cline = {"version": "v1", "enterpriseTelemetry": {"promptUploading": uploading}}
        (self.work / "remote-config.json").write_text(json.dumps(cline))
        self.environ["ARCHIVER_CONFIG"] = str(self.work / "policy.toml")

    @property
    def key(self) -> Path:
        """The private key of this admin."""
        return self.work / "acme.key"

    def type(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command, with what a test cannot be asked."""
        if command == "archiver policy init":
            command += " --to another.toml"
        if "import-cline" in command:
            command += " --to cline.toml --leave-keys"
        return super().type(command)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """Give a reader who has done the README's first command."""
    reader = Reader(tmp_path)
    reader.begin()
    return reader


def shape(line: str) -> str:
    """Give a line of output without what differs from run to run: keys, times, numbers."""
    line = re.sub(r"[A-Za-z0-9+/]{40,}", "KEY", line)
    line = re.sub(r"admin/\w+\+[0-9a-f]{8}\+", "admin/NAME+ID+", line)
    return re.sub(r"[0-9][0-9T:.-]*( [KM]iB)?", "N", line)


def shown_after(command: str) -> list[str]:
    """Give what the README shows that a command prints."""
    after = SESSION[SESSION.index(f"$ {command}") + 1 :]
    end = next((at for at, line in enumerate(after) if line.startswith("$ ")), len(after))
    block = next(block for block in BLOCKS if f"$ {command}\n" in block)
    return [line for line in after[:end] if f"{line}\n" in block]


def test_every_command_of_the_readme_works(reader: Reader) -> None:
    """In the order in which they stand there, each ends well, and prints what is shown."""
    assert len(COMMANDS) > 20
    for command in COMMANDS:
        if command.startswith(OF_ADMINS):
            continue
        if any(tool in command.split() and not shutil.which(tool) for tool in TOOLS):
            continue
        # A date of the past is before the quickstart's capture: the reader takes their own.
        done = reader.type(command.replace("--at 2026-11-20 ", "--at 2100-01-01 "))
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        if shown := shown_after(command):
            assert list(map(shape, done.stdout.splitlines())) == list(map(shape, shown))
        if command.endswith("archiver quickstart"):
            reader.forget_admin()
        if "generate officer" in command:
            reader.seal_to(done.stdout.strip())


def test_every_command_of_who_sets_policies_and_buckets_works(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """In their order too, against a bucket that is not there yet."""
    admin = Admin(tmp_path)
    admin.serve(request.getfixturevalue("moto_server"))
    typed = [command for command in COMMANDS if command.startswith(OF_ADMINS)]
    assert len(typed) > 10
    for command in typed:
        done = admin.type(command)
        said = f"{command}: {done.stdout}{done.stderr}"
        assert done.returncode == int(command.startswith(SAYS_SO)), said
        if shown := shown_after(command):
            printed = list(map(shape, done.stdout.splitlines()))
            assert printed[: len(shown)] == list(map(shape, shown)), said


def test_the_first_two_commands_run_the_job_and_the_tests() -> None:
    """One command to see the whole main job, one to run every test."""
    assert COMMANDS[:2] == ["pip install . && archiver quickstart", "python3 tests/run.py"]


def test_the_policy_of_the_readme_is_valid(tmp_path: Path) -> None:
    """What an admin copies from the README is accepted as it is."""
    (document,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    path = tmp_path / "policy.toml"
    path.write_text(document, encoding="utf-8")
    loaded = load(path, known_assistants=frozenset(one.name for one in ASSISTANTS))
    assert [tenant.id for tenant in loaded.policy.tenants] == ["acme"]


def test_the_table_of_exit_codes_is_the_programs() -> None:
    """A code that is added or changed must be told."""
    told = [int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)]
    assert [code for code in told if code < 256] == [int(code) for code in ExitCode]


def test_the_arithmetic_of_requests_holds() -> None:
    """Chunk and manifest per shipment, eight hours on 22 days, 50,000 machines."""
    rows: list[tuple[Any, ...]] = re.findall(
        r"^\| (\d+) \(.*?\| (\d+) \| ([\d.]+) million \| \$(\d+) \| \$(\d+) \|$",
        README,
        re.MULTILINE,
    )
    assert len(rows) == 3
    for seconds, daily, monthly, s3, r2 in rows:
        shipments = max(1, 8 * 3600 // int(seconds))
        assert int(daily) == 2 * shipments
        millions = 50_000 * 22 * 2 * shipments / 1e6
        assert float(monthly) == pytest.approx(millions)
        assert int(s3) == round(millions * 5)
        assert int(r2) == round(millions * 4.5)
