"""What planning retention costs by the number of chunks: time and memory of a whole process.

    python tests/bench/retention.py FOLDER CHUNKS PER_MANIFEST

makes an archive of roll-ups, checkpoints and a policy, as ``archiver retention plan`` reads it:
chunks and manifests themselves are not there, because no plan reads them. Fifty devices ship for
four years; a checkpoint covers each quarter. Lines of devices' signatures are of the right form
and length, and sign nothing: a plan believes the roll-ups, which the admin signed for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from figures import Figure
from measure import ARCHIVER, MIB, environment, size_of, spend

from archiver.evidence import leaves, statement
from archiver.evidence.keys import SigningKey, admin_key_name, device_key_name
from archiver.evidence.leaves import Leaf
from archiver.evidence.statement import RollupEntry, Statement
from archiver.format import manifests
from archiver.format.frame import pack
from archiver.format.keys import ChunkKey, ManifestKey, Series, SeriesKey
from archiver.format.times import rfc3339
from archiver.model.shipment import (
    ChunkEntry,
    ClassTerms,
    ConversationCount,
    Manifest,
    RecordCounts,
    Window,
)
from archiver.witness.pack import MAX_ROLLUP_BYTES, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["make_archive", "retention"]

TENANT: Final = "bench"
DEVICES: Final = 50
QUARTERS: Final = 16
DAYS: Final = 1096
_SECONDS: Final = 60.0
_MEMORY: Final = 300.0
_BEGIN: Final = datetime.now(UTC).replace(microsecond=0) - timedelta(days=91 * QUARTERS)
_TERMS: Final = (ClassTerms("standard", DAYS),)


def retention(work: Path, *, runs: int, chunks: int) -> list[Figure]:
    """Plan ``chunks`` chunks, ten and one of them a manifest."""
    figures = []
    for per_manifest in (10, 1):
        folder = work / f"archive-{per_manifest}"
        spend(
            (sys.executable, Path(__file__), folder, str(chunks), str(per_manifest)),
            environment(work),
        )
        command = [*ARCHIVER, "retention", "plan", "--json"]
        command += ["--archive", str(folder), "--config", str(folder.with_suffix(".json"))]
        costs = [spend(command, environment(work)) for _ in range(runs)]
        due = [sum(one["chunks"] for one in json.loads(cost.output)[0]["groups"]) for cost in costs]
        name = f"retention plan, {chunks} chunks, {per_manifest} a manifest"
        note = f"{size_of(folder) / 1e6:.0f} MB of roll-ups; {due[0]} chunks judged"
        seconds = tuple(cost.wall for cost in costs)
        figures.append(Figure(f"{name}: time", "s", seconds, most=_SECONDS, note=note))
        resident = tuple(cost.resident / MIB for cost in costs)
        figures.append(Figure(f"{name}: peak RSS", "MiB", resident, most=_MEMORY))
        shutil.rmtree(folder)
    return figures


def make_archive(folder: Path, chunks: int, per_manifest: int) -> None:
    """Write roll-ups and checkpoints into a folder, and a policy beside it."""
    admin = SigningKey.generate(admin_key_name(TENANT))
    fleet = [_Device(number, chunks, per_manifest) for number in range(DEVICES)]
    last: tuple[Statement, str] | None = None
    first = 0
    for quarter in range(1, QUARTERS + 1):
        at = _BEGIN + timedelta(days=91 * quarter)
        lines = (line for device in fleet for line in device.until(quarter))
        entries, added = [], []
        for page in _pages(lines):
            packed = pack([text for text, _ in page], level=3)
            sha256 = hashlib.sha256(packed).hexdigest()
            key = str(SeriesKey("", TENANT, Series.ROLLUPS, first, sha256[:16]))
            _write(folder, key, packed)
            entries.append(
                RollupEntry(
                    key=key, sha256=sha256, stored_bytes=len(packed), first=first, count=len(page)
                )
            )
            added += [leaf for _, leaf in page]
            first += len(page)
        said = statement.next_statement(
            last[0] if last else None,
            last[1] if last else None,
            added,
            tenant=TENANT,
            key=admin,
            now=at,
            rollups=tuple(entries),
        )
        body = statement.sign(said, admin)
        sha256 = hashlib.sha256(body).hexdigest()
        _write(folder, str(SeriesKey("", TENANT, Series.CHECKPOINTS, quarter, sha256[:16])), body)
        last = said, sha256
    tenant = {
        "id": TENANT,
        "conversations": {"default": True},
        "store": {"kind": "folder", "path": str(folder)},
        "identity": {"source": "fixed", "value": "x", "subject_key": "0" * 64},
        "retention": {"days": DAYS},
        "evidence": {"admin_keys": [str(admin.public)]},
    }
    policy = folder.with_suffix(".json")
    policy.write_text(json.dumps({"version": 1, "tenants": [tenant]}))


def _pages(lines: Iterator[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    """Cut lines into what goes into one roll-up."""
    page: list[tuple[bytes, bytes]] = []
    size = 0
    for line in lines:
        if page and size + len(line[0]) > MAX_ROLLUP_BYTES:
            yield page
            page, size = [], 0
        page.append(line)
        size += len(line[0])
    if page:
        yield page


class _Device:
    """Ships its share of the chunks evenly over the quarters."""

    def __init__(self, number: int, chunks: int, per_manifest: int) -> None:
        self._name = f"{number:016x}"
        self._draw = random.Random(number)
        self._subject = hashlib.sha256(self._name.encode()).hexdigest()[:32]
        self._mine = chunks // DEVICES + (number < chunks % DEVICES)
        self._per = per_manifest
        self._seq = self._listed = 0
        self._previous: str | None = None

    def until(self, quarter: int) -> Iterator[tuple[bytes, bytes]]:
        """Yield the lines and leaves of the manifests of one quarter."""
        while self._listed < self._mine * quarter // QUARTERS:
            yield self._manifest()

    def _manifest(self) -> tuple[bytes, bytes]:
        count = min(self._per, self._mine - self._listed)
        share = timedelta(days=91 * QUARTERS) * (self._listed / self._mine)
        at = _BEGIN + share
        entries = tuple(self._chunk(at) for _ in range(count))
        self._seq += 1
        manifest = Manifest(
            v=1,
            tenant=TENANT,
            device=self._name,
            seq=self._seq,
            previous=self._previous,
            created_at=rfc3339(at),
            window=Window(None, rfc3339(at)),
            software="bench",
            policy="0" * 64,
            retention=_TERMS,
            records=RecordCounts(40 * self._listed),
            chunks=entries,
        )
        line = base64.b64encode(self._draw.randbytes(68))
        name = device_key_name(self._name).encode()
        body = manifests.encode(manifest) + b"\n" + "— ".encode() + name + b" " + line + b"\n"
        sha256 = self._previous = hashlib.sha256(body).hexdigest()
        key = ManifestKey("", TENANT, self._name, self._seq, sha256[:16])
        return line_of(key, body), leaves.hash_of(Leaf(self._name, self._seq, sha256))

    def _chunk(self, at: datetime) -> ChunkEntry:
        self._listed += 1
        sha256 = self._draw.randbytes(32).hex()
        day = f"{at:%Y-%m-%d}"
        key = ChunkKey(
            "", TENANT, "standard", self._subject, day, self._name, self._listed, sha256[:16]
        )
        return ChunkEntry(
            seq=self._listed,
            key=str(key),
            sha256=sha256,
            stored_bytes=self._draw.randrange(2_000, 200_000),
            raw_bytes=1_000_000,
            records=40,
            first_at=rfc3339(at),
            last_at=rfc3339(at),
            conversations=(ConversationCount("claude-code", self._draw.randbytes(16).hex(), 40),),
        )


def _write(folder: Path, key: str, body: bytes) -> None:
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


if __name__ == "__main__":
    make_archive(Path(sys.argv[1]), *map(int, sys.argv[2:4]))
