"""What a checkpoint covers, what it leaves out, and when none is signed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from fleet import DESKTOP, LAPTOP, Fleet
from hypothesis import given, settings
from hypothesis import strategies as st

from archiver.archive.coverage import rollup_lines
from archiver.archive.signers import Trust
from archiver.errors import Damaged, EvidenceError, HistoryChanged, Overtaken, StoreError
from archiver.evidence import leaves, statement
from archiver.evidence.keys import SigningKey
from archiver.evidence.merkle import Tree
from archiver.format.keys import ManifestKey, Series, SeriesKey
from archiver.model.answers import Answer
from archiver.stores.faults import Fault, FaultPlan, LoseAnswer, Plant, Refuse
from archiver.stores.folder import FolderStore
from archiver.stores.memory import MemoryStore
from archiver.witness import pack
from archiver.witness.bounds import SERIES
from archiver.witness.checkpoint import checkpoint
from archiver.witness.gather import gaps
from archiver.witness.memory import Head
from archiver.witness.newcomers import MAX_GAP, LeftOut, Reason
from archiver.witness.place import Place
from archiver.witness.register import Desk

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.witness.checkpoint import Outcome


def told(outcome: Outcome) -> list[tuple[str, str]]:
    """Give why what was left out."""
    return [(str(one.reason), one.object) for one in outcome.left_out]


def leaf_of(key: str, body: bytes) -> leaves.Leaf:
    """Make a manifest's leaf by hand."""
    device, name = key.split("/")[-2:]
    return leaves.Leaf(device, int(name[:12]), hashlib.sha256(body).hexdigest())


async def test_a_checkpoint_covers_every_manifest_of_approved_devices(covered: Fleet) -> None:
    """And a verification has nothing to say."""
    report = await covered.report()
    assert (report.findings, report.checkpoints) == ((), 1)
    assert report.exit_status == 0


async def test_the_root_is_that_of_the_leaves_in_their_order(covered: Fleet) -> None:
    """Anybody can compute it from the manifests themselves, day by day."""
    days = [covered.names("_manifests/")]
    covered.ship(LAPTOP, DESKTOP)
    days.append([key for key in covered.names("_manifests/") if key not in days[0]])
    outcome = await covered.checkpoint()
    tree = Tree()
    for day in days:
        lines = [leaf_of(key, covered.store.objects[key].body) for key in day]
        tree.extend(leaves.hash_of(line) for line in leaves.in_order(lines))
    assert (outcome.statement.size, outcome.statement.root) == (6, tree.root().hex())
    assert outcome.added == 2


async def test_roll_ups_hold_the_manifests_themselves(covered: Fleet) -> None:
    """Byte for byte, under their keys without the prefix."""
    (name,) = covered.names("_rollups/")
    found = {
        line.key: line.note.encode() for line in rollup_lines(covered.store.objects[name].body)
    }
    assert found == {key: covered.store.objects[key].body for key in covered.names("_manifests/")}


