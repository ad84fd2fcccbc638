r"""A developer's machine of its own for a test: home, clock, policy, spool, and a bucket.

    laptop = Laptop(tmp_path)
    chat = laptop.claude("c1")
    laptop.write(chat, b'{"a":1}\n')
    laptop.look()                  # one pass of the collector, a second later
    laptop.ship()                  # seal everything, ship it, list it
    laptop.archive()               # what a stranger finds in the bucket, checked

Only what a test is about is replaced: the clock always, a store where it says so. Files,
SQLite, zstd and the folder store are the real ones.
"""

from __future__ import annotations

import asyncio
import json
import os
import weakref
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import zstandard

from archiver.archive.findings import Code
from archiver.archive.parts import key_of
from archiver.archive.replay import State, states
from archiver.archive.scope import Depth
from archiver.archive.verify import Request, verify
from archiver.assistants.registry import ASSISTANTS
from archiver.daemon.engine import Engine
from archiver.daemon.machine import Machine
from archiver.daemon.opening import Opened, open_spool
from archiver.daemon.rules import Rules
from archiver.distribution.watch import Watch
from archiver.errors import NotForUs
from archiver.format.lines import decode_lines
from archiver.policy.document import Policy
from archiver.policy.folders import Folders
from archiver.stores.folder import FolderStore
from archiver.vault import age
from archiver.vault.layout import parse_vault_key
from archiver.vault.wrap import open_wrap

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Iterator
    from pathlib import Path

    from archiver.archive.findings import Report
    from archiver.capture.collect import Pass
    from archiver.capture.readers import Readers
    from archiver.model.record import Record

__all__ = [
    "QUIET",
    "WORKED_IN",
    "Archive",
    "Clock",
    "Laptop",
    "_laptop",
    "_patient",
    "assert_verified",
    "distinct",
    "equal_json",
    "line",
    "lines",
    "month_keys",
    "opened_chunk",
    "patched",
    "read_archive",
    "tenant_rules",
    "verified",
    "watching",
]

Result = TypeVar("Result")
SUBJECT_KEY = "synthetic-subject-key-0123456789"
WORKED_IN = "/home/dev/projects/orders-api"
QUIET = 10
"""Seconds that the patient laptop waits before it believes that something was taken back."""


class Clock:
    """The real time plus what a test has slept: files change in real time and have ctimes."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Give the time."""
        return datetime.now(UTC) + self.ahead

    def sleep(self, seconds: float) -> None:
        """Let time pass; negative: somebody sets the clock back."""
        self.ahead += timedelta(seconds=seconds)


def tenant_rules(name: str, bucket: Path, **changes: Any) -> dict[str, Any]:
    """Give a tenant as it stands in a policy: by default, one that gets everything."""
    return {
        "id": name,
        "conversations": {"default": True},
        "store": {"kind": "folder", "path": str(bucket)},
        "identity": {"source": "fixed", "value": "dev", "subject_key": SUBJECT_KEY},
        **changes,
    }


@dataclass(frozen=True)
class Archive:
    """Every record in a bucket, by tenant, device, conversation and stream, in order."""

    logs: dict[tuple[str, str, str, str], list[Record]]
    chunks: dict[str, bytes]

    def records(self) -> Iterator[Record]:
        """Yield them all."""
        for log in self.logs.values():
            yield from log

    def log(self, stream: str, *, tenant: str | None = None) -> list[Record]:
        """Give the only log of a stream whose name ends so; empty where there is none."""
        found = [
            log
            for (owner, _, _, name), log in self.logs.items()
            if name.endswith(stream) and tenant in (None, owner)
        ]
        assert len(found) <= 1, f"{stream} has {len(found)} logs"
        return found[0] if found else []

    def states(self, stream: str, *, tenant: str | None = None) -> list[bytes | None]:
        """Give what the file held, one state after the other."""
        return [state.body for state in self.timeline(stream, tenant=tenant)]

    def timeline(self, stream: str, *, tenant: str | None = None) -> list[State]:
        """Give every state of the file with its time."""
        return list(states(self.log(stream, tenant=tenant)))


