"""``archiver policy sign`` and ``validate``, and how every command obeys a source.toml."""

from __future__ import annotations

import json
import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from laptop import tenant_rules
from signedpolicies import Answers, serving

from archiver.cli import options
from archiver.cli.main import invoke
from archiver.evidence import policies
from archiver.evidence.keys import SigningKey
from archiver.policy.folders import Folders

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CANARY = "canary-subject-key-that-is-secret"


class Office:
    """An admin's folder with a key and a policy, and a machine."""

    def __init__(self, root: Path, run: Callable[..., object]) -> None:
        self.root = root
        self.run = run
        self.key, self.policy = root / "acme.key", root / "policy.json"
        self.signed = root / "policy.signed"
        self.folders = Folders(root / "etc", root / "config")
        self.state = root / "state"
        for folder in (self.folders.machine, self.folders.user):
            folder.mkdir()
        secret = root / "subject.key"
        secret.write_text("synthetic-subject-key")
        secret.chmod(0o600)
        identity = {"source": "fixed", "value": "dev", "subject_key_file": str(secret)}
        self.tenant = tenant_rules("acme", root / "bucket", identity=identity)
        self.write()
        invoke(["keys", "generate", "admin", "--name", "acme", "--to", str(self.key)])

    def write(self, **said: object) -> None:
        """Write the policy."""
        document = {"version": 1, "tenants": [self.tenant], **said}
        self.policy.write_text(json.dumps(document))

    def sign(self, *more: object):  # type: ignore[no-untyped-def]  # noqa: ANN201 - as `archiver`
        """Sign it."""
        arguments = ("--admin-key", self.key, "--to", self.signed)
        return self.run("policy", "sign", self.policy, *arguments, *more)

    @property
    def public(self) -> str:
        """The public half of the key."""
        return self.key.with_name("acme.key.pub").read_text().strip()

    def pin(self, **more: str) -> None:
        """Say on the machine whom it trusts."""
        lines = [f"{name} = {json.dumps(value)}" for name, value in more.items()]
        lines.append(f"keys = [{json.dumps(self.public)}]")
        (self.folders.machine / "source.toml").write_text("\n".join(lines))

    def deliver(self) -> None:
        """Bring what was signed to the machine."""
        (self.folders.machine / "policy.signed").write_bytes(self.signed.read_bytes())


