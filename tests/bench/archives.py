"""Archives for the benchmarks of verify: signed like real ones, and made in seconds.

    python tests/bench/archives.py FOLDER CHUNKS PER_MANIFEST BYTES

Chunks of 0 bytes asked for are files of one byte each, sparse in everything but their number;
others are of random bytes, as what is compressed looks, between half and one and a half times
as large as asked. Manifests, enrolments and the chain are as FORMAT.md says. An admin approves
all devices and covers everything with one checkpoint; the public key is in ``FOLDER.pub``.
"""

from __future__ import annotations

import hashlib
import os
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from archiver.evidence import enrolment, leaves, note, registry, statement
from archiver.evidence.enrolment import Enrolment
from archiver.evidence.keys import SigningKey, admin_key_name, device_key_name
from archiver.evidence.leaves import Leaf
from archiver.evidence.registry import DeviceEntry, Registry
from archiver.evidence.statement import RollupEntry
from archiver.format import manifests
from archiver.format.frame import pack
from archiver.format.keys import ChunkKey, EnrolmentKey, ManifestKey, Series, SeriesKey
from archiver.format.times import rfc3339
from archiver.model.shipment import ChunkEntry, ConversationCount, Manifest, RecordCounts, Window

__all__ = ["make_archive"]

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DEVICES = 50
TENANT = "bench"


def make_archive(folder: Path, chunks: int, per_manifest: int, size: int) -> Path:
    """Write an archive of so many chunks into a folder; give the file of the admin's key."""
    draw = random.Random(chunks)
    noise = draw.randbytes(4 * size) if size else b""
    admin, signers = SigningKey.generate(admin_key_name(TENANT)), {}
    for number in range(DEVICES):
        mine = chunks // DEVICES + (number < chunks % DEVICES)
        device = f"{number:016x}"
        signers[device] = SigningKey.generate(device_key_name(device))
        _device(folder, device, mine, per_manifest, size, noise, draw, signers[device])
    _cover(folder, admin, _approve(folder, admin, signers))
    public = folder.parent / f"{folder.name}.pub"
    public.write_text(f"{admin.public}\n")
    return public


def _approve(folder: Path, admin: SigningKey, signers: dict[str, SigningKey]) -> str:
    """Sign the registry; give its sha256."""
    at = rfc3339(BEGIN)
    entries = tuple(
        DeviceEntry(device=device, key=str(key.public), approved_at=at, valid_from=at)
        for device, key in signers.items()
    )
    said = Registry(v=1, tenant=TENANT, seq=1, previous=None, created_at=at, devices=entries)
    body = registry.sign(said, admin)
    sha256 = hashlib.sha256(body).hexdigest()
    _write(folder, str(SeriesKey("", TENANT, Series.REGISTRY, 1, sha256[:16])), body)
    return sha256


def _cover(folder: Path, admin: SigningKey, approved: str) -> None:
    """Sign one checkpoint over all manifests, with roll-ups of 10,000."""
    paths = sorted((folder / f"tenant={TENANT}" / "_manifests").rglob("*.note"))
    added, rollups = [], []
    for first in range(0, len(paths), 10_000):
        lines = []
        for path in paths[first : first + 10_000]:
            body = path.read_bytes()
            key = path.relative_to(folder).as_posix()
            sha256 = hashlib.sha256(body).hexdigest()
            added.append(leaves.hash_of(Leaf(path.parent.name, int(path.name[:12]), sha256)))
            lines.append(msgspec.json.encode({"key": key, "note": body.decode()}) + b"\n")
        packed = pack(lines, level=3)
        sha256 = hashlib.sha256(packed).hexdigest()
        key = str(SeriesKey("", TENANT, Series.ROLLUPS, first, sha256[:16]))
        _write(folder, key, packed)
        rollups.append(
            RollupEntry(
                key=key, sha256=sha256, stored_bytes=len(packed), first=first, count=len(lines)
            )
        )
    said = statement.next_statement(
        None,
        None,
        added,
        tenant=TENANT,
        key=admin,
        now=BEGIN + timedelta(days=1),
        rollups=tuple(rollups),
        registry=approved,
    )
    body = statement.sign(said, admin)
    sha = hashlib.sha256(body).hexdigest()[:16]
    _write(folder, str(SeriesKey("", TENANT, Series.CHECKPOINTS, 1, sha)), body)


def _device(
    folder: Path,
    device: str,
    chunks: int,
    per_manifest: int,
    size: int,
    noise: bytes,
    draw: random.Random,
    signer: SigningKey,
) -> None:
    subject = hashlib.sha256(device.encode()).hexdigest()[:32]
    _enrol(folder, device, subject, signer)
    previous, listed, records = None, 0, 0
    for seq in range(1, -(-chunks // per_manifest) + 1):
        at = BEGIN + timedelta(hours=seq)
        entries = []
        while len(entries) < per_manifest and listed < chunks:
            listed += 1
            entries.append(_chunk(folder, device, subject, listed, at, size, noise, draw))
        records += sum(one.records for one in entries)
        manifest = Manifest(
            v=1,
            tenant=TENANT,
            device=device,
            seq=seq,
            previous=previous,
            created_at=rfc3339(at),
            window=Window(None, rfc3339(at)),
            software="bench",
            policy="0" * 64,
            retention=(),
            records=RecordCounts(records),
            chunks=tuple(entries),
        )
        body = note.write(manifests.encode(manifest), signer)
        previous = hashlib.sha256(body).hexdigest()
        _write(folder, str(ManifestKey("", TENANT, device, seq, previous[:16])), body)


def _enrol(folder: Path, device: str, subject: str, signer: SigningKey) -> None:
    request = Enrolment(
        v=1,
        tenant=TENANT,
        device=device,
        key=str(signer.public),
        subject=subject,
        created_at=rfc3339(BEGIN),
        software="bench",
    )
    body = enrolment.sign(request, signer)
    sha = hashlib.sha256(body).hexdigest()[:16]
    _write(folder, str(EnrolmentKey("", TENANT, device, sha)), body)


def _chunk(
    folder: Path,
    device: str,
    subject: str,
    seq: int,
    at: datetime,
    size: int,
    noise: bytes,
    draw: random.Random,
) -> ChunkEntry:
    body = b"x"
    if size:
        length = draw.randrange(size // 2, size * 3 // 2)
        start = draw.randrange(len(noise) - length)
        body = seq.to_bytes(8) + bytes.fromhex(device) + noise[start : start + length]
    sha256 = hashlib.sha256(body).hexdigest()
    key = ChunkKey("", TENANT, "standard", subject, f"{at:%Y-%m-%d}", device, seq, sha256[:16])
    _write(folder, str(key), body)
    return ChunkEntry(
        seq=seq,
        key=str(key),
        sha256=sha256,
        stored_bytes=len(body),
        raw_bytes=8 * len(body),
        records=40,
        first_at=rfc3339(at),
        last_at=rfc3339(at),
        conversations=(ConversationCount("claude-code", f"{seq:032x}", 40),),
    )


def _write(folder: Path, key: str, body: bytes) -> None:
    path = folder / key
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)


if __name__ == "__main__":
    make_archive(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
