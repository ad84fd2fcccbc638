"""What checkpoints and roll-ups cost a tenant of 50,000 devices in seven years.

    python tests/bench/rollups.py         # the table of FORMAT.md §10

A small tenant is simulated day by day with the real code: its devices sign manifests as
`archiver run` does on a working day (one an hour while somebody works, one on other days), the
admin's run covers them, a reader reads them back. What is measured (bytes, seconds of CPU,
requests) is for one manifest, one device or one run, and is multiplied; what is assumed stands
in `Assumed` and in the table.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import sys
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from figures import Figure

from archiver.archive.catalogue import open_manifest
from archiver.archive.rollups import manifests_of
from archiver.archive.signers import Trust
from archiver.evidence import note
from archiver.evidence.keys import SigningKey, device_key_name
from archiver.evidence.registry import Approval
from archiver.format import manifests
from archiver.format.keys import ChunkKey, ManifestKey
from archiver.format.times import rfc3339
from archiver.model.shipment import (
    ChunkEntry,
    ConversationCount,
    Manifest,
    RecordCounts,
    Seal,
    Window,
)
from archiver.stores.memory import MemoryStore, Object
from archiver.witness.checkpoint import checkpoint
from archiver.witness.pack import line_of
from archiver.witness.place import Place
from archiver.witness.register import Desk, approve

if TYPE_CHECKING:
    from archiver.witness.checkpoint import Outcome

__all__ = ["rollups"]

BEGIN: Final = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
TENANT: Final = "bench"
SUBJECT: Final = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is multiplied. Prices are those of S3 Standard in us-east-1, in USD."""

    devices: int = 50_000
    days: int = 2557
    manifests_a_working_day: int = 8
    """One an hour, while somebody works; one on the other two days of a week."""

    per_million_puts_and_lists: float = 5.00
    per_million_gets: float = 0.40
    per_gb_month: float = 0.023
    seconds_a_request: float = 0.03
    at_once: int = 16
    bytes_a_second: float = 100e6

    @property
    def manifests_a_day(self) -> float:
        """Of one device, on average."""
        return (5 * self.manifests_a_working_day + 2) / 7


@dataclass(frozen=True, slots=True)
class Measured:
    """What one manifest costs.

    Bytes as it is stored, and in a roll-up before and after packing; seconds of CPU for covering
    and for reading it. ``head_bytes`` are of the admin's memory, for a device.
    """

    stored: float
    raw: float
    packed: float
    cover_seconds: float
    read_seconds: float
    head_bytes: float


class _Tenant:
    """Devices that ship into a store in memory, and their admin."""

    def __init__(self, work: Path, devices: int, *, sealed: bool) -> None:
        self.draw = random.Random(devices)
        self.sealed = sealed
        self.store = MemoryStore()
        self.keys = [
            SigningKey.generate(device_key_name(f"{number:016x}")) for number in range(devices)
        ]
        self.last: list[tuple[int, str | None, int]] = [(0, None, 0)] * devices
        admin = SigningKey.generate("admin/bench")
        place = Place(self.store, "", TENANT)
        self.trust = Trust((admin.public,))
        self.desk = Desk(place, self.trust, admin, work)
        self.sizes: Counter[str] = Counter()

    async def begin(self) -> None:
        asked = [Approval(key.name.partition("/")[2], key.public, BEGIN) for key in self.keys]
        await approve(self.desk, asked, BEGIN)

    def ship(self, device: int, at: datetime) -> None:
        name, (seq, previous, chunks) = f"{device:016x}", self.last[device]
        entries = tuple(self._entry(name, chunks + 1 + n, at) for n in range(1))
        this = Manifest(
            v=1,
            tenant=TENANT,
            device=name,
            seq=seq + 1,
            previous=previous,
            created_at=rfc3339(at),
            window=Window(rfc3339(at - timedelta(hours=1)), rfc3339(at)),
            software="archiver 0.1.0",
            policy=hashlib.sha256(b"policy").hexdigest(),
            retention=(),
            records=RecordCounts(400 * (seq + 1)),
            chunks=entries,
        )
        body = note.write(manifests.encode(this), self.keys[device])
        sha256 = hashlib.sha256(body).hexdigest()
        key = str(ManifestKey("", TENANT, name, seq + 1, sha256[:16]))
        self.store.objects[key] = Object(body, {})
        self.last[device] = (seq + 1, sha256, chunks + len(entries))
        self.sizes["manifests"] += 1
        self.sizes["stored"] += len(body)

    def _entry(self, device: str, seq: int, at: datetime) -> ChunkEntry:
        sha256 = self.draw.randbytes(32).hex()
        day = at.date().isoformat()
        key = ChunkKey(
            "", TENANT, "standard", SUBJECT, day, device, seq, sha256[:16], sealed=self.sealed
        )
        ids = [str(uuid.UUID(bytes=self.draw.randbytes(16))) for _ in range(2)]
        open_ = tuple(ConversationCount("claude-code", one, 200) for one in ids)
        # An age file of the list of conversations to one key: header, nonce, text, tag.
        index = base64.b64encode(self.draw.randbytes(420)).decode()
        return ChunkEntry(
            seq=seq,
            key=str(key),
            sha256=sha256,
            stored_bytes=self.draw.randrange(10_000, 400_000),
            raw_bytes=self.draw.randrange(100_000, 4_000_000),
            records=400,
            first_at=rfc3339(at - timedelta(minutes=self.draw.randrange(1, 59))),
            last_at=rfc3339(at),
            conversations=() if self.sealed else open_,
            seal=Seal(self.draw.randbytes(8).hex(), index) if self.sealed else None,
        )