def read_archive(bucket: Path, *, whole: bool = True, identity: str | None = None) -> Archive:
    """Read every chunk below a folder, and hold it to what every archive must be.

    No record twice, no position missing, at most 8 MiB raw, and, where ``whole``, manifests
    that account for everything: verification of all data finds nothing to say. With an
    officer's ``identity`` every chunk must be sealed, and that officer able to open it.
    """
    chunks = {
        path.relative_to(bucket).as_posix(): zstandard.ZstdDecompressor().decompress(
            path.read_bytes() if identity is None else opened_chunk(bucket, path, identity)
        )
        for path in sorted(bucket.rglob("*.jsonl.zst*"))
    }
    assert all(len(raw) <= 8 * 1024 * 1024 for raw in chunks.values())
    logs: dict[tuple[str, str, str, str], list[Record]] = defaultdict(list)
    for raw in chunks.values():
        for one in decode_lines(raw):
            logs[one.tenant, one.device, one.conversation, one.stream].append(one)
    ids = Counter((one.tenant, one.id) for log in logs.values() for one in log)
    assert [one for one, count in ids.items() if count > 1] == [], "a record is there twice"
    for log in logs.values():
        log.sort(key=lambda one: one.position)
        assert [one.position for one in log] == list(range(len(log))), "a record is missing"
        assert len({key_of(one) for one in log}) == 1
    if whole:
        assert_verified(bucket)
    return Archive(dict(logs), chunks)


def month_keys(bucket: Path, identity: str) -> dict[str, str]:
    """Give the private halves of all month keys that an officer can unwrap, by key id."""
    found = {}
    for path in sorted(bucket.rglob("_keys/*/*/*.age")):
        key = parse_vault_key(path.relative_to(bucket).as_posix())
        assert key is not None, path
        with suppress(NotForUs):
            found[key.key_id] = open_wrap(path.read_bytes(), (identity,), key).identity
    return found


def opened_chunk(bucket: Path, path: Path, identity: str) -> bytes:
    """Give the frame in a sealed chunk, opened by the one month key that fits."""
    assert path.name.endswith(".jsonl.zst.age"), path
    return age.decrypt(path.read_bytes(), tuple(month_keys(bucket, identity).values()))


def verified(bucket: Path) -> Report:
    """Hold an archive to its own manifests, all data read; give what was found."""

    async def check() -> Report:
        async with FolderStore(bucket) as store:
            return await verify(
                store, "", request=Request(depth=Depth.RECORDS, silence_days=36_500)
            )

    return _run(check())


def assert_verified(bucket: Path) -> None:
    """Hold an archive to its own manifests: nothing is to be found.

    What a test did to the machine's clock is no damage, and what is sealed is closed to it.
    """
    expected = (Code.CLOCK_BACKWARDS, Code.CHUNK_CLOSED)
    findings = [one for one in verified(bucket).findings if one.code not in expected]
    assert [(one.code, one.object, one.meaning) for one in findings] == []


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to its end, in a thread: the test itself may run in an event loop."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


