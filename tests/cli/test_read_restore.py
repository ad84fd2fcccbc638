"""``archiver restore``: the files, as they were at any time that was observed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Said, Story


def transcript(folder: Path, story: Story) -> Path:
    """Give the place of the main transcript below a restore's folder."""
    below = folder / "claude-code" / story.claude / "-home-dev-projects-orders-api"
    return below / f"{story.claude}.jsonl"


@pytest.mark.parametrize("state", [0, 1, 2])
def test_every_state_that_was_seen_comes_back_byte_for_byte(
    state: int, archiver: Callable[..., Said], told: Story, tmp_path: Path
) -> None:
    """Before the edit, after it, and after the cut."""
    was = told.states[state]
    said = archiver(
        "restore", told.claude, "--archive", told.archive, "--at", was.at, "--to", tmp_path
    )
    assert said.code == 0
    assert transcript(tmp_path, told).read_bytes() == was.transcript


def test_without_a_time_the_last_state_comes_back(
    archiver: Callable[..., Said], told: Story, tmp_path: Path
) -> None:
    """Each file is named with its size."""
    said = archiver("restore", told.claude, "--archive", told.archive, "--to", tmp_path)
    assert transcript(tmp_path, told).read_bytes() == told.states[-1].transcript
    written = [line for line in said.out.splitlines() if line.startswith(str(tmp_path))]
    assert len(written) == len([path for path in tmp_path.rglob("*") if path.is_file()]) == 4
    assert "meta.json (67 B): equal as JSON" in said.out


def test_a_file_that_is_there_and_differs_is_not_touched(
    archiver: Callable[..., Said], told: Story, tmp_path: Path
) -> None:
    """None of the conversation's files is written then."""
    place = transcript(tmp_path, told)
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    said = archiver("restore", told.claude, "--archive", told.archive, "--to", tmp_path)
    assert said.code == 3
    assert "--force" in said.err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [place]
    assert place.read_text() == "mine"


def test_force_replaces_it(archiver: Callable[..., Said], told: Story, tmp_path: Path) -> None:
    """And only then."""
    place = transcript(tmp_path, told)
    place.parent.mkdir(parents=True)
    place.write_text("mine")
    said = archiver("restore", told.claude, "--archive", told.archive, "--to", tmp_path, "--force")
    assert said.code == 0
    assert place.read_bytes() == told.states[-1].transcript


def test_restoring_twice_changes_nothing(
    archiver: Callable[..., Said], told: Story, tmp_path: Path
) -> None:
    """The same bytes are no conflict, and are said to have lain there."""
    words = ("restore", told.claude, "--archive", told.archive, "--to", tmp_path)
    archiver(*words)
    before = transcript(tmp_path, told).stat()
    said = archiver(*words)
    assert (said.code, said.out.count("lay there already")) == (0, 4)
    assert transcript(tmp_path, told).stat() == before


def test_what_its_user_deleted_comes_back_with_a_remark(
    archiver: Callable[..., Said], told: Story, tmp_path: Path
) -> None:
    """Asked for without a time."""
    said = archiver("restore", told.short_lived, "--archive", told.archive, "--to", tmp_path)
    assert said.code == 0
    assert "before its user deleted it; seen to be gone at 20" in said.out
    (restored,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert b"gone soon" in restored.read_bytes()


def test_at_a_time_when_it_was_gone_it_is_not_written(
    archiver: Callable[..., Said], told: Story, tmp_path: Path
) -> None:
    """And that is said."""
    last = told.states[-1].at
    said = archiver(
        "restore", told.short_lived, "--archive", told.archive, "--at", last, "--to", tmp_path
    )
    assert said.code == 0
    assert "not written: " in said.err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_json_names_what_was_written_and_what_was_gone(
    archiver: Callable[..., Said], told: Story, tmp_path: Path
) -> None:
    """One document, as with every command."""
    words = ("restore", told.short_lived, "--archive", told.archive, "--json", "--to", tmp_path)
    (written,) = archiver(*words).json["written"]
    assert written["deleted_at"] > written["observed_at"][:4]
    assert written["bytes"] == (tmp_path / written["path"]).stat().st_size
    then = archiver(*words, "--at", told.states[-1].at).json
    assert (then["written"], len(then["gone"])) == ([], 1)
    before = archiver(*words, "--at", told.states[2].at).json
    assert before["written"][0]["unchanged"]


def test_json_documents_are_equal_as_json(
    archiver: Callable[..., Said], told: Story, tmp_path: Path
) -> None:
    """Cline writes its task as JSON documents."""
    archiver("restore", "1767607200000", "--archive", told.archive, "--to", tmp_path)
    (restored,) = tmp_path.rglob("api_conversation_history.json")
    source = told.root / "home/.cline/data/tasks/1767607200000/api_conversation_history.json"
    assert json.loads(restored.read_bytes()) == json.loads(source.read_bytes())


def test_where_to_must_be_said(archiver: Callable[..., Said], told: Story) -> None:
    """Nothing is written into the folder that one happens to be in."""
    said = archiver("restore", told.claude, "--archive", told.archive)
    assert (said.code, "--to" in said.err) == (64, True)


def chunks_of(story: Story) -> list[Path]:
    """Give the chunks that hold the story's conversation, the oldest first."""
    holding = [
        chunk
        for chunk in story.chunks()
        if story.claude.encode() in zstandard.ZstdDecompressor().decompress(chunk.read_bytes())
    ]
    assert len(holding) > 1
    return holding


def test_a_damaged_archive_restores_nothing(
    archiver: Callable[..., Said], story: Story, tmp_path: Path
) -> None:
    """Not even the files that could be read."""
    chunks_of(story)[-1].write_bytes(b"altered")
    said = archiver("restore", story.claude, "--archive", story.archive, "--to", tmp_path / "to")
    assert said.code == 3
    assert "not what its manifest lists" in said.err
    assert not (tmp_path / "to").exists()


def test_a_conversation_of_which_a_part_expired_says_so(
    archiver: Callable[..., Said], story: Story, tmp_path: Path
) -> None:
    """Chunks that are gone, lawfully or not: exit code 2, in words and for programs; no crash."""
    holding = chunks_of(story)
    for chunk in holding[:-1]:
        chunk.unlink()
    to = ("--archive", story.archive, "--to", tmp_path / "to")
    said = archiver("restore", story.claude, *to)
    assert said.code == 2
    assert "expire" in said.err
    shown = archiver("show", story.claude, "--archive", story.archive, "--json")
    assert shown.code == 2
    assert len(shown.json["not_there"]) == len(holding) - 1
    holding[-1].unlink()
    for command in (("restore", story.claude, *to), ("show", story.claude, *to[:2])):
        said = archiver(*command)
        assert said.code == 2
        assert "listed but not there" in said.err
        assert "expired, was erased or was lost" in said.err
