"""``archiver policy init``: a policy that works, asked for or told by options."""

from __future__ import annotations

import io
import json
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from archiver.policy.load import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archiver.policy.document import Tenant

KNOWN = frozenset({"claude-code", "cline", "cline-4", "continue"})
OFFICERS = [f"age1{letter * 58}" for letter in "qz"]
ADMIN = f"admin/acme+00000000+{'A' * 44}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the user an empty home, from where nothing else of this machine is seen."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "ARCHIVER_CONFIG", "ARCHIVER_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Type at a terminal: one line for each question, an empty one for its default."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def type_in(*lines: str) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal("".join(f"{line}\n" for line in lines)))

    return type_in


def only(path: Path) -> Tenant:
    """Read the policy as the daemon does, and give its tenant."""
    (tenant,) = load(path, known_assistants=KNOWN).policy.tenants
    return tenant


def place(home: Path) -> Path:
    """Give the place of the user's policy."""
    return home / ".config" / "archiver" / "policy.toml"


def converse(home: Path, folder: Path, name: str) -> None:
    """Leave a synthetic conversation with Claude Code that was held in a folder."""
    chats = home / ".claude" / "projects" / "-synthetic"
    chats.mkdir(parents=True, exist_ok=True)
    line = {"type": "user", "cwd": str(folder), "message": {"role": "user", "content": "hello"}}
    (chats / f"{name}.jsonl").write_text(json.dumps(line) + "\n")


