"""The spool: one transaction at a time, and a damaged file that is never begun anew in silence."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from laptop import line, lines, patched, read_archive

from archiver.archive.replay import states
from archiver.daemon.opening import open_spool
from archiver.errors import DiskFull, SpoolDamaged, StateError
from archiver.spool import batches, database, streams
from archiver.spool.spool import Spool
from archiver.spool.values import Batch, Glance, Group, Mark, StreamState

if TYPE_CHECKING:
    from pathlib import Path

    from laptop import Laptop


def pragma(spool: Spool, name: str) -> object:
    """Read one setting back."""
    with spool.transaction() as db:
        return db.execute(f"PRAGMA {name}").fetchone()[0]


def test_the_pragmas_are_in_force(laptop: Laptop) -> None:
    """What keeps commits through a power cut is read back, not only asked for."""
    spool = laptop.engine.spool
    assert pragma(spool, "journal_mode") == "wal"
    assert pragma(spool, "synchronous") == 2  # FULL
    assert pragma(spool, "locking_mode") == "exclusive"
    assert pragma(spool, "mmap_size") in (0, None)
    assert pragma(spool, "auto_vacuum") == 2  # INCREMENTAL
    if sys.platform == "darwin":
        assert pragma(spool, "fullfsync") == 1
        assert pragma(spool, "checkpoint_fullfsync") == 1


def test_exclusive_locking_needs_no_shared_memory_file(laptop: Laptop) -> None:
    """There is no ``-shm`` file, and no other connection can get in."""
    laptop.write(laptop.claude("c1"), lines(1))
    laptop.look()
    assert {path.name for path in laptop.state.glob("spool*")} == {"spool.db", "spool.db-wal"}
    with pytest.raises(StateError, match="SQLITE_BUSY"):
        Spool.open(laptop.state)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_nobody_else_can_read_what_is_spooled(laptop: Laptop) -> None:
    """Folders are 0700, the database, its log and sealed files 0600."""
    laptop.write(laptop.claude("c1"), lines(1))
    laptop.look()
    laptop.seal()
    for path in (laptop.state, *laptop.state.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0, (path.name, oct(mode))


def test_a_transaction_is_whole_or_not_at_all(laptop: Laptop) -> None:
    """An error within it takes back all of it, nested parts included."""
    spool = laptop.engine.spool

    def write() -> None:
        with spool.transaction() as db:
            db.execute("INSERT INTO facts VALUES ('one', '1')")
            with spool.transaction() as inner:
                inner.execute("INSERT INTO facts VALUES ('two', '2')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    with spool.transaction() as db:
        assert db.execute("SELECT COUNT(*) FROM facts WHERE value IN ('1','2')").fetchone() == (0,)


def test_transactions_of_threads_wait_for_each_other(laptop: Laptop) -> None:
    """Eight threads that count the same number up lose none of it."""
    spool = laptop.engine.spool
    with spool.transaction() as db:
        db.execute("INSERT INTO facts VALUES ('count', '0')")

    def count() -> None:
        for _ in range(50):
            with spool.transaction() as db:
                (value,) = db.execute("SELECT value FROM facts WHERE name='count'").fetchone()
                db.execute("UPDATE facts SET value=? WHERE name='count'", (str(int(value) + 1),))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with spool.transaction() as db:
        assert db.execute("SELECT value FROM facts WHERE name='count'").fetchone() == ("400",)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SQLITE_FULL", DiskFull),
        ("SQLITE_CORRUPT_INDEX", SpoolDamaged),
        ("SQLITE_NOTADB", SpoolDamaged),
        ("SQLITE_IOERR_READ", SpoolDamaged),
        ("SQLITE_BUSY_RECOVERY", StateError),
        ("SQLITE_CANTOPEN", StateError),
    ],
)
def test_what_sqlite_refuses_is_said_in_our_words(
    tmp_path: Path, name: str, kind: type[Exception]
) -> None:
    """A full disk is one thing and a damaged file another; both say what to do."""
    error = sqlite3.OperationalError("x")
    error.sqlite_errorname = name
    told = database.translate(error, tmp_path)
    assert type(told) is kind
    assert told.advice


def test_the_device_is_the_same_for_the_life_of_its_state(laptop: Laptop) -> None:
    """It is made with the spool and stays through restarts."""
    device = laptop.engine.spool.device
    laptop.crash()
    assert laptop.engine.spool.device == device
    assert len(device) == 16


def damage(state: Path) -> None:
    """Overwrite the middle of the database, as a bad disk does."""
    database_file = state / "spool.db"
    body = bytearray(database_file.read_bytes())
    body[1000 : len(body) - 1000] = b"\xa5" * (len(body) - 2000)
    database_file.write_bytes(body)


@pytest.mark.parametrize("how", ["rotten", "cut", "not a database"])
def test_a_damaged_spool_is_set_aside_and_what_was_sealed_is_taken_over(
    laptop: Laptop, how: str
) -> None:
    """A new device begins, sealed files are shipped by it, the rest is captured anew."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1, 2))
    laptop.look()
    laptop.ship()
    laptop.write(chat, lines(1, 5))
    laptop.look()
    laptop.seal()
    laptop.append(chat, lines(6))
    laptop.look()
    old = laptop.engine.spool.device
    laptop.halt()
    path = laptop.state / "spool.db"
    if how == "rotten":
        damage(laptop.state)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        path.write_bytes(b"this is no database at all" * 100)
    laptop.start()
    assert laptop.opened is not None
    assert laptop.opened.recovered == 2
    aside = laptop.opened.set_aside
    assert aside is not None
    assert aside.parent == laptop.state / "quarantine"
    assert (aside / "spool.db").exists()
    new = laptop.engine.spool.device
    assert new != old
    laptop.look()
    archive = laptop.archive()
    logs = {
        device: [state.body for state in states(log)]
        for (_, device, _, stream), log in archive.logs.items()
        if stream.endswith("c1.jsonl")
    }
    assert logs == {old: [lines(1, 2), lines(1, 5)], new: [lines(1, 5, 6)]}


