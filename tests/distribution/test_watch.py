"""What is in force on a machine, from what lies in its folders."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from signedpolicies import ADMIN, OTHER, Fleet, policy_text, signed_policy, tenant_of

from archiver.distribution import following
from archiver.distribution.fetch import Fetched
from archiver.distribution.refusals import Reason
from archiver.evidence import policies

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.distribution.standing import Standing

DAY = timedelta(days=1)


def reasons(standing: Standing) -> list[Reason]:
    """Give why something was refused."""
    return [one.reason for one in standing.refusals]


def plain(path: Path, name: str) -> None:
    """Write a policy that nobody signed."""
    path.write_text(policy_text(name))


class TestWithoutASource:
    """As ever: the first plain policy."""

    def test_the_first_plain_policy_is_in_force(self, fleet: Fleet) -> None:
        """The machine's before the user's."""
        plain(fleet.folders.user / "policy.json", "mine")
        assert tenant_of(fleet.found()) == "mine"
        plain(fleet.folders.machine / "policy.json", "theirs")
        standing = fleet.found()
        assert (tenant_of(standing), standing.pinned, standing.signed) == ("theirs", False, None)

    def test_a_signed_file_is_not_taken_on_its_own_word(self, fleet: Fleet) -> None:
        """Nothing here says whose signature would count."""
        fleet.deliver(signed_policy(1))
        assert fleet.found().loaded is None
        told = fleet.found(fleet.file)
        assert "source.toml" in told.refusals[0].advice

    def test_a_policy_that_goes_leaves_nothing_in_force(self, fleet: Fleet) -> None:
        """And it is a change, told once."""
        path = fleet.folders.user / "policy.json"
        plain(path, "mine")
        watch = fleet.watch()
        assert [watch.check().changed for _ in range(3)] == [True, False, False]
        path.unlink()
        assert [watch.check().changed for _ in range(3)] == [True, False, False]


class TestWithASource:
    """Only what a named key signed."""

    def test_a_signed_policy_is_in_force_and_a_plain_one_is_not(self, fleet: Fleet) -> None:
        """Wherever the plain one stands."""
        fleet.pin()
        plain(fleet.folders.machine / "policy.json", "plain")
        assert fleet.found().loaded is None
        fleet.deliver(signed_policy(1))
        standing = fleet.found()
        assert tenant_of(standing) == "t1"
        assert standing.signed is not None
        assert standing.signed.names == ("admin/acme",)
        assert standing.source == str(fleet.file)

    def test_the_machines_source_binds_what_a_user_names(
        self, fleet: Fleet, tmp_path: Path
    ) -> None:
        """--config and the user's own folder go the same way."""
        fleet.pin()
        fleet.pin(OTHER, folder=fleet.folders.user)
        named = tmp_path / "named.json"
        plain(named, "mine")
        standing = fleet.found(named)
        assert (standing.loaded, reasons(standing)) == (None, [Reason.UNSIGNED])
        named.write_bytes(signed_policy(5, keys=(OTHER,)))
        assert reasons(fleet.found(named)) == [Reason.ANOTHER_KEY]
        named.write_bytes(signed_policy(5))
        assert tenant_of(fleet.found(named)) == "t5"

    def test_a_user_may_bind_themselves_where_no_admin_does(self, fleet: Fleet) -> None:
        """The user's source.toml and policy.signed are the second place."""
        fleet.pin(folder=fleet.folders.user)
        fleet.deliver(signed_policy(1), fleet.folders.user / "policy.signed")
        assert tenant_of(fleet.found()) == "t1"

    def test_a_newer_one_is_taken_at_the_next_look_and_told_once(self, fleet: Fleet) -> None:
        """No restart."""
        fleet.pin()
        fleet.deliver(signed_policy(1))
        watch = fleet.watch()
        assert watch.check().changed
        assert not watch.check().changed
        fleet.deliver(signed_policy(2))
        standing = watch.check()
        assert (tenant_of(standing), standing.changed) == ("t2", True)

    def test_a_look_without_a_change_reads_and_verifies_nothing(
        self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is made at every tick, and every second of a long pass."""
        fleet.pin()
        fleet.deliver(signed_policy(1))
        watch = fleet.watch()
        watch.check()
        fleet.deliver(signed_policy(1, keys=(OTHER,)))
        assert reasons(watch.check()) == [Reason.ANOTHER_KEY]

        def read(*_: object) -> bytes:
            pytest.fail("it was read again")

        monkeypatch.setattr(following.reading, "read", read)
        assert reasons(watch.check()) == [Reason.ANOTHER_KEY]

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"rubbish", Reason.UNSIGNED),
            (signed_policy(9, keys=(OTHER,)), Reason.ANOTHER_KEY),
            (signed_policy(9).replace(b"t9", b"t8"), Reason.FORGED),
            (signed_policy(1), Reason.DOWNGRADED),
            (signed_policy(2, policy_text("other")), Reason.CONTRADICTING),
            (signed_policy(9, at=Fleet.now + 9 * DAY), Reason.CLOCK),
            (signed_policy(9, at=Fleet.now - 9 * DAY, life=DAY), Reason.STALE),
            (signed_policy(9, "{}"), Reason.INVALID),
        ],
        ids=lambda one: one if isinstance(one, Reason) else "file",
    )
    def test_what_is_refused_leaves_the_last_good_in_force(
        self, fleet: Fleet, body: bytes, reason: Reason
    ) -> None:
        """Now, and after a restart; the file is named, and each look says so until it goes."""
        fleet.pin()
        fleet.deliver(signed_policy(2))
        watch = fleet.watch()
        watch.check()
        fleet.deliver(body)
        for standing in (watch.check(), watch.check(), fleet.found()):
            assert (tenant_of(standing), reasons(standing)) == ("t2", [reason])
            assert all(str(fleet.file) in line for line in standing.refusals[0].problems)
        fleet.deliver(signed_policy(2))
        assert reasons(watch.check()) == []

    def test_a_file_that_is_deleted_stops_nothing_and_is_named(self, fleet: Fleet) -> None:
        """Deleting a file must not end the archive's duty."""
        fleet.pin()
        fleet.deliver(signed_policy(2))
        watch = fleet.watch()
        watch.check()
        fleet.file.unlink()
        for standing in (watch.check(), fleet.found()):
            assert (tenant_of(standing), reasons(standing)) == ("t2", [Reason.GONE])

    def test_what_is_in_force_stays_after_its_end(self, fleet: Fleet) -> None:
        """After a restart, too; status and doctor say that it is over."""
        fleet.pin()
        fleet.deliver(signed_policy(2, life=DAY))
        fleet.found()
        fleet.now += 99 * DAY
        standing = fleet.found()
        assert (tenant_of(standing), reasons(standing)) == ("t2", [])
        assert standing.signed is not None
        assert standing.signed.signed.is_over(fleet.now)

    def test_a_clock_that_is_set_lets_in_what_it_kept_out(self, fleet: Fleet) -> None:
        """Without a touch of the file: at most a minute later."""
        fleet.pin()
        fleet.deliver(signed_policy(2, at=fleet.now + 9 * DAY))
        watch = fleet.watch()
        assert reasons(watch.check()) == [Reason.CLOCK]
        fleet.now += 9 * DAY
        assert tenant_of(watch.check()) == "t2"

    def test_another_key_begins_anew_whatever_number_the_old_one_signed(self, fleet: Fleet) -> None:
        """A thief of the old key may have signed the highest number there is."""
        fleet.pin()
        fleet.deliver(signed_policy(10**12 - 1))
        watch = fleet.watch()
        watch.check()
        fleet.pin(OTHER)
        fleet.deliver(signed_policy(1, policy_text("new"), keys=(OTHER,)))
        for standing in (watch.check(), fleet.found()):
            assert (tenant_of(standing), reasons(standing)) == ("new", [])

    def test_a_key_that_is_added_loses_no_memory(self, fleet: Fleet) -> None:
        """The number still binds, because a key that is trusted had signed it."""
        fleet.pin()
        fleet.deliver(signed_policy(7))
        fleet.found()
        fleet.pin(ADMIN, OTHER)
        fleet.deliver(signed_policy(6, keys=(OTHER,)))
        standing = fleet.found()
        assert (tenant_of(standing), reasons(standing)) == ("t7", [Reason.DOWNGRADED])

    @pytest.mark.parametrize("text", ["keys = [", "keys = []", 'keys = ["a+00000000+x"]', ""])
    def test_a_source_that_cannot_be_used_lets_nothing_new_in(
        self, fleet: Fleet, text: str
    ) -> None:
        """What was accepted goes on, also after a restart; nobody's plain policy comes instead."""
        path = fleet.pin()
        fleet.deliver(signed_policy(2))
        watch = fleet.watch()
        watch.check()
        path.write_text(text)
        plain(fleet.folders.user / "policy.json", "mine")
        fleet.deliver(signed_policy(3))
        for standing in (watch.check(), watch.check(), fleet.found()):
            assert (tenant_of(standing), reasons(standing)) == ("t2", [Reason.SOURCE])
        fleet.pin()
        assert tenant_of(watch.check()) == "t3"

    def test_a_source_that_appears_ends_the_plain_policy(self, fleet: Fleet) -> None:
        """And one that goes lets it in again."""
        plain(fleet.folders.user / "policy.json", "mine")
        watch = fleet.watch()
        assert tenant_of(watch.check()) == "mine"
        source = fleet.pin()
        standing = watch.check()
        assert (standing.loaded, standing.changed) == (None, True)
        source.unlink()
        assert tenant_of(watch.check()) == "mine"

    def test_a_change_of_a_file_that_the_policy_names_counts(self, fleet: Fleet) -> None:
        """As with a plain policy: new keys take effect without a restart."""
        key = fleet.root / "subject.key"
        key.write_text("synthetic-subject-key")
        text = json.loads(policy_text("acme"))
        text["tenants"][0]["identity"] = {"subject_key_file": str(key)}
        fleet.pin()
        fleet.deliver(signed_policy(1, json.dumps(text)))
        watch = fleet.watch()
        assert [watch.check().changed for _ in range(2)] == [True, False]
        key.write_text("synthetic-subject-key-2")
        assert [watch.check().changed for _ in range(2)] == [True, False]

    def test_who_looks_beside_a_daemon_writes_nothing(self, fleet: Fleet) -> None:
        """Two writers could go back behind each other."""
        fleet.pin()
        fleet.deliver(signed_policy(1))
        assert tenant_of(fleet.watch(keeps=False).check()) == "t1"
        assert list(fleet.state.iterdir()) == []

    def test_a_disk_without_room_puts_nothing_in_force_that_a_restart_would_lose(
        self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The last one stays, and it is tried again."""
        fleet.pin()
        fleet.deliver(signed_policy(1))
        watch = fleet.watch()
        watch.check()
        fleet.deliver(signed_policy(2))

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("archiver.distribution.keeping.files.replace", full)
            standing = watch.check()
        assert (tenant_of(standing), reasons(standing)) == ("t1", [Reason.NOT_KEPT])
        assert tenant_of(fleet.found()) == "t2"
        fleet.now += timedelta(minutes=1)
        assert tenant_of(watch.check()) == "t2"

    def test_the_document_may_be_toml_too(self, fleet: Fleet) -> None:
        """It is signed as it was written."""
        made = policies.next_policy("version = 1\ntenants = []\n", "toml", number=1, now=fleet.now)
        fleet.pin()
        fleet.deliver(policies.sign(made, ADMIN))
        standing = fleet.found()
        assert standing.loaded is not None
        assert standing.loaded.policy.tenants == ()


class TestFromAnAddress:
    """What an address answered is handed in; a look judges it."""

    URL = "https://config.example.com/policy.signed"

    def test_with_an_address_no_file_counts_but_one_that_is_named(
        self, fleet: Fleet, tmp_path: Path
    ) -> None:
        """What is named is a source of its own, and must be signed as well."""
        fleet.pin(url=self.URL)
        fleet.deliver(signed_policy(1))
        assert fleet.found().loaded is None
        named = tmp_path / "named.signed"
        named.write_bytes(signed_policy(2))
        watch = fleet.watch(named)
        assert (tenant_of(watch.check()), watch.asking) == ("t2", None)

    def test_an_etag_is_only_sent_to_the_address_that_gave_it(self, fleet: Fleet) -> None:
        """Another server may use the same one for something else."""
        fleet.pin(url=self.URL)
        watch = fleet.watch()
        watch.check()
        watch.take(self.URL, Fetched(signed_policy(1), '"1"'))
        assert tenant_of(watch.check()) == "t1"
        assert watch.asking is not None
        assert watch.asking.etag == '"1"'
        fleet.pin(url=f"{self.URL}.new")
        watch.check()
        assert watch.asking.etag is None

    def test_an_answer_of_an_address_that_counts_no_more_is_not_looked_at(
        self, fleet: Fleet
    ) -> None:
        """It was asked before the source was changed."""
        fleet.pin(url=self.URL)
        watch = fleet.watch()
        watch.check()
        watch.take(f"{self.URL}.old", Fetched(signed_policy(1), None))
        assert watch.check().loaded is None
        watch.take(self.URL, Fetched(signed_policy(1), None))
        assert tenant_of(watch.check()) == "t1"