async def test_a_roll_up_that_is_full_is_followed_by_another(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each says where its leaves begin."""
    monkeypatch.setattr(pack, "MAX_ROLLUP_BYTES", 2000)
    for _ in range(5):
        fleet.ship(LAPTOP)
    await fleet.approve(LAPTOP)
    outcome = await fleet.checkpoint()
    entries = outcome.statement.rollups
    assert len(entries) > 1
    assert [one.first for one in entries] == [
        sum(one.count for one in entries[:at]) for at in range(len(entries))
    ]
    assert await fleet.codes() == []


async def test_an_archive_below_a_prefix_is_covered_as_it_is(tmp_path: Path) -> None:
    """The prefix stands in no signed text, so that the archive can be moved."""
    fleet = Fleet(tmp_path, prefix="some/where")
    fleet.ship(LAPTOP)
    await fleet.approve(LAPTOP)
    outcome = await fleet.checkpoint()
    assert outcome.statement.rollups[0].key.startswith("tenant=acme/_rollups/")
    assert await fleet.codes() == []


class TestSilence:
    """When nothing is new."""

    async def test_nothing_is_signed_for_a_while(self, covered: Fleet) -> None:
        """The same command twice on one day is one checkpoint."""
        covered.pass_days(-1 + 1 / 24)
        outcome = await covered.checkpoint()
        assert (outcome.signed, outcome.statement.seq) == (False, 1)
        assert len(covered.names("_checkpoints/")) == 1

    async def test_the_next_day_it_is_said_again(self, covered: Fleet) -> None:
        """So that silence can be told from deletion; also by a run that begins a bit early."""
        covered.pass_days(-1 / 24)
        outcome = await covered.checkpoint()
        assert (outcome.signed, outcome.statement.seq, outcome.added) == (True, 2, 0)
        assert await covered.codes() == []

    async def test_it_is_said_at_once_when_asked_for(self, covered: Fleet) -> None:
        """Before something is taken out of the store, for instance."""
        covered.pass_days(-1)
        assert (await covered.checkpoint(force=True)).signed

    async def test_a_new_registry_is_news(self, covered: Fleet) -> None:
        """A checkpoint fixes it, so it cannot be taken back unseen."""
        covered.pass_days(-1)
        await covered.revoke(DESKTOP)
        outcome = await covered.checkpoint()
        assert outcome.signed
        assert outcome.statement.registry is not None

    async def test_a_tenant_without_anything_gets_a_first_one(self, fleet: Fleet) -> None:
        """An empty tree is a statement too."""
        outcome = await fleet.checkpoint()
        assert (outcome.statement.seq, outcome.statement.size) == (1, 0)


class TestLeftOut:
    """What is not covered is told, each time, until it can be."""

    async def test_a_device_that_waits_is_covered_once_it_is_approved(self, fleet: Fleet) -> None:
        """Its earlier manifests too."""
        fleet.ship(LAPTOP, DESKTOP)
        await fleet.approve(LAPTOP)
        outcome = await fleet.checkpoint()
        assert (told(outcome), outcome.exit_status) == ([("waiting", DESKTOP)], 2)
        await fleet.approve(DESKTOP)
        outcome = await fleet.checkpoint()
        assert (outcome.added, told(outcome), outcome.exit_status) == (1, [], 0)
        assert await fleet.codes() == []

    async def test_a_device_that_nobody_approved_costs_no_read(self, fleet: Fleet) -> None:
        """Whoever may write could otherwise make every run long."""
        fleet.ship(LAPTOP, DESKTOP)
        await fleet.approve(LAPTOP)
        fleet.store.calls.clear()
        await fleet.checkpoint()
        got = [one.key for one in fleet.store.calls if one.verb == "get"]
        assert [key for key in got if "_manifests/" in key and DESKTOP in key] == []

    async def test_an_altered_manifest_is_left_out(self, covered: Fleet) -> None:
        """What follows it is covered."""
        first, _ = covered.ship(LAPTOP, DESKTOP)
        covered.ship(LAPTOP)
        body = covered.store.objects[first].body
        covered.put(first, body.replace(b"synthetic", b"Synthetic"))
        outcome = await covered.checkpoint()
        assert (told(outcome), outcome.exit_status) == ([("altered", first)], 1)
        assert outcome.added == 2
        covered.put(first, body)
        again = await covered.checkpoint()
        assert (again.added, told(again)) == (1, [])
        assert await covered.codes() == []

    async def test_a_manifest_signed_by_a_stranger_is_left_out(self, covered: Fleet) -> None:
        """Also where the stranger published the key: it then waits for an admin."""
        stranger = SigningKey.generate(f"device/{LAPTOP}")
        key = covered.manifest(LAPTOP, signer=stranger)
        assert told(await covered.checkpoint()) == [("forged", key)]
        covered.enrol(LAPTOP, stranger)
        assert told(await covered.checkpoint()) == [("waiting", key)]

    async def test_two_of_one_number_are_both_left_out(self, covered: Fleet) -> None:
        """A tree covers one manifest for each number, and nobody knows which."""
        last = covered._last[LAPTOP]
        one = covered.manifest(LAPTOP)
        covered._last[LAPTOP] = last
        two = covered.manifest(LAPTOP, software="other")
        outcome = await covered.checkpoint()
        assert told(outcome) == sorted([("forked", one), ("forked", two)])
        assert outcome.exit_status == 1

    async def test_one_that_leaves_the_chain_is_left_out(self, covered: Fleet) -> None:
        """It does not follow what is covered."""
        key = covered.manifest(LAPTOP, previous="0" * 64)
        assert told(await covered.checkpoint()) == [("forked", key)]

    async def test_a_number_that_is_missing_is_told_and_covered_when_it_comes(
        self, covered: Fleet
    ) -> None:
        """Manifests may arrive out of order."""
        (late,) = covered.ship(LAPTOP)
        covered.ship(LAPTOP)
        body = covered.store.objects[late].body
        covered.drop(late)
        outcome = await covered.checkpoint()
        assert (told(outcome), outcome.exit_status, outcome.added) == ([("gap", LAPTOP)], 2, 1)
        covered.put(late, body)
        outcome = await covered.checkpoint()
        assert (told(outcome), outcome.exit_status, outcome.added) == ([], 0, 1)
        assert await covered.codes() == []

    async def test_what_a_revoked_key_signed_later_is_left_out(self, covered: Fleet) -> None:
        """As it says itself."""
        await covered.revoke(LAPTOP)
        covered.pass_days(1)
        (key,) = covered.ship(LAPTOP)
        outcome = await covered.checkpoint()
        assert (told(outcome), outcome.exit_status) == ([("revoked", key)], 1)

    async def test_a_revoked_key_cannot_get_anything_covered_by_an_earlier_date(
        self, covered: Fleet
    ) -> None:
        """Whoever stole it would write yesterday's date; a checkpoint must not vouch for that."""
        await covered.revoke(LAPTOP)
        covered.now -= timedelta(hours=30)
        key = covered.manifest(LAPTOP)
        covered.pass_days(3)
        outcome = await covered.checkpoint()
        assert (told(outcome), outcome.added) == ([("unproven", key)], 0)

    async def test_an_oversized_manifest_is_left_out(
        self, covered: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No roll-up could be read back."""
        monkeypatch.setattr("archiver.witness.newcomers._MAX_BYTES", 700)
        key = covered.manifest(LAPTOP, software="x" * 700)
        assert told(await covered.checkpoint()) == [("too-large", key)]

    @pytest.mark.parametrize("number", [30_000_000, 999_999_999_999])
    async def test_a_number_that_no_device_reached_is_left_out(
        self, covered: Fleet, number: int
    ) -> None:
        """Covered, it would make every true next one a fork; what is true goes on."""
        last = covered._last[LAPTOP]
        key = covered.manifest(LAPTOP, seq=number)
        covered._last[LAPTOP] = last
        covered.ship(LAPTOP)
        outcome = await covered.checkpoint()
        assert (told(outcome), outcome.exit_status, outcome.added) == ([("far", key)], 1, 1)

    async def test_a_gap_is_counted_and_not_enumerated(self, covered: Fleet) -> None:
        """As far as it is believed at all."""
        last = covered._last[LAPTOP]
        covered.manifest(LAPTOP, seq=last[0] + 1 + MAX_GAP)
        outcome = await covered.checkpoint()
        assert told(outcome) == [("gap", LAPTOP)]
        assert outcome.left_out[0].meaning == "10000 manifests from number 3 on are not there"
        runs = {LAPTOP: Head(((1, 2), (10**11, 10**11)))}
        seen = [LeftOut(Reason.FORKED, str(ManifestKey("", "acme", LAPTOP, 3, "0" * 16)), "")]
        (gap,) = gaps(runs, seen)
        assert gap.meaning == "99999999996 manifests from number 4 on are not there"

    async def test_unsigned_numbers_are_no_bridge_to_a_far_one(self, covered: Fleet) -> None:
        """Anybody who may write could lay them."""
        last, stranger = covered._last[LAPTOP], SigningKey.generate(f"device/{LAPTOP}")
        covered.manifest(LAPTOP, seq=9_000, signer=stranger)
        covered._last[LAPTOP] = last
        key = covered.manifest(LAPTOP, seq=18_000)
        outcome = await covered.checkpoint()
        assert ("far", key) in told(outcome)
        assert outcome.added == 0

    async def test_number_0_is_no_manifest(self, covered: Fleet) -> None:
        """Numbers begin with 1; what lies under another name holds nothing up."""
        last = covered._last[LAPTOP]
        covered.manifest(LAPTOP, seq=0)
        covered._last[LAPTOP] = last
        covered.ship(LAPTOP)
        outcome = await covered.checkpoint()
        assert (told(outcome), outcome.added) == ([], 1)

    async def test_what_is_too_large_is_told_and_never_read(
        self, covered: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever may write may write gigabytes."""
        monkeypatch.setattr("archiver.witness.newcomers._MAX_BYTES", 2000)
        key = covered.manifest(LAPTOP, software="x" * 2000)
        covered.store.calls.clear()
        assert told(await covered.checkpoint()) == [("too-large", key)]
        assert key not in [one.key for one in covered.store.calls if one.verb == "get"]

    @pytest.mark.parametrize("series", [Series.REGISTRY, Series.CHECKPOINTS])
    async def test_a_note_of_the_admin_that_is_too_large_is_refused_unread(
        self, covered: Fleet, series: Series
    ) -> None:
        """Nothing is signed, and it is named."""
        name = str(SeriesKey("", "acme", series, 2, "0" * 16))
        covered.put(name, bytes(SERIES[series] + 1))
        covered.store.calls.clear()
        with pytest.raises(EvidenceError, match=name):
            await covered.checkpoint()
        assert name not in [one.key for one in covered.store.calls if one.verb == "get"]

    def test_only_what_somebody_can_act_on_changes_the_exit_code(self) -> None:
        """What an admin decided stays told, and does not make every night's run fail."""
        assert {str(one) for one in Reason if one.status == 0} == {"early", "unproven"}


class TestCrashes:
    """A run may end anywhere, and be given again."""

    async def test_a_roll_up_without_a_statement_is_used_by_the_next_run(
        self, covered: Fleet
    ) -> None:
        """Under the same key, and harmless until then."""
        covered.ship(LAPTOP)
        covered.store.plan = FaultPlan(
            (Fault("put", Refuse(Answer.CREDENTIALS), key=lambda key: "_checkpoints/" in key),)
        )
        with pytest.raises(StoreError):
            await covered.checkpoint()
        left = covered.names("_rollups/")
        assert len(left) == 2
        assert await covered.codes() == []
        covered.store.plan = FaultPlan()
        assert (await covered.checkpoint()).added == 1
        assert covered.names("_rollups/") == left
        assert await covered.codes() == []

    async def test_a_roll_up_that_is_out_of_date_is_left_alone(self, covered: Fleet) -> None:
        """More came meanwhile: the next run writes its own, and nobody reads the old one."""
        covered.ship(LAPTOP)
        covered.store.plan = FaultPlan(
            (Fault("put", Refuse(Answer.CREDENTIALS), key=lambda key: "_checkpoints/" in key),)
        )
        with pytest.raises(StoreError):
            await covered.checkpoint()
        covered.store.plan = FaultPlan()
        covered.ship(DESKTOP)
        assert (await covered.checkpoint()).added == 2
        assert len(covered.names("_rollups/")) == 3
        assert await covered.codes() == []

    async def test_an_answer_that_was_lost_is_asked_for_again(self, covered: Fleet) -> None:
        """The statement was stored, and the next attempt meets itself."""
        covered.ship(LAPTOP)
        covered.store.plan = FaultPlan(
            (Fault("put", LoseAnswer(), nth=1), Fault("put", LoseAnswer(), nth=3))
        )
        assert (await covered.checkpoint()).added == 1
        assert await covered.codes() == []

    async def test_a_memory_that_was_not_written_is_caught_up(self, covered: Fleet) -> None:
        """The statement is in the store; the machine died before it remembered."""
        kept = {path: path.read_bytes() for path in covered.memory.iterdir()}
        covered.ship(LAPTOP, DESKTOP)
        await covered.checkpoint()
        for path, body in kept.items():
            path.write_bytes(body)
        covered.ship(LAPTOP)
        outcome = await covered.checkpoint()
        assert (outcome.added, outcome.believed) == (1, 1)
        assert await covered.codes() == []

    async def test_somebody_elses_bytes_under_a_roll_ups_key_are_told(self, covered: Fleet) -> None:
        """Nothing is signed that readers would not find."""
        covered.ship(LAPTOP)
        covered.store.plan = FaultPlan(
            (Fault("put", Plant(b"mine"), key=lambda key: "_rollups/" in key),)
        )
        with pytest.raises(EvidenceError, match="other bytes lie under"):
            await covered.checkpoint()
        assert len(covered.names("_checkpoints/")) == 1


class TestMemory:
    """What this machine signed before must still be there."""

    async def test_a_store_that_was_set_back_is_refused(self, covered: Fleet) -> None:
        """The newest statement is gone, with everything that it covered."""
        before = dict(covered.store.objects)
        covered.ship(LAPTOP)
        await covered.checkpoint()
        covered.store.objects = before
        covered.ship(LAPTOP)
        with pytest.raises(HistoryChanged, match="ends with checkpoint number 1"):
            await covered.checkpoint()
        assert len(covered.names("_checkpoints/")) == 1

    async def test_another_history_is_refused(self, covered: Fleet) -> None:
        """Somebody has the admin's key and wrote another checkpoint in place of the one seen."""
        before = dict(covered.store.objects)
        covered.ship(LAPTOP)
        await covered.checkpoint()
        covered.store.objects = before
        elsewhere = Fleet(covered.memory / "elsewhere", store=covered.store, admin=covered.admin)
        elsewhere.now = covered.now
        await elsewhere.checkpoint(force=True)
        with pytest.raises(HistoryChanged, match="another checkpoint number 2"):
            await covered.checkpoint()

    async def test_a_copy_that_is_behind_gets_no_checkpoint_that_contradicts(
        self, covered: Fleet, tmp_path: Path
    ) -> None:
        """One number, one statement: also where the machine never saw that store."""
        async with FolderStore(tmp_path / "old") as store:
            for name, one in covered.store.objects.items():
                (tmp_path / "old" / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / "old" / name).write_bytes(one.body)
            covered.ship(LAPTOP)
            await covered.checkpoint()
            desk = replace(covered.desk, place=Place(store, "", "acme"))
            with pytest.raises(HistoryChanged, match="would contradict it"):
                await checkpoint(desk, covered.now, force=True)
            assert len(list((tmp_path / "old").rglob("_checkpoints/*.note"))) == 1
            await checkpoint(desk, covered.now, force=True, another_history=True)
        assert (await covered.checkpoint(force=True)).statement.seq == 3

    async def test_a_registry_that_was_taken_back_is_refused(self, covered: Fleet) -> None:
        """Or a stolen device would count again."""
        await covered.revoke(LAPTOP)
        covered.drop(covered.names("_registry/")[-1])
        with pytest.raises(HistoryChanged, match="registry number 1"):
            await covered.checkpoint()

    async def test_without_memory_the_checkpoint_itself_remembers_the_registry(
        self, covered: Fleet
    ) -> None:
        """It names the newest one."""
        await covered.revoke(LAPTOP)
        await covered.checkpoint()
        covered.drop(covered.names("_registry/")[-1])
        covered.memory = covered.memory / "new-machine"
        with pytest.raises(HistoryChanged, match="names a registry"):
            await covered.checkpoint()

    async def test_a_new_machine_goes_on_and_says_that_it_believed(self, covered: Fleet) -> None:
        """It reads the old roll-ups to know what is covered."""
        covered.ship(LAPTOP)
        covered.memory = covered.memory / "new-machine"
        outcome = await covered.checkpoint()
        assert (outcome.believed, outcome.added, outcome.statement.size) == (1, 1, 5)
        assert await covered.codes() == []

    async def test_a_new_machine_knows_the_newest_of_a_device_although_an_older_one_came_later(
        self, covered: Fleet
    ) -> None:
        """What follows must name the newest, not the one that was covered last."""
        (late,) = covered.ship(LAPTOP)
        covered.ship(LAPTOP)
        body = covered.store.objects[late].body
        covered.drop(late)
        await covered.checkpoint()
        covered.put(late, body)
        await covered.checkpoint()
        covered.memory = covered.memory / "new-machine"
        covered.ship(LAPTOP)
        assert told(await covered.checkpoint()) == []

    async def test_a_new_machine_refuses_where_a_roll_up_is_gone(self, covered: Fleet) -> None:
        """It would cover the same manifests again."""
        covered.drop(*covered.names("_rollups/"))
        covered.memory = covered.memory / "new-machine"
        with pytest.raises(Damaged, match="is gone"):
            await covered.checkpoint()

    async def test_a_clock_that_went_backwards_is_refused(self, covered: Fleet) -> None:
        """The chain would say that it was signed before itself."""
        covered.pass_days(-3)
        with pytest.raises(EvidenceError, match="clock"):
            await covered.checkpoint(force=True)

    @pytest.mark.parametrize("series", ["_registry/", "_checkpoints/"])
    async def test_nothing_is_signed_on_top_of_what_is_not_sound(
        self, covered: Fleet, series: str
    ) -> None:
        """One flipped byte in an old note is enough."""
        (name,) = covered.names(series)
        body = bytearray(covered.store.objects[name].body)
        body[40] ^= 1
        covered.put(name, bytes(body))
        with pytest.raises(EvidenceError, match="not sound"):
            await covered.checkpoint()

    async def test_a_checkpoint_of_a_stranger_is_not_followed(self, covered: Fleet) -> None:
        """Whoever may write can put one there; the admin is told which object it is."""
        forger = Fleet(covered.memory / "forger", store=MemoryStore())
        await forger.checkpoint()
        for name in forger.names("_checkpoints/"):
            covered.put(name.replace("0001-", "0002-"), forger.store.objects[name].body)
        with pytest.raises(EvidenceError, match="not sound") as refused:
            await covered.checkpoint()
        assert "remove it" in refused.value.advice


class TestTwoAdmins:
    """Without a lock between them."""

    async def test_the_slower_one_is_told_and_overwrites_nothing(self, covered: Fleet) -> None:
        """The other's statement came between its look and its put."""
        covered.ship(LAPTOP)
        other = Fleet(covered.memory / "other", store=MemoryStore(), admin=covered.admin)
        other.store.objects = dict(covered.store.objects)
        other.now = covered.now + timedelta(minutes=1)
        await other.checkpoint()
        (theirs,) = set(other.names("_checkpoints/")) - set(covered.names("_checkpoints/"))
        put = covered.store.put

        async def meanwhile(key: str, body: bytes, **said: object) -> object:
            if "_checkpoints/" in key:
                covered.put(theirs, other.store.objects[theirs].body)
            return await put(key, body, **said)  # type: ignore[arg-type]

        covered.store.put = meanwhile  # type: ignore[method-assign, assignment]
        with pytest.raises(Overtaken, match="another admin was faster"):
            await covered.checkpoint()
        assert covered.names("_checkpoints/")[1:] == [theirs]
        covered.store.put = put  # type: ignore[method-assign]
        covered.pass_days(1)
        outcome = await covered.checkpoint()
        assert (outcome.statement.seq, outcome.believed) == (3, 1)
        assert await covered.codes() == []

    async def test_one_after_the_other_they_go_on_from_each_other(self, covered: Fleet) -> None:
        """Each has a key of its own that both trust, and a memory of its own."""
        one = covered.desk
        other = SigningKey.generate("admin/deputy")
        covered.ship(LAPTOP)
        both = Trust((covered.admin.public, other.public))
        deputy = Desk(one.place, both, other, covered.memory / "deputy")
        await checkpoint(deputy, covered.now)
        covered.pass_days(1)
        admin = Desk(one.place, both, covered.admin, covered.memory)
        assert (await checkpoint(admin, covered.now)).statement.seq == 3


class TestWhatItIsFor:
    """A stolen device key and the bucket's keys together."""

    async def test_a_stolen_key_cannot_rewrite_what_is_covered(self, covered: Fleet) -> None:
        """Signed, chained, and under a fitting name: it is still not what was there."""
        gone = covered.names(f"_manifests/{LAPTOP}/")
        covered.drop(*gone)
        covered.now -= timedelta(days=2)
        del covered._last[LAPTOP]
        covered.ship(LAPTOP)
        covered.pass_days(1)
        covered.manifest(LAPTOP, software="rewritten")
        covered.pass_days(1)
        assert "history-rewritten" in await covered.codes()

    async def test_a_deleted_tail_is_seen(self, covered: Fleet) -> None:
        """Nothing in what is left says that there was more."""
        covered.drop(covered.names(f"_manifests/{LAPTOP}/")[-1])
        assert await covered.codes() == ["tail-missing"]

    async def test_a_device_that_was_deleted_wholly_is_seen(self, covered: Fleet) -> None:
        """With its enrolment."""
        covered.drop(*covered.names(f"/{LAPTOP}"))
        assert await covered.codes() == ["tail-missing"]


class TestCopy:
    """A second store that the first one's owner cannot write to."""

    async def test_it_gets_every_statement_also_earlier_ones(
        self, covered: Fleet, tmp_path: Path
    ) -> None:
        """Byte for byte, under the same key."""
        await covered.checkpoint(force=True)
        async with FolderStore(tmp_path / "copy") as store:
            await covered.checkpoint(copy=Place(store, "", "acme"))
            found = {key: await store.get(key) for key in covered.names("_checkpoints/")}
        assert len(found) == 2
        assert found == {key: covered.store.objects[key].body for key in found}

    async def test_what_the_copy_has_and_the_store_has_not_is_told(
        self, covered: Fleet, tmp_path: Path
    ) -> None:
        """Also to a machine that has no memory of its own."""
        before = dict(covered.store.objects)
        covered.ship(LAPTOP)
        async with FolderStore(tmp_path / "copy") as store:
            copy = Place(store, "", "acme")
            await covered.checkpoint(copy=copy)
            covered.store.objects = before
            covered.memory = covered.memory / "new-machine"
            with pytest.raises(HistoryChanged, match="the copy in"):
                await covered.checkpoint(copy=copy)

    async def test_a_copy_with_other_bytes_under_the_same_name_is_told(
        self, covered: Fleet, tmp_path: Path
    ) -> None:
        """A copy that only looks like one would not help on the day when it is needed."""
        async with FolderStore(tmp_path / "copy") as store:
            copy = Place(store, "", "acme")
            await covered.checkpoint(copy=copy)
            path = min((tmp_path / "copy").rglob("*.note"))
            path.write_bytes(b"")
            with pytest.raises(HistoryChanged, match="other bytes"):
                await covered.checkpoint(copy=copy, force=True)
        assert len(covered.names("_checkpoints/")) == 2


@settings(max_examples=25, deadline=None)
@given(data=st.data())
async def test_whatever_comes_in_whatever_order_is_covered_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Ship, checkpoint, lose the memory, hold something back: in the end all is covered."""
    fleet = Fleet(tmp_path_factory.mktemp("admin"))
    devices = [f"{number:016x}" for number in range(3)]
    held: dict[str, bytes] = {}
    fleet.ship(*devices)
    await fleet.approve(*devices)
    steps = st.lists(st.sampled_from(["ship", "hold", "release", "cover", "forget"]), max_size=14)
    for step in data.draw(steps):
        fleet.pass_days(0.1)
        if step in ("ship", "hold"):
            (key,) = fleet.ship(data.draw(st.sampled_from(devices)))
            if step == "hold":
                held[key] = fleet.store.objects.pop(key).body
        elif step == "release":
            for key, body in held.items():
                fleet.put(key, body)
            held.clear()
        elif step == "forget":
            for path in fleet.memory.glob("*.json"):
                path.unlink()
        else:
            await fleet.checkpoint()
    for key, body in held.items():
        fleet.put(key, body)
    fleet.pass_days(1)
    outcome = await fleet.checkpoint()
    assert outcome.left_out == ()
    assert outcome.statement.size == len(fleet.names("_manifests/"))
    assert await fleet.codes() == []


async def test_what_is_signed_can_be_opened_with_the_public_key_alone(covered: Fleet) -> None:
    """The statement, and the C2SP checkpoint inside it."""
    (name,) = covered.names("_checkpoints/")
    opened = statement.opened(covered.store.objects[name].body, covered.admin.public)
    assert statement.checkpoint_of(opened).origin == "archiver/acme"
