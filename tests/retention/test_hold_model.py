"""Holds, releases, arrivals, expiry, erasures, crashes in any order: nothing held is destroyed."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleet import DESKTOP, LAPTOP
from holding import ADA, BOB, Office, hold
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from archiver.errors import ArchiverError, StoreError
from archiver.evidence.orders import Expiry
from archiver.format.keys import ChunkKey, parse_key
from archiver.model.answers import Answer
from archiver.retention import hold as holds
from archiver.retention.destroy import finish
from archiver.retention.erase import Wanted, order, plan
from archiver.retention.hold import apply_holds
from archiver.retention.sets import ChunkSet
from archiver.stores.custody import custody_of
from archiver.stores.faults import Fault, FaultPlan, LoseAnswer, Refuse
from archiver.witness.orders import give

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from archiver.evidence.orders import Hold
    from archiver.stores.memory import Object

people = st.sampled_from([ADA, BOB])
days = st.sampled_from(["2026-03-10", "2026-04-10"])
devices = st.sampled_from([LAPTOP, DESKTOP])
faults = st.none() | st.tuples(
    st.sampled_from(["put", "list", "get", "kept", "hold", "reveal", "destroy"]),
    st.integers(1, 12),
    st.sampled_from([Refuse(Answer.CREDENTIALS), LoseAnswer()]),
)


class Holding(RuleBasedStateMachine):
    """``bodies`` are of all chunks that ever arrived, ``in_force`` is the model of the holds.

    ``protected`` are the chunks that some hold in force covers, while it covers them;
    ``opens`` are the wraps of those that could be opened when they came under it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()

    @initialize(locks=st.booleans())
    def begin(self, locks: bool) -> None:  # noqa: FBT001
        """Make a tenant; its store keeps holds or does not."""
        self.office = Office(Path(self.folder.name) / "admin")
        self.office.store = type(self.office.store)(object_lock=locks)
        self.in_force: dict[str, Hold] = {}
        self.bodies: dict[str, Object] = {}
        self.protected: set[str] = set()
        self.opens: set[str] = set()
        self.wraps: dict[str, str] = {}
        self.number = self.generation = 0

    def teardown(self) -> None:
        """Close everything."""
        self.loop.close()
        self.folder.cleanup()

    def run_(self, work: Coroutine[Any, Any, Any], fault: Any = None) -> None:
        """Run something that may die in between, or be refused."""
        if fault:
            verb, nth, ends = fault
            self.office.store.plan = FaultPlan((Fault(verb, ends, nth=nth),))
        self.office.store._matches.clear()
        with contextlib.suppress(ArchiverError):
            self.loop.run_until_complete(work)
        self.office.store.plan = FaultPlan()

    def covers(self, this: Hold, key: str) -> bool:
        """Tell, in the words of the test, whether a hold covers a chunk."""
        name = parse_key(key)
        assert isinstance(name, ChunkKey)
        return this.subject in (None, name.subject) and (this.since or "") <= name.day

    def left(self) -> set[str]:
        """Give the chunks of which any version is left."""
        return {key for key in self.bodies if self.office.keeps(key)}

    def protect(self) -> None:
        """Note what must stay from now on: what is there, and covered."""
        left = self.left()
        self.protected = {
            key for key in left if any(self.covers(one, key) for one in self.in_force.values())
        }
        wraps = {self.wraps[key] for key in self.protected if key in self.wraps}
        self.opens = {wrap for wrap in wraps if self.office.keeps(wrap)}

    @rule(device=devices, who=people, day=days, sealed=st.booleans(), covered=st.booleans())
    def arrive(self, device: str, who: str, day: str, *, sealed: bool, covered: bool) -> None:
        """Let a chunk arrive, with the wrap of its key."""
        key_id = f"{self.generation:08}{device[:1]}{who[:1]}{day[:7].replace('-', '')}"
        key = self.office.chunk(device, who, day, key_id=key_id if sealed else None)
        if sealed:
            self.wraps[key] = self.office.wrap(device, who, day[:7], key_id=key_id)
        self.bodies[key] = self.office.store.objects[key]
        if covered:
            self.loop.run_until_complete(self.office.settle())
        else:
            self.office.list_all()
        self.protect()

    @rule(who=st.none() | people, since=st.none() | days, fault=faults)
    def hold(self, who: str | None, since: str | None, fault: Any) -> None:
        """Somebody orders a hold; it counts if it was stored, whatever he was told."""
        self.number += 1
        this = hold(f"h{self.number}", subject=who, since=since)
        self.run_(holds.add(self.office.desk, this, by="x", now=self.office.now), fault)
        self.see()

    @precondition(lambda self: self.in_force)
    @rule(data=st.data(), fault=faults)
    def release(self, data: st.DataObject, fault: Any) -> None:
        """End a hold."""
        name = data.draw(st.sampled_from(sorted(self.in_force)))
        desk, now = self.office.desk, self.office.now
        self.run_(holds.release(desk, name, reason="x", by="x", now=now), fault)
        self.see()

    @rule(fault=faults)
    def apply(self, fault: Any) -> None:
        """Run the daily job, which may die."""
        self.run_(apply_holds(self.office.desk), fault)

    @rule()
    def apply_to_the_end(self) -> None:
        """Run it whole: then the store holds what the orders hold, and no more."""
        self.loop.run_until_complete(apply_holds(self.office.desk))
        if custody_of(self.office.store).can_lock:
            assert self.office.held() == self.protected

    @rule(who=people, fault=faults)
    def erase(self, who: str, fault: Any) -> None:
        """Somebody asks to be erased; the run may die anywhere."""

        async def go() -> None:
            await finish(self.office.desk)
            this = await plan(self.office.desk, Wanted(who), now=self.office.now)
            await order(self.office.desk, this, basis="x", reason="x", by="x", now=self.office.now)
            await finish(self.office.desk)

        self.run_(go(), fault)
        self.generation += 1  # devices make new keys then: `keys_since`

    @rule(fault=faults)
    def finish(self, fault: Any) -> None:
        """Complete what was left undone, or die over it."""
        self.run_(finish(self.office.desk), fault)

    @precondition(lambda self: self.left())
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        """One chunk is due; whoever expires asks the holds first, as all of archiver does."""
        key = data.draw(st.sampled_from(sorted(self.left())))
        if any(self.covers(one, key) for one in self.in_force.values()):
            return
        chunks, name = ChunkSet(), parse_key(key)
        assert isinstance(name, ChunkKey)
        chunks.add(name)
        deed = Expiry(
            klass="standard", days=1, policy=None, chunks=chunks.named, count=1, stored_bytes=1
        )
        self.run_(give(self.office.desk, deed, by="job", now=self.office.now))
        self.run_(custody_of(self.office.store).destroy(key))

    @precondition(lambda self: self.left() and self.office.store.can_lock)
    @rule(data=st.data())
    def hide(self, data: st.DataObject) -> None:
        """Put a delete marker above a chunk, as a lifecycle or somebody does."""
        key = data.draw(st.sampled_from(sorted(self.left())))
        with contextlib.suppress(StoreError):
            self.loop.run_until_complete(self.office.store.delete(key))

    @rule()
    def pass_a_day(self) -> None:
        """Time passes."""
        self.office.now += timedelta(days=1)

    def see(self) -> None:
        """Read which holds are in force from the chain: the authority."""
        from archiver.retention.listing import look  # noqa: PLC0415

        known = self.loop.run_until_complete(look(self.office.desk))
        self.in_force = dict(known.orders.holds)
        self.protect()

    @invariant()
    def nothing_held_is_destroyed(self) -> None:
        """Nor altered; and the keys that open it are there."""
        if not hasattr(self, "office"):
            return
        store = self.office.store
        for key in self.protected:
            assert self.office.keeps(key), key
            seen = [store.objects[key]] if key in store.objects else []
            versions = [*store.older.get(key, ()), *seen]
            assert {one.body for one in versions} == {self.bodies[key].body}
        assert all(map(self.office.keeps, self.opens))


TestHolding = Holding.TestCase
TestHolding.settings = settings(
    max_examples=50,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
