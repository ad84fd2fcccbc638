"""``archiver verify``: what it says of a whole archive and of a damaged one, by exit code."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Said, Story


def add_manifest(story: Story, **said: Any) -> None:
    """Chain one more manifest to the last, as its device would, saying ``said``."""
    last = max(story.archive.rglob("_manifests/*/*.note"))
    before = json.loads(last.read_bytes())
    body = json.dumps(
        {
            **before,
            "seq": before["seq"] + 1,
            "previous": hashlib.sha256(last.read_bytes()).hexdigest(),
            "chunks": [],
            "recovered": [],
            "quarantined": [],
            **said,
        }
    ).encode()
    name = f"{before['seq'] + 1:012d}-{hashlib.sha256(body).hexdigest()[:16]}.json"
    (last.parent / name).write_bytes(body)


def test_a_whole_archive_is_complete_and_valid(archiver: Callable[..., Said], told: Story) -> None:
    """With and without reading every chunk."""
    for words in ([], ["--read-data"]):
        said = archiver("verify", "--archive", told.archive, *words)
        assert (said.code, said.out.splitlines()[-1]) == (0, "Complete and valid.")


def test_a_flipped_byte_is_found_by_reading_the_data(
    archiver: Callable[..., Said], story: Story
) -> None:
    """A listing cannot know; the report says so, and names the chunk where it can."""
    chunk = story.chunks()[2]
    body = bytearray(chunk.read_bytes())
    body[len(body) // 2] ^= 1
    chunk.write_bytes(body)
    quick = archiver("verify", "--archive", story.archive)
    assert (quick.code, "--read-data also reads every chunk" in quick.err) == (0, True)
    said = archiver("verify", "--read-data", "--archive", story.archive)
    assert said.code == 1
    assert "invalid  chunk-altered" in said.out
    assert chunk.name in said.out
    assert said.out.splitlines()[-1] == "NOT as it should be (1 invalid)."


def test_a_chunk_that_is_gone_is_found_by_the_listing(
    archiver: Callable[..., Said], story: Story
) -> None:
    """It was certainly stored, so the exit code is 1."""
    story.chunks()[0].unlink()
    said = archiver("verify", "--archive", story.archive, "--json")
    assert said.code == said.json["exit_status"] == 1
    assert [finding["code"] for finding in said.json["findings"]] == ["chunk-missing"]


def test_a_gap_is_incomplete_and_not_invalid(archiver: Callable[..., Said], story: Story) -> None:
    """A chunk that its device keeps to itself was never stored: 2."""
    add_manifest(story, quarantined=[len(story.chunks()) + 1])
    said = archiver("verify", "--read-data", "--archive", story.archive)
    assert said.code == 2
    assert said.out.splitlines()[-1] == "INCOMPLETE (1 gap)."


def test_another_manifest_alone_changes_nothing(
    archiver: Callable[..., Said], story: Story
) -> None:
    """So the gap above came from what it says."""
    add_manifest(story)
    assert archiver("verify", "--read-data", "--archive", story.archive).code == 0


def test_a_store_that_is_not_there_is_no_verdict(
    archiver: Callable[..., Said], tmp_path: Path
) -> None:
    """3: nothing is known."""
    said = archiver("verify", "--archive", tmp_path / "none", "--json")
    assert (said.code, said.out) == (3, "")


def test_the_json_has_what_the_report_says(archiver: Callable[..., Said], told: Story) -> None:
    """One document with counts by severity."""
    said = archiver("verify", "--archive", told.archive, "--json", "--read-data").json
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
        tenant("quickstart", {"kind": "folder", "path": str(told.archive)}),
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
    said = archiver("verify", "--read-data", "--archive", tmp_path / "copy-of")
    assert said.code == 0
