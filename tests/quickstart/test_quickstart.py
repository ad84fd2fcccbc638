"""``archiver quickstart`` as its user meets it: whole processes, and what they print."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import archiver
from archiver.archive.findings import Code, Finding, Report
from archiver.cli import tour
from archiver.cli.main import invoke

if TYPE_CHECKING:
    from collections.abc import Callable

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="quoting is that of a POSIX shell")

STEPS = ["discover", "collect", "seal", "ship", "vouch", "verify", "restore"]

Run = subprocess.CompletedProcess[str]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make the home of somebody who never used an assistant."""
    folder = tmp_path / "somebody"
    folder.mkdir()
    return folder


@pytest.fixture
def run(home: Path) -> Callable[..., Run]:
    """Run archiver as a process, for the user whose home that is, without a way out."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("XDG_", "AWS_", "ARCHIVER_"))
    }
    environ |= {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "PYTHONPATH": str(Path(archiver.__file__).parents[1]),
        "https_proxy": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
    }

    def start(*arguments: object) -> Run:
        return subprocess.run(
            [sys.executable, "-m", "archiver", *map(str, arguments)],
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )

    return start


def steps(said: Run) -> dict[str, tuple[str, str]]:
    """Give each step's verdict and what it said."""
    found = {}
    for line in said.stdout.splitlines():
        verdict, _, rest = line.partition("  ")
        if verdict.strip() in ("ok", "FAIL"):
            name, _, what = rest.strip().partition(" ")
            found[name] = (verdict.strip(), what.strip())
    return found


def typed_next(said: Run) -> list[list[str]]:
    """Give the commands that the summary says to type, as a shell would read them."""
    lines = [line.strip() for line in said.stdout.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("archiver ")]


