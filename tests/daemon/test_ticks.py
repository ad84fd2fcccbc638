"""The daemon's ticks: what a change of the policy, a fault and a sleep do within one."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest
from laptop import Laptop, lines, patched, read_archive, tenant_rules, watching

from archiver.daemon import engine as engines
from archiver.daemon import inforce, run, status
from archiver.daemon.run import Daemon
from archiver.daemon.wake import Clocks, jumped
from archiver.model.answers import Answer
from archiver.stores.faults import Fault, FaultPlan, Refuse
from archiver.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from archiver.daemon.status import Status, TenantStatus
    from archiver.policy.document import Tenant

CANARY = "the quick brown canary"


class Running:
    """A daemon whose ticks a test makes by hand, and the policy file that it watches."""

    def __init__(self, laptop: Laptop) -> None:
        self.laptop = laptop
        self.path = laptop.root / "policy.json"
        self.version = 0
        laptop.engine.apply(None)
        self.daemon = Daemon(laptop.engine, watching(laptop, self.path))

    def publish(self) -> None:
        """Give the machine the policy as it stands; its admin always writes another length."""
        self.version += 1
        self.path.write_text(json.dumps(self.laptop.document()) + " " * self.version)

    async def tick(self, *, seal: bool = False) -> None:
        """Tick once, and wait for what the tick began to ship."""
        self.laptop.clock.sleep(30)
        await self.daemon.tick()
        if seal:
            self.laptop.seal()
            await self.daemon.ship()
        while tasks := tuple(self.daemon._shipping.values()):
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)

    def status(self) -> Status:
        """Read what the daemon says of itself."""
        found = status.read(self.laptop.state)
        assert found is not None
        return found

    def tenant(self, name: str = "acme") -> TenantStatus:
        """Read what it says of a tenant."""
        return next(one for one in self.status().tenants if one.id == name)


@pytest.fixture
def running(laptop: Laptop) -> Running:
    """Give a daemon without a policy."""
    return Running(laptop)


async def test_without_a_policy_nothing_is_captured(running: Running) -> None:
    """It starts, looks, and says that there is none."""
    running.laptop.write(running.laptop.claude("c1"), lines(1))
    await running.tick()
    assert running.status().policy.state == "gone"
    assert running.laptop.engine.spool.used_bytes() == 0


async def test_a_tenant_that_is_enabled_is_captured_within_one_tick(running: Running) -> None:
    """No restart: the policy appears, the next tick captures and seals what is old enough."""
    laptop = running.laptop
    laptop.write(laptop.claude("c1"), lines(1))
    await running.tick()
    laptop.tenants[0]["enabled"] = False
    running.publish()
    await running.tick()
    assert laptop.engine.spool.used_bytes() == 0
    laptop.tenants[0]["enabled"] = True
    running.publish()
    await running.tick()
    assert running.tenant().spooled_records == 1
    await running.tick(seal=True)
    assert read_archive(laptop.bucket).states("c1.jsonl") == [lines(1)]


async def test_a_disabled_tenant_captures_and_ships_nothing_and_keeps_what_it_has(
    running: Running,
) -> None:
    """At once: spooled and sealed stay, and are shown; enabled again, they are shipped."""
    laptop = running.laptop
    running.publish()
    laptop.write(laptop.claude("c1"), lines(1))
    await running.tick()
    laptop.seal()
    laptop.append(laptop.claude("c1"), lines(2))
    await running.tick()
    laptop.tenants[0]["enabled"] = False
    running.publish()
    laptop.append(laptop.claude("c1"), lines(3))
    before = set(laptop.bucket.rglob("*.zst"))
    for _ in range(3):
        await running.tick()
        await running.daemon.ship(force=True)
    held = running.tenant()
    assert (held.enabled, held.spooled_records) == (False, 1)
    assert set(laptop.bucket.rglob("*.zst")) == before
    laptop.tenants[0]["enabled"] = True
    running.publish()
    await running.tick(seal=True)
    assert read_archive(laptop.bucket).states("c1.jsonl") == [
        lines(1),
        lines(1, 2),
        lines(1, 2, 3),
    ]


async def test_a_new_bucket_gets_what_is_not_sent_yet(running: Running) -> None:
    """The tick after the change ships there, in spite of a waiting state of the old bucket."""
    laptop = running.laptop
    laptop.tenants[0]["store"]["path"] = str(laptop.root / "not" / "mounted")
    running.publish()
    laptop.write(laptop.claude("c1"), lines(1))
    await running.tick()
    await running.tick(seal=True)
    assert running.tenant().waiting is not None
    laptop.tenants[0]["store"]["path"] = str(laptop.bucket)
    running.publish()
    await running.tick()
    assert running.tenant().waiting is None
    assert read_archive(laptop.bucket).states("c1.jsonl") == [lines(1)]


async def test_a_policy_that_is_refused_leaves_the_last_one_in_force(running: Running) -> None:
    """It is shown with its problems, capture goes on as before, and the repair is seen."""
    laptop = running.laptop
    running.publish()
    await running.tick()
    running.path.write_text('{"version": 1, "tenants": [], "unknown": true}')
    laptop.write(laptop.claude("c1"), lines(1))
    await running.tick()
    assert running.status().policy.state == "refused"
    assert any("unknown" in problem for problem in running.status().policy.problems)
    assert running.tenant().spooled_records == 1
    running.publish()
    await running.tick()
    assert running.status().policy.state == "in force"


async def test_a_policy_that_goes_enables_nobody(running: Running) -> None:
    """Nothing more is captured for anybody."""
    laptop = running.laptop
    running.publish()
    await running.tick()
    running.path.unlink()
    laptop.write(laptop.claude("c1"), lines(1))
    await running.tick()
    assert running.status().policy.state == "gone"
    assert running.tenant().spooled_records == 0


async def test_a_long_pass_is_broken_off_when_its_tenant_is_disabled(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy is looked at during the pass, not only before it."""
    laptop = running.laptop
    monkeypatch.setattr(inforce, "_LOOK_SECONDS", 0)
    running.publish()
    for number in range(20):
        laptop.write(laptop.claude(f"c{number:02d}"), lines(number))
    await running.tick()
    for number in range(20):
        laptop.append(laptop.claude(f"c{number:02d}"), lines(100))
    seen: list[int] = []
    collector = laptop.engine.collector
    assert collector is not None
    source = type(collector)._conversation

    def counted(*about: object) -> None:
        seen.append(1)
        if len(seen) == 5:
            laptop.tenants[0]["enabled"] = False
            running.publish()
        source(*about)  # type: ignore[arg-type]

    monkeypatch.setattr(type(collector), "_conversation", counted)
    await running.tick()
    assert len(seen) < 8