def test_a_database_that_another_program_has_open_is_not_set_aside(laptop: Laptop) -> None:
    """A curious user with the sqlite3 shell does not cost the machine its identity."""
    device = laptop.engine.spool.device
    laptop.halt()
    with closing(sqlite3.connect(laptop.state / "spool.db")) as db, db:
        db.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StateError, match="SQLITE_BUSY") as refused:
            laptop.start()
    db.close()
    assert not isinstance(refused.value, SpoolDamaged)
    laptop.start()
    assert laptop.engine.spool.device == device


def test_the_spool_of_a_newer_archiver_is_left_alone(laptop: Laptop) -> None:
    """After a downgrade nothing is set aside: the newer program can go on with it."""
    laptop.halt()
    with closing(sqlite3.connect(laptop.state / "spool.db")) as db, db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StateError, match="newer archiver"):
        laptop.start()
    assert not (laptop.state / "quarantine").exists()
    with closing(sqlite3.connect(laptop.state / "spool.db")) as db, db:
        db.execute("PRAGMA user_version = 1")
    db.close()
    laptop.start()


def test_a_sealed_file_that_is_damaged_too_is_kept_for_a_human(laptop: Laptop) -> None:
    """It is moved into quarantine, never shipped, never removed."""
    laptop.write(laptop.claude("c1"), lines(1, 2))
    laptop.look()
    laptop.seal()
    (sealed,) = (laptop.state / "sealed").rglob("*.zst")
    body = sealed.read_bytes()
    sealed.write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    laptop.halt()
    damage(laptop.state)
    laptop.start()
    assert laptop.opened is not None
    assert laptop.opened.recovered == 0
    assert (laptop.state / "quarantine" / "sealed" / sealed.name).exists()
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [lines(1, 2)]


