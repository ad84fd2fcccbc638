"""A bench for delivery: parcels on a real disk, a memory outbox, stores with fault plans."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from archiver.delivery.parcel import Parcel
from archiver.delivery.ship import Limits, Shipper
from archiver.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archiver.delivery.pace import Pace
    from archiver.delivery.parcel import Waiting
    from archiver.model.shipment import Receipt


@dataclass
class Clock:
    """A clock that moves when somebody sleeps on it, or is told to."""

    now: datetime = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    naps: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def seconds(self) -> float:
        """Tell the time as stores and the pace want it."""
        return self.now.timestamp()

    async def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.naps.append(seconds)
        self.now += timedelta(seconds=seconds)


class ListOutbox:
    """An outbox that keeps a journal and refuses what a spool would have to refuse."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Parcel]] = defaultdict(list)
        self.receipts: dict[str, Receipt] = {}
        self.quarantined: dict[str, str] = {}
        self.journal: list[tuple[str, str]] = []
        self.largest_limit = 0
        self._states: dict[str, tuple[Waiting | None, int]] = {}

    def pending(self, tenant: str, limit: int) -> list[Parcel]:
        """Give the oldest rows that have no end yet."""
        self.largest_limit = max(self.largest_limit, limit)
        ended = self.receipts.keys() | self.quarantined.keys()
        return [row for row in self.rows[tenant] if row.key not in ended][:limit]

    def deliver(self, parcel: Parcel, receipt: Receipt) -> None:
        """Keep one receipt per parcel, never two."""
        assert parcel.key not in self.receipts
        assert parcel.key not in self.quarantined
        assert (receipt.key, receipt.sha256) == (parcel.key, parcel.sha256)
        self.receipts[parcel.key] = receipt
        self.journal.append(("deliver", parcel.key))

    def discard(self, parcel: Parcel) -> None:
        """Remove the sealed file, after the receipt only."""
        assert parcel.key in self.receipts
        if parcel.path:
            parcel.path.unlink()
        self.journal.append(("discard", parcel.key))

    def quarantine(self, parcel: Parcel, reason: str) -> None:
        """Set a parcel aside."""
        assert parcel.key not in self.receipts
        self.quarantined[parcel.key] = reason
        self.journal.append(("quarantine", parcel.key))

    def waiting(self, tenant: str) -> Waiting | None:
        """Give what was kept."""
        return self._states.get(tenant, (None, 0))[0]

    def failures(self, tenant: str) -> int:
        """Give what was kept."""
        return self._states.get(tenant, (None, 0))[1]

    def set_waiting(self, tenant: str, waiting: Waiting | None, failures: int) -> None:
        """Keep both."""
        self._states[tenant] = (waiting, failures)


@dataclass
class Bench:
    """Everything that a shipper needs, for any number of tenants."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    outbox: ListOutbox = field(default_factory=ListOutbox)
    stores: dict[str, MemoryStore] = field(default_factory=lambda: defaultdict(MemoryStore))
    draw: Callable[[], float] = field(default_factory=lambda: random.Random(7).random)

    def chunk(self, seq: int, tenant: str = "acme", body: bytes | None = None) -> Parcel:
        """Seal a chunk into a file and put it into the outbox."""
        body = body or f"chunk {seq} of {tenant}".encode()
        path = self.folder / f"{tenant}-{seq}"
        path.write_bytes(body)
        return self._row("chunk", seq, tenant, body, path)

    def manifest(self, seq: int, tenant: str = "acme") -> Parcel:
        """Put a manifest into the outbox."""
        body = f'{{"seq":{seq}}}'.encode()
        return self._row("paper", seq, tenant, body, None)

    def _row(self, kind: str, seq: int, tenant: str, body: bytes, path: Path | None) -> Parcel:
        sha = hashlib.sha256(body).hexdigest()
        parcel = Parcel(
            tenant=tenant,
            key=f"tenant={tenant}/{kind}/{seq:012d}-{sha[:16]}",
            sha256=sha,
            size=len(body),
            kind=kind,
            seq=seq,
            path=path,
            body=None if path else body,
            metadata=(("sha256", sha), ("seq", str(seq))),
        )
        self.outbox.rows[tenant].append(parcel)
        return parcel

    def shipper(self, *, naps: float = 0, answer: float = 5, pace: Pace | None = None) -> Shipper:
        """Give a shipper over this bench."""
        return Shipper(
            self.outbox,
            lambda tenant: self.stores[tenant],
            clock=self.clock,
            draw=self.draw,
            sleep=self.clock.sleep,
            pace=pace,
            limits=Limits(answer=answer, naps=naps),
        )

    def puts(self, tenant: str = "acme") -> list[str]:
        """Give the keys of every put that the tenant's store saw."""
        return [call.key for call in self.stores[tenant].calls if call.verb == "put"]


@pytest.fixture(scope="session")
def new_bench(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Bench]:
    """Give as many benches as a test wants."""
    return lambda: Bench(tmp_path_factory.mktemp("bench"))


@pytest.fixture
def bench(new_bench: Callable[[], Bench]) -> Bench:
    """Give one bench."""
    return new_bench()
