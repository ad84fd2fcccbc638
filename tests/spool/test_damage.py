"""Damage that shows while the spool is in use: the next opening looks closer."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from archiver.daemon.opening import open_spool
from archiver.errors import SpoolDamaged, StateError

if TYPE_CHECKING:
    from pathlib import Path

    from laptop import Laptop

    from archiver.spool.spool import Spool


def lose_an_index_entry(state: Path) -> None:
    """Take a row out of an index and leave it in the table: the usual check is content."""
    with closing(sqlite3.connect(state / "spool.db")) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        (sql,) = db.execute(
            "SELECT sql FROM sqlite_schema WHERE name='batches_by_chunk'"
        ).fetchone()
        (root,) = db.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name='batches_by_chunk'"
        ).fetchone()
        db.execute("DELETE FROM sqlite_schema WHERE name='batches_by_chunk'")
        db.commit()
    with closing(sqlite3.connect(state / "spool.db")) as db, db:
        db.execute("INSERT INTO batches VALUES (1,'t','c','s','d','a','c','s',0,1,1,'','','','')")
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "INSERT INTO sqlite_schema VALUES ('index','batches_by_chunk','batches',?,?)",
            (root, sql),
        )


def forget(spool: Spool) -> None:
    """Remove the row that its index has lost."""
    with spool.transaction() as db:
        db.execute("DELETE FROM batches WHERE id = 1")


def refuse(spool: Spool, name: str) -> None:
    """Meet an error of SQLite within a transaction."""
    with spool.transaction():
        error = sqlite3.OperationalError(name)
        error.sqlite_errorname = name
        raise error


def test_damage_that_the_usual_check_does_not_see_is_set_aside_once_it_was_met(
    laptop: Laptop,
) -> None:
    """Otherwise the daemon would end and start for ever."""
    clock = laptop.clock
    laptop.halt()
    lose_an_index_entry(laptop.state)
    opened = open_spool(laptop.state, clock)
    assert opened.set_aside is None
    with opened.spool as spool, pytest.raises(SpoolDamaged):
        forget(spool)
    opened = open_spool(laptop.state, clock)
    opened.spool.__exit__(None, None, None)
    assert opened.set_aside is not None
    again = open_spool(laptop.state, clock)
    again.spool.__exit__(None, None, None)
    assert again.set_aside is None


def test_a_spool_that_proves_sound_after_an_error_is_kept(laptop: Laptop) -> None:
    """The device stays the same where the closer look finds nothing."""
    device = laptop.engine.spool.device
    with pytest.raises(SpoolDamaged):
        refuse(laptop.engine.spool, "SQLITE_IOERR_READ")
    laptop.crash()
    assert laptop.engine.spool.device == device
    assert laptop.opened is not None
    assert laptop.opened.set_aside is None
    assert not (laptop.state / "spool.suspect").exists()


def test_a_refusal_that_is_no_damage_marks_nothing(laptop: Laptop) -> None:
    """Busy is not broken."""
    with pytest.raises(StateError):
        refuse(laptop.engine.spool, "SQLITE_BUSY")
    assert not (laptop.state / "spool.suspect").exists()
