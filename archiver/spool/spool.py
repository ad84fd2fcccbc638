"""The spool: one machine's durable state, behind transactions.

Promises:

* what one `transaction` wrote is all there after a crash, or none of it;
* a chunk's or manifest's sequence number is used once per device and tenant, without gaps;
* nothing that was not sent is ever removed, except by `purge` and past its retention;
* every method may be called from any thread; one transaction runs at a time.

Limits: the record lines and sealed files on this machine are plain text for whoever can
read the user's files.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final, Self

from archiver.durable import files
from archiver.spool import database, vacuum
from archiver.spool.values import Backlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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
                raise database.refused(error, self.folder) from error
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

    def ensure_tenant(self, tenant: str, enabled_at: str | None = None) -> None:
        """Begin the counters of a tenant that is new here.

        ``enabled_at`` says that a policy enables it now; the first such time is kept.
        """
        with self.transaction() as db:
            db.execute(
                "INSERT INTO tenants (id, enabled_at) VALUES (?, ?) ON CONFLICT DO UPDATE SET"
                " enabled_at = excluded.enabled_at"
                " WHERE enabled_at IS NULL AND excluded.enabled_at IS NOT NULL",
                (tenant, enabled_at),
            )

    def tenants(self) -> list[str]:
        """Name every tenant that this spool ever held something of."""
        with self.transaction() as db:
            return [tenant for (tenant,) in db.execute("SELECT id FROM tenants ORDER BY id")]

    def used_bytes(self) -> int:
        """Count the bytes of spooled rows and sealed files."""
        with self.transaction() as db:
            (rows,) = db.execute("SELECT COALESCE(SUM(LENGTH(data)), 0) FROM batches").fetchone()
            (sealed,) = db.execute(
                "SELECT COALESCE(SUM(stored_bytes), 0) FROM chunks"
                " WHERE state IN ('pending', 'quarantined')"
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
                "SELECT COUNT(*) FROM papers WHERE tenant = ? AND state != 'delivered'", (tenant,)
            ).fetchone()
            delivered = db.execute(
                "SELECT delivered_chunks, delivered_bytes, last_delivered_at"
                " FROM tenants WHERE id = ?",
                (tenant,),
            ).fetchone() or (0, 0, None)
        counts = (*spooled, *pending, held, unlisted, manifests, *delivered)
        return Backlog(tenant, *counts)

    def give_space_back(
        self, *, seconds: float = 5, stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Return free pages to the file system for so long; cheap when there are none.

        Others get their turn after every step. Raises `DiskFull` where moving pages needs room
        that is not there.
        """
        until = time.monotonic() + seconds
        pages = vacuum.FIRST_PAGES
        while pages and not stop() and time.monotonic() < until:
            begun = time.monotonic()
            with self._alone() as db:
                pages = vacuum.step(db, pages)
            # A lock that is taken again at once lets nobody in.
            time.sleep(min(max(time.monotonic() - begun, 0.001), 0.1))
        with self._alone() as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[sqlite3.Connection]:
        """Give the connection outside of any transaction."""
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise database.refused(error, self.folder) from error
