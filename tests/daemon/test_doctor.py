"""The doctor does what the daemon does, once, and says what to do about each failure."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import pytest
from laptop import line, tenant_rules

from archiver.daemon import doctor
from archiver.durable import lock
from archiver.evidence.keys import SigningKey
from archiver.vault import age

if TYPE_CHECKING:
    from pathlib import Path

    from laptop import Laptop

    from archiver.daemon.doctor import Check


def examined(laptop: Laptop) -> dict[str, Check]:
    """Write the laptop's policy down and have it examined; give the checks by name."""
    config = laptop.root / "policy.json"
    config.write_text(json.dumps(laptop.document()))
    checks = asyncio.run(doctor.examine(config, laptop.state, laptop.engine.machine))
    return {check.name: check for check in checks}


def shipped(laptop: Laptop) -> None:
    """Ship something, so that there is a key and a manifest."""
    laptop.write(laptop.claude("c1"), line(1))
    laptop.look()
    laptop.ship()


def test_a_healthy_machine_passes_every_check_and_leaves_nothing_behind(laptop: Laptop) -> None:
    """The probe is written, read back and removed."""
    shipped(laptop)
    before = sorted(laptop.bucket.rglob("*.*"))
    checks = examined(laptop)
    assert [name for name, check in checks.items() if not check.ok] == []
    assert "written, read back, removed" in checks["store of acme"].finding
    assert sorted(laptop.bucket.rglob("*.*")) == before


def test_a_machine_that_never_started_has_no_key_and_that_is_right(laptop: Laptop) -> None:
    """It is made when archiver first starts."""
    check = examined(laptop)["signing key"]
    assert (check.ok, "first start" in check.finding) == (True, True)


def test_the_signing_key_is_tried(laptop: Laptop) -> None:
    """It says which public key the admin must compare."""
    shipped(laptop)
    check = examined(laptop)["signing key"]
    assert check.ok
    assert f"device/{laptop.engine.spool.device}+" in check.finding


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such rights")
def test_a_signing_key_that_others_may_read_fails(laptop: Laptop) -> None:
    """What it signs proves nothing."""
    shipped(laptop)
    (path,) = laptop.state.glob("device-*.key")
    path.chmod(0o644)
    check = examined(laptop)["signing key"]
    assert (check.ok, "others may read" in check.finding) == (False, True)
    assert "chmod 600" in check.advice


def test_a_key_that_is_no_key_fails(laptop: Laptop) -> None:
    """Damaged by a disk, or by hand."""
    shipped(laptop)
    (path,) = laptop.state.glob("device-*.key")
    path.write_bytes(b"rubbish")
    path.chmod(0o600)
    assert not examined(laptop)["signing key"].ok


def test_it_says_who_may_open_chunks_and_who_vouches(laptop: Laptop) -> None:
    """Neither is a failure: both are the admin's to choose."""
    plain = examined(laptop)["evidence of acme"]
    assert plain.ok
    assert "not sealed" in plain.finding
    assert "admin_keys" in plain.advice
    _, officer = age.generate()
    admin = SigningKey.generate("admin/acme").public
    laptop.tenants = [
        tenant_rules(
            "acme",
            laptop.bucket,
            sealing={"officers": [officer]},
            evidence={"admin_keys": [str(admin)]},
        )
    ]
    sealed = examined(laptop)["evidence of acme"]
    assert (sealed.ok, sealed.advice) == (True, "")
    assert "sealed to 1 officers; 1 admins vouch" in sealed.finding


def test_a_mistyped_officer_is_named_and_the_other_tenant_is_examined(laptop: Laptop) -> None:
    """One tenant's mistake is not another's."""
    wrong = "age1" + "q" * 58
    laptop.tenants = [
        tenant_rules("wrong", laptop.bucket, sealing={"officers": [wrong]}),
        tenant_rules("right", laptop.bucket, conversations={"git_remotes": ["example.com/*"]}),
    ]
    checks = examined(laptop)
    assert not checks["policy"].ok
    assert "tenant wrong" in checks["policy"].finding
    assert wrong not in checks["policy"].finding
    assert checks["store of right"].ok
    assert "store of wrong" not in checks


def test_a_bucket_that_is_not_there_is_named_with_what_to_do(laptop: Laptop) -> None:
    """It is not made: a disk may be missing."""
    laptop.tenants = [tenant_rules("acme", laptop.root / "none" / "bucket")]
    check = examined(laptop)["store of acme"]
    assert not check.ok
    assert check.advice
    assert not (laptop.root / "none").exists()


def test_a_store_that_gives_back_other_bytes_fails(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something before it alters objects, and nothing shipped there would be evidence."""
    from archiver.stores.folder import FolderStore  # noqa: PLC0415 - patched here

    async def other(_store: FolderStore, _key: str) -> bytes:
        return b"other"

    monkeypatch.setattr(FolderStore, "get", other)
    check = examined(laptop)["store of acme"]
    assert not check.ok
    assert "DIFFERENT" in check.finding


def test_a_policy_that_is_wrong_ends_the_examination_there(laptop: Laptop) -> None:
    """Each problem is named by its place in the document."""
    laptop.tenants = [tenant_rules("acme", laptop.bucket, colour="red")]
    checks = examined(laptop)
    assert set(checks) == {"clock", "disk", "lock", "policy"}
    assert "tenants[0].colour" in checks["policy"].finding


def test_a_policy_that_enables_nobody_needs_somebody(laptop: Laptop) -> None:
    """A daemon that captures nothing is not what an admin wants to hear about later."""
    laptop.tenants = [tenant_rules("acme", laptop.bucket, enabled=False)]
    assert not examined(laptop)["policy"].ok


def test_a_running_archiver_is_no_failure(laptop: Laptop) -> None:
    """The doctor takes no lock."""
    with lock.hold(laptop.state):
        check = examined(laptop)["lock"]
    assert (check.ok, "running" in check.finding) == (True, True)


def test_a_state_folder_that_cannot_be_one_fails(laptop: Laptop, tmp_path: Path) -> None:
    """Nothing could be spooled."""
    laptop.state = tmp_path / "file"
    laptop.state.write_bytes(b"")
    check = examined(laptop)["disk"]
    assert not check.ok
    assert "--state" in check.advice