def rollups(work: Path, *, runs: int, devices: int, days: int) -> list[Figure]:
    """Measure; give what one manifest costs, and what 50,000 devices come to."""
    figures = []
    for sealed in (False, True):
        found = [
            asyncio.run(_simulated(work / f"{sealed}-{number}", devices, days, sealed=sealed))
            for number in range(runs)
        ]
        kind = "sealed" if sealed else "open"
        one = found[0]
        stored = f"stored as {one.stored:.0f} bytes; {one.raw:.0f} in a roll-up before packing"
        packed = tuple(each.packed for each in found)
        cover = tuple(1e6 * each.cover_seconds for each in found)
        read = tuple(1e6 * each.read_seconds for each in found)
        figures += [
            Figure(f"roll-up bytes a manifest, {kind}", "B", packed, note=stored),
            Figure(f"CPU to cover a manifest, {kind}", "us", cover),
            Figure(f"CPU to read one from a roll-up, {kind}", "us", read),
        ]
        assumed = Assumed()
        day = assumed.devices * assumed.manifests_a_day
        wall = _covering(assumed, one)
        money = _money_a_day(assumed, one)
        note_ = f"{day:.0f} manifests, {1000 * assumed.seconds_a_request:.0f} ms a request"
        name = f"a daily run of {assumed.devices} devices, {kind}"
        figures.append(Figure(name, "s", (wall,), most=3600, note=note_))
        figures.append(Figure(f"its requests, {kind}", "USD", (money,)))
    return figures


async def _simulated(work: Path, devices: int, days: int, *, sealed: bool) -> Measured:
    tenant = _Tenant(work, devices, sealed=sealed)
    await tenant.begin()
    spent = 0.0
    outcomes: list[Outcome] = []
    for day in range(days):
        today = BEGIN + timedelta(days=day)
        often = Assumed().manifests_a_working_day if today.weekday() < 5 else 1
        for number in range(devices):
            for hour in range(often):
                tenant.ship(number, today + timedelta(hours=8 + hour))
        began = time.process_time()
        outcomes.append(await checkpoint(tenant.desk, today + timedelta(hours=23)))
        spent += time.process_time() - began
    count = tenant.sizes["manifests"]
    if sum(one.added for one in outcomes) != count or any(one.left_out for one in outcomes):
        raise AssertionError("not everything was covered")
    entries = [entry for one in outcomes for entry in one.statement.rollups]
    read, raw = await _read(tenant, count)
    return Measured(
        stored=tenant.sizes["stored"] / count,
        raw=raw,
        packed=sum(entry.stored_bytes for entry in entries) / count,
        cover_seconds=spent / count,
        read_seconds=read,
        head_bytes=_size_of(work) / devices,
    )


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.json"))


async def _read(tenant: _Tenant, count: int) -> tuple[float, float]:
    """Read everything back: seconds of CPU and raw bytes for each manifest."""
    tenant.store.calls.clear()
    began, seen = time.process_time(), []
    async for key, body in manifests_of(tenant.store, "", TENANT, tenant.trust):
        open_manifest(key, body)
        seen.append((key, body))
    spent = time.process_time() - began
    raw = sum(len(line_of(key, body)) for key, body in seen)
    one_by_one = [call for call in tenant.store.calls if "_manifests/" in call.key]
    if len(seen) != count or [call for call in one_by_one if call.verb == "get"]:
        raise AssertionError("the roll-ups do not hold every manifest")
    return spent / count, raw / count


