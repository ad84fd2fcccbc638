"""A daemon that takes signed policies only: from a file, and from an address."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from laptop import Laptop, lines, watching
from signedpolicies import OTHER, Answers, Fleet, serving, signed_policy

from archiver.cli.main import invoke
from archiver.daemon import status
from archiver.daemon.run import Daemon
from archiver.distribution import apart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.daemon.status import PolicyStatus

DAY = timedelta(days=1)
REPOSITORY = Path(__file__).parents[2]


class Managed:
    """A laptop whose admin signs its policy, with a daemon that a test makes tick."""

    def __init__(self, laptop: Laptop) -> None:
        self.laptop = laptop
        self.fleet = Fleet(laptop.root / "managed", now=laptop.clock())
        laptop.engine.apply(None)
        self.start()

    def start(self) -> None:
        """Start a daemon, as after a restart."""
        watch = watching(self.laptop, folders=self.fleet.folders, apart=True)
        self.daemon = Daemon(self.laptop.engine, watch)

    def signed(self, number: int, **more: object) -> bytes:
        """Sign the laptop's policy as it stands."""
        text = json.dumps(self.laptop.document())
        return signed_policy(number, text, at=self.laptop.clock() - DAY, **more)  # type: ignore[arg-type]

    async def tick(self) -> PolicyStatus:
        """Tick, and read what the daemon says."""
        self.laptop.clock.sleep(30)
        await self.daemon.tick()
        found = status.read(self.laptop.state)
        assert found is not None
        return found.policy

    async def asked(self) -> PolicyStatus:
        """Wait until the address was asked, and tick."""
        while task := self.daemon._refresh._task:
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(0)
        return await self.tick()

    @property
    def captures(self) -> bool:
        """Whether a tenant is enabled now."""
        rules = self.laptop.engine.rules
        return bool(rules and rules.tenants)


@pytest.fixture
def managed(laptop: Laptop) -> Managed:
    """Give a machine that takes only what its admin signed."""
    managed = Managed(laptop)
    managed.fleet.pin()
    return managed


@pytest.fixture
def server() -> Iterator[Answers]:
    """Give an address."""
    with serving(Answers()) as answers:
        yield answers


async def test_a_signed_update_takes_effect_without_a_restart(managed: Managed) -> None:
    """Captured, then not captured: by the next tick each."""
    laptop, fleet = managed.laptop, managed.fleet
    laptop.write(laptop.claude("c1"), lines(1))
    assert (await managed.tick()).state == "refused"
    assert laptop.engine.spool.used_bytes() == 0
    fleet.deliver(managed.signed(1))
    told = await managed.tick()
    assert (told.state, told.number, told.signed_by) == ("in force", 1, ("admin/acme",))
    assert (told.pinned, told.source) == (True, str(fleet.file))
    assert laptop.engine.spool.used_bytes() > 0
    laptop.tenants[0]["enabled"] = False
    fleet.deliver(managed.signed(2))
    assert (await managed.tick()).number == 2
    assert not managed.captures


