"""Files that go: for a moment, with their volume, or for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from laptop import line, lines, patched

from archiver.capture import absence

if TYPE_CHECKING:
    from pathlib import Path

    from laptop import Laptop


@pytest.fixture
def chat(laptop: Laptop) -> Path:
    """Give a transcript that was captured."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1, 2))
    laptop.look()
    return chat


def test_a_name_that_is_missing_for_a_moment_is_no_deletion(laptop: Laptop, chat: Path) -> None:
    """A replacement renamed into place leaves looks without the name; two of them say nothing."""
    for _ in range(4):
        away = chat.rename(chat.with_suffix(".old"))
        assert [laptop.look().deleted for _ in range(2)] == [0, 0]
        away.rename(chat)
        assert laptop.look().deleted == 0
    assert laptop.archive().states("c1.jsonl") == [lines(1, 2)]


def test_a_name_that_goes_between_the_look_and_the_opening_is_no_error(
    laptop: Laptop, chat: Path
) -> None:
    """ENOENT at the opening is passed over in silence."""
    from archiver.capture import read  # noqa: PLC0415 - patched here only

    laptop.append(chat, lines(3))
    opened = read.open_plain

    def gone(path: Path) -> object:
        path.rename(path.with_suffix(".old"))
        return opened(path)

    with patched(read, "open_plain", gone):
        done = laptop.look()
    assert (done.records, done.refused) == (0, {})
    chat.with_suffix(".old").rename(chat)
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [lines(1, 2), lines(1, 2, 3)]


def test_a_file_that_three_looks_missed_is_deleted(laptop: Laptop, chat: Path) -> None:
    """The deletion is a record of its own, made once; what was there stays."""
    chat.unlink()
    assert [laptop.look().deleted for _ in range(5)] == [0, 0, 1, 0, 0]
    archive = laptop.archive()
    assert archive.states("c1.jsonl") == [lines(1, 2), None]
    assert [one.op for one in archive.log("c1.jsonl")] == ["entry", "entry", "deleted"]


def test_a_file_that_comes_back_is_there_again(laptop: Laptop, chat: Path) -> None:
    """Restored from a backup with one line more: what stood before is not stored again."""
    chat.unlink()
    laptop.look(3)
    laptop.write(chat, lines(1, 2, 3))
    laptop.look()
    archive = laptop.archive()
    assert archive.states("c1.jsonl") == [lines(1, 2), None, lines(1, 2, 3)]
    assert sum(one.op == "entry" for one in archive.log("c1.jsonl")) == 3


def test_a_file_that_comes_back_different_is_compared(laptop: Laptop, chat: Path) -> None:
    """Another conversation under the old name begins at the first line that differs."""
    chat.unlink()
    laptop.look(3)
    other = line(1) + line(9)
    laptop.write(chat, other)
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [lines(1, 2), None, other]


def test_a_document_that_goes_and_comes_back(laptop: Laptop) -> None:
    """Documents are deleted and revived as files of lines are."""
    chat = laptop.cline4("s1")
    body = b'{"messages":[1,2],"title":"t"}'
    laptop.write(chat, body)
    laptop.look()
    chat.unlink()
    laptop.look(3)
    laptop.write(chat, body)
    laptop.look()
    states = laptop.archive().states("s1.messages.json")
    assert [state is None for state in states] == [False, True, False]
    assert states[0] == states[2]


@pytest.mark.parametrize("again", [False, True], ids=["the same daemon", "a new daemon"])
def test_a_folder_that_was_moved_away_and_back_is_there_again(
    laptop: Laptop, chat: Path, *, again: bool
) -> None:
    """Moving a folder changes nothing that stat says of the files in it."""
    projects = chat.parent.parent
    away = projects.rename(projects.with_name("away"))
    assert laptop.look(3).deleted == 1
    if again:
        laptop.crash()
    away.rename(projects)
    laptop.look(2)
    assert laptop.archive().states("c1.jsonl") == [lines(1, 2), None, lines(1, 2)]


def test_looks_that_missed_a_file_count_only_in_a_row(laptop: Laptop, chat: Path) -> None:
    """A file seen in between is there, also when nothing about it changed."""
    projects = chat.parent.parent
    away = projects.with_name("away")
    for _ in range(4):
        projects.rename(away)
        assert laptop.look().deleted == 0
        away.rename(projects)
        assert laptop.look().deleted == 0


def test_a_missing_volume_is_no_deletion(laptop: Laptop, chat: Path) -> None:
    """Where the nearest folder is on another device, the disk is gone and not the file."""
    chat.unlink()
    with patched(absence, "nearest_device", lambda _: 4711):
        assert laptop.look(10).deleted == 0
    laptop.write(chat, lines(1, 2))
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [lines(1, 2)]


def test_a_folder_that_may_not_be_entered_is_no_deletion(laptop: Laptop, chat: Path) -> None:
    """A refusal says nothing about what is there."""
    chat.unlink()

    def refused(path: Path) -> None:
        raise PermissionError(13, "denied", str(path))

    with patched(absence, "glance", refused):
        assert laptop.look(10).deleted == 0


def test_deletions_wait_for_a_whole_pass(laptop: Laptop, chat: Path) -> None:
    """A pass that was broken off has not looked everywhere, and calls nothing deleted."""
    laptop.write(laptop.claude("c2"), lines(5))
    chat.unlink()
    assert laptop.engine.collector is not None
    for _ in range(5):
        done = laptop.engine.collector.collect(lambda: True)
        assert (done.finished, done.deleted) == (False, 0)


def test_a_file_of_a_disabled_tenant_is_not_called_deleted(laptop: Laptop, chat: Path) -> None:
    """Disabling stops everything; enabled again, the deletion is recorded."""
    laptop.tenants[0]["enabled"] = False
    laptop.apply()
    chat.unlink()
    assert laptop.look(5).deleted == 0
    laptop.tenants[0]["enabled"] = True
    laptop.apply()
    assert laptop.look(3).deleted == 1


def test_a_file_that_is_emptied_and_deleted_is_both(laptop: Laptop, chat: Path) -> None:
    """First empty, then gone: two states."""
    laptop.write(chat, b"")
    laptop.look()
    chat.unlink()
    laptop.look(3)
    assert laptop.archive().states("c1.jsonl") == [lines(1, 2), b"", None]


def test_a_directory_in_the_place_of_a_file_means_that_the_file_is_gone(
    laptop: Laptop, chat: Path
) -> None:
    """It is never opened, raises nothing, and what was there is called deleted."""
    chat.unlink()
    chat.mkdir()
    assert [laptop.look().deleted for _ in range(4)] == [0, 0, 1, 0]
    chat.rmdir()
    laptop.write(chat, lines(1))
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [lines(1, 2), None, lines(1)]
