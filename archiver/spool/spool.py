"""The spool: one machine's durable state, behind transactions.

Promises:

* what one `transaction` wrote is all there after a crash, or none of it;
* a chunk's or manifest's sequence number is used once per device and tenant, without gaps;
* nothing that was not sent is ever removed, except by `purge`;
* every method may be called from any thread; one transaction runs at a time.

Limits: the record lines and sealed files on this machine are plain text for whoever can
read the user's files.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
from typing import TYPE_CHECKING, Final, Self

from archiver.durable import files
from archiver.spool import database
from archiver.spool.values import Backlog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

__all__ = ["SEALED", "Spool"]

SEALED: Final = "sealed"


class Spool:
    """An open spool. ``device`` is this machine's identity, made with its state."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._db = connection
        self._lock = threading.RLock()
        self._depth = 0
        self.device = self._fact("device") or self._new_device()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open or make the spool of a state folder; raise `SpoolDamaged` where it is damaged."""
        files.make_private_folder(folder / SEALED)
        return cls(folder, database.connect(folder))

    def __enter__(self) -> Self:
        """Use the spool as a context manager."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection within one transaction; nested calls join the outer one."""
        with self._lock:
            if self._depth:
                yield self._db
                return
            self._depth = 1
            try:
                yield from self._outermost()
            except sqlite3.Error as error:
                raise database.translate(error, self.folder) from error
            finally:
                self._depth = 0

    def _outermost(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            files.reached("spool.before-commit")
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        files.reached("spool.committed")

    def _fact(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def _new_device(self) -> str:
        device = secrets.token_hex(8)
        with self.transaction() as db:
            db.execute("INSERT INTO facts VALUES ('device', ?)", (device,))
        return device

    def ensure_tenant(self, tenant: str) -> None:
        """Begin the counters of a tenant that is new here."""
        with self.transaction() as db:
            db.execute("INSERT OR IGNORE INTO tenants (id) VALUES (?)", (tenant,))

    def tenants(self) -> list[str]:
        """Name every tenant that this spool ever held something of."""
        with self.transaction() as db:
            return [tenant for (tenant,) in db.execute("SELECT id FROM tenants ORDER BY id")]

    def used_bytes(self) -> int:
        """Count the bytes of spooled rows and sealed files."""
        with self.transaction() as db:
            (rows,) = db.execute("SELECT COALESCE(SUM(LENGTH(data)), 0) FROM batches").fetchone()
            (sealed,) = db.execute(
                "SELECT COALESCE(SUM(stored_bytes), 0) FROM chunks WHERE state != 'delivered'"
            ).fetchone()
        return int(rows) + int(sealed)

    def backlog(self, tenant: str) -> Backlog:
        """Count what waits on this machine for one tenant."""
        with self.transaction() as db:
            spooled = db.execute(
                "SELECT COALESCE(SUM(records),0), COALESCE(SUM(raw_bytes),0), MIN(spooled_at)"
                " FROM batches WHERE tenant = ?",
                (tenant,),
            ).fetchone()
            pending = db.execute(
                "SELECT COUNT(*), COALESCE(SUM(stored_bytes),0), MIN(sealed_at)"
                " FROM chunks WHERE tenant = ? AND state = 'pending'",
                (tenant,),
            ).fetchone()
            (held,) = db.execute(
                "SELECT COUNT(*) FROM chunks WHERE tenant = ? AND state = 'quarantined'", (tenant,)
            ).fetchone()
            (unlisted,) = db.execute(
                "SELECT COUNT(*) FROM chunks WHERE tenant = ? AND state != 'pending'"
                " AND manifest IS NULL",
                (tenant,),
            ).fetchone()
            (manifests,) = db.execute(
                "SELECT COUNT(*) FROM manifests WHERE tenant = ?", (tenant,)
            ).fetchone()
            delivered = db.execute(
                "SELECT delivered_chunks, delivered_bytes, last_delivered_at"
                " FROM tenants WHERE id = ?",
                (tenant,),
            ).fetchone() or (0, 0, None)
        counts = (*spooled, *pending, held, unlisted, manifests, *delivered)
        return Backlog(tenant, *counts)

    def give_space_back(self) -> None:
        """Return free pages to the file system; cheap when there are none.

        Raises `DiskFull` where moving pages needs room that is not there.
        """
        with self._lock:
            try:
                # Not `execute`: it steps the statement once, and that gives back one page.
                self._db.executescript("PRAGMA incremental_vacuum(2000)")
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except sqlite3.Error as error:
                raise database.translate(error, self.folder) from error