@dataclass
class Laptop:
    """One machine with one policy; ``tenants`` are as `tenant_rules` gives them."""

    root: Path
    clock: Clock = field(default_factory=Clock)
    tenants: list[dict[str, Any]] = field(default_factory=list)
    quiet_seconds: int = 0
    spool_limits: dict[str, Any] = field(default_factory=lambda: {"free_floor_bytes": 2**26})
    projects: tuple[str, ...] = ()
    readers: Readers | None = None
    opened: Opened | None = None
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        """Make the folders and start."""
        self.home = self.root / "home"
        self.state = self.root / "state"
        self.bucket = self.root / "bucket"
        for folder in (self.home, self.bucket):
            folder.mkdir(parents=True, exist_ok=True)
        self.tenants = self.tenants or [tenant_rules("acme", self.bucket)]
        self.start()

    def document(self) -> dict[str, Any]:
        """Give the policy as its admin writes it."""
        return {
            "version": 1,
            "tenants": self.tenants,
            "schedule": {"quiet_seconds": self.quiet_seconds},
            "spool": self.spool_limits,
            "projects": list(self.projects),
        }

    def rules(self) -> Rules:
        """Give the policy in force."""
        return Rules.of(Policy.model_validate_json(json.dumps(self.document())))

    def start(self) -> None:
        """Open the spool and act for the policy, as the daemon does when it starts."""
        self.opened = open_spool(self.state, self.clock)
        machine = Machine(self.home, "linux", "dev", {}, self.clock)
        self.engine = Engine(self.opened.spool, machine, self.readers)
        # A laptop that a test just drops is switched off with it.
        weakref.finalize(self, self.opened.spool.__exit__, None, None, None)
        self.apply()

    def apply(self) -> None:
        """Put the policy as it stands now in force."""
        self.engine.apply(self.rules())

    def halt(self) -> None:
        """Close the database and forget everything that was held in memory."""
        self.engine.spool.__exit__(None, None, None)

    def crash(self) -> None:
        """End without a word, and start again on what the disk holds."""
        self.halt()
        self.start()

    def look(self, times: int = 1, *, later: float = 1) -> Pass:
        """Make so many passes, each ``later`` seconds after what was before."""
        for _ in range(times):
            self.clock.sleep(later)
            done = self.engine.collect()
        return done

    def seal(self) -> int:
        """Seal everything that is spooled."""
        return self.engine.seal(everything=True)

    def ship(self, *tenants: str) -> None:
        """Seal everything, ship it, and list it in a manifest."""
        self.seal()

        async def go() -> None:
            for tenant in tenants or tuple(self.rules().tenants):
                await self.engine.ship(tenant, force=True)

        _run(go())

    def archive(self, bucket: Path | None = None) -> Archive:
        """Ship, and give what a stranger finds."""
        self.ship()
        return read_archive(bucket or self.bucket)

    def write(self, path: Path, data: bytes) -> None:
        """Write a file whole and in place; its time is the laptop's."""
        path.write_bytes(data)
        self.touch(path)

    def append(self, path: Path, data: bytes) -> None:
        """Add to a file; its time is the laptop's."""
        with path.open("ab") as file:
            file.write(data)
        self.touch(path)

    def touch(self, path: Path) -> None:
        """Give a file the time of the laptop's clock (the disk's own would be the real one)."""
        at = int(self.clock().timestamp() * 1e9)
        os.utime(path, ns=(at, at))

    def claude(self, session: str, *, project: str = "-p") -> Path:
        """Give the place of a Claude Code transcript: a file of lines."""
        folder = self.home / ".claude" / "projects" / project
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{session}.jsonl"

    def cline4(self, session: str) -> Path:
        """Give the place of a Cline 4 conversation: a document with entries in ``messages``.

        Its manifest, which says where it was held, is there already.
        """
        folder = self.home / ".cline" / "data" / "sessions" / session
        folder.mkdir(parents=True, exist_ok=True)
        manifest = folder / f"{session}.json"
        if not manifest.exists():
            self.write(manifest, json.dumps({"cwd": WORKED_IN}).encode())
        return folder / f"{session}.messages.json"

    def cline(self, task: str) -> Path:
        """Give the place of a Cline 3 conversation: a document that is a list of entries."""
        folder = self.home / ".cline" / "data" / "tasks" / task
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "api_conversation_history.json"

    def note(self, session: str, name: str = "toolu_1.txt") -> Path:
        """Give the place of a tool result of Claude Code: a text without entries."""
        folder = self.home / ".claude" / "projects" / "-p" / session / "tool-results"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name


@pytest.fixture(name="laptop")
def _laptop(tmp_path: Path) -> Iterator[Laptop]:
    """Give a machine that believes everything at once."""
    laptop = Laptop(tmp_path)
    yield laptop
    laptop.halt()


@pytest.fixture(name="patient")
def _patient(tmp_path: Path) -> Iterator[Laptop]:
    """Give a machine that waits `QUIET` seconds before it believes what was taken back."""
    laptop = Laptop(tmp_path, quiet_seconds=QUIET)
    yield laptop
    laptop.halt()


def watching(
    laptop: Laptop, config: Path | None = None, *, folders: Folders | None = None, **more: Any
) -> Watch:
    """Watch for the policy of a laptop, whose machine's folder is ``etc`` by default."""
    return Watch(
        folders or Folders(laptop.root / "etc", laptop.root / "config"),
        laptop.state,
        known_assistants=frozenset(one.name for one in ASSISTANTS),
        clock=laptop.clock,
        config=config,
        **more,
    )


def line(number: int, **more: Any) -> bytes:
    """Write one line as Claude Code would; synthetic."""
    said = {
        "type": "user",
        "uuid": f"u-{number}",
        "cwd": WORKED_IN,
        "timestamp": f"2026-01-31T09:{number // 60 % 60:02d}:{number % 60:02d}.000Z",
        "message": {"role": "user", "content": f"sentence {number}"},
        **more,
    }
    return json.dumps(said).encode() + b"\n"


def lines(*numbers: int) -> bytes:
    """Write some lines."""
    return b"".join(map(line, numbers))


@contextmanager
def patched(target: object, name: str, value: object) -> Iterator[None]:
    """Replace an attribute for a while."""
    before = getattr(target, name)
    setattr(target, name, value)
    try:
        yield
    finally:
        setattr(target, name, before)


def equal_json(one: bytes, other: bytes) -> bool:
    """Tell whether two documents are equal as JSON, and no number in them was rewritten."""

    def read(body: bytes) -> Any:
        return json.loads(body, parse_float=str, parse_int=str, parse_constant=str)

    return bool(read(one) == read(other))


def distinct(bodies: Iterable[bytes | None]) -> list[bytes | None]:
    """Drop what equals the one before it."""
    kept: list[bytes | None] = []
    for body in bodies:
        if not kept or kept[-1] != body:
            kept.append(body)
    return kept
