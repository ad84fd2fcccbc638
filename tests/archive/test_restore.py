"""A restore writes every stream of a conversation, exactly, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.catalogue import read_catalogue
from archiver.archive.restore import restore
from archiver.errors import ArchiveError, ChunkGone, Damaged, LogGap, NotArchived

if TYPE_CHECKING:
    from pathlib import Path


async def give_back(archive: Any, to: Path, name: str = "c1", **asked: Any) -> Any:
    """Restore one conversation of an archive."""
    catalogue = await read_catalogue(archive.store, archive.prefix)
    return await restore(archive.store, catalogue, catalogue.find(name), to=to, **asked)


def files_in(folder: Path) -> Any:
    """Give every file below a folder with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_every_stream_is_written_device_by_device(
    healthy: Any, synthetic: Any, tmp_path: Path
) -> None:
    """Two devices saw the conversation: their files never mix."""
    done = await give_back(healthy, tmp_path)
    base = "claude-code/c1"
    assert files_in(tmp_path) == {
        f"{base}/{synthetic.OTHER_DEVICE}/p/c1.jsonl": b"copy\n",
        f"{base}/{synthetic.DEVICE}/p/c1.jsonl": b"one\n2\n",
        f"{base}/{synthetic.DEVICE}/p/other.md": b"other\n",
    }
    assert done.folder == tmp_path / "claude-code" / "c1"
    assert done.unreadable == ()


async def test_one_device_needs_no_folder_of_its_own(healthy: Any, tmp_path: Path) -> None:
    """The usual case stays simple."""
    await give_back(healthy, tmp_path, "c2")
    assert files_in(tmp_path) == {"claude-code/c2/p/c2.jsonl": b"else\n"}


async def test_a_deleted_file_is_restored_and_called_deleted(
    healthy: Any, synthetic: Any, tmp_path: Path
) -> None:
    """Without a time, the last content; with one after the deletion, no file."""
    done = await give_back(healthy, tmp_path / "last")
    deleted = [item.file.deleted_at for item in done.written if item.file.deleted_at]
    assert deleted == [synthetic.at(9)]
    later = await give_back(healthy, tmp_path / "later", at=synthetic.at(9))
    assert [file.stream for file in later.gone] == [synthetic.STREAM]
    assert f"claude-code/c1/{synthetic.DEVICE}/p/c1.jsonl" not in files_in(tmp_path / "later")


async def test_the_state_at_a_time_is_restored(
    healthy: Any, synthetic: Any, tmp_path: Path
) -> None:
    """What was edited away later is there."""
    await give_back(healthy, tmp_path, at=synthetic.at(4))
    path = f"claude-code/c1/{synthetic.DEVICE}/p/c1.jsonl"
    assert files_in(tmp_path)[path] == b"one\ntwo\n"


async def test_a_time_before_everything_says_what_there_is(healthy: Any, tmp_path: Path) -> None:
    """The error names the times that can be asked for."""
    with pytest.raises(NotArchived) as caught:
        await give_back(healthy, tmp_path, at="2020-01-01T00:00:00.000Z")
    assert "2026-01-31T09:00:00.000Z" in caught.value.advice
    assert files_in(tmp_path) == {}


async def test_a_different_file_in_the_way_is_not_touched(
    healthy: Any, synthetic: Any, tmp_path: Path
) -> None:
    """And no other is written either: half a restore helps nobody."""
    await give_back(healthy, tmp_path)
    edited = tmp_path / "claude-code" / "c1" / synthetic.DEVICE / "p" / "other.md"
    first = tmp_path / "claude-code" / "c1" / synthetic.OTHER_DEVICE / "p" / "c1.jsonl"
    edited.write_bytes(b"mine")
    first.unlink()
    with pytest.raises(ArchiveError, match="differs") as caught:
        await give_back(healthy, tmp_path)
    assert "--force" in caught.value.advice
    assert edited.read_bytes() == b"mine"
    assert not first.exists()
    await give_back(healthy, tmp_path, force=True)
    assert edited.read_bytes() == b"other\n"


async def test_a_second_restore_changes_nothing(healthy: Any, tmp_path: Path) -> None:
    """The same bytes are not written again."""
    await give_back(healthy, tmp_path)
    again = await give_back(healthy, tmp_path)
    assert all(item.unchanged for item in again.written)


async def test_a_folder_in_the_way_is_a_clear_error(healthy: Any, tmp_path: Path) -> None:
    """No traceback of the operating system reaches the user."""
    (tmp_path / "claude-code" / "c2" / "p" / "c2.jsonl").mkdir(parents=True)
    with pytest.raises(ArchiveError, match="in the way"):
        await give_back(healthy, tmp_path, "c2")


