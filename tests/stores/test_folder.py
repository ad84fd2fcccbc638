"""What a folder promises beyond the contract: paths, links, power cuts, missing disks."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import sys
from typing import TYPE_CHECKING

import pytest

from archiver.durable import files
from archiver.errors import StoreError
from archiver.model.answers import Answer, Stored
from archiver.stores.folder import FolderStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="modes and links of POSIX")
BODY = b"body"
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FolderStore]:
    """Give an open store below ``tmp_path / "bucket"``."""
    async with FolderStore(tmp_path / "bucket") as opened:
        yield opened


async def put(store: FolderStore, key: str) -> Stored:
    """Put the usual body."""
    return await store.put(key, BODY, sha256=SHA, metadata={})


async def answer(store: FolderStore, key: str) -> Answer:
    """Give the answer to a put that is refused, and see that it advises."""
    with pytest.raises(StoreError) as caught:
        await put(store, key)
    assert caught.value.advice
    return caught.value.refusal.answer


async def test_a_folder_is_made_where_only_its_last_part_is_missing(tmp_path: Path) -> None:
    """A first start makes the folder; a disk that is not mounted is not replaced by one."""
    async with FolderStore(tmp_path / "bucket"):
        assert (tmp_path / "bucket").is_dir()
    with pytest.raises(StoreError) as caught:
        async with FolderStore(tmp_path / "mnt" / "disk" / "bucket"):
            pass
    assert caught.value.refusal.answer is Answer.CONFIGURATION
    assert "Mount" in caught.value.advice
    assert not (tmp_path / "mnt").exists()


async def test_a_root_that_is_a_file_is_a_matter_of_configuration(tmp_path: Path) -> None:
    """Opening says so at once."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as caught:
        async with FolderStore(tmp_path / "file"):
            pass
    assert caught.value.refusal.answer is Answer.CONFIGURATION


async def test_a_disk_that_goes_away_is_no_empty_bucket(store: FolderStore, tmp_path: Path) -> None:
    """No verb makes the root again or says that nothing is there."""
    await put(store, "a/b")
    (tmp_path / "bucket").rename(tmp_path / "unplugged")
    assert await answer(store, "a/c") is Answer.CONFIGURATION
    for verb in (store.head, store.get, store.delete):
        with pytest.raises(StoreError) as caught:
            await verb("a/b")
        assert caught.value.refusal.answer is Answer.CONFIGURATION
    with pytest.raises(StoreError):
        _ = [listed async for listed in store.list("")]
    assert not (tmp_path / "bucket").exists()


def names(folder: Path) -> set[str]:
    """Give the names of all that is in a folder and below."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


BAD_KEYS = ["", "/a", "a/", "a//b", "../a", "a/../../b", ".", "a/./b", "a\\b", "a\0b", ".tmp-1/a"]


@pytest.mark.parametrize("key", BAD_KEYS)
async def test_a_key_never_leads_out_of_the_root(
    store: FolderStore, tmp_path: Path, key: str
) -> None:
    """Keys that are no plain path are refused by each verb, and nothing is written."""
    assert await answer(store, key) is Answer.CONFIGURATION
    for verb in (store.head, store.get, store.delete):
        with pytest.raises(StoreError) as caught:
            await verb(key)
        assert caught.value.refusal.answer is Answer.CONFIGURATION
    assert names(tmp_path) == {"bucket"}


async def test_a_listing_never_leads_out_of_the_root(store: FolderStore, tmp_path: Path) -> None:
    """A prefix with ``..`` is refused like a key."""
    (tmp_path / "secret").touch()
    with pytest.raises(StoreError) as caught:
        _ = [listed async for listed in store.list("../")]
    assert caught.value.refusal.answer is Answer.CONFIGURATION


@POSIX
async def test_symbolic_links_are_not_followed(store: FolderStore, tmp_path: Path) -> None:
    """Neither a linked folder nor a linked file is written, read or listed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"secret")
    (tmp_path / "bucket" / "folder").symlink_to(outside)
    (tmp_path / "bucket" / "file").symlink_to(outside / "file")
    (tmp_path / "bucket" / "loop").symlink_to(tmp_path / "bucket")
    for key in ("folder/new", "file", "loop/new"):
        assert await answer(store, key) is Answer.CONFIGURATION
        with pytest.raises(StoreError) as caught:
            await store.get(key)
        assert caught.value.refusal.answer is Answer.CONFIGURATION
    assert [listed async for listed in store.list("")] == []
    assert [path.name for path in outside.iterdir()] == ["file"]


@POSIX
async def test_what_is_no_file_is_no_object(store: FolderStore, tmp_path: Path) -> None:
    """A named pipe would hang whoever opens it; a folder has no bytes."""
    os.mkfifo(tmp_path / "bucket" / "pipe")
    (tmp_path / "bucket" / "folder").mkdir()
    assert [listed async for listed in store.list("")] == []
    for key in ("pipe", "folder"):
        with pytest.raises(StoreError) as caught:
            await store.get(key)
        assert caught.value.refusal.answer is Answer.NOT_FOUND
        assert await answer(store, key) is Answer.CONFIGURATION


