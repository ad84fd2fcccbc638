"""``archiver verify``: what it says of a whole archive and of a damaged one, by exit code."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from archiver.evidence import note
from archiver.evidence.keys import SigningKey, admin_key_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Said, Story


def add_manifest(story: Story, **said: Any) -> None:
    """Chain one more manifest to the last, signed by its device, saying ``said``."""
    last = max(story.archive.rglob("_manifests/*/*.note"))
    before = json.loads(note.read(last.read_bytes()).text)
    text = json.dumps(
        {
            **before,
            "seq": before["seq"] + 1,
            "previous": hashlib.sha256(last.read_bytes()).hexdigest(),
            "window": {"from": before["window"]["to"], "to": before["window"]["to"]},
            "chunks": [],
            "recovered": [],
            "quarantined": [],
            **said,
        }
    )
    body = note.write(f"{text}\n".encode(), story.signer(before["device"]))
    name = f"{before['seq'] + 1:012d}-{hashlib.sha256(body).hexdigest()[:16]}.note"
    (last.parent / name).write_bytes(body)


def test_a_whole_archive_is_complete_and_valid(archiver: Callable[..., Said], told: Story) -> None:
    """With and without reading every chunk."""
    for words in ([], ["--read-data"]):
        said = archiver("verify", "--archive", told.archive, "--admin-key", told.admin, *words)
        assert said.code == 0
        covered, verdict = said.out.splitlines()[-2:]
        assert verdict == "Complete and valid."
        assert covered.startswith("4 checkpoints; the newest covers what was there at 20")


def test_where_nobody_vouches_an_archive_is_incomplete(
    archiver: Callable[..., Said], told: Story
) -> None:
    """Whole, as far as can be told; but by whom it was written nobody said: 2."""
    said = archiver("verify", "--read-data", "--archive", told.archive)
    assert said.code == 2
    assert "registry-missing" in said.out
    assert "--admin-key" in said.out
    assert said.out.splitlines()[-1] == "INCOMPLETE (1 gap)."


def test_an_admins_key_is_given_as_text_or_by_the_policy_too(
    archiver: Callable[..., Said], told: Story
) -> None:
    """The file holds that text, and nothing else."""
    key = told.admin.read_text().strip()
    assert archiver("verify", "--archive", told.archive, "--admin-key", key).code == 0
    assert archiver("verify", "--config", told.root / "policy.toml").code == 0


def test_another_admins_key_makes_nothing_valid(archiver: Callable[..., Said], told: Story) -> None:
    """What was signed by whom one does not trust is invalid: 1."""
    stranger = SigningKey.generate(admin_key_name("quickstart")).public
    said = archiver("verify", "--archive", told.archive, "--admin-key", stranger, "--json")
    assert said.code == 1
    assert {"registry-invalid", "checkpoint-invalid"} <= {
        finding["code"] for finding in said.json["findings"]
    }


@pytest.mark.parametrize("text", ["nowhere.pub", "admin/quickstart+00000000+AAAA", ""])
def test_a_key_that_is_none_is_a_mistake_and_no_verdict(
    archiver: Callable[..., Said], told: Story, text: str
) -> None:
    """3, and nothing on stdout."""
    said = archiver("verify", "--archive", told.archive, "--admin-key", text)
    assert (said.code, said.out) == (3, "")


def test_a_flipped_byte_is_found_by_reading_the_data(
    archiver: Callable[..., Said], story: Story
) -> None:
    """A listing cannot know; the report says so, and names the chunk where it can."""
    chunk = story.chunks()[2]
    body = bytearray(chunk.read_bytes())
    body[len(body) // 2] ^= 1
    chunk.write_bytes(body)
    quick = archiver("verify", "--archive", story.archive, "--admin-key", story.admin)
    assert (quick.code, "--read-data also reads every chunk" in quick.err) == (0, True)
    said = archiver("verify", "--read-data", "--archive", story.archive, "--admin-key", story.admin)
    assert said.code == 1
    assert "invalid  chunk-altered" in said.out
    assert chunk.name in said.out
    assert said.out.splitlines()[-1] == "NOT as it should be (1 invalid)."


def test_a_chunk_that_is_gone_is_found_by_the_listing(
    archiver: Callable[..., Said], story: Story
) -> None:
    """It was certainly stored, so the exit code is 1."""
    story.chunks()[0].unlink()
    said = archiver("verify", "--archive", story.archive, "--admin-key", story.admin, "--json")
    assert said.code == said.json["exit_status"] == 1
    assert [finding["code"] for finding in said.json["findings"]] == ["chunk-missing"]


def test_a_gap_is_incomplete_and_not_invalid(archiver: Callable[..., Said], story: Story) -> None:
    """A chunk that its device keeps to itself was never stored: 2."""
    add_manifest(story, quarantined=[len(story.chunks()) + 1])
    said = archiver("verify", "--read-data", "--archive", story.archive, "--admin-key", story.admin)
    assert said.code == 2
    assert said.out.splitlines()[-1] == "INCOMPLETE (1 gap)."


def test_another_manifest_alone_changes_nothing(
    archiver: Callable[..., Said], story: Story
) -> None:
    """So the gap above came from what it says."""
    add_manifest(story)
    assert (
        archiver(
            "verify", "--read-data", "--archive", story.archive, "--admin-key", story.admin
        ).code
        == 0
    )


def test_a_store_that_is_not_there_is_no_verdict(
    archiver: Callable[..., Said], tmp_path: Path
) -> None:
    """3: nothing is known."""
    said = archiver("verify", "--archive", tmp_path / "none", "--json")
    assert (said.code, said.out) == (3, "")


def test_the_json_has_what_the_report_says(archiver: Callable[..., Said], told: Story) -> None:
    """One document with counts by severity."""
    said = archiver(
        "verify", "--archive", told.archive, "--admin-key", told.admin, "--json", "--read-data"
    ).json
    assert (said["tenants"], said["depth"]) == (["quickstart"], "bytes")
    assert said["chunks"] == len(told.chunks())
    assert said["counts"] == {"invalid": 0, "missing": 0, "gap": 0, "note": 0}


@pytest.mark.parametrize(("enabled", "code"), [(True, 1), (False, 0)])
def test_a_tenant_that_never_shipped_is_missed_only_while_it_is_enabled(
    enabled: bool,  # noqa: FBT001 - a parameter of the test
    code: int,
    archiver: Callable[..., Said],
    told: Story,
    policy: Callable[..., Path],
    tenant: Callable[..., dict[str, Any]],
    tmp_path: Path,
) -> None:
    """Nothing found is never success; and a tenant that is off owes nothing."""
    (tmp_path / "empty").mkdir()
    config = policy(
        tenant(
            "quickstart",
            {"kind": "folder", "path": str(told.archive)},
            evidence={"admin_keys": [told.admin.read_text().strip()]},
        ),
        tenant("later", {"kind": "folder", "path": str(tmp_path / "empty")}, enabled=enabled),
    )
    said = archiver("verify", "--config", config)
    assert said.code == code
    assert ("nothing-there" in said.out) == enabled


def test_a_policy_of_nobody_verifies_nothing(
    archiver: Callable[..., Said],
    policy: Callable[..., Path],
    tenant: Callable[..., dict[str, Any]],
    tmp_path: Path,
) -> None:
    """And does not call that valid: no tenant, or none that is or ever was enabled."""
    assert archiver("verify", "--config", policy()).code == 64
    (tmp_path / "empty").mkdir()
    folder = {"kind": "folder", "path": str(tmp_path / "empty")}
    said = archiver("verify", "--config", policy(tenant("later", folder, enabled=False)))
    assert (said.code, said.out) == (3, "")


def test_an_archive_is_verified_where_it_lies(
    archiver: Callable[..., Said], story: Story, tmp_path: Path
) -> None:
    """A copy under another prefix is the same archive."""
    shutil.move(story.archive, tmp_path / "copy-of" / "a" / "bucket")
    said = archiver(
        "verify", "--read-data", "--archive", tmp_path / "copy-of", "--admin-key", story.admin
    )
    assert said.code == 0
