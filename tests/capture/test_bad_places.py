"""Names and places that nobody expects."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest
from laptop import line, lines, patched

from archiver.archive.catalogue import read_catalogue
from archiver.archive.restore import restore
from archiver.capture import owner, read
from archiver.stores.folder import FolderStore

if TYPE_CHECKING:
    from pathlib import Path

    from laptop import Laptop

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="such names exist on POSIX only")


@POSIX
@pytest.mark.parametrize(
    "name",
    [
        b"new\nline",
        b"\xff\xfe",
        b"back\\slash",
        b"per%41cent",
        b"tab\tand\x7f",
        "\u00e9\u2028".encode(),
    ],
    ids=ascii,
)
def test_a_strange_name_is_captured_and_restored_under_it(laptop: Laptop, name: bytes) -> None:
    """A newline or invalid UTF-8 in folder, session and result names comes back exactly."""
    word = os.fsdecode(name)
    chat = laptop.claude(f"c{word}", project=f"-p{word}")
    laptop.write(chat, lines(1))
    laptop.look()
    laptop.archive()

    async def back() -> list[Path]:
        async with FolderStore(laptop.bucket) as store:
            catalogue = await read_catalogue(store, "")
            (conversation,) = catalogue.conversations()
            done = await restore(store, catalogue, conversation, to=laptop.root / "out")
            return [one.path for one in done.written]

    (path,) = asyncio.run(back())
    assert path.read_bytes() == lines(1)
    assert path.parts[-2:] == chat.parts[-2:]


@POSIX
def test_a_link_is_not_followed(laptop: Laptop) -> None:
    """A link in the place of a transcript, a loop of links, and a link out: none is captured."""
    secret = laptop.root / "secret.jsonl"
    secret.write_bytes(lines(66))
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1))
    chat.with_name("c2.jsonl").symlink_to(secret)
    chat.with_name("c3.jsonl").symlink_to(chat.with_name("c3.jsonl"))
    (chat.parent.parent / "-loop").symlink_to(chat.parent.parent)
    done = laptop.look()
    assert (done.records, done.refused) == (1, {})
    assert [one.conversation for one in laptop.archive().records()] == ["c1"]


@POSIX
def test_a_file_that_turns_into_a_link_while_it_is_opened_is_refused(laptop: Laptop) -> None:
    """Between the look and the opening, the door does not follow either."""
    secret = laptop.root / "secret.jsonl"
    secret.write_bytes(lines(66))
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1))
    opened = read.open_plain

    def swapped(path: Path) -> object:
        path.unlink()
        path.symlink_to(secret)
        return opened(path)

    with patched(read, "open_plain", swapped):
        done = laptop.look()
    assert done.records == 0
    assert list(done.refused.values()) == ["ELOOP"]


@POSIX
def test_pipes_sockets_and_folders_are_never_opened(laptop: Laptop) -> None:
    """A pipe would block for ever; the pass ends at once and takes the plain file."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1))
    os.mkfifo(chat.with_name("pipe.jsonl"))
    chat.with_name("folder.jsonl").mkdir()
    with socket.socket(socket.AF_UNIX) as unix:
        os.chdir(chat.parent)
        unix.bind("socket.jsonl")
        os.chdir(laptop.root)
        done = laptop.look()
    assert (done.records, done.refused) == (1, {})


def test_a_file_that_may_not_be_read_is_named_and_the_others_go_on(laptop: Laptop) -> None:
    """EACCES is counted under the path, every time; once it may be read, it is captured."""
    refused, other = laptop.claude("c1"), laptop.claude("c2")
    laptop.write(refused, lines(1))
    laptop.write(other, lines(2))
    opened = read.open_plain

    def denied(path: Path) -> object:
        if path == refused:
            raise PermissionError(13, "denied", str(path))
        return opened(path)

    with patched(read, "open_plain", denied):
        for count in (1, 0):
            done = laptop.look()
            assert done.records == count
            assert done.refused == {str(refused): "EACCES"}
    assert laptop.look().records == 1
    assert laptop.archive().states("c1.jsonl") == [lines(1)]


def test_a_disk_that_fails_while_reading_is_named_and_read_again(laptop: Laptop) -> None:
    """EIO in the middle of a file captures nothing of it, and the next look does."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1))

    def broken(_path: Path) -> object:
        raise OSError(5, "input/output error")

    with patched(read, "open_plain", broken):
        assert list(laptop.look().refused.values()) == ["EIO"]
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [lines(1)]


@pytest.mark.parametrize(
    "cwd",
    ["/home/\0dev", "relative/folder", "", "~", "/" + "x" * 5000, "/a/../../..", "C:\\work", "\n"],
    ids=ascii,
)
def test_a_working_directory_that_is_none_stops_nobody(laptop: Laptop, cwd: str) -> None:
    """Whatever a transcript says of its folder, it and all others are captured."""
    laptop.write(laptop.claude("c1"), line(1, cwd=cwd))
    laptop.write(laptop.claude("c2"), lines(2))
    done = laptop.look()
    assert (done.records, done.refused) == (2, {})
    assert laptop.archive().states("c1.jsonl") == [line(1, cwd=cwd)]


def test_a_relative_folder_is_not_taken_for_one_of_the_daemons(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the daemon was started says nothing about whose a conversation is."""
    monkeypatch.chdir(laptop.home)
    laptop.tenants[0]["conversations"] = {"working_directories": [f"{laptop.home}/**"]}
    laptop.apply()
    laptop.write(laptop.claude("c1"), line(1, cwd="here"))
    assert laptop.look().unclaimed == 1


def test_an_error_that_nobody_foresaw_stops_one_conversation(laptop: Laptop) -> None:
    """The others are captured, the kind of the error is told, and nothing it said."""
    laptop.write(laptop.claude("c1"), lines(1))
    laptop.write(laptop.claude("c2"), lines(2))
    decide = owner.Owners.of

    def fails(self: owner.Owners, *about: object) -> object:
        if "c1" in str(about[1]):
            raise ZeroDivisionError("canary")
        return decide(self, *about)  # type: ignore[arg-type]

    with patched(owner.Owners, "of", fails):
        done = laptop.look()
    assert done.records == 1
    assert list(done.refused.values()) == ["ZeroDivisionError"]
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [lines(1)]
