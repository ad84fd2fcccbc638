"""A sealed archive through real processes: shipped by the device, opened by a stranger's tools."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sealedworld import CANARY, CHAT, World

from archiver.archive.findings import Code
from archiver.vault import age

REPOSITORY = Path(__file__).parents[2]
TOOLS = ("age", "zstd", "jq")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Give a company with two officers, an admin, and a developer who spoke in two months."""
    world = World(tmp_path)
    world.say("in January")
    world.say("in February", at="2026-02-01T09:00:00.000Z")
    return world


def run(world: World, *words: object) -> subprocess.CompletedProcess[str]:
    """Run archiver as a process of the developer's machine."""
    return subprocess.run(
        [sys.executable, "-m", "archiver", *map(str, words)],
        env={
            **os.environ,
            "HOME": str(world.home),
            "PYTHONPATH": str(REPOSITORY),
            "ARCHIVER_CONFIG": str(world.policy),
            "ARCHIVER_STATE": str(world.state),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def report_of(done: subprocess.CompletedProcess[str]) -> Any:
    """Give the JSON that a command printed."""
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_from_the_device_to_the_officer_with_an_admin_who_vouches(world: World) -> None:
    """Shipped sealed, approved, checkpointed: complete and valid without a key, and with one."""
    admin = world.root / "acme.key"
    public = run(world, "keys", "generate", "admin", "--name", "acme", "--to", admin).stdout.strip()
    world.decide(*world.listed, evidence={"admin_keys": [public]})
    assert run(world, "sync").returncode == 0
    signed = ("--admin-key", admin)
    assert run(world, "device", "approve", "--all", "--yes", *signed).returncode == 0
    assert run(world, "checkpoint", *signed).returncode == 0

    for key, body in world.objects().items():
        assert CANARY not in key
        assert CANARY.encode() not in body
    left = b"".join(path.read_bytes() for path in world.state.rglob("*") if path.is_file())
    assert b"AGE-SECRET-KEY" not in left.upper()

    assert run(world, "verify", "--read-data").returncode == 0
    for name in world.listed:
        mine = ("--identity", world.key(name))
        deep = run(world, "verify", "--read-records", "--json", *mine)
        assert (deep.returncode, report_of(deep)["records"]) == (0, 2)
        assert run(world, "restore", CHAT, "--to", world.root / name, *mine).returncode == 0
        (file,) = (world.root / name).rglob("*.jsonl")
        assert file.read_bytes() == world.transcript.read_bytes()


def test_the_device_itself_cannot_open_what_it_shipped(world: World) -> None:
    """With everything that lies on it, tried as a key."""
    assert run(world, "sync").returncode == 0
    assert run(world, "show", CHAT).returncode == 3
    for path in [one for one in world.state.rglob("*") if one.is_file()]:
        assert run(world, "show", CHAT, "--identity", path).returncode == 3, path


def test_chunks_that_are_packed_side_by_side_share_one_key_of_their_month(world: World) -> None:
    """A backlog is packed by several hands; the month gets one key all the same."""
    world.decide(*world.listed, chunk={"max_bytes": 2**20})
    for number in range(300):
        world.say(f"{number} {'padding ' * 3000}")
    done = run(world, "sync", "--json")
    assert done.returncode == 0, done.stderr
    assert report_of(done)["outcome"]["sealed"] >= 6
    months = [key.split("/")[-2] for key in world.wraps()]
    assert sorted(months) == ["2026-01", "2026-02"]
    mine = ("--identity", world.key("ada"))
    deep = report_of(run(world, "verify", "--read-records", "--json", *mine))
    assert deep["records"] == 302
    assert {one["code"] for one in deep["findings"]} == {Code.REGISTRY_MISSING}


@pytest.mark.skipif(bool(MISSING), reason=f"NOT INSTALLED: {', '.join(MISSING)}")
def test_a_stranger_opens_a_month_with_age_zstd_and_jq_alone(world: World) -> None:
    """Either officer's key file is one of age's own; an exported month as well."""
    assert run(world, "sync").returncode == 0
    month = world.root / "january.key"
    export = ("keys", "export", "--month", "2026-01", "--to", month, "--yes")
    assert run(world, *export, "--identity", world.key("bob")).returncode == 0
    (chunk,) = world.bucket.rglob("dt=2026-01-*/*.jsonl.zst.age")
    (later,) = world.bucket.rglob("dt=2026-02-*/*.jsonl.zst.age")
    pipe = 'set -o pipefail; age -d -i "$0" "$1" | zstd -dc | jq -r .payload'

    def opened(key: Path, one: Path) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-c", pipe, str(key), str(one)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    said = opened(month, chunk)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["message"]["content"] == f"{CANARY} in January"
    assert opened(month, later).returncode != 0
    assert opened(world.key("ada"), chunk).returncode != 0

    (wrap,) = world.bucket.rglob("_keys/*/2026-02/*.age")
    unwrap = 'set -o pipefail; age -d -i "$0" "$1" | jq -r .identity'
    february = subprocess.run(
        ["bash", "-c", unwrap, str(world.key("ada")), str(wrap)],
        capture_output=True,
        check=True,
    ).stdout
    (world.root / "february.key").write_bytes(february)
    assert f"{CANARY} in February" in opened(world.root / "february.key", later).stdout


def test_a_key_of_age_keygen_is_an_officers_key(world: World) -> None:
    """An officer need not run archiver to have one."""
    if shutil.which("age-keygen") is None:
        pytest.skip("age-keygen IS NOT INSTALLED")
    subprocess.run(["age-keygen", "-o", str(world.key("eve"))], check=True, capture_output=True)
    line = next(one for one in world.key("eve").read_text().splitlines() if "public key" in one)
    world.officers["eve"] = line.split()[-1]
    world.decide("eve")
    assert run(world, "sync").returncode == 0
    assert run(world, "show", CHAT, "--identity", world.key("eve")).returncode == 0


def test_a_recipient_that_is_mistyped_stops_that_tenant_alone(world: World) -> None:
    """Named by sync, status and doctor; the other tenant's conversations go on; exit code 1."""
    document = json.loads(world.policy.read_text())
    (acme,) = document["tenants"]
    good = age.generate()[1]
    mistyped = good[:-1] + ("q" if good[-1] != "q" else "p")
    bad = {
        **acme,
        "id": "globex",
        "conversations": {"working_directories": ["/globex/**"]},
        "store": {"kind": "folder", "path": str(world.root / "globex")},
        "sealing": {"officers": [good, mistyped]},
    }
    document["tenants"] = [bad, acme]
    world.policy.write_text(json.dumps(document))
    done = run(world, "sync", "--json")
    assert done.returncode == 1
    (problem,) = report_of(done)["problems"]
    assert problem.startswith("tenant globex: ")
    assert not (world.root / "globex").exists()
    listed = run(world, "ls", "--json", "--tenant", "acme", "--identity", world.key("ada"))
    assert [one["records"] for one in report_of(listed)["conversations"]] == [2]
    assert "globex" in run(world, "status").stdout + run(world, "status").stderr
    assert mistyped not in done.stdout + done.stderr


def test_an_erased_month_stays_erased_and_the_rest_verifies(world: World) -> None:
    """Its wraps are destroyed: nobody reads it, and verify says which keys are gone."""
    assert run(world, "sync").returncode == 0
    for wrap in world.bucket.rglob("_keys/*/2026-01/*.age"):
        wrap.unlink()
    done = run(world, "verify", "--read-data", "--json")
    codes = {one["code"] for one in report_of(done)["findings"]} - {Code.REGISTRY_MISSING}
    assert codes == {Code.KEY_MISSING}
    shown = run(world, "show", CHAT, "--json", "--identity", world.key("bob"))
    assert [one["text"] for one in report_of(shown)["turns"]] == [f"{CANARY} in February"]
