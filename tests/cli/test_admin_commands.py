"""``archiver device``, ``checkpoint`` and ``keys generate admin``: an admin's whole day."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from authority import authority

from archiver.cli.exits import ExitCode
from archiver.evidence.keys import SigningKey
from archiver.evidence.verifier import VerifierKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Said


@dataclass
class Office:
    """A machine whose conversations go to a folder, and the admin who answers for it."""

    root: Path
    run: Callable[..., Said]
    config: Path
    key: Path

    @property
    def bucket(self) -> Path:
        """The folder that stands for the bucket."""
        return self.root / "bucket"

    @property
    def state(self) -> Path:
        """Where the machine keeps its spool, and the admin's memory."""
        return self.root / "state"

    def say(self, *words: object) -> Said:
        """Run a command of the device."""
        return self.run(*words, "--config", self.config, "--state", self.state)

    def sign(self, *words: object) -> Said:
        """Run a command of the admin."""
        return self.say(*words, "--admin-key", self.key)

    def devices(self) -> Any:
        """List the devices."""
        return self.run("device", "list", "--config", self.config, "--json").json


@pytest.fixture
def office(
    tmp_path: Path,
    archiver: Callable[..., Said],
    tenant: Callable[..., Any],
    policy: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Office:
    """Make a key and a policy that names it; ship one conversation."""
    home = tmp_path / "home"
    transcript = home / ".claude" / "projects" / "-home-dev-acme" / "c1.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.write_text(json.dumps({"type": "user", "cwd": str(home / "acme")}) + "\n")
    monkeypatch.setenv("HOME", str(home))
    key = tmp_path / "acme.key"
    made = archiver("keys", "generate", "admin", "--name", "acme", "--to", key)
    assert made.code == 0
    store = {"kind": "folder", "path": str(tmp_path / "bucket")}
    rules = tenant("acme", store, evidence={"admin_keys": [made.out.strip()]})
    config = policy(rules)
    office = Office(tmp_path, archiver, config, key)
    assert office.say("sync").code == 0
    return office


class TestGenerateAdmin:
    """A private key in a file, a public one to be published."""

    def test_the_public_key_is_printed_and_lies_beside_it(self, office: Office) -> None:
        """Both the same, and the private one is its user's only."""
        public = VerifierKey.parse((office.root / "acme.key.pub").read_text().strip())
        assert SigningKey.load(office.key, "admin/acme").public == public
        assert office.key.stat().st_mode & 0o077 == 0

    def test_a_key_never_replaces_another(self, office: Office) -> None:
        """Neither half of it."""
        before = office.key.read_bytes()
        words = ("keys", "generate", "admin", "--name", "acme", "--to")
        assert office.run(*words, office.key).code == ExitCode.COULD_NOT_RUN
        office.key.unlink()
        assert office.run(*words, office.key).code == ExitCode.COULD_NOT_RUN
        assert not office.key.exists()
        assert before

    @pytest.mark.parametrize("kind", [("admin", "--name", "acme"), ("officer",)])
    def test_a_folder_that_is_not_there_is_named(
        self, office: Office, kind: tuple[str, ...]
    ) -> None:
        """As it was typed, and no temporary name."""
        path = office.root / "no" / "x.key"
        said = office.run("keys", "generate", *kind, "--to", path)
        assert (said.code, str(path) in said.err, ".tmp-" in said.err) == (3, True, False)

    def test_a_name_that_no_key_can_have_is_refused(self, office: Office) -> None:
        """Before anything is written."""
        said = office.run("keys", "generate", "admin", "--name", "A B", "--to", office.root / "x")
        assert said.code == ExitCode.USAGE
        assert not (office.root / "x").exists()


class TestDevices:
    """From a published key to a verified archive."""

    def test_a_device_waits_until_it_is_approved(self, office: Office) -> None:
        """Verify says so before, and nothing after the checkpoint."""
        (row,) = office.devices()
        assert row["state"] == "waiting"
        assert office.run("verify", "--config", office.config).code == 2
        said = office.sign("device", "approve", row["device"], "--yes")
        assert (said.code, "registry 1 approves 1 keys" in said.out) == (0, True)
        assert office.devices()[0]["state"] == "approved"
        assert office.sign("checkpoint").code == 0
        said = office.run("verify", "--config", office.config)
        assert (said.code, "Complete and valid." in said.out) == (0, True)

    def test_what_the_machine_shows_is_what_the_admin_sees(self, office: Office) -> None:
        """Key and fingerprint, to be compared."""
        (row,) = office.devices()
        shown = office.run("device", "key", "--state", office.state, "--json").json
        assert shown == [{"key": row["key"], "fingerprint": row["fingerprint"]}]

    def test_a_key_is_named_by_its_fingerprint(self, office: Office) -> None:
        """Another one's fits nobody."""
        (row,) = office.devices()
        words = ("device", "approve", row["device"], "--yes", "--key")
        assert office.sign(*words, "0000-1111").code == ExitCode.COULD_NOT_RUN
        assert office.sign(*words, row["fingerprint"]).code == 0

    def test_all_that_wait_are_approved_at_once(self, office: Office) -> None:
        """And then nobody waits."""
        assert office.sign("device", "approve", "--all", "--yes").code == 0
        said = office.sign("device", "approve", "--all", "--yes")
        assert (said.code, "no device waits" in said.out) == (ExitCode.ATTENTION, True)

    def test_nobody_is_approved_or_revoked_without_a_yes(self, office: Office) -> None:
        """Where nobody can be asked, only --yes is consent."""
        (row,) = office.devices()
        assert office.sign("device", "approve", row["device"]).code == ExitCode.USAGE
        assert office.devices()[0]["state"] == "waiting"
        office.sign("device", "approve", row["device"], "--yes")
        words = ("device", "revoke", row["device"], "--reason", "lost")
        assert office.sign(*words).code == ExitCode.USAGE
        assert office.devices()[0]["state"] == "approved"

    def test_a_revoked_device_is_listed_with_the_reason(self, office: Office) -> None:
        """And what it ships from then on is reported."""
        (row,) = office.devices()
        office.sign("device", "approve", "--all", "--yes")
        office.sign("checkpoint")
        said = office.sign("device", "revoke", row["device"], "--reason", "lost", "--yes")
        assert (said.code, "archiver checkpoint" in said.err) == (0, True)
        (row,) = office.devices()
        assert (row["state"], row["reason"]) == ("revoked", "lost")

    def test_a_reason_that_is_too_long_is_refused_with_the_limit(self, office: Office) -> None:
        """Before anything is signed; the longest that is allowed is signed."""
        (row,) = office.devices()
        office.sign("device", "approve", "--all", "--yes")
        words = ("device", "revoke", row["device"], "--yes", "--reason")
        said = office.sign(*words, "x" * 1001)
        assert (said.code, "1,000" in said.err) == (ExitCode.USAGE, True)
        assert office.sign(*words, "x" * 1000).code == 0

    def test_a_device_that_nobody_knows_is_an_error(self, office: Office) -> None:
        """Neither to be approved nor to be revoked."""
        for words in (("approve",), ("revoke", "--reason", "x")):
            said = office.sign("device", *words, "f" * 16, "--yes")
            assert said.code == ExitCode.COULD_NOT_RUN
            assert "archiver device list" in said.err

    def test_a_device_publishes_its_key_again_when_told_to(self, office: Office) -> None:
        """Its enrolment had gone; the same key is there once more."""
        (row,) = office.devices()
        shutil.rmtree(office.bucket / "tenant=acme" / "_devices")
        assert office.devices() == []
        said = office.say("device", "enrol")
        assert (said.code, row["fingerprint"] in said.out) == (0, True)
        assert [one["key"] for one in office.devices()] == [row["key"]]

    def test_names_and_all_exclude_each_other(self, office: Office) -> None:
        """As does a fingerprint for more than one."""
        for words in ((), ("--all", "f" * 16), ("--key", "x", "a" * 16, "b" * 16)):
            assert office.sign("device", "approve", *words, "--yes").code == ExitCode.USAGE


class TestCheckpoint:
    """What it says, and how it exits."""

    def test_what_waits_is_told_and_exits_with_2(self, office: Office) -> None:
        """The device is not approved yet."""
        said = office.sign("checkpoint")
        assert (said.code, "not covered (waiting)" in said.err) == (2, True)

    def test_nothing_new_is_said_and_exits_with_0(self, office: Office) -> None:
        """Unless it is forced."""
        office.sign("device", "approve", "--all", "--yes")
        office.sign("checkpoint")
        said = office.sign("checkpoint")
        assert (said.code, "nothing is new since checkpoint 1" in said.out) == (0, True)
        said = office.sign("checkpoint", "--force", "--json")
        assert [(one["seq"], one["size"], one["signed"]) for one in said.json] == [(2, 1, True)]

    def test_a_copy_is_kept_in_another_folder(self, office: Office, tmp_path: Path) -> None:
        """The same bytes."""
        office.sign("device", "approve", "--all", "--yes")
        copy = tmp_path / "copy"
        assert office.sign("checkpoint", "--copy-to", copy).code == 0
        (mine,) = copy.rglob("_checkpoints/*.note")
        (theirs,) = office.bucket.rglob("_checkpoints/*.note")
        assert mine.read_bytes() == theirs.read_bytes()

    def test_a_bucket_that_was_set_back_is_refused_with_3(self, office: Office) -> None:
        """And says what to do."""
        office.sign("device", "approve", "--all", "--yes")
        office.sign("checkpoint")
        for path in office.bucket.rglob("_checkpoints/*.note"):
            path.unlink()
        said = office.sign("checkpoint")
        assert (said.code, "it was set back" in said.err) == (ExitCode.COULD_NOT_RUN, True)
        assert list(office.bucket.rglob("_checkpoints/*.note")) == []

    def test_a_key_that_the_policy_does_not_name_signs_nothing(
        self, office: Office, tmp_path: Path
    ) -> None:
        """No reader would believe it."""
        other = tmp_path / "other.key"
        office.run("keys", "generate", "admin", "--name", "acme", "--to", other)
        said = office.say("checkpoint", "--admin-key", other)
        assert (said.code, "does not name the key" in said.err) == (ExitCode.COULD_NOT_RUN, True)

    def test_a_key_without_its_public_half_is_refused(self, office: Office) -> None:
        """Its name would have to be guessed."""
        (office.root / "acme.key.pub").unlink()
        said = office.sign("checkpoint")
        assert (said.code, "FILE.pub" in said.err) == (ExitCode.COULD_NOT_RUN, True)

    def test_a_folder_is_signed_for_without_a_policy(self, office: Office) -> None:
        """For an archive that was copied to a disk."""
        words = ("--archive", office.bucket, "--admin-key", office.key, "--state", office.state)
        assert office.run("device", "approve", "--all", "--yes", *words).code == 0
        assert office.run("checkpoint", *words).code == 0

    def test_what_is_no_admins_public_key_is_named_for_what_it_is(
        self, office: Office, tmp_path: Path
    ) -> None:
        """Each by a clear word, whatever file was named."""
        (row,) = office.devices()
        public, wrong = (tmp_path / "acme.key.pub").read_text(), tmp_path / "wrong"
        cases = {
            b"\xff\xfe\x00\x9d": "no text in UTF-8",
            public.encode("utf-16"): "no text in UTF-8",
            row["key"].encode(): "a device's key",
            office.key.read_bytes(): f"Name {wrong}.pub",
        }
        for body, words in cases.items():
            wrong.write_bytes(body)
            said = office.run("verify", "--archive", office.bucket, "--admin-key", wrong)
            assert (said.code, words in said.err) == (ExitCode.COULD_NOT_RUN, True), words
        wrong.write_bytes(public.encode("utf-8-sig"))
        assert office.run("verify", "--archive", office.bucket, "--admin-key", wrong).code == 2

    def test_a_root_that_is_no_certificate_is_noticed_before_anything_is_signed(
        self, office: Office, tmp_path: Path
    ) -> None:
        """Not after."""
        (tmp_path / "ca").write_text("none")
        words = ("--timestamp", "http://127.0.0.1:9/", "--timestamp-ca", tmp_path / "ca")
        said = office.sign("checkpoint", *words)
        assert (said.code, "PEM" in said.err) == (ExitCode.COULD_NOT_RUN, True)
        assert list(office.bucket.rglob("_checkpoints/*")) == []

    def test_a_place_without_any_tenant_is_no_success(self, office: Office) -> None:
        """A mistyped prefix in a nightly job would otherwise look like a signature."""
        where = ("--archive", office.bucket, "--prefix", "nope", "--state", office.state)
        words = (*where, "--admin-key", office.key)
        for command in (("checkpoint",), ("checkpoint", "--show"), ("device", "approve", "--all")):
            said = office.run(*command, *words)
            assert (said.code, "--prefix" in said.err) == (ExitCode.COULD_NOT_RUN, True)

    def test_a_timestamp_is_asked_for_and_shown(self, office: Office, tmp_path: Path) -> None:
        """With the time of the authority, where its root certificate is given."""
        office.sign("device", "approve", "--all", "--yes")
        with authority(tmp_path / "tsa") as tsa:
            words = ("--timestamp", tsa.url)
            assert office.sign("checkpoint", *words).code == ExitCode.USAGE
            assert office.sign("checkpoint", *words, "--timestamp-ca", tsa.roots_file).code == 0
            said = office.say("checkpoint", "--show")
            assert "not checked" in said.out
            said = office.say("checkpoint", "--show", "--timestamp-ca", tsa.roots_file, "--json")
            (row,) = said.json
            assert (row["seq"], row["size"], row["timestamp_wrong"]) == (1, 1, False)
            assert row["timestamp"][:10] == row["created_at"][:10]
            for path in office.bucket.rglob("_timestamps/*.tsr"):
                path.write_bytes(path.read_bytes()[:-9])
            said = office.say("checkpoint", "--show", "--timestamp-ca", tsa.roots_file)
            assert said.code == ExitCode.ATTENTION

    def test_an_authority_that_does_not_answer_is_told_after_the_checkpoint(
        self, office: Office, tmp_path: Path
    ) -> None:
        """It is signed; the next run asks again."""
        office.sign("device", "approve", "--all", "--yes")
        with authority(tmp_path / "tsa") as tsa:
            words = ("--timestamp-ca", tsa.roots_file, "--timestamp")
            said = office.sign("checkpoint", *words, "http://127.0.0.1:9/")
            assert (said.code, "checkpoint 1 covers 1" in said.out) == (3, True)
            assert office.sign("checkpoint", *words, tsa.url).code == 0
        assert len(list(office.bucket.rglob("_timestamps/*.tsr"))) == 1

    def test_a_checkpoint_needs_a_key_and_to_look_needs_none(self, office: Office) -> None:
        """The policy says whom to believe."""
        assert office.say("checkpoint").code == ExitCode.USAGE
        assert office.say("checkpoint", "--show").code == 0
