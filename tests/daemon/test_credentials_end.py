"""Credentials that end are a waiting state, and are seen before they bite."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from laptop import line, tenant_rules, watching

from archiver.cli.main import invoke
from archiver.credentials import keeping
from archiver.credentials.keys import Keys
from archiver.daemon import doctor
from archiver.daemon.status import PolicyStatus, publish
from archiver.daemon.survey import survey
from archiver.format.times import rfc3339

if TYPE_CHECKING:
    from pathlib import Path

    from laptop import Laptop

DAY = timedelta(days=1)
CANARY = "canary-secret"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty home without a keyring."""
    folder = tmp_path / "home-of-keys"
    folder.mkdir()
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(folder))
    return folder


@pytest.fixture
def device(laptop: Laptop) -> Laptop:
    """Give a laptop whose tenant ships into a bucket that nobody serves."""
    store = {"kind": "s3", "bucket": "acme-archive", "endpoint": "http://127.0.0.1:9"}
    laptop.tenants = [tenant_rules("acme", laptop.bucket, store=store)]
    laptop.engine.apply(laptop.rules())
    return laptop


def keep(life: timedelta, left: timedelta) -> datetime:
    """Keep keys that lived for ``life`` in all and have ``left``; give their end."""
    ends = datetime.now(UTC) + left
    keeping.keep("acme", Keys("AKIASYNTHETIC0001", CANARY, "t", ends, ends - life))
    return ends


def told(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Publish a status and have it shown; give exit code and text."""
    status = survey(
        laptop.engine,
        policy=PolicyStatus(state="in force"),
        last_pass_at=None,
        last_captured_at={},
    )
    publish(status, laptop.state)
    capsys.readouterr()
    code = invoke(["status", "--state", str(laptop.state)])
    printed = capsys.readouterr()
    assert CANARY not in printed.out + printed.err
    return code, printed.out + printed.err


def check(laptop: Laptop) -> doctor.Check:
    """Have the laptop examined; give the check of its credentials."""
    config = laptop.root / "policy.json"
    config.write_text(json.dumps(laptop.document()))
    checks = asyncio.run(doctor.examine(config, laptop.state, laptop.engine.machine))
    (found,) = [one for one in checks if one.name == "credentials of acme"]
    return found


@pytest.mark.parametrize(
    ("life", "left", "warned"),
    [
        (90 * DAY, 4 * DAY, False),
        (90 * DAY, 2 * DAY, True),
        (DAY, DAY / 5, False),
        (DAY, DAY / 20, True),
        (DAY, -DAY / 20, True),
    ],
)
def test_status_and_doctor_warn_three_days_or_a_tenth_of_the_life_before(
    device: Laptop,
    capsys: pytest.CaptureFixture[str],
    life: timedelta,
    left: timedelta,
    warned: bool,  # noqa: FBT001
) -> None:
    """With the time, and exit code 1 from then on."""
    ends = keep(life, left)
    device.look()
    code, text = told(device, capsys)
    assert code == int(warned)
    assert ("its credentials end" in text) is warned
    if warned:
        assert f"{ends:%Y-%m-%d %H:%M} UTC" in text
    found = check(device)
    assert found.ok is not warned
    assert f"{ends:%Y-%m-%d %H:%M} UTC" in found.finding
    assert CANARY not in repr(found)


def test_the_status_has_the_end_as_a_field(
    device: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    """For whoever watches a fleet."""
    ends = keep(90 * DAY, 30 * DAY)
    device.look()
    told(device, capsys)
    invoke(["status", "--state", str(device.state), "--json"])
    (tenant,) = json.loads(capsys.readouterr().out)["status"]["tenants"]
    assert tenant["credentials_expire_at"] == rfc3339(ends)


def test_expired_keys_wait_and_nothing_is_lost(device: Laptop) -> None:
    """The waiting state has the reason, since when, and what to do."""
    ends = keep(DAY, -DAY)
    device.write(device.claude("c1"), line(1))
    device.look()
    device.engine.seal(everything=True)
    asyncio.run(device.engine.ship("acme"))
    waiting = device.engine.outbox.waiting("acme")
    assert waiting is not None
    assert (str(waiting.reason), waiting.code) == ("credentials", "ExpiredCredentials")
    assert f"expired on {ends:%Y-%m-%d %H:%M} UTC" in waiting.detail
    assert "archiver credentials set acme" in waiting.advice
    assert device.engine.spool.backlog("acme").pending_chunks == 1


def test_keys_that_are_set_are_a_change_for_a_running_daemon(device: Laptop) -> None:
    """It tries them with its next tick, and does not sit out a wait of a quarter of an hour."""
    config = device.root / "policy.json"
    config.write_text(json.dumps(device.document()))
    watch = watching(device, config)
    assert [watch.check().changed for _ in range(2)] == [True, False]
    keep(DAY, DAY)
    assert [watch.check().changed for _ in range(2)] == [True, False]
    keep(DAY, 2 * DAY)
    assert [watch.check().changed for _ in range(2)] == [True, False]
    keeping.forget("acme")
    assert watch.check().changed