def _requests_a_day(assumed: Assumed, one: Measured) -> Counter[str]:
    """Of the admin's run, in the middle of the seven years."""
    day = assumed.devices * assumed.manifests_a_day
    return Counter(
        {
            "get": int(day + assumed.days / 2),
            "list": assumed.devices + assumed.devices // 1000 + 6,
            "put": int(day * one.raw / 2**24) + 2,
        }
    )


def _money_a_day(assumed: Assumed, one: Measured) -> float:
    requests = _requests_a_day(assumed, one)
    dear = requests["put"] + requests["list"]
    return (
        dear * assumed.per_million_puts_and_lists + requests["get"] * assumed.per_million_gets
    ) / 1e6


def _covering(assumed: Assumed, one: Measured) -> float:
    requests = _requests_a_day(assumed, one).total()
    waiting = requests * assumed.seconds_a_request / assumed.at_once
    return max(waiting, assumed.devices * assumed.manifests_a_day * one.cover_seconds)


def _table(found: dict[str, Measured]) -> str:
    """Write what the table of FORMAT.md says."""
    columns = [_column(Assumed(), one) for one in found.values()]
    lines = [f"| {' | '.join(('', *found))} |", "|" + "---|" * (len(found) + 1)]
    lines += [f"| {' | '.join((name, *(one[name] for one in columns)))} |" for name in columns[0]]
    return "\n".join(lines)


def _column(assumed: Assumed, one: Measured) -> dict[str, str]:
    """Say what one kind of tenant comes to, row by row."""
    day = assumed.devices * assumed.manifests_a_day
    total = day * assumed.days
    asks = _requests_a_day(assumed, one)
    money = _money_a_day(assumed, one)
    puts = total * assumed.per_million_puts_and_lists / 1e6
    packed = total * one.packed / 1e9
    return {
        "a manifest: stored, in a roll-up": f"{one.stored:,.0f} B, {one.packed:,.0f} B",
        "a day: manifests": f"{day:,.0f}",
        "a day: roll-ups": f"{day * one.raw / 2**24:,.0f} of {day * one.packed / 1e6:,.0f} MB",
        "a run: requests": ", ".join(f"{asks[verb]:,} {verb.upper()}" for verb in asks),
        "a run: CPU": f"{day * one.cover_seconds:,.0f} s",
        "a run: wall clock": _long(_covering(assumed, one)),
        "a run: money": f"USD {money:,.2f}",
        "7 years: manifests": f"{total / 1e6:,.0f} million",
        "7 years: all runs": f"USD {assumed.days * money:,.0f}",
        "7 years: the devices' own PUTs": f"USD {puts:,.0f}",
        "7 years: roll-ups": f"{total * one.raw / 2**24:,.0f} of {packed:,.0f} GB",
        "a month of keeping them": f"USD {packed * assumed.per_gb_month:,.2f}",
        "a reader, from roll-ups": _from_rollups(assumed, one, total),
        "a reader, one by one": _one_by_one(assumed, total),
        "the admin's memory": f"{assumed.devices * one.head_bytes / 1e6:.1f} MB",
    }


def _from_rollups(assumed: Assumed, one: Measured, total: float) -> str:
    gets = total * one.raw / 2**24 + assumed.days
    lists = _requests_a_day(assumed, one)["list"]
    waiting = (gets + lists) * assumed.seconds_a_request / assumed.at_once
    loading = total * one.packed / assumed.bytes_a_second
    seconds = max(waiting, loading, total * one.read_seconds)
    money = (gets * assumed.per_million_gets + lists * assumed.per_million_puts_and_lists) / 1e6
    return f"{gets:,.0f} GET, {lists:,} LIST, {_long(seconds)}, USD {money:,.2f}"


def _one_by_one(assumed: Assumed, manifests_: float) -> str:
    seconds = manifests_ * assumed.seconds_a_request / assumed.at_once
    lists = manifests_ / 1000
    money = (
        manifests_ * assumed.per_million_gets + lists * assumed.per_million_puts_and_lists
    ) / 1e6
    return f"{manifests_:,.0f} GET, {lists:,.0f} LIST, {_long(seconds)}, USD {money:,.2f}"


def _long(seconds: float) -> str:
    if seconds > 2 * 86_400:
        return f"{seconds / 86_400:.1f} days"
    return f"{seconds / 3600:.1f} h" if seconds > 7200 else f"{seconds:.0f} s"


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="archiver-bench-") as work:
        found = {
            kind: asyncio.run(_simulated(Path(work) / kind, 200, 14, sealed=kind == "sealed"))
            for kind in ("open", "sealed")
        }
    print(_table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