@pytest.fixture
def office(
    tmp_path: Path, archiver: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> Office:
    """Give the office; its machine's folders are below it."""
    office = Office(tmp_path, archiver)
    monkeypatch.setattr(options, "folders_here", lambda: office.folders)
    monkeypatch.setenv("ARCHIVER_STATE", str(office.state))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ARCHIVER_CONFIG", raising=False)
    return office


class TestSign:
    """One file, one number more each time."""

    def test_numbers_grow_by_themselves(self, office: Office) -> None:
        """The file that is replaced says what was last."""
        for number in (1, 2, 3):
            said = office.sign()
            assert said.code == 0
            assert f"number {number}, without an end, signed by admin/acme" in said.out
            assert policies.read(office.signed.read_bytes()).number == number
        assert office.sign("--number", 9).code == 0
        assert f"number {10}" in office.sign().out

    @pytest.mark.parametrize("number", [1, 2])
    def test_a_number_never_goes_back(self, office: Office, number: int) -> None:
        """Nor stays: every machine would refuse it."""
        office.sign("--number", 2)
        before = office.signed.read_bytes()
        said = office.sign("--number", number)
        assert (said.code, office.signed.read_bytes()) == (78, before)
        assert "give 3 or more" in said.err

    def test_the_summary_says_what_to_put_on_machines(self, office: Office) -> None:
        """Their source.toml needs this line."""
        said = office.sign("--expires-in", 30)
        assert "enabled: acme" in said.out
        assert f'keys = ["{office.public}"]' in said.out
        assert "good until" in said.out
        assert "sign with a --number that is above theirs" in said.err
        assert office.sign("--json").json["number"] == 2

    def test_a_policy_that_is_not_valid_is_not_signed(self, office: Office) -> None:
        """Each problem is named."""
        office.write(colour="red", projects="none")
        said = office.sign()
        assert said.code == 78
        assert "colour: unknown key" in said.err
        assert "projects: must be a list" in said.err
        assert not office.signed.exists()

    def test_nothing_but_a_signed_policy_is_replaced(self, office: Office) -> None:
        """A slip of the hand costs no other file."""
        office.signed.write_text("precious")
        said = office.sign()
        assert (said.code, office.signed.read_text()) == (78, "precious")
        said = office.run(
            "policy", "sign", office.policy, "--admin-key", office.key, "--to", office.policy
        )
        assert said.code == 78
        assert json.loads(office.policy.read_text())["version"] == 1

    def test_several_admins_may_sign(self, office: Office) -> None:
        """Each with a key of their own."""
        other = office.root / "other.key"
        office.run("keys", "generate", "admin", "--name", "other", "--to", other)
        assert "signed by admin/acme, admin/other" in office.sign("--admin-key", other).out
        public = other.with_name("other.key.pub")
        assert (
            office.run("policy", "validate", office.signed, "--admin-key-public", public).code == 0
        )

    @pytest.mark.skipif(sys.platform == "win32", reason="POSIX rights")
    def test_who_gets_the_file_may_read_it_unless_it_holds_a_secret(self, office: Office) -> None:
        """A subject key in it is warned of, and never shown."""
        os.umask(0o022)
        office.sign()
        assert stat.S_IMODE(office.signed.stat().st_mode) == 0o644
        office.tenant["identity"] = {"source": "os-user", "subject_key": CANARY}
        office.write()
        said = office.sign()
        assert "subject_key of acme" in said.err
        assert CANARY not in said.out + said.err
        assert stat.S_IMODE(office.signed.stat().st_mode) == 0o600

    def test_a_locked_key_asks_for_its_passphrase(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As every command of an admin."""
        locked = office.root / "locked.key"
        key = SigningKey.generate("admin/locked")
        key.save(locked, "four random words")
        locked.with_name("locked.key.pub").write_text(f"{key.public}\n")
        monkeypatch.setattr("sys.stdin.readline", lambda: "four random words\n", raising=False)
        said = office.run(
            "policy", "sign", office.policy, "--admin-key", locked, "--to", office.signed
        )
        assert "signed by admin/locked" in said.out


class TestValidate:
    """What a machine would say, said before."""

    def test_a_valid_policy_is_told_with_what_it_enables(self, office: Office) -> None:
        """Plain and signed."""
        assert "valid; enabled: acme" in office.run("policy", "validate", office.policy).out
        office.sign()
        said = office.run("policy", "validate", office.signed, "--admin-key-public", office.public)
        assert (said.code, "number 1, without an end, signed by admin/acme" in said.out) == (
            0,
            True,
        )

    def test_every_error_is_explained(self, office: Office) -> None:
        """On stderr for a person, in JSON for a program."""
        office.write(colour="red", schedule={"ship_seconds": 0})
        said = office.run("policy", "validate", office.policy)
        assert said.code == 78
        assert "colour: unknown key" in said.err
        assert "schedule.ship_seconds" in said.err
        told = office.run("policy", "validate", office.policy, "--json")
        assert (told.code, told.json["valid"], len(told.json["problems"])) == (78, False, 2)

    def test_a_signed_one_needs_a_key_to_check_it_with(self, office: Office) -> None:
        """From the command line, or from this machine's source.toml."""
        office.sign()
        said = office.run("policy", "validate", office.signed)
        assert (said.code, "--admin-key-public" in said.err) == (78, True)
        office.pin()
        assert office.run("policy", "validate", office.signed).code == 0
        office.deliver()
        assert "policy.signed: valid" in office.run("policy", "validate").out

    @pytest.mark.parametrize("change", [(b"acme", b"acne"), (b"number", b"nunber")])
    def test_an_altered_one_is_not_valid(self, office: Office, change: tuple[bytes, bytes]) -> None:
        """Whichever byte."""
        office.sign()
        office.signed.write_bytes(office.signed.read_bytes().replace(*change, 1))
        said = office.run("policy", "validate", office.signed, "--admin-key-public", office.public)
        assert (said.code, "altered" in said.err) == (78, True)


class TestEveryCommandObeys:
    """There is one function that gives the policy in force on a machine."""

    COMMANDS = ("sync", "sources", "ls", "verify")

    @pytest.mark.parametrize("command", COMMANDS)
    def test_a_plain_policy_is_refused_where_only_signed_ones_count(
        self, office: Office, command: str
    ) -> None:
        """Also one that is named."""
        office.pin()
        said = office.run(command, "--config", office.policy)
        assert said.code == 78
        assert "not signed" in said.err

    def test_a_signed_one_is_synced_and_kept(self, office: Office) -> None:
        """The reading commands find it where sync has kept it."""
        office.pin()
        office.sign()
        office.deliver()
        assert office.run("sync").code == 0
        (office.folders.machine / "policy.signed").unlink()
        assert office.run("sources").code == 0
        said = office.run("status")
        assert "number 1, signed by admin/acme" in said.out

    def test_without_a_daemon_sync_asks_the_address(self, office: Office) -> None:
        """And does without it when it does not answer."""
        office.sign()
        with serving(Answers(office.signed.read_bytes(), etag='"1"')) as server:
            office.pin(url=server.url)
            assert office.run("sync").code == 0
            assert office.run("sync").code == 0
            assert len(server.asked) == 1
        assert office.run("sync").code == 0
        assert office.run("ls", "--tenant", "none").code == 64

    def test_the_doctor_names_signature_age_and_end(self, office: Office) -> None:
        """And fails what needs somebody."""
        office.pin()
        told = {one["name"]: one for one in office.run("doctor", "--json").json}
        assert not told["policy signature"]["ok"]
        office.sign("--expires-in", 90)
        office.deliver()
        told = {one["name"]: one for one in office.run("doctor", "--json").json}
        assert told["policy signature"]["ok"]
        assert (
            "number 1, signed by admin/acme 0 days ago, good until"
            in (told["policy signature"]["finding"])
        )
        office.sign("--expires-in", 3)
        office.deliver()
        told = {one["name"]: one for one in office.run("doctor", "--json").json}
        assert not told["policy signature"]["ok"]
        assert told["policy"]["ok"]

    def test_the_quickstart_is_no_policy_of_this_machine(self, office: Office) -> None:
        """It makes its own, in a folder of its own."""
        office.pin()
        assert office.run("quickstart", "--dir", office.root / "look").code == 0
