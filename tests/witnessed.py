"""A real archive with everything that makes it evidence, as a dictionary that a test may damage.

Two laptops ship for some days into one bucket. An admin, whose key is made for the test,
approves both and signs three checkpoints with their roll-ups; what comes last is in none. All
keys are at hand, so a test can do what a thief of any of them could.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from laptop import Clock, Laptop, lines, tenant_rules

from archiver.archive.findings import Severity
from archiver.archive.scope import Depth
from archiver.archive.signers import Trust
from archiver.archive.verify import Request, verify
from archiver.cli.main import invoke
from archiver.evidence import enrolment, leaves, note, orders, registry, statement
from archiver.evidence.device import own_key
from archiver.evidence.enrolment import Enrolment
from archiver.evidence.keys import SigningKey, admin_key_name, device_key_name
from archiver.evidence.leaves import Leaf
from archiver.evidence.statement import RollupEntry, Statement
from archiver.format.frame import pack
from archiver.format.keys import (
    EnrolmentKey,
    ManifestKey,
    Series,
    SeriesKey,
    parse_key,
)
from archiver.format.times import rfc3339
from archiver.stores.memory import MemoryStore, Object
from archiver.vault import age

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.archive.findings import Report
    from archiver.evidence.orders import Deed, Order
    from archiver.evidence.registry import Registry
    from archiver.stores.protocol import Store

__all__ = [
    "STRANGER",
    "TENANT",
    "Said",
    "Witnessed",
    "_plain",
    "_sealed",
    "archiver",
    "check",
    "codes",
    "later",
    "memory",
    "stranger",
    "witnessed",
    "write",
]

TENANT = "acme"
STRANGER = "f" * 16
_DAY = 86_400


@dataclass
class Witnessed:
    """The archive, and every key that there is. ``objects`` may be changed by a test."""

    objects: dict[str, bytes]
    admin: SigningKey
    keys: dict[str, SigningKey]
    identity: str
    now: datetime
    registry: Registry | None = None
    registry_sha256: str | None = None
    statements: list[tuple[str, Statement]] = field(default_factory=list)
    orders: list[tuple[str, Order]] = field(default_factory=list)
    covered: set[str] = field(default_factory=set)

    @property
    def devices(self) -> list[str]:
        """The two devices, in the order of their names."""
        return sorted(self.keys)

    @property
    def trust(self) -> Trust:
        """Whom to believe."""
        return Trust((self.admin.public,))

    def copy(self) -> Witnessed:
        """Give one that can be damaged alone."""
        return replace(
            self,
            objects=dict(self.objects),
            statements=list(self.statements),
            orders=list(self.orders),
            covered=set(self.covered),
        )

    def find(self, part: str) -> list[str]:
        """Give the keys that contain ``part``, sorted."""
        return sorted(key for key in self.objects if part in key)

    def chunks(self, device: str) -> list[str]:
        """Give the chunks of a device in the order of their numbers."""
        mine = [key for key in self.find("/class=") if f"/{device}-" in key]
        return sorted(mine, key=lambda key: key.rsplit("/", 1)[-1])

    def manifests(self, device: str) -> list[str]:
        """Give the manifests of a device in order."""
        return self.find(f"/_manifests/{device}/")

    def series(self, series: Series) -> list[str]:
        """Give the objects of a series in order."""
        return self.find(f"/_{series}/")

    def drop(self, *keys: str) -> None:
        """Remove objects without a trace."""
        for key in keys:
            del self.objects[key]

    def said(self, key: str) -> dict[str, Any]:
        """Give what a note says."""
        text = self.objects[key].split(b"\n\n")[0]
        return dict(json.loads(text))

    def put_manifest(
        self, said: dict[str, Any], signer: SigningKey | None = None, *, signature: bytes = b""
    ) -> str:
        """Store a manifest that says this, under the name that fits; give its key.

        It is signed by its device's own key, by ``signer``, or has these lines instead.
        """
        text = json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        return self.put_manifest_text(text, said["device"], said["seq"], signer, signature)

    def put_manifest_text(
        self,
        text: bytes,
        device: str,
        seq: int,
        signer: SigningKey | None = None,
        signature: bytes = b"",
    ) -> str:
        """Store any text as a signed note where a manifest belongs."""
        body = (
            text + b"\n" + signature if signature else note.write(text, signer or self.keys[device])
        )
        key = str(ManifestKey("", TENANT, device, seq, hashlib.sha256(body).hexdigest()[:16]))
        self.objects[key] = body
        return key

    def next_of(self, owner: str, /, **changes: Any) -> dict[str, Any]:
        """Give what the next manifest of a device would say: nothing new."""
        last = self.manifests(owner)[-1]
        before = self.said(last)
        return {
            **before,
            "seq": before["seq"] + 1,
            "previous": hashlib.sha256(self.objects[last]).hexdigest(),
            "created_at": later(before["created_at"], 60),
            "chunks": [],
            "keys": [],
            "quarantined": [],
            "recovered": [],
            **changes,
        }

    def enrol(self, device: str, key: SigningKey) -> str:
        """Publish a device's key."""
        body = enrolment.sign(
            Enrolment(
                v=1,
                tenant=TENANT,
                device=device,
                key=str(key.public),
                subject="0" * 32,
                created_at=rfc3339(self.now),
                software="synthetic",
            ),
            key,
        )
        name = str(EnrolmentKey("", TENANT, device, hashlib.sha256(body).hexdigest()[:16]))
        self.objects[name] = body
        return name

    def approve(self, device: str, valid_from: datetime, key: SigningKey | None = None) -> str:
        """Sign a registry with one more device."""
        after = registry.approve(
            self.registry,
            device,
            (key or self.keys[device]).public,
            tenant=TENANT,
            previous=self.registry_sha256,
            now=self.now,
            valid_from=valid_from,
        )
        return self.put_registry(after)

    def revoke(self, device: str, at: datetime) -> str:
        """Sign a registry with one device less."""
        assert self.registry is not None
        assert self.registry_sha256 is not None
        after = registry.revoke(
            self.registry,
            device,
            previous=self.registry_sha256,
            now=self.now,
            reason="lost",
            revoked_at=at,
        )
        return self.put_registry(after)

    def put_registry(self, after: Registry, signer: SigningKey | None = None) -> str:
        """Store a registry."""
        body = registry.sign(after, signer or self.admin)
        self.registry, self.registry_sha256 = after, hashlib.sha256(body).hexdigest()
        return self.put_series(Series.REGISTRY, after.seq, body)

    def put_series(self, series: Series, seq: int, body: bytes) -> str:
        """Store an object of the admin's side under its name."""
        sha = hashlib.sha256(body).hexdigest()[:16]
        key = str(SeriesKey("", TENANT, series, seq, sha))
        self.objects[key] = body
        return key

    def checkpoint(self, at: datetime) -> str:
        """Sign a checkpoint over what is there and new."""
        last_key, last = self.statements[-1] if self.statements else (None, None)
        fresh = [key for key in self.find("/_manifests/") if key not in self.covered]
        self.covered.update(fresh)
        by_leaf = {leaf_of(key, self.objects[key]): key for key in fresh}
        added = leaves.in_order(by_leaf)
        first = last.size if last else 0
        body = pack([_line(by_leaf[one], self.objects[by_leaf[one]]) for one in added], level=3)
        rollup = self.put_series(Series.ROLLUPS, first, body)
        entry = RollupEntry(
            key=rollup,
            sha256=hashlib.sha256(body).hexdigest(),
            stored_bytes=len(body),
            first=first,
            count=len(added),
        )
        this = statement.next_statement(
            last,
            hashlib.sha256(self.objects[last_key]).hexdigest() if last_key else None,
            [leaves.hash_of(one) for one in added],
            tenant=TENANT,
            key=self.admin,
            now=at,
            rollups=(entry,),
            registry=self.registry_sha256,
            orders=self._sha256_of(self.orders[-1][0]) if self.orders else None,
        )
        return self.put_statement(this)

    def order(
        self, deed: Deed, at: datetime | None = None, signer: SigningKey | None = None
    ) -> str:
        """Sign the next order and store it; nothing is done about it."""
        last_key, last = self.orders[-1] if self.orders else (None, None)
        this = orders.next_order(
            last,
            self._sha256_of(last_key) if last_key else None,
            deed,
            tenant=TENANT,
            by="a synthetic admin",
            now=at or self.now,
        )
        body = orders.sign(this, signer or self.admin)
        key = self.put_series(Series.ORDERS, this.seq, body)
        self.orders.append((key, this))
        return key

    def _sha256_of(self, key: str) -> str:
        return hashlib.sha256(self.objects[key]).hexdigest()

    def put_statement(self, this: Statement, signer: SigningKey | None = None) -> str:
        """Store a checkpoint statement."""
        key = self.put_series(
            Series.CHECKPOINTS, this.seq, statement.sign(this, signer or self.admin)
        )
        self.statements.append((key, this))
        return key