async def test_a_file_in_the_place_of_a_folder_is_a_matter_of_configuration(
    store: FolderStore,
) -> None:
    """``a`` is an object, so ``a/b`` cannot be one."""
    await put(store, "a")
    assert await answer(store, "a/b") is Answer.CONFIGURATION
    assert await answer(store, "a/b/c") is Answer.CONFIGURATION


async def test_unfinished_writes_are_no_objects(store: FolderStore, tmp_path: Path) -> None:
    """What a power cut left behind is not listed."""
    await put(store, "a/b")
    (tmp_path / "bucket" / "a" / f"{files.TEMPORARY_PREFIX}0123").write_bytes(b"half")
    assert [listed.key async for listed in store.list("")] == ["a/b"]


@POSIX
async def test_names_that_are_not_unicode_are_not_listed(
    store: FolderStore, tmp_path: Path
) -> None:
    """No key can name them; the rest is listed."""
    await put(store, "a")
    try:
        (tmp_path / "bucket" / os.fsdecode(b"\xff")).touch()
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    assert [listed.key async for listed in store.list("")] == ["a"]


async def test_every_folder_above_an_object_is_synced_before_put_returns(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file whose folder's name is lost by a power cut is lost with it."""
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    root = tmp_path / "bucket"
    await put(store, "a/b/c")
    assert synced == [root, root / "a", root / "a" / "b"]
    synced.clear()
    await put(store, "a/b/d")
    assert synced == [root / "a" / "b"]
    synced.clear()
    async with FolderStore(root) as other:
        await put(other, "a/b/e")
    assert synced == [root, root / "a", root / "a" / "b"], "another may have made, not synced, it"


async def test_a_folder_that_was_removed_is_made_again(store: FolderStore, tmp_path: Path) -> None:
    """Below the root, somebody's cleaning does not stop the next put."""
    await put(store, "a/b")
    await store.delete("a/b")
    (tmp_path / "bucket" / "a").rmdir()
    await put(store, "a/c")
    assert [listed.key async for listed in store.list("")] == ["a/c"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, Answer.FULL),
        (errno.EDQUOT, Answer.FULL),
        (errno.EACCES, Answer.CONFIGURATION),
        (errno.EROFS, Answer.CONFIGURATION),
        (errno.ENAMETOOLONG, Answer.CONFIGURATION),
        (errno.EIO, Answer.UNREACHABLE),
        (errno.ESTALE, Answer.UNREACHABLE),
        (errno.EMFILE, Answer.BUSY),
        (errno.ENOENT, Answer.BUSY),
    ],
)
async def test_each_error_of_the_disk_has_its_answer(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, number: int, expected: Answer
) -> None:
    """A full disk, no permission, a share that is gone: each is told apart, none is NOT_FOUND."""

    def fail(*_arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", fail)
    assert await answer(store, "a") is expected


async def test_of_many_racing_writers_one_wins(tmp_path: Path) -> None:
    """Twenty threads put one key: one stores, nineteen are refused, the file is the winner's."""
    async with FolderStore(tmp_path) as one, FolderStore(tmp_path) as other:
        bodies = [bytes([number]) * 10_000 for number in range(20)]
        outcomes = await asyncio.gather(
            *(
                (one, other)[number % 2].put(
                    "k/e/y", body, sha256=hashlib.sha256(body).hexdigest(), metadata={}
                )
                for number, body in enumerate(bodies)
            ),
            return_exceptions=True,
        )
        stored = [number for number, o in enumerate(outcomes) if isinstance(o, Stored)]
        refused = [o.refusal.answer for o in outcomes if isinstance(o, StoreError)]
        assert len(stored) == 1
        assert refused == [Answer.EXISTS] * 19
        assert await one.get("k/e/y") == bodies[stored[0]]
        assert [p.name for p in (tmp_path / "k" / "e").iterdir()] == ["y"]


async def test_a_long_listing_comes_whole(store: FolderStore, tmp_path: Path) -> None:
    """More than one page of names, in order."""
    (tmp_path / "bucket" / "many").mkdir()
    names = [f"many/{number:04d}" for number in range(2005)]
    for name in names:
        (tmp_path / "bucket" / name).touch()
    assert [listed.key async for listed in store.list("many/")] == names
    assert [listed.key async for listed in store.list("", after=names[-2])] == names[-1:]


async def test_a_folder_that_cannot_be_read_is_not_left_out_of_a_listing(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listing that is short without a word would make verify lie."""
    await put(store, "a/b")
    await put(store, "c")
    scan = os.scandir

    def refuse(path: Path) -> os._ScandirIterator[str]:
        if path == tmp_path / "bucket" / "a":
            raise PermissionError(errno.EACCES, "denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StoreError) as caught:
        _ = [listed async for listed in store.list("")]
    assert caught.value.refusal.answer is Answer.CONFIGURATION