async def test_a_downgrade_is_refused_and_named_in_archiver_status(
    managed: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tenant that was disabled stays disabled; somebody is told."""
    old = managed.signed(1)
    managed.laptop.tenants[0]["enabled"] = False
    managed.fleet.deliver(managed.signed(2))
    await managed.tick()
    arguments = ["status", "--state", str(managed.laptop.state)]
    assert invoke(arguments) == 0
    assert "number 2, signed by admin/acme" in capsys.readouterr().out
    managed.fleet.deliver(old)
    told = await managed.tick()
    assert (told.state, told.number, told.refused) == ("refused", 2, ("downgraded",))
    assert not managed.captures
    assert invoke(arguments) == 1
    said = capsys.readouterr()
    assert "policy: refused" in said.out
    assert f"{managed.fleet.file}: it has number 1; number 2 was accepted before" in said.err
    assert "sign the old text with number 3" in said.err


async def test_a_policy_of_a_stranger_changes_nothing_and_is_named(managed: Managed) -> None:
    """Nor does a plain one that the user names."""
    managed.fleet.deliver(managed.signed(1))
    await managed.tick()
    managed.fleet.deliver(managed.signed(2, keys=(OTHER,)))
    told = await managed.tick()
    assert (told.number, told.refused) == (1, ("signed-by-another-key",))
    assert managed.captures


async def test_a_policy_whose_time_is_over_stays_and_needs_attention(
    managed: Managed, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command asks the real clock; that of the daemon's machine is two days behind."""
    managed.laptop.clock.sleep(-2 * 86_400)
    managed.fleet.deliver(managed.signed(1, life=DAY + timedelta(hours=1)))
    told = await managed.tick()
    assert (told.state, told.number, told.refused) == ("in force", 1, ())
    assert invoke(["status", "--state", str(managed.laptop.state)]) == 1
    assert "its time was over" in capsys.readouterr().err
    managed.laptop.clock.sleep(9 * 86_400)
    managed.start()
    assert (await managed.tick()).state == "in force"
    assert managed.captures


async def test_an_address_is_asked_at_the_start_and_what_it_gave_is_in_force(
    managed: Managed, server: Answers
) -> None:
    """The tick that began to ask did not wait for it."""
    server.body, server.etag = managed.signed(1), '"1"'
    managed.fleet.pin(url=server.url)
    assert (await managed.tick()).number is None
    told = await managed.asked()
    assert (told.number, told.source) == (1, server.url)
    assert told.fetched_at is not None
    assert managed.captures


async def test_an_address_out_of_reach_stops_nothing_for_ever(
    managed: Managed, server: Answers
) -> None:
    """Also after a restart, and days; it is told, and needs nobody."""
    server.body, server.etag = managed.signed(1), '"1"'
    managed.fleet.pin(url=server.url)
    await managed.tick()
    await managed.asked()
    server.status, server.etag = 503, None
    managed.laptop.clock.sleep(90 * 86_400)
    managed.start()
    await managed.tick()
    told = await managed.asked()
    assert (told.state, told.number, told.refused) == ("in force", 1, ())
    assert told.unreachable is not None
    assert "503" in told.unreachable
    assert managed.captures
    server.status = 200
    await managed.daemon._refresh.ask()
    assert (await managed.asked()).unreachable is None


async def test_an_address_is_asked_with_the_etag_also_after_a_restart(
    managed: Managed, server: Answers
) -> None:
    """And 304 is remembered as an answer."""
    server.body, server.etag = managed.signed(1), '"1"'
    managed.fleet.pin(url=server.url)
    await managed.tick()
    first = (await managed.asked()).fetched_at
    managed.start()
    await managed.tick()
    told = await managed.asked()
    assert [one.get("If-None-Match") for one in server.asked] == [None, '"1"']
    assert told.fetched_at is not None
    assert first is not None
    assert (told.number, told.fetched_at > first) == (1, True)


async def test_an_older_one_from_the_address_is_refused_and_asked_for_again(
    managed: Managed, server: Answers
) -> None:
    """A server that was set back; its ETag is not remembered."""
    old = managed.signed(1)
    server.body, server.etag = managed.signed(2), '"2"'
    managed.fleet.pin(url=server.url)
    await managed.tick()
    await managed.asked()
    server.body, server.etag = old, '"1"'
    await managed.daemon._refresh.ask()
    assert (await managed.asked()).refused == ("downgraded",)
    await managed.daemon._refresh.ask()
    await managed.asked()
    assert server.asked[-1]["If-None-Match"] == '"2"'
    server.body, server.etag = b"", '"2"'
    await managed.daemon._refresh.ask()
    assert (await managed.asked()).refused == ()


async def test_after_sleep_the_address_is_asked_at_once(
    managed: Managed, server: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop that was closed over the holidays."""
    server.body = managed.signed(1)
    managed.fleet.pin(url=server.url)
    await managed.tick()
    await managed.asked()
    assert len(server.asked) == 1
    monkeypatch.setattr(managed.daemon, "_woke", lambda: True)
    await managed.tick()
    await managed.asked()
    assert len(server.asked) >= 2


async def test_the_address_is_asked_at_its_interval(managed: Managed, server: Answers) -> None:
    """With some jitter; and no more once source.toml names none."""
    managed.fleet.pin(url=server.url, refresh_seconds=600)
    await managed.tick()
    job = managed.daemon._scheduler.get_job("policy")
    assert job.trigger.interval == timedelta(seconds=600)
    assert job.trigger.jitter == 60
    managed.fleet.pin()
    await managed.asked()
    assert managed.daemon._scheduler.get_job("policy") is None


async def test_a_server_that_hangs_delays_no_tick_and_no_stop(
    managed: Managed, server: Answers
) -> None:
    """Asking has a process of its own."""
    server.body, server.seconds = b"x" * 16 * 1000, 0.1
    managed.fleet.pin(url=server.url)
    await managed.tick()
    await asyncio.to_thread(server.begun.wait, 30)
    begun = time.monotonic()
    await managed.tick()
    await managed.daemon._refresh.break_off()
    assert time.monotonic() - begun < 5


async def test_no_process_is_started_where_nobody_signs(
    managed: Managed, laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain policy costs what it cost before."""
    managed.fleet.folders.sources[0].unlink()
    (managed.fleet.folders.user / "policy.json").write_text(json.dumps(laptop.document()))
    monkeypatch.setattr(apart, "_command", partial(pytest.fail, "a process was started"))
    monkeypatch.setattr(subprocess, "Popen", partial(pytest.fail, "a process was started"))
    told = await managed.tick()
    assert (told.state, told.pinned, told.number) == ("in force", False, None)
    await managed.tick()


_IDLE = """
import asyncio, sys
from pathlib import Path
from laptop import Laptop, watching
from archiver.daemon.run import Daemon
laptop = Laptop(Path(sys.argv[1]))
daemon = Daemon(laptop.engine, watching(laptop, apart=True))
async def idle():
    for _ in range(3):
        await daemon.tick()
        while task := daemon._refresh._task:
            await asyncio.gather(task)
            await asyncio.sleep(0)
asyncio.run(idle())
assert daemon._policy.status.number == 1, daemon._policy.status
assert not daemon._faults.last, daemon._faults.last
print("|".join({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize("way", ["file", "address"])
def test_a_daemon_holds_neither_what_verifies_nor_what_asks(
    tmp_path: Path, server: Answers, way: str
) -> None:
    """Both are loaded in a process that ends again."""
    server.body = signed_policy(1, '{"version": 1, "tenants": []}')
    fleet = Fleet(tmp_path / "managed")
    source = fleet.pin() if way == "file" else fleet.pin(url=server.url)
    fleet.deliver(server.body)
    (tmp_path / "etc").mkdir()
    for path in (source, fleet.file):
        path.rename(tmp_path / "etc" / path.name)
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "tests")])
    done = subprocess.run(
        [sys.executable, "-c", _IDLE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    loaded = set(done.stdout.split("|"))
    assert "apscheduler" in loaded
    assert loaded.isdisjoint({"httpx", "httpcore", "certifi", "cryptography"})
    assert bool(server.asked) == (way == "address")
