"""The spool's one database connection.

Promise: what was committed survives a power cut; a damaged file is set aside and reported,
never silently begun anew. Damage that shows while the spool is in use ends the process; the
next opening then checks every page and index, which the usual check does not.

Rules, and where they come from:

* ``synchronous=FULL`` with ``journal_mode=WAL``: NORMAL forgets the last commits at a power
  cut (https://sqlite.org/pragma.html#pragma_synchronous).
* one connection, ``locking_mode=EXCLUSIVE`` set before the first read: SQLite below 3.51.3
  can corrupt a WAL database that two connections checkpoint
  (https://sqlite.org/wal.html#walresetbug), and exclusive mode needs no shared memory file.
* ``fullfsync`` on macOS, where a plain fsync stops at the drive's cache.
* no ``mmap_size``: an I/O error would be a signal instead of an exception.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import sys
from typing import TYPE_CHECKING, Final

from archiver.durable import files
from archiver.errors import DiskFull, SpoolDamaged, StateError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

__all__ = ["NAME", "connect", "refused", "set_aside", "translate"]

NAME: Final = "spool.db"
_SUSPECT: Final = "spool.suspect"
_SCHEMA_VERSION: Final = 1
_NOT_NOW: Final = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_CANTOPEN",
    "SQLITE_PERM",
    "SQLITE_READONLY",
    "SQLITE_NOMEM",
)

_SCHEMA: Final = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE tenants (
    id TEXT PRIMARY KEY,
    enabled_at TEXT,             -- when a policy first enabled it on this device
    next_chunk INTEGER NOT NULL DEFAULT 1,
    next_manifest INTEGER NOT NULL DEFAULT 1,
    last_manifest TEXT,          -- sha256 of the newest manifest made
    last_manifest_at TEXT,
    delivered_chunks INTEGER NOT NULL DEFAULT 0,
    delivered_bytes INTEGER NOT NULL DEFAULT 0,
    last_delivered_at TEXT,
    confirmed_at TEXT,           -- this clock, when its store last took something
    captured_records INTEGER NOT NULL DEFAULT 0,
    dropped_records INTEGER NOT NULL DEFAULT 0,
    dropped_reason TEXT,
    failures INTEGER NOT NULL DEFAULT 0,
    waiting BLOB,                -- JSON: what shipping waits for
    enrolled TEXT                -- the public key that was published to it
) WITHOUT ROWID;

CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    assistant TEXT NOT NULL,
    conversation TEXT NOT NULL,
    stream TEXT NOT NULL,
    path BLOB NOT NULL,
    shape TEXT NOT NULL,
    glance BLOB,                 -- what stat said when all there was had been captured
    consumed INTEGER NOT NULL DEFAULT 0,
    prefix BLOB NOT NULL DEFAULT x'',
    entries INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL DEFAULT 0,
    fields BLOB NOT NULL DEFAULT x'',
    missing INTEGER NOT NULL DEFAULT 0,
    absent INTEGER NOT NULL DEFAULT 0,
    origin BLOB NOT NULL DEFAULT x'',
    UNIQUE (tenant, assistant, conversation, stream)
);

CREATE INDEX streams_by_path ON streams (path);

CREATE TABLE marks (             -- 28 bytes each: sha256[:16], length, entries
    stream INTEGER NOT NULL,
    first INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (stream, first)
) WITHOUT ROWID;

CREATE TABLE batches (           -- captured record lines, compressed, not yet in a chunk
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    class TEXT NOT NULL,
    subject TEXT NOT NULL,
    day TEXT NOT NULL,
    assistant TEXT NOT NULL,
    conversation TEXT NOT NULL,
    stream TEXT NOT NULL,
    position INTEGER NOT NULL,
    records INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    spooled_at TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX batches_by_chunk ON batches
    (tenant, class, subject, day, conversation, stream, position);

CREATE TRIGGER captured AFTER INSERT ON batches BEGIN
    UPDATE tenants SET captured_records = captured_records + NEW.records WHERE id = NEW.tenant;
END;

CREATE TABLE chunks (            -- sealed, until a shipped manifest lists them
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL,         -- pending, delivered, quarantined, purged, expired
    entry BLOB NOT NULL,         -- ChunkEntry as JSON
    sha256 TEXT NOT NULL,
    stored_bytes INTEGER NOT NULL,
    sealed_at TEXT NOT NULL,     -- from when its retention runs
    undated INTEGER NOT NULL DEFAULT 0, -- sealed by a clock that was wrong
    receipt BLOB,
    reason TEXT,
    foreign_device INTEGER NOT NULL DEFAULT 0,
    manifest INTEGER             -- seq of the manifest that lists it
);
CREATE INDEX chunks_by_state ON chunks (tenant, state, id);
CREATE INDEX chunks_by_manifest ON chunks (tenant, manifest);
CREATE INDEX chunks_by_sha256 ON chunks (sha256);
CREATE INDEX chunks_undated ON chunks (tenant) WHERE undated = 1;

CREATE TABLE papers (            -- small objects on their way: enrolment, wrapped keys, manifests
    id INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    seq INTEGER NOT NULL,
    state TEXT NOT NULL,
    key TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    body BLOB NOT NULL,
    made_at TEXT NOT NULL,
    manifest INTEGER,            -- seq of the manifest that lists it
    UNIQUE (tenant, kind, seq)
);
CREATE INDEX papers_by_state ON papers (tenant, state, kind, id);

CREATE TABLE months (            -- public keys only: nobody here can open what was sealed
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    month TEXT NOT NULL,
    officers TEXT NOT NULL,
    recipient TEXT NOT NULL,
    made_at TEXT NOT NULL,
    since TEXT NOT NULL,         -- what the policy said of keys when it was made
    PRIMARY KEY (tenant, subject, month, officers)
) WITHOUT ROWID;
"""