def test_two_damages_in_one_second_do_not_meet(laptop: Laptop) -> None:
    """What was set aside before is not written over."""
    for _ in range(2):
        laptop.halt()
        (laptop.state / "spool.db").write_bytes(b"no database" * 500)
        laptop.start()
    held = list((laptop.state / "quarantine").rglob("spool.db"))
    assert len(held) == 2


def test_a_full_disk_at_the_opening_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no room for the log, the database is left where it is."""
    Spool.open(tmp_path).__exit__(None, None, None)

    def full(_connection: sqlite3.Connection) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorname = "SQLITE_FULL"
        raise error

    monkeypatch.setattr(database, "_prepare", full)
    with pytest.raises(DiskFull):
        open_spool(tmp_path, lambda: pytest.fail("nothing is set aside"))
    assert (tmp_path / "spool.db").exists()


def state(**changes: object) -> StreamState:
    """Give a stream's state with every field set to something."""
    return StreamState(
        "acme",
        "aider",
        "c",
        "s",
        b"/p\xff",
        "lines",
        glance=Glance(5, -7, 2**62, 2**64 - 1, 3),
        consumed=5,
        prefix=b"p" * 32,
        entries=2,
        position=3,
        fields={"a": b"x" * 16},
        entries_key="",
        origin=b"{}",
        **changes,  # type: ignore[arg-type]
    )


def test_a_stream_is_read_back_as_it_was_saved(laptop: Laptop) -> None:
    """Paths that are no text, times before 1970, inodes of 64 bits: all of it."""
    with laptop.engine.spool.transaction() as db:
        row = streams.save(db, state())
        found = streams.find(db, "acme", "aider", "c", "s")
        assert found == state(id=row)
        assert streams.save(db, state(id=row, missing=2, absent=True)) == row
        assert streams.find(db, "acme", "aider", "c", "s") == state(id=row, missing=2, absent=True)
        assert streams.by_path(db, b"/p\xff") == []
        assert streams.live_paths(db) == set()


@pytest.mark.parametrize("keep", [0, 1, 2, 3, 5, 6, 10])
def test_marks_are_kept_up_to_a_count(laptop: Laptop, keep: int) -> None:
    """Rows and parts of rows after it go; what is added then follows on."""
    one = [Mark(bytes([number]) * 16, 10, count) for number, count in enumerate((1, 1, 3))]
    two = [Mark(bytes([9]) * 16, 7, 1), Mark(bytes([8]) * 16, 7, 4)]
    with laptop.engine.spool.transaction() as db:
        streams.add_marks(db, 1, 0, Mark.pack(one))
        streams.add_marks(db, 1, 5, Mark.pack(two))
        streams.keep_marks(db, 1, keep)
        kept = list(streams.marks(db, 1))
        total = sum(mark.entries for mark in kept)
        assert total <= keep
        assert kept == [*one, *two][: len(kept)]
        following = [*one, *two][len(kept) :]
        assert not following or total + following[0].entries > keep
        streams.add_marks(db, 1, total, Mark.pack([Mark(b"n" * 16, 1, 1)]))
        assert list(streams.marks(db, 1)) == [*kept, Mark(b"n" * 16, 1, 1)]


def batch(day: str, position: int, size: int, conversation: str = "c") -> Batch:
    """Give a batch of one line of ``size`` bytes."""
    group = Group("acme", "standard", "s" * 32, day)
    at = f"{day}T00:00:00.000Z"
    return Batch(
        group, "aider", conversation, "s", position, 1, at, at, size, batches.pack(b"x" * size)
    )