@pytest.mark.skipif(sys.platform != "linux", reason="the paths are those of Linux")
class TestWithoutATerminal:
    """Options, else defaults."""

    def test_the_defaults_are_a_policy_that_the_doctor_finds_right(
        self, home: Path, archiver: Callable[..., Any]
    ) -> None:
        """Nothing but the tenant's name is given; the folder is made, nothing else is taken."""
        said = archiver("policy", "init", "--tenant", "acme")
        assert said.code == 0
        assert said.out.splitlines()[-1] == "archiver doctor"
        tenant = only(place(home))
        assert tenant.conversations.working_directories == ("~/work/acme/**",)
        assert not tenant.conversations.default
        checked = archiver("doctor", "--json")
        assert [one for one in checked.json if not one["ok"] and one["name"] != "evidence"] == []
        assert checked.code == 0

    @pytest.mark.usefixtures("home")
    def test_every_answer_can_be_an_option(
        self, tmp_path: Path, archiver: Callable[..., Any]
    ) -> None:
        """And each stands in the policy."""
        to = tmp_path / "acme.toml"
        said = archiver(
            "policy", "init", "--to", to, "--tenant", "acme",
            "--git-remote", "example.com/acme/*", "--working-directory", "~/a",
            "--exclude", "~/a/b", "--default", "--store", "s3", "--bucket", "acme-ai",
            "--prefix", "ai", "--region", "eu-central-1", "--endpoint", "https://s3.example.com",
            "--days", "400", "--lock", "governance", "--identity", "fixed", "--user", "Alex",
            "--subject-key-file", tmp_path / "keys" / "acme.key",
            "--officer", OFFICERS[0], "--officer", OFFICERS[1], "--admin-key", ADMIN,
        )  # fmt: skip
        assert said.code == 0, said.err
        tenant = only(to)
        claims = tenant.conversations
        assert (claims.git_remotes, claims.working_directories) == (
            ("example.com/acme/*",),
            ("~/a",),
        )
        assert (claims.exclude, claims.default) == (("~/a/b",), True)
        store = tenant.store
        assert store.kind == "s3"
        assert (store.bucket, store.prefix, store.region) == ("acme-ai", "ai", "eu-central-1")
        assert (store.endpoint, store.path_style) == ("https://s3.example.com", True)
        assert (tenant.retention.days, tenant.retention.lock) == (400, "governance")
        assert (tenant.identity.source, tenant.identity.value) == ("fixed", "Alex")
        assert tenant.sealing.officers == tuple(OFFICERS)
        assert tenant.evidence.admin_keys == (ADMIN,)
        assert said.out.splitlines()[-2:] == [
            "archiver credentials set acme",
            f"archiver doctor --config {to}",
        ]

    @pytest.mark.usefixtures("home")
    def test_a_bucket_on_r2(self, tmp_path: Path, archiver: Callable[..., Any]) -> None:
        """Needs the account, which nobody can guess; everything else has a default."""
        to = tmp_path / "acme.toml"
        told = ("policy", "init", "--to", to, "--tenant", "acme", "--store", "r2")
        refused = archiver(*told)
        assert refused.code == 64
        assert "--account-id" in refused.err
        assert not to.exists()
        account = "0" * 32
        made = archiver(*told, "--account-id", account, "--days", "7y", "--lock", "rule")
        assert made.code == 0
        store = only(to).store
        assert store.kind == "r2"
        assert (store.bucket, store.account_id) == ("acme-conversations", account)

    def test_the_subject_key_is_made_once_and_is_nobody_elses(
        self, home: Path, archiver: Callable[..., Any]
    ) -> None:
        """64 digits that only the user can read, and that are never shown or replaced."""
        key = home / ".config" / "archiver" / "acme.key"
        first = archiver("policy", "init", "--tenant", "acme")
        secret = key.read_text().strip()
        assert len(bytes.fromhex(secret)) == 32
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert 'subject_key_file = "~/.config/archiver/acme.key"' in place(home).read_text()
        again = archiver("policy", "init", "--tenant", "acme", "--yes")
        assert again.code == 0
        assert key.read_text().strip() == secret
        everything = first.out + first.err + again.out + again.err + place(home).read_text()
        assert secret not in everything

    def test_a_key_inside_a_project_is_refused(
        self, home: Path, tmp_path: Path, archiver: Callable[..., Any]
    ) -> None:
        """It would be published with the project. Nothing is written."""
        project = tmp_path / "project"
        (project / ".git").mkdir(parents=True)
        key = project / "deep" / "acme.key"
        said = archiver("policy", "init", "--tenant", "acme", "--subject-key-file", key)
        assert said.code == 64
        assert f"lies in the project {project}" in said.err
        assert not key.exists()
        assert not place(home).exists()

    def test_another_policy_is_not_replaced_unasked(
        self, home: Path, archiver: Callable[..., Any]
    ) -> None:
        """Where nobody can be asked only --yes is consent."""
        archiver("policy", "init", "--tenant", "acme")
        before = place(home).read_bytes()
        refused = archiver("policy", "init", "--tenant", "beta")
        assert refused.code == 64
        assert place(home).read_bytes() == before
        assert archiver("policy", "init", "--tenant", "beta", "--yes").code == 0
        assert only(place(home)).id == "beta"

    @pytest.mark.parametrize(
        ("options", "code", "names"),
        [
            (("--tenant", "Acme Inc"), 64, "--tenant"),
            (("--tenant", "acme", "--days", "8y"), 64, "--days"),
            (("--tenant", "acme", "--days", "-1"), 64, "--days"),
            (("--tenant", "acme", "--git-remote", "nowhere"), 64, "--git-remote:"),
            (("--tenant", "acme", "--store", "s4"), 64, "--store"),
            (("--tenant", "acme", "--to", "policy.yaml"), 64, "policy.yaml"),
            (("--tenant", "acme", "--lock", "compliance"), 78, "retention.lock"),
            (("--tenant", "acme", "--officer", "age1x"), 64, "--officer:"),
        ],
    )
    def test_a_wrong_answer_is_named_and_nothing_is_written(
        self,
        home: Path,
        archiver: Callable[..., Any],
        options: tuple[str, ...],
        code: int,
        names: str,
    ) -> None:
        """By its option, or by its path in the policy."""
        said = archiver("policy", "init", *options)
        assert said.code == code
        assert names in said.err
        assert list(home.rglob("*.toml")) == list(home.rglob("*.key")) == []

    def test_what_lies_on_the_machine_is_suggested(
        self, home: Path, archiver: Callable[..., Any]
    ) -> None:
        """The organisation of the repositories that most conversations were held in."""
        for number in range(3):
            project = home / "src" / f"tool-{number}"
            project.mkdir(parents=True)
            subprocess.run(["git", "init", "-q"], cwd=project, check=True)
            remote = f"git@example.com:acme/tool-{number}.git"
            subprocess.run(["git", "remote", "add", "origin", remote], cwd=project, check=True)
            converse(home, project, f"chat-{number}")
        assert archiver("policy", "init").code == 0
        tenant = only(place(home))
        assert tenant.id == "acme"
        assert tenant.conversations.git_remotes == ("example.com/acme/*",)
        assert tenant.conversations.working_directories == ()
        found = archiver("sources", "--json").json
        assert all(one["captured"] for one in found["conversations"])
        assert len(found["conversations"]) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="the paths are those of Linux")
