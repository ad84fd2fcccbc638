"""The spool as delivery sees it: parcels, receipts and waiting states."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.delivery.parcel import Parcel, Waiting, WaitReason
from archiver.durable import files
from archiver.errors import DiskFull
from archiver.format.times import rfc3339
from archiver.sealing import docket
from archiver.sealing.lifetime import class_of, lock_of, outlived, plausible
from archiver.sealing.seal import sealed_path
from archiver.spool import chunks, clock, papers, reserve
from archiver.spool.papers import PaperKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from archiver.model.shipment import ClassTerms, Receipt
    from archiver.spool.chunks import Sealed
    from archiver.spool.papers import Paper
    from archiver.spool.spool import Spool

__all__ = ["FORMAT", "SpoolOutbox"]

FORMAT: Final = "archiver-1"
"""Stands in the metadata of every object, so that a stranger can look the format up."""


class _Kept(msgspec.Struct, frozen=True):
    """A waiting state as the spool keeps it."""

    reason: WaitReason
    since: datetime
    until: datetime
    code: str
    detail: str
    advice: str


def _no_terms(_tenant: str, _klass: str) -> None:
    """Give what a policy says that says nothing."""


def _utc() -> datetime:
    return datetime.now(UTC)


class SpoolOutbox:
    """Implements `archiver.delivery.outbox.Outbox` over a `Spool`.

    ``terms`` gives how long a tenant's class stays and how it is locked, as the policy says now.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        terms: Callable[[str, str], ClassTerms | None] = _no_terms,
        clock: Callable[[], datetime] = _utc,
    ) -> None:
        self._spool = spool
        self._terms = terms
        self._clock = clock

    def pending(self, tenant: str, limit: int) -> Sequence[Parcel]:
        """Give the oldest parcels: what goes ahead, alone; then chunks, then manifests.

        A chunk that is older than its retention is not among them, also where the spool still
        has to give it up: a receipt that was lost must not bring back what was removed since.
        The time of one that was sealed by a wrong clock runs from now, before its first offer.
        """
        now = self._clock()
        with self._spool.transaction() as db:
            if ahead := papers.pending(db, tenant, papers.AHEAD, limit):
                return [_paper(one) for one in ahead]
            if plausible(now, clock.confirmed(db, tenant)):
                chunks.date(db, tenant, rfc3339(now))
            sealed = chunks.pending(db, tenant, limit, partial(self._may_go, now))
            room = limit - len(sealed)
            listed = papers.pending(db, tenant, (PaperKind.MANIFEST,), room) if room else []
        return [self._chunk(one, now) for one in sealed] + [_paper(one) for one in listed]

    def _may_go(self, now: datetime, sealed: Sealed) -> bool:
        terms = self._terms(sealed.tenant, class_of(sealed.entry.key))
        return not outlived(terms, sealed.sealed_at, now)

    def _chunk(self, sealed: Sealed, now: datetime) -> Parcel:
        entry = sealed.entry
        terms = self._terms(sealed.tenant, class_of(entry.key))
        return Parcel(
            tenant=sealed.tenant,
            key=entry.key,
            sha256=entry.sha256,
            size=entry.stored_bytes,
            kind="chunk",
            seq=entry.seq,
            path=sealed_path(self._spool.folder, sealed.tenant, entry.key),
            metadata=(
                ("format", FORMAT),
                ("raw-size", str(entry.raw_bytes)),
                ("records", str(entry.records)),
                ("seq", str(entry.seq)),
                ("sha256", entry.sha256),
            ),
            # Sealed by a clock that was ahead: no lock may last longer than for what is new.
            retain=lock_of(terms, min(sealed.sealed_at, rfc3339(now))),
        )

    def deliver(self, parcel: Parcel, receipt: Receipt) -> None:
        """Keep the receipt, durably; on a full disk, with the room of the reserve."""
        try:
            self._deliver(parcel, receipt)
        except DiskFull:
            if not reserve.give_up(self._spool.folder):
                raise
            self._deliver(parcel, receipt)

    def _deliver(self, parcel: Parcel, receipt: Receipt) -> None:
        with self._spool.transaction() as db:
            if parcel.kind == "chunk":
                chunks.deliver(db, parcel.tenant, receipt, parcel.size)
            else:
                papers.deliver(db, parcel.tenant, parcel.sha256)
            clock.confirm(db, parcel.tenant, receipt.at)

    def discard(self, parcel: Parcel) -> None:
        """Remove the sealed file; one that cannot be removed now goes at the next start."""
        if parcel.path is not None:
            with contextlib.suppress(OSError):
                files.remove(parcel.path)
                docket.remove(parcel.path)

    def quarantine(self, parcel: Parcel, reason: str) -> None:
        """Set a parcel aside; its bytes stay."""
        with self._spool.transaction() as db:
            if parcel.kind == "chunk":
                chunks.quarantine(db, parcel.tenant, parcel.sha256, reason)
            else:
                papers.quarantine(db, parcel.tenant, parcel.sha256)

    def waiting(self, tenant: str) -> Waiting | None:
        """Give what the tenant waits for."""
        return self._state(tenant)[0]

    def failures(self, tenant: str) -> int:
        """Give how many rounds in a row failed."""
        return self._state(tenant)[1]

    def _state(self, tenant: str) -> tuple[Waiting | None, int]:
        with self._spool.transaction() as db:
            row = db.execute(
                "SELECT waiting, failures FROM tenants WHERE id = ?", (tenant,)
            ).fetchone()
        if row is None:
            return None, 0
        if not row[0]:
            return None, row[1]
        kept = msgspec.structs.asdict(msgspec.json.decode(row[0], type=_Kept))
        return Waiting(**kept), row[1]

    def set_waiting(self, tenant: str, waiting: Waiting | None, failures: int) -> None:
        """Keep both."""
        self._spool.ensure_tenant(tenant)
        with self._spool.transaction() as db:
            db.execute(
                "UPDATE tenants SET waiting = ?, failures = ? WHERE id = ?",
                (msgspec.json.encode(waiting) if waiting else None, failures, tenant),
            )


def _paper(paper: Paper) -> Parcel:
    return Parcel(
        tenant=paper.tenant,
        key=paper.key,
        sha256=paper.sha256,
        size=len(paper.body),
        kind="paper",
        seq=paper.seq,
        body=paper.body,
        metadata=(("format", FORMAT), ("seq", str(paper.seq)), ("sha256", paper.sha256)),
    )
