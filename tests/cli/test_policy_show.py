"""``archiver policy show|diff|schema``: a policy for those who do not write it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from archiver.policy.schema import written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STORE = {"kind": "s3", "bucket": "acme-ai"}
SECRET = "synthetic-subject-key"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a policy of these tenants under a name."""

    def put(name: str, *tenants: dict[str, Any], **said: Any) -> Path:
        path = tmp_path / name
        path.write_text(json.dumps({"version": 1, "tenants": tenants, **said}))
        return path

    return put


@pytest.fixture
def admin(tmp_path: Path, archiver: Callable[..., Any]) -> Path:
    """Make an admin's key."""
    key = tmp_path / "admin.key"
    assert archiver("keys", "generate", "admin", "--name", "acme", "--to", key).code == 0
    return key


class TestShow:
    """In plain words."""

    def test_each_tenant_is_told_of_under_its_name(
        self, archiver: Callable[..., Any], write: Callable[..., Path], tenant: Callable[..., Any]
    ) -> None:
        """One line for each thing, and what holds for the machine at the end."""
        path = write("p.json", tenant("acme", STORE), tenant("beta", STORE, enabled=False))
        said = archiver("policy", "show", path)
        assert said.code == 0
        lines = said.out.splitlines()
        assert lines.index("acme") < lines.index("beta") < lines.index("Every tenant")
        assert "  sent to        The bucket acme-ai on Amazon S3 in us-east-1." in lines
        assert any(line.startswith("  captured       Nothing: this tenant") for line in lines)

    def test_no_secret_is_shown_to_people_or_programs(
        self, archiver: Callable[..., Any], write: Callable[..., Path], tenant: Callable[..., Any]
    ) -> None:
        """A key that stands in the policy is said to stand there."""
        path = write("p.json", tenant("acme", STORE))
        assert SECRET in path.read_text()
        for options in ((), ("--json",)):
            said = archiver("policy", "show", path, *options)
            assert SECRET not in said.out + said.err
            assert "a secret key that stands in the policy" in said.out

    def test_programs_get_the_policy_with_its_defaults(
        self, archiver: Callable[..., Any], write: Callable[..., Path], tenant: Callable[..., Any]
    ) -> None:
        """And the words, by tenant and topic."""
        said = archiver("policy", "show", write("p.json", tenant("acme", STORE)), "--json").json
        assert said["policy"]["tenants"][0]["chunk"]["max_age_seconds"] == 3600
        assert said["policy"]["tenants"][0]["retention"]["class"] == "standard"
        assert len(said["fingerprint"]) == 64
        assert {word["tenant"] for word in said["words"]} == {"acme", None}
        assert said["words"][0]["about"] == "captured"

    def test_without_a_file_it_is_the_policy_of_this_machine(
        self,
        archiver: Callable[..., Any],
        write: Callable[..., Path],
        tenant: Callable[..., Any],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        """Where a user's own is looked for."""
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("ARCHIVER_CONFIG", raising=False)
        (tmp_path / "archiver").mkdir()
        path = write("archiver/policy.json", tenant("acme", STORE))
        assert archiver("policy", "show").out.startswith(str(path))

    def test_a_signed_policy_is_shown_as_well(
        self,
        archiver: Callable[..., Any],
        write: Callable[..., Path],
        tenant: Callable[..., Any],
        admin: Path,
        tmp_path: Path,
    ) -> None:
        """What it says; whether it is signed as it should be is asked of `validate`."""
        plain, signed = write("p.json", tenant("acme", STORE)), tmp_path / "p.signed"
        made = archiver("policy", "sign", plain, "--admin-key", admin, "--to", signed)
        assert made.code == 0, made.err
        shown = archiver("policy", "show", signed)
        assert shown.code == 0
        assert shown.out.splitlines()[1:] == archiver("policy", "show", plain).out.splitlines()[1:]
        assert archiver("policy", "diff", plain, signed).code == 0

    @pytest.mark.parametrize("command", [("show", "p.json"), ("diff", "p.json", "p.json")])
    def test_a_policy_that_is_not_valid_is_refused(
        self,
        archiver: Callable[..., Any],
        write: Callable[..., Path],
        tenant: Callable[..., Any],
        command: tuple[str, ...],
    ) -> None:
        """By the key that is wrong."""
        path = write("p.json", tenant("acme", STORE, retention={"days": -1}))
        said = archiver("policy", command[0], *[path for _ in command[1:]])
        assert said.code == 78
        assert "tenants[0].retention.days" in said.err

    def test_what_a_terminal_would_obey_is_made_visible(
        self, archiver: Callable[..., Any], write: Callable[..., Path], tenant: Callable[..., Any]
    ) -> None:
        """Marks that turn text around stand in no line."""
        claims = {"working_directories": ["~/w/\u202egnp.exe"]}
        path = write("p.json", tenant("acme", STORE, conversations=claims))
        assert "\u202e" not in archiver("policy", "show", path).out


class TestDiff:
    """What another policy would change."""

    def test_equal_policies_exit_with_0(
        self, archiver: Callable[..., Any], write: Callable[..., Path], tenant: Callable[..., Any]
    ) -> None:
        """Also where one is written out and the other keeps the defaults."""
        old = write("old.json", tenant("acme", STORE))
        new = write("new.json", tenant("acme", STORE, enabled=True, chunk={"level": 3}))
        said = archiver("policy", "diff", old, new)
        assert (said.code, said.out) == (0, "Both mean the same.\n")
        assert archiver("policy", "diff", old, new, "--json").json == []

    def test_a_weaker_change_is_marked_and_exits_with_1(
        self, archiver: Callable[..., Any], write: Callable[..., Path], tenant: Callable[..., Any]
    ) -> None:
        """With what stood there, what stands there now, and what it means."""
        old = write("old.json", tenant("acme", STORE, retention={"days": "7y"}))
        new = write("new.json", tenant("acme", STORE, retention={"days": 180}))
        said = archiver("policy", "diff", old, new)
        assert said.code == 1
        path, before, after, means = said.out.splitlines()
        assert path == "tenants[acme].retention[standard]"
        assert before.startswith("  - it stays 2557 days (7 years)")
        assert after.startswith("  + it stays 180 days")
        assert means.startswith("  ! weaker: class standard is shortened")
        assert said.err == "1 changes, 1 of them weaker\n"

    def test_a_stronger_change_is_not_marked(
        self, archiver: Callable[..., Any], write: Callable[..., Path], tenant: Callable[..., Any]
    ) -> None:
        """It exits with 1 as well: they differ."""
        old = write("old.json", tenant("acme", STORE, retention={"days": 180}))
        new = write("new.json", tenant("acme", STORE, retention={"days": "7y"}))
        said = archiver("policy", "diff", old, new, "--json")
        assert said.code == 1
        (change,) = said.json
        assert change["weaker"] is False
        assert change["path"] == "tenants[acme].retention[standard]"

    def test_no_secret_of_either_is_told(
        self, archiver: Callable[..., Any], write: Callable[..., Path], tenant: Callable[..., Any]
    ) -> None:
        """Where the secret itself is what changes."""
        other = {"source": "os-user", "subject_key": f"{SECRET}-2"}
        old = write("old.json", tenant("acme", STORE))
        new = write("new.json", tenant("acme", STORE, identity=other))
        for options in ((), ("--json",)):
            said = archiver("policy", "diff", old, new, *options)
            assert said.code == 1
            assert SECRET not in said.out + said.err
            assert "pseudonym" in said.out


class TestSchema:
    """For editors."""

    def test_it_is_printed(self, archiver: Callable[..., Any]) -> None:
        """As it is made now."""
        said = archiver("policy", "schema")
        assert (said.code, said.out) == (0, written())

    def test_it_is_written_for_an_editor_beside_the_policy(
        self, archiver: Callable[..., Any], tmp_path: Path
    ) -> None:
        """With the line that the policy begins with; again over what was written before."""
        path = tmp_path / "policy.schema.json"
        for _ in range(2):
            said = archiver("policy", "schema", "--to", path)
            assert said.code == 0
            assert "#:schema ./policy.schema.json" in said.err
        assert path.read_text("utf-8") == written()

    def test_it_is_made_anew_and_not_copied(
        self, archiver: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So the one that is shipped can be brought up to date by this command."""
        monkeypatch.setattr("archiver.policy.schema.SHIPPED", tmp_path / "old.json")
        assert archiver("policy", "schema").out == written()
