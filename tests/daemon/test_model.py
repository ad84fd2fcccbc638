"""A laptop lived at random against a plain dictionary.

Hypothesis appends, rewrites, truncates, deletes and restores files, lets time pass, jumps the
clock, disables and enables the tenant, crashes, seals, ships, and makes the store fail in
every way that it can plan. The dictionary remembers, for each file, what it held whenever a
pass looked. In the end the store is well again, everything is shipped, and the archive must
hold exactly the states of the dictionary, in order, each once.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)
from laptop import Laptop, distinct, equal_json, line, read_archive

from archiver.daemon import engine as engines
from archiver.model.answers import Answer
from archiver.stores.faults import (
    Corrupt,
    Fault,
    FaultPlan,
    Forget,
    LoseAnswer,
    Refuse,
    deny_reads,
)
from archiver.stores.memory import MemoryStore

if TYPE_CHECKING:
    from archiver.stores.faults import Effect

FILES = ("c1", "c2", "s1", "toolu_1.txt")
DAY = 86_400

REFUSALS: tuple[Effect, ...] = (
    Refuse(Answer.BUSY, "SlowDown", 503),
    Refuse(Answer.UNREACHABLE, "ConnectError"),
    Refuse(Answer.CREDENTIALS, "ExpiredToken", 403),
    Refuse(Answer.CLOCK, "RequestTimeTooSkewed", 403),
    Refuse(Answer.CONFIGURATION, "NoSuchBucket", 404),
    Refuse(Answer.CONCURRENT, "ConditionalRequestConflict", 409),
    Refuse(Answer.FULL, "QuotaExceeded", 403),
    Refuse(Answer.CORRUPT, "BadDigest", 400),
    LoseAnswer(),
)
outages = st.builds(
    lambda effect, nth: FaultPlan((Fault("put", effect, nth=nth),)),
    st.sampled_from(REFUSALS),
    st.sampled_from((None, 1, 2, 3)),
)
manners = st.builds(
    FaultPlan,
    st.sampled_from((deny_reads(), (Fault("head", Forget()),), ())),
    st.sampled_from(("s3", "r2")),
)
misread = st.just(FaultPlan((Fault("put", LoseAnswer()), Fault("get", Corrupt(), nth=1))))
plans = st.one_of(outages, manners, misread, st.just(FaultPlan()))
"""How the store behaves from now on; ``misread``: a read-back is damaged on its way."""

numbers = st.lists(st.integers(0, 30), min_size=1, max_size=6)


def document(entries: list[int], title: int) -> bytes:
    """Write a conversation of a few messages."""
    return json.dumps({"title": title, "messages": [{"n": one} for one in entries]}).encode()


@dataclass(frozen=True)
class Append:
    """Add whole lines; to a document, save it with these messages."""

    said: list[int]

    def __call__(self, life: Life, name: str) -> None:
        """Do it."""
        before = life.content[name] or b""
        if name == "s1":
            life.write(name, document(self.said, len(before) % 3))
        else:
            life.write(name, before + b"".join(map(line, self.said)))


@dataclass(frozen=True)
class Rewrite:
    """Keep the first lines or messages, and go on with others."""

    keep: int
    said: list[int]

    def __call__(self, life: Life, name: str) -> None:
        """Do it."""
        before = life.content[name] or b""
        if name == "s1":
            held = json.loads(before)["messages"] if before else []
            kept = [one["n"] for one in held[: self.keep]]
            life.write(name, document([*kept, *self.said], 0))
        else:
            lines = before.splitlines(keepends=True)[: self.keep]
            life.write(name, b"".join([*lines, *map(line, self.said)]))


@dataclass(frozen=True)
class Truncate:
    """Cut it anywhere, in the middle of a line too; a document, to some of its messages."""

    part: float

    def __call__(self, life: Life, name: str) -> None:
        """Do it."""
        before = life.content[name]
        if before is None:
            return
        if name == "s1":
            held = [one["n"] for one in json.loads(before)["messages"]]
            life.write(name, document(held[: int(len(held) * self.part)], 1))
        else:
            life.write(name, before[: int(len(before) * self.part)])


@dataclass(frozen=True)
class Delete:
    """Remove it, let some passes miss it, and perhaps put it back as it was."""

    looks: int
    back: bool

    def __call__(self, life: Life, name: str) -> None:
        """Do it."""
        before = life.content[name]
        life.path(name).unlink(missing_ok=True)
        life.content[name] = None
        for _ in range(self.looks):
            life.look()
        if self.back and before is not None:
            life.write(name, before)


@dataclass(frozen=True)
class Restore:
    """Bring back what it held some passes ago, from a backup."""

    back: int

    def __call__(self, life: Life, name: str) -> None:
        """Do it."""
        held = [body for body in life.seen[name] if body is not None]
        if held:
            life.write(name, held[-min(self.back, len(held))])


Change = Append | Rewrite | Truncate | Delete | Restore
changes = st.one_of(
    st.builds(Append, numbers),
    st.builds(Rewrite, st.integers(0, 8), numbers),
    st.builds(Truncate, st.floats(0, 1)),
    st.builds(Delete, st.sampled_from((0, 1, 2, 3)), st.booleans()),
    st.builds(Restore, st.integers(1, 5)),
)


class Life(RuleBasedStateMachine):
    """The laptop, and the dictionary that it is held to."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.store = MemoryStore()
        self.real_store_of = engines.store_of
        engines.store_of = lambda _rules: self.store  # type: ignore[assignment]
        self.laptop = Laptop(self.root)
        self.content: dict[str, bytes | None] = dict.fromkeys(FILES)
        self.missed: dict[str, int] = dict.fromkeys(FILES, 0)
        self.seen: dict[str, list[bytes | None]] = {name: [] for name in FILES}
        self.enabled = True

    def path(self, name: str) -> Path:
        """Give the place of a file."""
        if name.startswith("c"):
            return self.laptop.claude(name)
        return self.laptop.cline4(name) if name == "s1" else self.laptop.note("c1", name)

    def write(self, name: str, body: bytes) -> None:
        """Write a file, and remember it."""
        self.laptop.write(self.path(name), body)
        self.content[name] = body

    @initialize()
    def begin(self) -> None:
        """Make the transcript that says where the conversation was held."""
        self.write("c1", line(0))

    @rule(name=st.sampled_from(FILES), change=changes, looked=st.booleans())
    def change(self, name: str, change: Change, *, looked: bool) -> None:
        """Do something to a file; mostly a pass sees it before the next change."""
        change(self, name)
        if looked:
            self.look()

    @rule()
    def look(self) -> None:
        """Make a pass: what it sees of an enabled tenant it must never forget."""
        done = self.laptop.look()
        if not self.enabled:
            assert done.records == 0
            return
        assert done.unsettled == 0
        for name, body in self.content.items():
            states = self.seen[name]
            if body is not None:
                self.missed[name] = 0
                if body or states:
                    states.append(body)
            elif states and states[-1] is not None:
                self.missed[name] += 1
                if self.missed[name] >= 3:
                    states.append(None)

    @rule(seconds=st.sampled_from((1, 60, 3600, DAY, 40 * DAY, 365 * DAY, -DAY, -365 * DAY)))
    def sleep(self, seconds: int) -> None:
        """Let time pass, or somebody set the clock."""
        self.laptop.clock.sleep(seconds)

    @rule()
    def switch(self) -> None:
        """Take the tenant out of the policy, or put it back."""
        self.enabled = not self.enabled
        self.laptop.tenants[0]["enabled"] = self.enabled
        self.laptop.apply()

    @rule()
    def crash(self) -> None:
        """Lose everything that is held in memory."""
        self.laptop.crash()

    @rule()
    def seal(self) -> None:
        """Seal what is spooled."""
        self.laptop.seal()

    @rule(plan=plans)
    def store_changes(self, plan: FaultPlan) -> None:
        """Let the store refuse, lose its answers, answer as another product, or be well."""
        self.store.plan = plan
        self.store._matches.clear()

    @rule()
    def ship(self) -> None:
        """Seal and ship, as far as the store lets it."""
        shipper = self.laptop.engine._shipper
        if shipper is not None:
            shipper._sleep = _no_sleep
        before = len(self.store.objects)
        self.laptop.ship("acme")
        assert self.enabled or len(self.store.objects) == before

    @invariant()
    def nothing_is_quarantined(self) -> None:
        """No answer of a store that keeps its promises proves a conflict."""
        backlog = self.laptop.engine.spool.backlog("acme")
        assert backlog.quarantined_chunks == 0

    def teardown(self) -> None:
        """Let everything heal, and compare."""
        try:
            self.store.plan = FaultPlan()
            if not self.enabled:
                self.switch()
            self.look()
            self.ship()
            self.laptop.clock.sleep(DAY)
            self.ship()
            self.compare()
        finally:
            engines.store_of = self.real_store_of
            self.laptop.halt()
            shutil.rmtree(self.root)

    def compare(self) -> None:
        """Hold the archive to the dictionary."""
        for key, one in self.store.objects.items():
            path = self.laptop.bucket / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.body)
        archive = read_archive(self.laptop.bucket)
        for name in FILES:
            stream = f"{name}.messages.json" if name == "s1" else self.path(name).name
            states, wanted = archive.states(stream), distinct(self.seen[name])
            assert len(states) == len(wanted), name
            for state, one in zip(states, wanted, strict=True):
                if name == "s1" and state is not None and one is not None:
                    assert equal_json(state, one)
                else:
                    assert state == one, name


async def _no_sleep(_seconds: float) -> None:
    """Take a nap of no length."""


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=150,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