def leaf_of(key: str, body: bytes) -> Leaf:
    """Give the leaf of a manifest."""
    name = parse_key(key)
    assert isinstance(name, ManifestKey)
    return Leaf(name.device, name.seq, hashlib.sha256(body).hexdigest())


def _line(key: str, body: bytes) -> bytes:
    return msgspec.json.encode({"key": key, "note": body.decode()}) + b"\n"


def later(at: str, seconds: float) -> str:
    """Give a time so much later."""
    return rfc3339(datetime.fromisoformat(at) + timedelta(seconds=seconds))


def _days(laptop: Laptop, name: str) -> Iterator[None]:
    """Work one day after the other, in two conversations."""
    for day in range(5):
        for chat in range(2):
            path = laptop.claude(f"{name}-{chat}")
            laptop.append(path, lines(*range(3 * day, 3 * day + 3)))
        laptop.look()
        laptop.ship()
        laptop.clock.sleep(_DAY)
        yield


def witnessed(root: Path, *, sealed: bool = False) -> Witnessed:
    """Make one. ``sealed``: the chunks can be opened by an officer with ``identity`` only."""
    identity, recipient = age.generate()
    bucket = root / "bucket"
    bucket.mkdir(parents=True)
    more = {"sealing": {"officers": [recipient]}} if sealed else {}
    clock = Clock()
    begin = clock()
    laptops = [
        Laptop(root / name, clock=clock, tenants=[tenant_rules(TENANT, bucket, **more)])
        for name in ("one", "two")
    ]
    days = [_days(laptop, f"c{number}") for number, laptop in enumerate(laptops)]
    keys = {one.engine.spool.device: own_key(one.state, one.engine.spool.device) for one in laptops}
    made = Witnessed({}, SigningKey.generate(admin_key_name(TENANT)), keys, identity, begin)
    for device in made.devices:
        made.approve(device, begin - timedelta(days=1))
    for day in range(5):
        for one in days:
            next(one)
        made.objects.update(_read(bucket))
        made.now = clock()
        if day < 3:
            made.checkpoint(made.now)
    for laptop in laptops:
        laptop.halt()
    return made