class TestAtATerminal:
    """Each question with a default and the reason for it."""

    def test_defaults_all_the_way(
        self, home: Path, archiver: Callable[..., Any], answers: Callable[..., None]
    ) -> None:
        """An empty line to each question is a policy."""
        answers("acme", *[""] * 20)
        said = archiver("policy", "init")
        assert said.code == 0
        assert only(place(home)).id == "acme"
        assert "Where it goes: a folder (a share, say), Amazon S3 or its like" in said.err

    def test_answers_stand_in_the_policy(
        self, home: Path, archiver: Callable[..., Any], answers: Callable[..., None]
    ) -> None:
        """Several with commas, none by that word, a wrong one asked for again."""
        answers(
            "Acme!",  # no tenant's name: asked again
            "acme",
            "example.com/acme/*, example.com/acme-labs/*",
            "none",  # folders
            "y",  # everything else
            "~/private",
            "s3",
            "acme-ai",
            "eu-central-1",
            "none",  # endpoint
            "",  # prefix
            "8y",  # no such word: asked again
            "7y",
            "compliance",
            "os-user",
            "",  # subject key
            ", ".join(OFFICERS),
            ADMIN,
        )
        said = archiver("policy", "init")
        assert said.code == 0, said.err
        tenant = only(place(home))
        claims = tenant.conversations
        assert claims.git_remotes == ("example.com/acme/*", "example.com/acme-labs/*")
        assert (claims.working_directories, claims.default) == ((), True)
        assert claims.exclude == ("~/private",)
        assert tenant.store.kind == "s3"
        assert (tenant.store.region, tenant.store.endpoint) == ("eu-central-1", None)
        assert (tenant.retention.days, tenant.retention.lock) == (2557, "compliance")
        assert tenant.identity.source == "os-user"
        assert tenant.sealing.officers == tuple(OFFICERS)
        assert "allowed are a-z" in said.err
        assert "allowed: a number of days" in said.err

    def test_a_no_leaves_the_policy_that_is_there(
        self, home: Path, archiver: Callable[..., Any], answers: Callable[..., None]
    ) -> None:
        """And makes no key for the other one."""
        archiver("policy", "init", "--tenant", "acme", "--yes")
        before = place(home).read_bytes()
        answers("beta", *[""] * 9, "n")
        said = archiver("policy", "init")
        assert said.code == 130
        assert place(home).read_bytes() == before
        assert [key.name for key in home.rglob("*.key")] == ["acme.key"]

    def test_what_comes_by_an_option_is_not_asked(
        self, archiver: Callable[..., Any], answers: Callable[..., None], home: Path
    ) -> None:
        """Nor is anything with --yes."""
        answers()
        assert archiver("policy", "init", "--tenant", "acme", "--yes").code == 0
        assert place(home).exists()

    def test_a_terminal_that_goes_away_writes_nothing(
        self, archiver: Callable[..., Any], answers: Callable[..., None], home: Path
    ) -> None:
        """In the midst of the questions."""
        answers("acme", "")
        assert archiver("policy", "init").code == 130
        assert not place(home).exists()