async def test_a_file_where_a_folder_should_be_is_a_clear_error(
    healthy: Any, tmp_path: Path
) -> None:
    """The other way round."""
    (tmp_path / "claude-code").mkdir()
    (tmp_path / "claude-code" / "c2").write_bytes(b"")
    with pytest.raises(ArchiveError, match="in the way"):
        await give_back(healthy, tmp_path, "c2")


@pytest.mark.parametrize(
    "name", ["../escaped", "/etc/passwd", "a/../../escaped", "a//b", "C:/x", "a\\b", ""]
)
@pytest.mark.parametrize("what", ["stream", "conversation"])
async def test_a_name_that_leads_elsewhere_is_refused(
    synthetic: Any, tmp_path: Path, name: str, what: str
) -> None:
    """An archive is input: whoever can write to the bucket must not write to this disk."""
    archive = synthetic.Archive()
    lines = (synthetic.text(0, 0, "x", **{what: name}), synthetic.text(0, 0, "x", stream="ok"))
    archive.manifest(archive.chunk(*lines))
    catalogue = await read_catalogue(archive.store, "")
    target = tmp_path / "to"
    row = next(row for row in catalogue.conversations() if what == "stream" or row.id == name)
    with pytest.raises(Damaged):
        await restore(archive.store, catalogue, row, to=target)
    assert files_in(tmp_path) == {}


async def test_a_file_whose_log_has_a_gap_is_named_and_not_written(
    synthetic: Any, tmp_path: Path
) -> None:
    """What was never shipped, or expired, is not papered over; other files are given back."""
    archive = synthetic.Archive()
    archive.manifest(
        archive.chunk(synthetic.text(0, 0, "a", stream="a"), synthetic.text(1, 0, "b", stream="b"))
    )
    done = await give_back(archive, tmp_path)
    assert [one.file.stream for one in done.written] == ["a"]
    (cut,) = done.cut
    assert "position 0 is missing; its earlier part is not in the archive" in str(cut)
    assert "expire" in cut.advice


async def test_where_nothing_can_be_rebuilt_the_restore_says_why(
    synthetic: Any, tmp_path: Path
) -> None:
    """The head of the only log expired: a clear error, and no file."""
    archive = synthetic.Archive()
    first = archive.chunk(synthetic.text(0, 0, "a"))
    archive.manifest(first, archive.chunk(synthetic.text(1, 1, "b")))
    del archive.store.objects[first["key"]]
    with pytest.raises(LogGap, match="earlier part"):
        await give_back(archive, tmp_path)
    assert files_in(tmp_path) == {}


async def test_an_end_that_expired_is_named_beside_what_is_given_back(
    synthetic: Any, tmp_path: Path
) -> None:
    """The state before it is written, and it is said which chunk is gone."""
    archive = synthetic.Archive()
    last = archive.chunk(synthetic.text(1, 1, "b"))
    archive.manifest(archive.chunk(synthetic.text(0, 0, "a")), last)
    del archive.store.objects[last["key"]]
    done = await give_back(archive, tmp_path)
    assert [one.file.body for one in done.written] == [b"a\n"]
    (lost,) = done.lost
    assert last["key"] in str(lost)


async def test_where_every_chunk_is_gone_the_restore_says_which(
    synthetic: Any, tmp_path: Path
) -> None:
    """All of it expired."""
    archive = synthetic.Archive()
    only = archive.chunk(synthetic.text(0, 0, "a"))
    archive.manifest(only)
    del archive.store.objects[only["key"]]
    with pytest.raises(ChunkGone, match="not there"):
        await give_back(archive, tmp_path)


async def test_a_document_is_restored_as_json(synthetic: Any, tmp_path: Path) -> None:
    """Equal as JSON, as the specification says."""
    change = '{"set":{"a":1},"unset":[],"entries":"m"}'
    archive = synthetic.Archive()
    said = {"form": "json", "shape": "document", "stream": "d.json"}
    archive.manifest(
        archive.chunk(
            synthetic.line(0, "fields", change, **said), synthetic.line(1, payload="[2]", **said)
        )
    )
    (written,) = (await give_back(archive, tmp_path)).written
    assert json.loads(written.path.read_bytes()) == {"a": 1, "m": [[2]]}


async def test_progress_is_told_chunk_by_chunk(healthy: Any, tmp_path: Path) -> None:
    """The last call says that all is read."""
    told: list[tuple[int, int]] = []
    await give_back(healthy, tmp_path, progress=lambda *now: told.append(now))
    assert told == [(number, 5) for number in range(1, 6)]


async def test_unreadable_manifests_are_handed_on(healthy: Any, tmp_path: Path) -> None:
    """A restore from half an index says that it is one."""
    spoiled = next(key for key in healthy.keys("_manifests") if "0000003-" in key)
    healthy.put(spoiled, b"{}")
    assert (await give_back(healthy, tmp_path)).unreadable == (spoiled,)
