"""The disk as adapters see it: nothing raises, no link is followed, asking again is cheap."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

import archiver.assistants.tree as module
from archiver.assistants.tree import DiskTree

posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX files")
LONG_AGO = 1_000_000_000 * 10**9


class Clock:
    """Nanoseconds, moved by hand."""

    def __init__(self) -> None:
        self.now = LONG_AGO + 3600 * 10**9

    def __call__(self) -> int:
        """Tell the time."""
        return self.now


def settle(path: Path, at: int = LONG_AGO) -> None:
    """Give a path a time that is long past."""
    os.utime(path, ns=(at, at))


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every listing that reaches the disk."""
    seen: list[str] = []
    real = module._scan

    def scan(path: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        seen.append(path)
        return real(path)

    monkeypatch.setattr(module, "_scan", scan)
    return seen


def test_folders_and_files_are_told_apart_and_sorted(tmp_path: Path) -> None:
    """A listing names what is really there."""
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}.txt").write_bytes(b"")
    tree = DiskTree()
    assert tree.folders(tmp_path) == ("a", "b")
    assert tree.files(tmp_path) == ("a.txt", "b.txt")


def test_what_is_not_there_is_empty_and_no_refusal(tmp_path: Path) -> None:
    """Most assistants are not installed on most machines."""
    tree = DiskTree()
    absent = tmp_path / "absent"
    assert (tree.folders(absent), tree.files(absent)) == ((), ())
    assert (tree.head(absent, 9), tree.whole(absent), tree.identity(absent)) == (b"", b"", None)
    assert tree.refused == {}


@posix
def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    """Neither to a folder nor to a file, be it beside or in a loop."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real.txt").write_bytes(b"secret")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "link.txt").symlink_to("real.txt")
    (tmp_path / "loop").symlink_to("loop")
    tree = DiskTree()
    assert tree.folders(tmp_path) == ("real",)
    assert tree.files(tmp_path) == ("real.txt",)
    for read in (tree.head(tmp_path / "link.txt", 99), tree.whole(tmp_path / "link.txt")):
        assert read == b""
    assert tree.refused == {tmp_path / "link.txt": "ELOOP"}


@posix
def test_a_folder_asked_for_by_name_may_be_a_link(tmp_path: Path) -> None:
    """People move their assistant's folder to another disk; both names are one folder."""
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    tree = DiskTree()
    assert tree.folders(tmp_path / "link") == ("inner",)
    assert tree.identity(tmp_path / "link") == tree.identity(tmp_path / "real")
    assert tree.identity(tmp_path / "real" / "inner") != tree.identity(tmp_path / "real")


@posix
def test_a_loop_of_links_is_noted(tmp_path: Path) -> None:
    """It ends, and `sources` can say why nothing was found."""
    (tmp_path / "loop").symlink_to("loop")
    tree = DiskTree()
    assert tree.folders(tmp_path / "loop") == ()
    assert tree.refused == {tmp_path / "loop": "ELOOP"}


def test_a_folder_where_a_file_should_be_is_noted(tmp_path: Path) -> None:
    """And it reads as empty."""
    tree = DiskTree()
    assert tree.whole(tmp_path) == b""
    assert tree.refused[tmp_path] in ("EISDIR", "EACCES")  # Windows says the latter


@posix
def test_a_file_where_a_folder_should_be_is_noted(tmp_path: Path) -> None:
    """And it lists as empty."""
    (tmp_path / "file").write_bytes(b"")
    tree = DiskTree()
    assert tree.files(tmp_path / "file") == ()
    assert tree.refused == {tmp_path / "file": "ENOTDIR"}
    assert tree.identity(tmp_path / "file") is None


@posix
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    """Only plain files are opened for good; nobody ever writes to this one."""
    os.mkfifo(tmp_path / "pipe")
    tree = DiskTree()
    reader = threading.Thread(target=tree.whole, args=(tmp_path / "pipe",), daemon=True)
    reader.start()
    reader.join(5)
    assert not reader.is_alive()
    assert tree.refused == {tmp_path / "pipe": "EINVAL"}
    assert tree.files(tmp_path) == ()


