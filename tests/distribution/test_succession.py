"""What a machine keeps: through crashes, damage, and anything that is delivered in any order."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from signedpolicies import ADMIN, OTHER, Fleet, policy_text, signed_policy, tenant_of

from archiver.distribution import keeping
from archiver.distribution.refusals import Reason
from archiver.evidence import policies
from archiver.evidence.documents import moment
from archiver.evidence.keys import SigningKey

REPOSITORY = Path(__file__).parents[2]
DAY = timedelta(days=1)
SECOND = SigningKey.generate("admin/second")

_KILLED = """
import os, signal, sys
from pathlib import Path
from signedpolicies import Fleet
from archiver.durable import files
point = int(sys.argv[2])
seen = []
def kill(name):
    seen.append(name)
    if len(seen) == point:
        os.kill(os.getpid(), signal.SIGKILL)
class Again(Fleet):
    def __post_init__(self):
        from archiver.policy.folders import Folders
        self.folders = Folders(self.root / "etc", self.root / "config")
        self.state = self.root / "state"
files.observer = kill
fleet = Again(Path(sys.argv[1]))
assert fleet.found().loaded is not None
print(*seen)
"""


def looked(root: Path, point: int) -> subprocess.CompletedProcess[str]:
    """Look in a process that is killed at this point of what it writes."""
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    return subprocess.run(
        [sys.executable, "-c", _KILLED, str(root), str(point)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_process_that_is_killed_at_any_point_leaves_a_usable_state(tmp_path: Path) -> None:
    """The old policy or the new one is in force afterwards, and never an older one.

    Once the bytes are there, the new one is, without its file: and it binds.
    """
    fleet = Fleet(tmp_path / "machine")
    fleet.pin()
    # Signed by the keys of this process, so the files are made here and read there.
    fleet.deliver(signed_policy(1))
    assert tenant_of(fleet.found()) == "t1"
    before = shutil.copytree(fleet.state, tmp_path / "before")
    fleet.deliver(signed_policy(2))
    points = looked(fleet.root, 0).stdout.split()
    assert len(points) >= 5
    assert "policy.kept" in points
    seen = []
    for point in range(1, len(points) + 1):
        shutil.rmtree(fleet.state)
        shutil.copytree(before, fleet.state)
        fleet.deliver(signed_policy(2))
        assert looked(fleet.root, point).returncode == -signal.SIGKILL
        fleet.file.unlink()
        standing = fleet.found()
        seen.append(tenant_of(standing))
        assert [one.reason for one in standing.refusals] == [Reason.GONE]
        if seen[-1] == "t2":
            fleet.deliver(signed_policy(1))
            assert fleet.found().refusals[0].reason is Reason.DOWNGRADED
        fleet.deliver(signed_policy(3))
        assert tenant_of(fleet.found()) == "t3"
    assert seen == sorted(seen)
    assert {"t1", "t2"} == set(seen)


def kept(fleet: Fleet, *numbers: int) -> None:
    """Have a machine accept these, one after the other; then nothing stands at the place."""
    fleet.pin()
    for number in numbers:
        fleet.deliver(signed_policy(number))
        fleet.found()
    fleet.file.unlink()


def test_the_accepted_bytes_are_verified_again_at_each_start(fleet: Fleet) -> None:
    """The state folder is the user's, and a policy that they write there is no policy."""
    kept(fleet, 2)
    body = (fleet.state / keeping.BODY).read_bytes()
    (fleet.state / keeping.BODY).write_bytes(body.replace(b"t2", b"t9"))
    standing = fleet.found()
    assert standing.loaded is None
    assert Reason.FORGED in [one.reason for one in standing.refusals]
    fleet.deliver(signed_policy(1))
    assert Reason.DOWNGRADED in [one.reason for one in fleet.found().refusals]
    fleet.deliver(signed_policy(2))
    standing = fleet.found()
    assert (tenant_of(standing), standing.refusals) == ("t2", ())


def test_an_older_one_that_is_put_into_the_state_folder_is_not_in_force(fleet: Fleet) -> None:
    """It is signed, and it was in force once; its number has passed."""
    kept(fleet, 2)
    (fleet.state / keeping.BODY).write_bytes(signed_policy(1))
    standing = fleet.found()
    assert standing.loaded is None
    assert Reason.DOWNGRADED in [one.reason for one in standing.refusals]


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff", b'{"number": "x"}', None])
def test_the_number_is_read_from_the_bytes_where_its_own_file_is_damaged(
    fleet: Fleet, damage: bytes | None
) -> None:
    """And binds."""
    kept(fleet, 2)
    path = fleet.state / keeping.MARK
    path.unlink() if damage is None else path.write_bytes(damage)
    assert tenant_of(fleet.found()) == "t2"
    fleet.deliver(signed_policy(1))
    standing = fleet.found()
    assert (tenant_of(standing), standing.refusals[0].reason) == ("t2", Reason.DOWNGRADED)