def stranger() -> SigningKey:
    """Make the key of a device that nobody knows."""
    return SigningKey.generate(device_key_name(STRANGER))


def _read(bucket: Path) -> dict[str, bytes]:
    return {
        path.relative_to(bucket).as_posix(): path.read_bytes()
        for path in bucket.rglob("*")
        if path.is_file()
    }


@pytest.fixture(name="plain", scope="session")
def _plain(tmp_path_factory: pytest.TempPathFactory) -> Witnessed:
    """Make the archive once; nobody may change it."""
    return witnessed(tmp_path_factory.mktemp("plain"))


@pytest.fixture(name="sealed", scope="session")
def _sealed(tmp_path_factory: pytest.TempPathFactory) -> Witnessed:
    """Make the same with sealed chunks."""
    return witnessed(tmp_path_factory.mktemp("sealed"), sealed=True)


async def check(
    store: Store, prefix: str, world: Witnessed, *, trusted: bool = True, **wants: Any
) -> Report:
    """Verify; the officer's key is at hand."""
    request = Request(
        trust=world.trust if trusted else None,
        depth=wants.pop("depth", Depth.BYTES),
        identities=(world.identity,),
        **wants,
    )
    return await verify(store, prefix, [TENANT], request)


def codes(report: Report) -> list[str]:
    """Give what was found, but for notes."""
    found = [one for one in report.findings if one.severity is not Severity.NOTE]
    return sorted(str(one.code) for one in found)


def memory(objects: dict[str, bytes], prefix: str = "") -> MemoryStore:
    """Put objects into a store in memory."""
    store = MemoryStore()
    base = f"{prefix}/" if prefix else ""
    store.objects = {base + key: Object(body, {}) for key, body in objects.items()}
    return store


@dataclass(frozen=True)
class Said:
    """What a command line printed, and its exit code."""

    code: int
    out: str
    err: str


def archiver(*arguments: object) -> Said:
    """Run one command line through the front door."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = invoke([str(one) for one in arguments])
    return Said(code, out.getvalue(), err.getvalue())


def write(folder: Path, objects: dict[str, bytes]) -> Path:
    """Put objects into a folder."""
    for key, body in objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return folder