@posix
def test_a_refusal_is_noted_until_the_system_relents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No permission: empty, noted by the system's name for it, and forgotten once it reads."""
    (tmp_path / "note").write_bytes(b"text")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    tree = DiskTree()
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        patch.setattr(os, "open", refuse)
        assert (tree.files(tmp_path), tree.whole(tmp_path / "note")) == ((), b"")
        assert tree.refused == {tmp_path: "EACCES", tmp_path / "note": "EACCES"}
    assert (tree.files(tmp_path), tree.whole(tmp_path / "note")) == (("note",), b"text")
    assert tree.refused == {}


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_folder_without_permission_is_empty(tmp_path: Path) -> None:
    """The same, with a real folder."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    try:
        tree = DiskTree()
        assert tree.files(closed) == ()
        assert tree.refused == {closed: "EACCES"}
    finally:
        closed.chmod(0o700)


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    """A policy can name anything."""
    tree = DiskTree()
    assert tree.files(Path(f"{tmp_path}/a\0b")) == ()
    assert tree.whole(Path(f"{tmp_path}/a\0b")) == b""
    assert list(tree.refused.values()) == ["EINVAL"]


@pytest.mark.skipif(sys.platform != "linux", reason="macOS and Windows refuse such names")
def test_names_with_a_line_feed_or_invalid_utf_8_are_listed(tmp_path: Path) -> None:
    """And read."""
    names = sorted(os.fsdecode(name) for name in (b"a\nb", b"\xff\xfe"))
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    tree = DiskTree()
    assert tree.files(tmp_path) == tuple(names)
    assert [tree.whole(tmp_path / name) for name in names] == [b"x", b"x"]


def test_head_gives_at_most_what_was_asked_for(tmp_path: Path) -> None:
    """The first bytes, or all there are."""
    (tmp_path / "f").write_bytes(b"0123456789")
    tree = DiskTree()
    assert tree.head(tmp_path / "f", 4) == b"0123"
    assert tree.head(tmp_path / "f", 400) == b"0123456789"


def test_whole_gives_all_or_nothing(tmp_path: Path) -> None:
    """A part of a document would be another document."""
    (tmp_path / "f").write_bytes(b"0123456789")
    tree = DiskTree()
    assert tree.whole(tmp_path / "f", limit=10) == b"0123456789"
    assert tree.whole(tmp_path / "f", limit=9) == b""
    assert tree.refused == {tmp_path / "f": "EFBIG"}


def test_a_folder_that_did_not_change_is_not_listed_again(tmp_path: Path, scans: list[str]) -> None:
    """Idle costs one stat a folder."""
    (tmp_path / "f").write_bytes(b"")
    settle(tmp_path)
    tree = DiskTree(clock=Clock())
    for _ in range(5):
        assert tree.files(tmp_path) == ("f",)
        assert tree.folders(tmp_path) == ()
    assert len(scans) == 1


def test_a_folder_that_changed_is_listed_again(tmp_path: Path, scans: list[str]) -> None:
    """Its time moved."""
    settle(tmp_path)
    tree = DiskTree(clock=Clock())
    assert tree.files(tmp_path) == ()
    (tmp_path / "f").write_bytes(b"")
    settle(tmp_path, LONG_AGO + 10**9)
    assert tree.files(tmp_path) == ("f",)
    assert len(scans) == 2


def test_a_change_in_the_same_tick_is_seen(tmp_path: Path) -> None:
    """A folder listed within two seconds of its change may change again with the same time."""
    clock = Clock()
    tree = DiskTree(clock=clock)
    settle(tmp_path, clock.now - 10**9)
    assert tree.files(tmp_path) == ()
    (tmp_path / "f").write_bytes(b"")
    settle(tmp_path, clock.now - 10**9)
    assert tree.files(tmp_path) == ("f",)


def test_a_folder_whose_time_never_moves_is_listed_after_ten_minutes(tmp_path: Path) -> None:
    """Some network and FAT volumes do not touch it."""
    clock = Clock()
    tree = DiskTree(clock=clock)
    settle(tmp_path)
    assert tree.files(tmp_path) == ()
    (tmp_path / "f").write_bytes(b"")
    settle(tmp_path)
    assert tree.files(tmp_path) == ()
    clock.now += 601 * 10**9
    assert tree.files(tmp_path) == ("f",)


def test_a_clock_set_back_a_year_hides_nothing(tmp_path: Path) -> None:
    """A listing from the future is not trusted."""
    clock = Clock()
    tree = DiskTree(clock=clock)
    settle(tmp_path)
    tree.files(tmp_path)
    (tmp_path / "f").write_bytes(b"")
    settle(tmp_path)
    clock.now -= 365 * 86400 * 10**9
    assert tree.files(tmp_path) == ("f",)


def test_an_index_is_read_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adapters ask for it with every conversation."""
    index = tmp_path / "index.json"
    index.write_bytes(b"[1]")
    settle(index)
    tree = DiskTree(clock=Clock())
    assert tree.whole(index) == b"[1]"
    with monkeypatch.context() as patch:
        patch.setattr(module, "_read", lambda *_: pytest.fail("read again"))
        assert tree.whole(index) == b"[1]"
    index.write_bytes(b"[2]")
    settle(index, LONG_AGO + 10**9)
    assert tree.whole(index) == b"[2]"


def test_index_files_are_kept_up_to_four_mebibytes(tmp_path: Path) -> None:
    """The oldest goes; one that is larger than that is never kept."""
    tree = DiskTree(clock=Clock())
    for number in range(5):
        path = tmp_path / str(number)
        path.write_bytes(b"x" * 1024 * 1024)
        settle(path)
        tree.whole(path)
    large = tmp_path / "large"
    large.write_bytes(b"x" * 5 * 1024 * 1024)
    settle(large)
    assert len(tree.whole(large)) == 5 * 1024 * 1024
    assert [Path(name).name for name in tree._wholes] == ["1", "2", "3", "4"]
    assert tree._wholes_bytes == 4 * 1024 * 1024


def test_an_index_just_written_is_read_again(tmp_path: Path) -> None:
    """It may change within the same tick."""
    clock = Clock()
    tree = DiskTree(clock=clock)
    index = tmp_path / "index.json"
    for body in (b"[1]", b"[2]"):
        index.write_bytes(body)
        settle(index, clock.now - 10**9)
        assert tree.whole(index) == body
