"""What a bucket's bytes are: by kind of object, and what the envelope of a record costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.format.frame import pack, unpack

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["describe"]

_MARK = b',"payload":'


def describe(bucket: Path) -> str:
    """Say it in one line. The envelope's stored size is an estimate: frames without it."""
    chunks = sorted(bucket.rglob("*.jsonl.zst"))
    manifests = [path for path in bucket.rglob("_manifests/**/*") if path.is_file()]
    stored = records = raw = payload = bare = 0
    for chunk in chunks:
        body = chunk.read_bytes()
        lines = unpack(body).splitlines(keepends=True)
        only = [line.partition(_MARK)[2] for line in lines]
        stored += len(body)
        records += len(lines)
        raw += sum(map(len, lines))
        payload += sum(map(len, only))
        bare += len(pack(only, level=3))
    listed = sum(path.stat().st_size for path in manifests)
    return (
        f"{len(chunks)} chunks {stored / 1e6:.3f} MB, {len(manifests)} manifests"
        f" {listed / 1e6:.3f} MB; {records} records, envelope {(raw - payload) / records:.0f} B"
        f" each raw, {(stored - bare) / records:.1f} B stored ({(stored - bare) / 1e6:.3f} MB)"
    )