class TestTheFirstRun:
    """On a machine where there is nothing yet."""

    def test_it_goes_the_whole_way(self, run: Callable[..., Run], home: Path) -> None:
        """Seven named steps, exit code 0, in less than 10 s, and nothing outside the folder."""
        began = time.monotonic()
        said = run("quickstart")
        assert time.monotonic() - began < 10
        assert (said.returncode, said.stderr) == (0, "")
        found = steps(said)
        assert list(found) == STEPS
        assert {verdict for verdict, _ in found.values()} == {"ok"}
        assert found["vouch"][1].startswith("this device approved, 1 new manifests")
        assert "complete and valid" in found["verify"][1]
        assert "4 byte for byte" in found["restore"][1]
        (root,) = (path.parent for path in home.rglob("quickstart.json"))
        outside = [path for path in home.rglob("*") if path.is_file() and root not in path.parents]
        assert outside == []

    def test_what_it_restored_is_what_the_sample_holds(
        self, run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """Compared here once more, without archiver's own comparison."""
        said = json.loads(run("quickstart", "--dir", tmp_path / "look", "--json").stdout)
        restored = Path(said["restored"])
        claude = tmp_path / "look" / "home" / ".claude" / "projects"
        files = [path for path in restored.rglob("*") if path.is_file()]
        assert len(files) == 4
        for path in files:
            assert path.read_bytes() == (claude / path.relative_to(restored)).read_bytes()

    @posix_only
    def test_every_command_that_it_names_works_when_pasted(
        self, run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """Whatever the folder's name; each ends with 0 and says something."""
        said = run("quickstart", "--dir", tmp_path / "it's a {look} + 1")
        commands = typed_next(said)
        assert [words[0] for words in commands] == [
            "ls", "show", "restore", "verify", "status", "quickstart", "quickstart",
        ]  # fmt: skip
        for words in commands:
            done = run(*words)
            assert (done.returncode, bool(done.stdout)) == (0, True), (words, done.stderr)

    def test_the_json_is_one_document_and_nothing_else(
        self, run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """Where everything lies, what was done, what to type next."""
        root = tmp_path / "look"
        said = json.loads(run("quickstart", "--json", "--dir", root).stdout)
        assert said["archive"] == str(root / "archive")
        assert [step["ok"] for step in said["steps"]] == [True] * 7
        assert len(said["next"]) == 7
        for name in ("policy", "state", "restored", "reads", "admin_key"):
            assert Path(said[name]).exists(), name

    def test_its_archive_is_valid_for_who_has_the_admins_key_and_for_nobody_else(
        self, run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """By the file, and by the policy that names the key; without either nobody vouches."""
        root = tmp_path / "look"
        run("quickstart", "--dir", root)
        verify = ("verify", "--read-data", "--archive", root / "archive")
        assert run(*verify, "--admin-key", root / "admin.key.pub").returncode == 0
        assert run("verify", "--config", root / "policy.toml").returncode == 0
        assert run(*verify).returncode == 2
        policy = ("--config", root / "policy.toml", "--state", root / "state")
        again = run("checkpoint", "--admin-key", root / "admin.key", *policy)
        assert (again.returncode, "nothing is new" in again.stdout) == (0, True), again.stderr
        assert (root / "admin.key").stat().st_mode & 0o077 == 0 or os.name != "posix"


class TestTheSecondRun:
    """Safe to run again."""

    def test_it_finds_nothing_new_and_says_so(
        self, run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """The archive is the same, byte for byte."""
        root = tmp_path / "look"
        run("quickstart", "--dir", root)
        before = {path: path.read_bytes() for path in (root / "archive").rglob("*.*")}
        said = run("quickstart", "--dir", root)
        assert said.returncode == 0
        found = steps(said)
        assert found["collect"][1].startswith("nothing new")
        assert found["ship"][1].startswith("nothing to ship")
        assert found["vouch"][1].startswith("this device is known, nothing new")
        assert {path: path.read_bytes() for path in (root / "archive").rglob("*.*")} == before

    def test_a_change_is_added_and_nothing_that_was_restored_is_replaced(
        self, run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """The new state is restored beside the old one."""
        root = tmp_path / "look"
        first = json.loads(run("quickstart", "--json", "--dir", root).stdout)
        (transcript,) = (root / "home" / ".claude").rglob("5b0c*.jsonl")
        was = transcript.read_bytes()
        transcript.write_bytes(was + b'{"type":"user"}\n')
        second = json.loads(run("quickstart", "--json", "--dir", root).stdout)
        assert second["steps"][1]["said"].startswith("1 new records")
        assert second["restored"] != first["restored"]
        name = transcript.relative_to(root / "home" / ".claude" / "projects")
        assert (Path(first["restored"]) / name).read_bytes() == was
        assert (Path(second["restored"]) / name).read_bytes() == was + b'{"type":"user"}\n'

    def test_a_lost_spool_is_a_new_device_and_still_right(
        self, run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """Everything is captured once more; the first device's records stay."""
        root = tmp_path / "look"
        run("quickstart", "--dir", root)
        for path in (root / "state").glob("spool.db*"):
            path.unlink()
        said = run("quickstart", "--dir", root)
        assert said.returncode == 0, said.stdout
        assert "4 byte for byte" in steps(said)["restore"][1]

    def test_a_policy_that_seals_is_walked_as_far_as_this_machine_can(
        self, run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """What only officers can open is not restored here, and that is no failure."""
        root = tmp_path / "look"
        run("quickstart", "--dir", root)
        made = run("keys", "generate", "officer", "--to", root / "officer.key").stdout.strip()
        policy = root / "policy.toml"
        section = f'[tenants.sealing]\nofficers = ["{made}"]\n\n[schedule]'
        policy.write_text(policy.read_text().replace("[schedule]", section))
        (transcript,) = (root / "home" / ".claude").rglob("5b0c*.jsonl")
        transcript.write_bytes(transcript.read_bytes() + b'{"type":"user"}\n')
        said = run("quickstart", "--dir", root)
        assert said.returncode == 0, said.stdout
        assert "1 chunks are sealed" in steps(said)["restore"][1]
        archive = ("--archive", root / "archive", "--identity", root / "officer.key")
        done = run("restore", "5b0c", "--to", root / "mine", *archive)
        assert done.returncode == 0
        (back,) = (root / "mine").rglob("5b0c*.jsonl")
        assert back.read_bytes() == transcript.read_bytes()

    def test_what_was_shipped_before_a_crash_is_vouched_for_by_the_next_run(
        self, run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """Nothing is to be shipped then; the registry and the checkpoint still come."""
        root = tmp_path / "look"
        run("quickstart", "--dir", root)
        for folder in ("_registry", "_checkpoints"):
            shutil.rmtree(root / "archive" / "tenant=quickstart" / folder)
        shutil.rmtree(root / "state" / "admin")
        (root / "admin.key.pub").unlink()
        said = run("quickstart", "--dir", root)
        assert (said.returncode, said.stderr) == (0, "")
        assert steps(said)["ship"][1].startswith("nothing to ship")
        assert steps(said)["vouch"][1].startswith("this device approved, 1 new manifests")

    def test_a_checkpoint_that_is_gone_is_noticed_and_nothing_is_signed_over_it(
        self, run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """The admin's side remembers what it signed."""
        root = tmp_path / "look"
        run("quickstart", "--dir", root)
        (gone,) = (root / "archive").rglob("_checkpoints/*.note")
        gone.unlink()
        said = run("quickstart", "--dir", root)
        assert said.returncode == 3
        assert "set back" in said.stderr
        assert list((root / "archive").rglob("_checkpoints/*.note")) == []


class TestThisMachine:
    """``--from-this-machine``."""

    def test_it_says_what_it_reads_before_and_captures_the_real_home(
        self, run: Callable[..., Run], home: Path
    ) -> None:
        """In a folder of its own, apart from the samples."""
        project = home / ".claude" / "projects" / "-work"
        project.mkdir(parents=True)
        transcript = project / "0d0d0d0d-1111-4222-8333-444444444444.jsonl"
        transcript.write_text('{"type":"user","cwd":"/work","message":{"content":"hello"}}\n')
        old = time.time() - 3600
        os.utime(transcript, (old, old))
        said = run("quickstart", "--from-this-machine")
        assert said.returncode == 0, said.stdout
        assert f"in {home}, and copies them to" in said.stderr
        assert "Nothing leaves this machine" in said.stderr
        assert "1 byte for byte" in steps(said)["restore"][1]
        assert run("quickstart").returncode == 0
        assert len(list(home.rglob("quickstart.json"))) == 2

    def test_a_home_without_conversations_is_said_to_be_one(self, run: Callable[..., Run]) -> None:
        """Nothing failed, and nothing was shown."""
        said = run("quickstart", "--from-this-machine")
        assert said.returncode == 0
        assert list(steps(said)) == ["discover"]
        assert "Nothing was found to show it with" in said.stdout


class TestFailures:
    """Exit codes other than 0."""

    def test_a_folder_of_somebody_elses_is_refused(
        self, run: Callable[..., Run], home: Path
    ) -> None:
        """Without a traceback, and without a file."""
        (home / "thesis.txt").touch()
        said = run("quickstart", "--dir", home)
        assert (said.returncode, said.stdout) == (3, "")
        assert "--dir" in said.stderr
        assert [path.name for path in home.iterdir()] == ["thesis.txt"]

    def test_an_archive_that_was_damaged_fails_at_verify(
        self, run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """And nothing is restored from it; the way to look closer is named."""
        root = tmp_path / "look"
        run("quickstart", "--dir", root)
        chunk = next((root / "archive").rglob("dt=*/*.jsonl.zst"))
        chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
        said = run("quickstart", "--dir", root)
        assert said.returncode == 1
        assert list(steps(said)) == STEPS[:-1]
        assert steps(said)["verify"][0] == "FAIL"
        assert "archiver verify --read-data" in said.stderr

    def test_an_archive_that_cannot_be_written_fails_at_ship(
        self, run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """A file stands in its place: what was captured waits in the spool."""
        root = tmp_path / "look"
        run("quickstart", "--dir", root / "first")
        (root / "first" / "archive").rename(root / "away")
        (root / "first" / "archive").write_text("in the way")
        (transcript,) = (root / "first" / "home" / ".claude").rglob("5b0c*.jsonl")
        transcript.write_bytes(transcript.read_bytes() + b"{}\n")
        said = run("quickstart", "--dir", root / "first")
        assert said.returncode == 1
        assert steps(said)["ship"][0] == "FAIL"
        assert "waits for configuration" in said.stderr
        (root / "first" / "archive").unlink()
        (root / "away").rename(root / "first" / "archive")
        assert run("quickstart", "--dir", root / "first").returncode == 0

    def test_a_restored_file_that_differs_fails(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The last step compares for real."""
        monkeypatch.setattr(tour, "is_same", lambda *_, **__: False)
        assert invoke(["quickstart", "--dir", str(tmp_path / "look")]) == 1
        assert "FAIL  restore" in capsys.readouterr().out

    def test_a_source_that_is_written_to_meanwhile_is_no_failure(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """On a real machine a conversation may be going on; that is said."""
        verify = tour.verify

        async def meanwhile(*arguments: Any, **options: Any) -> Report:
            (transcript,) = (tmp_path / "look" / "home" / ".claude").rglob("5b0c*.jsonl")
            transcript.write_bytes(transcript.read_bytes() + b"{}\n")
            return await verify(*arguments, **options)

        monkeypatch.setattr(tour, "verify", meanwhile)
        assert invoke(["quickstart", "--dir", str(tmp_path / "look")]) == 0
        assert "3 byte for byte, 1 written to meanwhile" in capsys.readouterr().out

    def test_where_the_admin_has_signed_nothing_the_archive_is_not_valid(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """So it is valid because of what was signed, and for whom it was signed."""

        async def nothing(*_: object) -> tuple[bool, str]:
            return True, "signed nothing"

        monkeypatch.setattr(tour, "vouched", nothing)
        assert invoke(["quickstart", "--dir", str(tmp_path / "look")]) == 1
        assert "FAIL  verify" in capsys.readouterr().out

    def test_an_incomplete_archive_fails_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Not only a damaged one."""
        real = tour.verify

        async def gap(*arguments: Any, **options: Any) -> Report:
            finding = Finding(Code.CHUNK_GAP, "0123456789abcdef", "number 2 is not accounted for")
            return replace(await real(*arguments, **options), findings=(finding,))

        monkeypatch.setattr(tour, "verify", gap)
        assert invoke(["quickstart", "--dir", str(tmp_path / "look")]) == 1
        assert "FAIL  verify" in capsys.readouterr().out


def test_the_samples_are_in_the_wheel(tmp_path: Path) -> None:
    """Hidden folders included: what the source has, the installed package has."""
    built = build_wheel(tmp_path)
    package = Path(archiver.__file__).parent
    samples = {
        path.relative_to(package.parent).as_posix()
        for path in (package / "quickstart" / "samples").rglob("*")
        if path.is_file()
    }
    assert len(samples) == 16
    assert samples <= built


def build_wheel(folder: Path) -> set[str]:
    """Build the wheel without a network; give the names in it."""
    builder = pytest.importorskip("hatchling.build", reason="the build backend is not installed")
    import zipfile  # noqa: PLC0415

    root = Path(archiver.__file__).parents[1]
    if not (root / "pyproject.toml").exists():
        pytest.skip("this is an installed package, not its source")
    before = Path.cwd()
    os.chdir(root)
    try:
        name = builder.build_wheel(str(folder))
    finally:
        os.chdir(before)
    with zipfile.ZipFile(folder / name) as wheel:
        return set(wheel.namelist())