async def test_another_policy_ends_the_pass_of_the_one_before(laptop: Laptop) -> None:
    """Whoever saw the change first, the old pass goes no further."""
    for number in range(10):
        laptop.write(laptop.claude(f"c{number}"), lines(number))
    looked: list[int] = []
    assert laptop.engine.collector is not None
    collect = type(laptop.engine.collector)._conversation

    def replaced(*about: object) -> None:
        looked.append(1)
        if len(looked) == 3:
            laptop.apply()
        collect(*about)  # type: ignore[arg-type]

    with patched(type(laptop.engine.collector), "_conversation", replaced):
        done = laptop.look()
    assert (done.finished, len(looked)) == (False, 3)
    laptop.look()
    assert len(laptop.archive().logs) == 10


async def test_one_tenant_with_bad_credentials_delays_no_other(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other's chunks arrive in the same tick; the first waits with a name and an advice."""
    laptop = running.laptop
    laptop.tenants = [
        tenant_rules("acme", laptop.bucket, conversations={"working_directories": ["/a/**"]}),
        tenant_rules("globex", laptop.bucket, conversations={"default": True}),
    ]
    refusing = MemoryStore(FaultPlan((Fault("put", Refuse(Answer.CREDENTIALS, "Expired", 403)),)))
    taking = MemoryStore()
    stores = {"acme": refusing, "globex": taking}

    def store_of(tenant: Tenant) -> MemoryStore:
        return stores[tenant.id]

    monkeypatch.setattr(engines, "store_of", store_of)
    running.publish()
    laptop.write(laptop.claude("c1"), lines(1).replace(b"/home/dev", b"/a"))
    laptop.write(laptop.claude("c2"), lines(2))
    await running.tick()
    await running.tick(seal=True)
    assert any(key.endswith(".zst") for key in taking.objects)
    waiting = running.tenant("acme").waiting
    assert waiting is not None
    assert (waiting.reason, waiting.code) == ("credentials", "Expired")
    assert waiting.advice
    assert running.tenant("globex").waiting is None


async def test_a_store_that_hangs_delays_no_tick(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shipping has a task of its own for each tenant: capture goes on beside it."""
    laptop = running.laptop
    begun = asyncio.Event()

    class Hanging(MemoryStore):
        async def put(self, *_about: object, **_more: object) -> object:  # type: ignore[override]
            begun.set()
            return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(engines, "store_of", lambda _rules: Hanging())
    running.publish()
    laptop.write(laptop.claude("c1"), lines(1))
    await running.daemon.tick()
    laptop.seal()
    await running.daemon.ship()
    await asyncio.wait_for(begun.wait(), 5)
    laptop.append(laptop.claude("c1"), lines(2))
    laptop.clock.sleep(30)
    await asyncio.wait_for(running.daemon.tick(), 5)
    assert running.tenant().spooled_records == 1
    await running.daemon._break_off_shipping()


@pytest.mark.parametrize("job", ["collect", "seal", "ship", "keep_house"])
async def test_a_job_that_raises_is_noted_and_runs_again(
    running: Running,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    job: str,
) -> None:
    """Its kind and place are told, never what it said; the next run does the work."""
    laptop, daemon = running.laptop, running.daemon
    running.publish()
    laptop.write(laptop.claude("c1"), lines(1))

    def raises(*_about: object, **_more: object) -> None:
        raise ValueError(CANARY)

    caplog.set_level(logging.DEBUG)
    jobs: tuple[Callable[[], Awaitable[None]], ...] = (daemon.housekeep, daemon.tick, daemon.ship)
    with monkeypatch.context() as patch:
        patch.setattr(laptop.engine, job, raises)
        for one in jobs:
            await daemon._guarded(one)
        await asyncio.gather(*daemon._shipping.values(), return_exceptions=True)
        await asyncio.sleep(0)
    daemon._publish()
    (fault,) = set(running.status().faults)
    assert "ValueError" in fault
    assert CANARY not in fault + caplog.text
    await running.tick()
    await running.tick(seal=True)
    assert read_archive(laptop.bucket).states("c1.jsonl") == [lines(1)]


async def test_what_the_scheduler_runs_is_guarded(
    running: Running, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler itself would log a job's error with its message."""
    caplog.set_level(logging.DEBUG)
    running.publish()
    done = asyncio.Event()

    def raises(*_about: object) -> None:
        done.set()
        raise ValueError(CANARY)

    daemon = running.daemon
    daemon._plan()
    monkeypatch.setattr(running.laptop.engine, "collect", raises)
    daemon._scheduler.start()
    daemon._scheduler.modify_job("tick", next_run_time=running.laptop.clock())
    await asyncio.wait_for(done.wait(), 10)
    await asyncio.sleep(0.1)
    daemon._scheduler.shutdown(wait=False)
    assert daemon._faults.last
    assert CANARY not in caplog.text


async def test_the_timetable_is_the_policys(running: Running) -> None:
    """No job is dropped for being late, none runs twice at once, and a change counts at once."""
    running.publish()
    daemon = running.daemon
    daemon._policy.look()
    daemon._plan()
    daemon._scheduler.start(paused=True)
    for job in daemon._scheduler.get_jobs():
        assert job.misfire_grace_time is None
        assert job.coalesce
        assert job.max_instances == 1

    def seconds() -> dict[str, float]:
        jobs = daemon._scheduler.get_jobs()
        return {job.id: job.trigger.interval.total_seconds() for job in jobs}

    assert seconds() == {"tick": 30, "ship": 60, "housekeeping": 3600}
    document = running.laptop.document()
    document["schedule"] |= {"collect_seconds": 11, "ship_seconds": 12}
    running.path.write_text(json.dumps(document))
    await running.tick()
    assert seconds() == {"tick": 11, "ship": 12, "housekeeping": 3600}
    daemon._scheduler.shutdown(wait=False)


@pytest.mark.parametrize(
    ("wall", "monotonic", "expected"),
    [(30, 30, False), (3600, 30, True), (-3600, 30, True), (59, 30, False), (61, 30, True)],
)
def test_a_jump_between_the_clocks_is_a_wake_or_a_set_clock(
    wall: float, monotonic: float, *, expected: bool
) -> None:
    """Half a minute apart, in either direction, is no drift."""
    before = Clocks(1000, 5)
    assert jumped(before, Clocks(1000 + wall, 5 + monotonic)) is expected


async def test_after_a_wake_a_waiting_tenant_is_tried_at_once(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait of fifteen minutes that began before the sleep is not waited out."""
    laptop = running.laptop
    store = MemoryStore(FaultPlan((Fault("put", Refuse(Answer.CREDENTIALS), nth=1),)))
    monkeypatch.setattr(engines, "store_of", lambda _rules: store)
    running.publish()
    laptop.write(laptop.claude("c1"), lines(1))
    await running.tick()
    await running.tick(seal=True)
    assert running.tenant().waiting is not None
    laptop.clock.sleep(-30)
    await running.tick()
    assert running.tenant().waiting is not None
    monkeypatch.setattr(run, "_clocks", lambda: Clocks(10**10, 0))
    laptop.clock.sleep(-30)
    await running.tick()
    assert running.tenant().waiting is None
    assert any(key.endswith(".zst") for key in store.objects)


async def test_thirty_days_offline_and_then_everything_arrives(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store gives no answer for a month; not a byte is dropped, and it takes one tick."""
    laptop = running.laptop
    store = MemoryStore(FaultPlan((Fault("put", Refuse(Answer.UNREACHABLE, "ConnectError")),)))
    monkeypatch.setattr(engines, "store_of", lambda _rules: store)
    running.publish()
    running.daemon._policy.look()
    assert laptop.engine._shipper is not None
    laptop.engine._shipper._sleep = _no_sleep
    chat = laptop.claude("c1")
    tries = []
    for day in range(30):
        laptop.append(chat, lines(day))
        await running.tick()
        laptop.seal()
        laptop.clock.sleep(86_400)
        before = len(store.calls)
        await running.tick()
        tries.append(len(store.calls) - before)
    assert running.tenant().pending_chunks == 30
    assert max(tries) <= 8, "an outage must not become a storm of requests"
    store.plan = FaultPlan()
    laptop.clock.sleep(3600)
    await running.tick(seal=True)
    held = running.tenant()
    assert (held.pending_chunks, held.waiting, held.unlisted_chunks) == (0, None, 0)
    for key, one in store.objects.items():
        path = laptop.bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.body)
    archive = read_archive(laptop.bucket)
    assert archive.states("c1.jsonl") == [lines(*range(day + 1)) for day in range(30)]


async def _no_sleep(_seconds: float) -> None:
    """Take a nap of no length."""


async def test_idle_ticks_leave_the_disk_alone(running: Running, tmp_path: Path) -> None:
    """Where nothing changed, nothing but the status file is written."""
    laptop = running.laptop
    running.publish()
    laptop.write(laptop.claude("c1"), lines(1))
    await running.tick()
    await running.tick(seal=True)
    await running.tick()

    def written() -> dict[Path, int]:
        kept = (path for path in tmp_path.rglob("*") if path.is_file())
        return {path: path.stat().st_mtime_ns for path in kept if path.name != "status.json"}

    before = written()
    for _ in range(5):
        await running.tick()
        await running.daemon.ship()
    assert written() == before
