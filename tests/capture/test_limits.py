"""When there is no room: the spool's, the disk's, and the memory's."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from laptop import line, lines, patched

from archiver.daemon import engine
from archiver.durable import files
from archiver.errors import DiskFull
from archiver.spool import batches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from laptop import Laptop

TESTS = Path(__file__).parents[1]


def noise(count: int, start: int = 0) -> bytes:
    """Write lines of a kilobyte that hardly shrink."""
    return b"".join(line(start + one, noise=os.urandom(400).hex()) for one in range(count))


@pytest.fixture
def narrow(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    """Give a laptop whose spool may hold one mebibyte, and that asks for room every time."""
    monkeypatch.setattr(engine, "_ROOM_SECONDS", 0)
    laptop.spool_limits = {"free_floor_bytes": 2**26, "max_bytes": 2**20}
    laptop.apply()
    return laptop


def test_a_full_spool_stops_capture_loudly_and_goes_on_when_there_is_room(narrow: Laptop) -> None:
    """Nothing is evicted, the sources stay, the pass says why; after shipping the rest comes."""
    content = {f"c{number}": noise(9000, 10_000 * number) for number in range(3)}
    for name, body in content.items():
        narrow.write(narrow.claude(name), body)
    done = narrow.look()
    again = narrow.look()
    assert "spool holds 1048576 bytes" in (again.full or "")
    assert (again.finished, again.records) == (False, 0)
    held = narrow.engine.spool.backlog("acme").spooled_records
    assert held == done.records > 0
    for _ in range(6):
        narrow.ship()
        narrow.look()
    archive = narrow.archive()
    for name, body in content.items():
        assert archive.states(f"{name}.jsonl")[-1] == body


def test_one_large_file_does_not_fill_the_spool_beyond_its_limit(narrow: Laptop) -> None:
    """Room is asked for within a file, at least every sixteen mebibytes that are read."""
    body = noise(40_000)
    narrow.write(narrow.claude("c1"), body)
    done = narrow.look()
    assert done.full
    assert done.raw_bytes < 16 * 2**20
    for _ in range(8):
        narrow.ship()
        narrow.look()
    assert narrow.archive().states("c1.jsonl")[-1] == body


def test_a_disk_that_is_nearly_full_stops_capture(laptop: Laptop) -> None:
    """Below the policy's floor nothing is spooled."""
    laptop.spool_limits = {"free_floor_bytes": 1024 * 2**30}
    laptop.apply()
    laptop.write(laptop.claude("c1"), lines(1))
    done = laptop.look()
    assert done.records == 0
    assert "bytes free" in (done.full or "")