def test_the_number_binds_where_the_bytes_are_lost(fleet: Fleet) -> None:
    """Nothing is in force until the same or a newer one arrives."""
    kept(fleet, 2)
    (fleet.state / keeping.BODY).unlink()
    assert fleet.found().loaded is None
    fleet.deliver(signed_policy(1))
    assert fleet.found().loaded is None
    fleet.deliver(signed_policy(2))
    assert tenant_of(fleet.found()) == "t2"
    fleet.file.unlink()
    assert tenant_of(fleet.found()) == "t2"


def test_a_policy_that_a_newer_archiver_does_not_understand_any_more_is_named(
    fleet: Fleet,
) -> None:
    """It is not in force, and the next one can be."""
    fleet.known = frozenset({"gone-assistant"})
    text = json.loads(policy_text("acme"))
    text["tenants"][0]["assistants"] = ["gone-assistant"]
    fleet.pin()
    fleet.deliver(signed_policy(2, json.dumps(text)))
    assert tenant_of(fleet.found()) == "acme"
    fleet.known = frozenset({"claude-code"})
    fleet.file.unlink()
    standing = fleet.found()
    assert standing.loaded is None
    assert Reason.INVALID in [one.reason for one in standing.refusals]
    fleet.deliver(signed_policy(3))
    assert (tenant_of(fleet.found()), fleet.found().refusals) == ("t3", ())


class AnyOrder(RuleBasedStateMachine):
    """Files of every kind arrive in any order; clocks move; the machine is started again.

    The model is one number: the highest that was valid when it was first seen. That policy is
    in force, always.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="archiver-any-order-")
        self.fleet = Fleet(Path(self.folder.name) / "machine")
        self.highest = 0
        self.text = ""

    @initialize()
    def begin(self) -> None:
        """Trust an admin."""
        self.fleet.pin()
        self.watch = self.fleet.watch()

    def _arrives(self, body: bytes) -> None:
        self.fleet.deliver(body)
        self.fleet.now += timedelta(minutes=1)  # what a clock kept out is tried each minute
        signed = policies.read(body)
        text = json.loads(signed.document)["tenants"][0]["id"]
        now = self.fleet.now
        on_time = moment(signed.created_at) <= now + DAY and not signed.is_over(now)
        if signed.number > self.highest and on_time:
            self.highest, self.text = signed.number, text
        self._look()

    def _look(self) -> None:
        self.standing = self.watch.check()

    @rule(
        number=st.integers(1, 12),
        text=st.sampled_from(["one", "two"]),
        made=st.integers(-9, 9),
        life=st.none() | st.integers(1, 5),
    )
    def a_signed_one(self, number: int, text: str, made: int, life: int | None) -> None:
        """Deliver a newer or an older one, from the past or the future, good or over."""
        at = self.fleet.now + made * DAY
        body = signed_policy(number, policy_text(text), at=at, life=life * DAY if life else None)
        self._arrives(body)

    @rule(number=st.integers(1, 99))
    def a_forged_one(self, number: int) -> None:
        """Deliver what a stranger signed, and what was altered."""
        self.fleet.deliver(signed_policy(number, policy_text("forged"), keys=(OTHER,)))
        self._look()
        self.fleet.deliver(signed_policy(number).replace(b"t", b"f", 1))
        self._look()

    @rule(number=st.integers(13, 99))
    def one_that_is_not_valid(self, number: int) -> None:
        """Deliver what an admin signed with another tool."""
        self.fleet.deliver(signed_policy(number, '{"version": 1}', at=self.fleet.now))
        self._look()

    @rule(body=st.binary(max_size=64))
    def rubbish(self, body: bytes) -> None:
        """Deliver what nobody signed."""
        self.fleet.deliver(body)
        self._look()

    @rule()
    def nothing_stands_there(self) -> None:
        """Delete the file."""
        self.fleet.file.unlink(missing_ok=True)
        self._look()

    @rule(days=st.integers(-5, 30))
    def the_clock_moves(self, days: int) -> None:
        """With nothing at the place: what stands there might become good meanwhile."""
        self.fleet.file.unlink(missing_ok=True)
        self.fleet.now += days * DAY
        self._look()

    @rule()
    def the_machine_is_started_again(self) -> None:
        """Know only what was written."""
        self.watch = self.fleet.watch()
        self._look()

    @rule()
    def an_admin_is_added(self) -> None:
        """Nothing is forgotten."""
        self.fleet.pin(ADMIN, SECOND)
        self._look()

    @invariant()
    def the_highest_one_that_was_ever_accepted_is_in_force(self) -> None:
        """Nothing else is, ever."""
        if not hasattr(self, "standing"):
            return
        signed = self.standing.signed
        assert (signed.signed.number if signed else 0) == self.highest
        assert (tenant_of(self.standing) or "") == self.text

    def teardown(self) -> None:
        """Remove the machine."""
        self.folder.cleanup()


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestAnyOrder = AnyOrder.TestCase


def test_the_model_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a number did not bind, the machine above would see it."""
    monkeypatch.setattr("archiver.distribution.judge._order", lambda *_: None)
    fails = settings(
        max_examples=200,
        stateful_step_count=25,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(AnyOrder, settings=fails)  # type: ignore[no-untyped-call]
