"""Synthetic archives, written line by line with the standard library, zstd and cryptography.

Nothing here uses archiver's own writers, so a test that reads what this writes compares two
implementations of FORMAT.md.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from servers import ceph
from witnessed import _plain, _sealed

from archiver.format.lines import decode_line
from archiver.stores.memory import MemoryStore, Object

__all__ = ["_plain", "_sealed", "ceph"]

DEVICE = "00c0ffee00c0ffee"
OTHER_DEVICE = "0123456789abcdef"
SUBJECT = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
CONVERSATION = "c1"
STREAM = "p/c1.jsonl"
_OPTIONAL = ("git_remote", "entry", "role", "model", "tools", "more", "occurred_at", "form", "eol")


def at(minute: int, day: int = 31) -> str:
    """Give a time on the day of all examples."""
    return f"2026-01-{day:02d}T{9 + minute // 60:02d}:{minute % 60:02d}:00.000Z"


def line(position: int, op: str = "entry", payload: str = "null", **said: Any) -> bytes:
    """Write one record line; ``payload`` is JSON text and stands there verbatim."""
    who = {
        "device": said.pop("device", DEVICE),
        "assistant": said.pop("assistant", "claude-code"),
        "conversation": said.pop("conversation", CONVERSATION),
        "stream": said.pop("stream", STREAM),
    }
    key = hashlib.sha256("\0".join(who.values()).encode()).hexdigest()[:16]
    record = {
        "v": said.pop("v", 1),
        "id": f"{key}-{position}",
        "tenant": said.pop("tenant", "acme"),
        "class": said.pop("klass", "standard"),
        "user": "dev@example.com",
        "subject": said.pop("subject", SUBJECT),
        **who,
        "shape": said.pop("shape", "lines"),
        "op": op,
        "position": position,
        "observed_at": said.pop("observed_at", at(0)),
        **{name: said.pop(name) for name in _OPTIONAL if name in said},
    }
    assert not said, f"unknown keys {said}"
    return (json.dumps(record, ensure_ascii=False)[:-1] + f',"payload":{payload}}}\n').encode()


def text(position: int, entry: int, body: str, **said: Any) -> bytes:
    """Write an entry of form ``text``, ended by a line feed unless told otherwise."""
    said = {"form": "text", "eol": "\n", **said}
    return line(position, payload=json.dumps(body), entry=entry, **said)


def records(*lines: bytes) -> list[Any]:
    """Read lines as the archive would."""
    return [decode_line(one) for one in lines]


def _order(one: bytes) -> tuple[Any, ...]:
    value = json.loads(one)
    return (value["conversation"], value["stream"], value["assistant"], value["position"])


@dataclass
class Archive:
    """Builds an archive of one tenant in a memory store, shipment by shipment."""

    prefix: str = ""
    tenant: str = "acme"
    store: MemoryStore = field(default_factory=MemoryStore)
    _chunk_seq: Counter[str] = field(default_factory=Counter)
    _manifest_seq: Counter[str] = field(default_factory=Counter)
    _previous: dict[str, str | None] = field(default_factory=lambda: defaultdict(lambda: None))

    @property
    def base(self) -> str:
        """The prefix with its slash, if there is one."""
        return f"{self.prefix}/" if self.prefix else ""

    def put(self, key: str, body: bytes) -> None:
        """Store or replace an object, behind the store's own rules."""
        self.store.objects[key] = Object(body, {})

    def body(self, key: str) -> bytes:
        """Give the bytes of an object."""
        return self.store.objects[key].body

    def drop(self, key: str) -> None:
        """Remove an object without a trace."""
        del self.store.objects[key]

    def keys(self, part: str = "") -> list[str]:
        """Give the keys that contain ``part``, sorted."""
        return sorted(key for key in self.store.objects if part in key)

    def chunk(
        self, *lines: bytes, device: str = DEVICE, in_order: bool = True, **claim: Any
    ) -> dict[str, Any]:
        """Store one chunk and give its entry; ``claim`` overrides what the entry says."""
        raw = b"".join(sorted(lines, key=_order) if in_order else lines)
        return self.frame(raw, zstandard.ZstdCompressor(write_checksum=True).compress(raw),
                          device=device, **claim)  # fmt: skip

    def frame(
        self, raw: bytes, frame: bytes, *, device: str = DEVICE, **claim: Any
    ) -> dict[str, Any]:
        """Store these bytes as a chunk of the records in ``raw``."""
        values = [json.loads(one) for one in raw.splitlines()]
        times = [value.get("occurred_at") or value["observed_at"] for value in values]
        sha256 = hashlib.sha256(frame).hexdigest()
        self._chunk_seq[device] += 1
        seq = claim.pop("seq", self._chunk_seq[device])
        folder = claim.pop("folder", None) or (
            f"class={values[0]['class']}/subject={values[0]['subject']}/dt={min(times)[:10]}"
        )
        key = f"tenant={self.tenant}/{folder}/{device}-{seq:012d}-{sha256[:16]}.jsonl.zst"
        self.put(self.base + key, frame)
        counts = Counter((value["assistant"], value["conversation"]) for value in values)
        return {
            "seq": seq,
            "key": key,
            "sha256": sha256,
            "stored_bytes": len(frame),
            "raw_bytes": len(raw),
            "records": len(values),
            "first_at": min(times),
            "last_at": max(times),
            "conversations": [
                {"assistant": assistant, "id": name, "records": count}
                for (assistant, name), count in sorted(counts.items())
            ],
            **claim,
        }

    def manifest(
        self,
        *entries: dict[str, Any],
        device: str = DEVICE,
        cosigned: bool = True,
        **claim: Any,
    ) -> str:
        """Store the next manifest of a device and give its key.

        Devices whose chunks it lists as recovered sign too, if they are asked to.
        """
        self._manifest_seq[device] += 1
        value = {
            "v": 1,
            "tenant": self.tenant,
            "device": device,
            "seq": self._manifest_seq[device],
            "previous": self._previous[device],
            "created_at": at(0),
            "window": {"from": None, "to": at(0)},
            "software": "synthetic",
            "policy": None,
            "retention": [],
            "records": {"captured": 10**6, "dropped": 0, "reason": None},
            "chunks": list(entries),
            "quarantined": [],
            "recovered": [],
            **claim,
        }
        also = sorted({one["key"].rsplit("/", 1)[-1][:16] for one in value["recovered"]})
        for one in (device, *also):
            self.enrol(one)
        body = signed(device, value, *(also if cosigned else ()))
        sha256 = hashlib.sha256(body).hexdigest()
        self._previous[device] = sha256
        key = f"tenant={self.tenant}/_manifests/{device}/{value['seq']:012d}-{sha256[:16]}.note"
        self.put(self.base + key, body)
        return self.base + key

    def enrol(self, device: str) -> None:
        """Publish the public key of a device."""
        body = signed(
            device,
            {
                "v": 1,
                "tenant": self.tenant,
                "device": device,
                "key": public(device),
                "subject": SUBJECT,
                "created_at": at(0),
                "software": "synthetic",
            },
        )
        sha = hashlib.sha256(body).hexdigest()[:16]
        self.put(f"{self.base}tenant={self.tenant}/_devices/{device}-{sha}.note", body)