def test_a_group_is_due_when_full_or_old_or_from_the_future(laptop: Laptop) -> None:
    """By size, by the age of its oldest batch, and when its time lies ahead of the clock."""
    spooled = {"2026-01-01": "2026-01-10T00:00:05.000Z", "2026-01-02": "2026-01-10T00:00:01.000Z"}
    with laptop.engine.spool.transaction() as db:
        for day, at in spooled.items():
            batches.add(db, [batch(day, 0, 100)], at)

        def due(full: int, until: str, now: str) -> list[str]:
            found = batches.groups(db, "acme", full_bytes=full, spooled_until=until, now=now)
            return [group.day for group in found]

        late = "2026-01-11T00:00:00.000Z"
        assert due(101, "2026-01-10T00:00:00.000Z", late) == []
        assert due(101, "2026-01-10T00:00:01.000Z", late) == ["2026-01-02"]
        assert due(100, "2026-01-10T00:00:00.000Z", late) == ["2026-01-02", "2026-01-01"]
        assert due(101, "2025-01-01T00:00:00.000Z", "2026-01-10T00:00:04.000Z") == ["2026-01-01"]


def test_a_chunk_takes_batches_in_its_order_up_to_its_size(laptop: Laptop) -> None:
    """Sorted by conversation, stream and position; at least one, never more than fit."""
    with laptop.engine.spool.transaction() as db:
        for position, name in ((1, "b"), (0, "b"), (0, "a")):
            at = "2026-01-10T00:00:00.000Z"
            batches.add(db, [batch("2026-01-01", position, 100, name)], at)
        group = batch("2026-01-01", 0, 1).group

        def taken(size: int) -> list[tuple[str, int]]:
            _, found = batches.take(db, group, size)
            return [(one.conversation, one.position) for one in found]

        assert taken(1) == [("a", 0)]
        assert taken(200) == [("a", 0), ("b", 0)]
        assert taken(299) == [("a", 0), ("b", 0)]
        assert taken(300) == [("a", 0), ("b", 0), ("b", 1)]


def test_space_is_given_back_when_what_was_spooled_is_shipped(laptop: Laptop) -> None:
    """The database shrinks by some mebibytes an hour, and its log is emptied."""
    laptop.write(
        laptop.claude("c1"), b"".join(line(n, x=os.urandom(200).hex()) for n in range(9000))
    )
    laptop.look()
    full = (laptop.state / "spool.db").stat().st_size + (
        laptop.state / "spool.db-wal"
    ).stat().st_size
    laptop.ship()
    laptop.engine.keep_house()
    assert (laptop.state / "spool.db").stat().st_size < full / 3
    assert (laptop.state / "spool.db-wal").stat().st_size == 0
    assert read_archive(laptop.bucket).log("c1.jsonl")


def test_used_bytes_count_rows_and_sealed_files_until_they_are_delivered(laptop: Laptop) -> None:
    """What the limit is compared with is what lies here and no store has."""
    spool = laptop.engine.spool
    assert spool.used_bytes() == 0
    laptop.write(laptop.claude("c1"), lines(*range(100)))
    laptop.look()
    spooled = spool.used_bytes()
    assert spooled > 0
    laptop.seal()
    (sealed,) = (laptop.state / "sealed").rglob("*.zst")
    assert spool.used_bytes() == sealed.stat().st_size
    laptop.ship()
    assert spool.used_bytes() == 0
    assert not sealed.exists()


def test_a_file_of_the_reserve_is_held_and_given_up(laptop: Laptop) -> None:
    """On a full disk a receipt is written with the room of the reserve."""
    laptop.engine.keep_house()
    reserve = laptop.state / "reserve"
    assert reserve.stat().st_size == 2 * 2**20
    laptop.write(laptop.claude("c1"), lines(1))
    laptop.look()
    laptop.seal()
    deliver = laptop.engine.outbox._deliver
    refused: list[bool] = []

    def full(*about: object) -> None:
        if not refused:
            refused.append(True)
            raise DiskFull("no room", advice="")
        deliver(*about)  # type: ignore[arg-type]

    with patched(laptop.engine.outbox, "_deliver", full):
        laptop.ship()
    assert not reserve.exists()
    assert laptop.engine.spool.backlog("acme").pending_chunks == 0
    laptop.engine.keep_house()
    assert reserve.exists()