@pytest.mark.parametrize("kind", [DiskFull, MemoryError])
def test_what_could_not_be_committed_is_captured_by_the_next_pass(
    laptop: Laptop, kind: type[Exception]
) -> None:
    """A commit that fails is no capture: the file is not taken for one that was looked at."""
    laptop.write(laptop.claude("c1"), lines(1, 2))

    def fails(*_: object) -> None:
        raise DiskFull("no room", advice="") if kind is DiskFull else kind

    with patched(batches, "add", fails):
        if kind is DiskFull:
            assert laptop.look().full == "no room"
        else:
            with pytest.raises(kind):
                laptop.look()
    assert laptop.look().records == 2
    assert laptop.archive().states("c1.jsonl") == [lines(1, 2)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 96 mebibytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, check=False, stderr=-3).returncode:
        pytest.skip("only root on Linux can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path) -> None:
    """Take all that is free on a disk, to the last byte."""
    with path.open("wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def test_a_disk_that_another_program_fills_loses_nothing(
    laptop: Laptop, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Capture and sealing stop and say so, what is sealed is shipped, and later all goes on.

    The disk is filled after capture has asked for room: the floor does not help.
    """
    monkeypatch.setattr(engine, "_ROOM_SECONDS", 3600)
    laptop.halt()
    laptop.state = small_disk / "state"
    laptop.start()
    laptop.engine.keep_house()
    content = {f"c{number}": noise(3000, 3000 * number) for number in range(4)}
    names = list(content)
    laptop.write(laptop.claude(names[0]), content[names[0]])
    laptop.look()
    assert laptop.seal() == 1
    laptop.write(laptop.claude(names[1]), content[names[1]])
    laptop.look()
    filler = small_disk / "filler"
    fill(filler)
    for name in names[2:]:
        laptop.write(laptop.claude(name), content[name])
    assert laptop.look().full
    assert laptop.seal() == 0
    assert laptop.engine.last_pass.full
    laptop.engine.keep_house()
    laptop.ship()
    backlog = laptop.engine.spool.backlog("acme")
    assert (backlog.pending_chunks, backlog.spooled_records) == (0, 3000)
    laptop.crash()
    filler.unlink()
    laptop.engine.keep_house()
    laptop.look()
    archive = laptop.archive()
    for name, body in content.items():
        assert archive.states(f"{name}.jsonl") == [body]


def test_no_room_for_a_sealed_file_leaves_the_records_spooled(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that the disk refuses leaves no file, uses no number, and is done again."""
    laptop.write(laptop.claude("c1"), lines(1, 2))
    laptop.look()
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 100:
            raise OSError(errno.ENOSPC, "no space left")
        return write(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", full)
        assert laptop.seal() == 0
        assert "no room" in (laptop.engine.last_pass.full or "")
    assert list((laptop.state / "sealed").rglob("*.*")) == []
    assert laptop.seal() == 1
    archive = laptop.archive()
    assert archive.states("c1.jsonl") == [lines(1, 2)]
    assert [key.partition("-0000")[2][:8] for key in archive.chunks] == ["00000001"]


_MEASURE = """
import resource, sys
from pathlib import Path
from laptop import Laptop
root, mebibytes, tail = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
laptop = Laptop(root)
chat = laptop.claude("c1")
with chat.open("wb") as file:
    file.write(b'{"type":"user","text":"')
    for _ in range(mebibytes):
        file.write(b"w" * 2**20)
    file.write(tail)
laptop.touch(chat)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
done = laptop.look()
laptop.ship()
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
left = laptop.engine.spool.backlog("acme")
print(done.records, (after - before) // 1024, left.pending_chunks, left.spooled_records)
"""


def captured_and_shipped(root: Path, mebibytes: int, tail: str) -> tuple[int, int]:
    """Capture and ship one long line in another process; give records and MiB of memory."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(root), str(mebibytes), tail],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"},
    )
    records, memory, pending, spooled = map(int, done.stdout.split())
    assert (pending, spooled) == (0, 0)
    return records, memory


def restored_length(root: Path) -> int:
    """Add up the payloads in a bucket, a chunk at a time."""
    import zstandard  # noqa: PLC0415 - slow tests only

    total = 0
    for path in sorted((root / "bucket").rglob("*.jsonl.zst")):
        raw = zstandard.ZstdDecompressor().decompress(path.read_bytes())
        total += sum(len(json.loads(one)["payload"]) for one in raw.splitlines())
    return total


@pytest.mark.skipif(sys.platform == "win32", reason="asks the system for the memory's peak")
@pytest.mark.parametrize("tail", ['"}\n', ""], ids=["one line", "a line without end"])
def test_a_line_of_96_mebibytes_does_not_fill_the_memory(tmp_path: Path, tail: str) -> None:
    """It is taken in parts, with at most 64 MiB more memory than before."""
    records, memory = captured_and_shipped(tmp_path, 96, tail)
    assert records >= 90
    assert memory < 64
    head = len('{"type":"user","text":"')
    assert restored_length(tmp_path) == 96 * 2**20 + head + len(tail.strip())


@pytest.mark.soak
def test_a_line_of_one_gibibyte_does_not_fill_the_memory(tmp_path: Path) -> None:
    """The same for ten times as much, with the same memory."""
    _, memory = captured_and_shipped(tmp_path, 1024, '"}\n')
    assert memory < 64
    assert restored_length(tmp_path) == 1024 * 2**20 + len('{"type":"user","text":"') + 2