def _key(device: str) -> Ed25519PrivateKey:
    """Give the private key of a synthetic device: no secret, made from its name."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(device.encode()).digest())


def _id(device: str) -> tuple[str, bytes, bytes]:
    name, raw = f"device/{device}", b"\x01" + _key(device).public_key().public_bytes_raw()
    return name, hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4], raw


def public(device: str) -> str:
    """Write the public key of a device as C2SP signed notes do."""
    name, key_id, raw = _id(device)
    return f"{name}+{key_id.hex()}+{base64.b64encode(raw).decode()}"


def signed(device: str, value: dict[str, Any], *also: str) -> bytes:
    """Write a value as a note signed by a device, and by others."""
    text = json.dumps(value, ensure_ascii=False).encode() + b"\n"
    lines = []
    for one in (device, *also):
        name, key_id, _ = _id(one)
        signature = base64.b64encode(key_id + _key(one).sign(text)).decode()
        lines.append(f"— {name} {signature}\n")
    return text + b"\n" + "".join(lines).encode()


def run(work: Any) -> Any:
    """Run a coroutine where a test cannot be one (Hypothesis)."""
    return asyncio.run(work)


@pytest.fixture(scope="session")
def synthetic() -> SimpleNamespace:
    """Everything above, for the tests of this folder."""
    return SimpleNamespace(
        Archive=Archive,
        CONVERSATION=CONVERSATION,
        DEVICE=DEVICE,
        OTHER_DEVICE=OTHER_DEVICE,
        STREAM=STREAM,
        SUBJECT=SUBJECT,
        at=at,
        line=line,
        records=records,
        public=public,
        run=run,
        signed=signed,
        text=text,
    )


@pytest.fixture
def healthy(synthetic: SimpleNamespace) -> Archive:
    """Two devices, three shipments of the first, every kind of record, nothing wrong."""
    archive = synthetic.Archive()
    first = archive.chunk(text(0, 0, "one"), text(1, 1, "two"))
    second = archive.chunk(
        text(0, 0, "other", stream="p/other.md", shape="text"),
        text(0, 0, "else", conversation="c2", stream="p/c2.jsonl"),
    )
    archive.manifest(first, second)
    third = archive.chunk(
        line(2, "rewind", entry=1, observed_at=at(5)), text(3, 1, "2", observed_at=at(5))
    )
    archive.manifest(third)
    fourth = archive.chunk(line(4, "deleted", observed_at=at(9)))
    archive.manifest(fourth)
    elsewhere = archive.chunk(text(0, 0, "copy", device=OTHER_DEVICE), device=OTHER_DEVICE)
    archive.manifest(elsewhere, device=OTHER_DEVICE)
    return archive