def translate(error: sqlite3.Error, folder: Path) -> StateError:
    """Say in archiver's words what SQLite refused.

    Only what is wrong with the file itself is damage: a database that is merely in use, or
    that this user may not open, must never be set aside.
    """
    code = getattr(error, "sqlite_errorname", "")
    if code.startswith("SQLITE_FULL"):
        return DiskFull(
            f"no room left for the spool in {folder}",
            advice="Free some space; archiver goes on by itself and has lost nothing.",
        )
    if code.startswith(_NOT_NOW):
        return StateError(
            f"the spool database in {folder} cannot be opened now ({code})",
            advice="Close what else has it open, and let this user write there.",
        )
    return SpoolDamaged(
        f"the spool database in {folder} cannot be used ({code or 'not a database'})",
        advice="Start archiver again: it sets the damaged file aside and recaptures.",
    )


def refused(error: sqlite3.Error, folder: Path) -> StateError:
    """Translate what an open spool refused; after damage, the next `connect` looks closer."""
    told = translate(error, folder)
    if isinstance(told, SpoolDamaged):
        with contextlib.suppress(OSError, DiskFull):
            files.replace(folder / _SUSPECT, b"")
    return told


def connect(folder: Path) -> sqlite3.Connection:
    """Open the spool of a state folder, made if it is not there.

    Raises `SpoolDamaged` where the file fails its check: call `set_aside`, then try again.
    """
    files.make_private_file(folder / NAME)
    try:
        connection = sqlite3.connect(
            folder / NAME, isolation_level=None, check_same_thread=False, timeout=0
        )
    except sqlite3.Error as error:
        raise translate(error, folder) from error
    try:
        _prepare(connection)
        if (folder / _SUSPECT).exists():
            _check(connection, "integrity_check")
            files.remove(folder / _SUSPECT)
    except (sqlite3.Error, StateError) as error:
        # Closed before the file is moved: Windows moves no open file, and SQLite removes the
        # log by its name when it closes, which could be that of the next database by then.
        connection.close()
        raise translate(error, folder) if isinstance(error, sqlite3.Error) else error from None
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("PRAGMA cache_size=-2000")
    connection.execute("PRAGMA secure_delete=OFF")
    # What SQLite sorts or rewrites holds conversations: it never lies in a shared folder.
    connection.execute("PRAGMA temp_store=MEMORY")
    if sys.platform == "darwin":
        connection.execute("PRAGMA fullfsync=1")
        connection.execute("PRAGMA checkpoint_fullfsync=1")
    _check(connection, "quick_check")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={_SCHEMA_VERSION};COMMIT;")
    elif version > _SCHEMA_VERSION:
        raise StateError(
            f"a newer archiver has used this spool (its schema is {version})",
            advice="Install that archiver again.",
        )


def _check(connection: sqlite3.Connection, how: str) -> None:
    (verdict,) = connection.execute(f"PRAGMA {how}(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"{how} failed")


def set_aside(folder: Path, now: datetime) -> Path:
    """Move a damaged database into ``quarantine/`` and give its new folder.

    Nothing in ``quarantine/`` is ever removed by archiver.
    """
    named = folder / "quarantine" / f"spool-{now:%Y%m%dT%H%M%S}"
    others = (named.with_name(f"{named.name}-{number}") for number in itertools.count(2))
    target = next(one for one in itertools.chain([named], others) if not one.exists())
    files.make_private_folder(target)
    for suffix in ("-wal", "-shm", ""):
        source = folder / f"{NAME}{suffix}"
        if source.exists():
            files.move(source, target / source.name)
    return target
