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
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
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

outages = st.sampled_from(
    [
        Refuse(Answer.BUSY, "SlowDown", 503),
        Refuse(Answer.UNREACHABLE, "ConnectError"),
        Refuse(Answer.CREDENTIALS, "ExpiredToken", 403),
        Refuse(Answer.CLOCK, "RequestTimeTooSkewed", 403),
        Refuse(Answer.CONFIGURATION, "NoSuchBucket", 404),
        Refuse(Answer.CONCURRENT, "ConditionalRequestConflict", 409),
        Refuse(Answer.FULL, "QuotaExceeded", 403),
        Refuse(Answer.CORRUPT, "BadDigest", 400),
        LoseAnswer(),
    ]
)
numbers = st.lists(st.integers(0, 30), min_size=1, max_size=6)
files_of_lines = st.sampled_from(("c1", "c2", "toolu_1.txt"))


def document(entries: list[int], title: int) -> bytes:
    """Write a conversation of a few messages."""
    return json.dumps({"title": title, "messages": [{"n": one} for one in entries]}).encode()


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

    @rule(name=files_of_lines, said=numbers)
    def append(self, name: str, said: list[int]) -> None:
        """Add whole lines."""
        before = self.content[name] or b""
        self.write(name, before + b"".join(map(line, said)))

    @rule(name=files_of_lines, said=numbers, keep=st.integers(0, 8))
    def rewrite(self, name: str, said: list[int], keep: int) -> None:
        """Keep the first lines, and go on with others."""
        kept = (self.content[name] or b"").splitlines(keepends=True)[:keep]
        self.write(name, b"".join([*kept, *map(line, said)]))

    @rule(name=files_of_lines, part=st.floats(0, 1))
    def truncate(self, name: str, part: float) -> None:
        """Cut it anywhere, in the middle of a line too."""
        before = self.content[name]
        if before is not None:
            self.write(name, before[: int(len(before) * part)])

    @rule(entries=numbers, title=st.integers(0, 3))
    def save_document(self, entries: list[int], title: int) -> None:
        """Save a conversation whole: grown, edited, cut, renamed."""
        self.write("s1", document(entries, title))

    @rule(name=st.sampled_from(FILES))
    def delete(self, name: str) -> None:
        """Remove a file."""
        self.path(name).unlink(missing_ok=True)
        self.content[name] = None

    @rule(name=st.sampled_from(FILES), back=st.integers(1, 5))
    def restore(self, name: str, back: int) -> None:
        """Bring back what a file held some time ago, from a backup."""
        held = [body for body in self.seen[name] if body is not None]
        if held:
            self.write(name, held[-min(back, len(held))])

    @rule()
    def look(self) -> None:
        """Make a pass: what it sees of an enabled tenant it must never forget."""
        done = self.laptop.look(later=1)
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

    @rule(seconds=st.sampled_from((1, 60, 3600, DAY, 40 * DAY)))
    def sleep(self, seconds: int) -> None:
        """Let time pass."""
        self.laptop.clock.sleep(seconds)

    @rule(days=st.sampled_from((-365, -1, 1, 365)))
    def jump(self, days: int) -> None:
        """Set the clock."""
        self.laptop.clock.sleep(days * DAY)

    @precondition(lambda self: self.enabled)
    @rule()
    def disable(self) -> None:
        """Take the tenant out of the policy."""
        self.enabled = False
        self.laptop.tenants[0]["enabled"] = False
        self.laptop.apply()

    @precondition(lambda self: not self.enabled)
    @rule()
    def enable(self) -> None:
        """Put it back."""
        self.enabled = True
        self.laptop.tenants[0]["enabled"] = True
        self.laptop.apply()

    @rule()
    def crash(self) -> None:
        """Lose everything that is held in memory."""
        self.laptop.crash()

    @rule()
    def seal(self) -> None:
        """Seal what is spooled."""
        self.laptop.seal()

    @rule(effect=outages, nth=st.sampled_from((None, 1, 2, 3)))
    def break_store(self, effect: Effect, nth: int | None) -> None:
        """Let the store refuse, or lose its answers."""
        self.store.plan = FaultPlan((Fault("put", effect, nth=nth),))
        self.store._matches.clear()

    @rule(personality=st.sampled_from(("s3", "r2")), blind=st.booleans())
    def change_store(self, personality: str, *, blind: bool) -> None:
        """Let the store answer as another product, or to credentials that may only put."""
        heads = deny_reads() if blind else (Fault("head", Forget()),)
        self.store.plan = FaultPlan(heads, personality=personality)  # type: ignore[arg-type]

    @rule()
    def read_wrong(self) -> None:
        """Let a read-back be damaged on its way: a reason to look again, not to give up."""
        self.store.plan = FaultPlan((Fault("put", LoseAnswer()), Fault("get", Corrupt(), nth=1)))

    @rule()
    def heal_store(self) -> None:
        """Let the store be well."""
        self.store.plan = FaultPlan()

    @rule()
    def ship(self) -> None:
        """Ship what is sealed, as far as the store lets it."""
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
            self.heal_store()
            if not self.enabled:
                self.enable()
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
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
