"""Any mixture of faults: nothing is lost, nothing is doubled, nothing is overwritten."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from archiver.model.answers import Answer
from archiver.stores.faults import Fault, FaultPlan, Forget, Hang, LoseAnswer, Plant, Refuse
from archiver.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.delivery.conftest import Bench

PLANTED = b"somebody else's bytes"

# A store that says "exists" of a key that it does not hold, to a device that may not look,
# cannot be told from the truth; so that lie is not among the faults.
HONEST = sorted(set(Answer) - {Answer.EXISTS, Answer.LOCKED})
EFFECTS = {
    "put": st.sampled_from([*map(Refuse, HONEST), LoseAnswer(), Hang(), Plant(PLANTED)]),
    "head": st.sampled_from([*map(Refuse, Answer), LoseAnswer(), Hang(), Forget()]),
    "get": st.sampled_from([*map(Refuse, Answer), LoseAnswer(), Hang()]),
}


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    """Any fault of any call among the first thirty."""
    verb = draw(st.sampled_from(sorted(EFFECTS)))
    return Fault(verb, draw(EFFECTS[verb]), nth=draw(st.integers(1, 30)))


@settings(max_examples=150, deadline=None)
@given(
    plan=st.lists(faults(), max_size=25),
    chunks=st.integers(1, 8),
    passes=st.integers(0, 6),
    stops=st.lists(st.integers(0, 5), max_size=3),
    personality=st.sampled_from(["s3", "r2"]),
)
def test_after_any_faults_a_clear_pass_leaves_every_parcel_stored_once(
    new_bench: Callable[[], Bench],
    plan: list[Fault],
    chunks: int,
    passes: int,
    stops: list[int],
    personality: str,
) -> None:
    """Faulty passes, some of them stopped midway, then one without a fault."""
    bench = new_bench()
    for seq in range(chunks):
        bench.chunk(seq)
    bench.manifest(1)
    parcels = list(bench.outbox.rows["acme"])
    bodies = {p.key: p.path.read_bytes() if p.path else p.body for p in parcels}
    store = bench.stores["acme"] = MemoryStore(
        FaultPlan(tuple(plan), personality), clock=bench.clock.seconds
    )

    async def run() -> None:
        shipper = bench.shipper(naps=30, answer=0.002)
        for loops in stops:
            task = asyncio.create_task(shipper.ship("acme", force=True))
            for _ in range(loops):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for _ in range(passes):
            await shipper.ship("acme")
            bench.clock.now += timedelta(minutes=4)
        bench.clock.now += timedelta(minutes=20)
        store.plan = FaultPlan(personality=store.plan.personality)
        shipped = await bench.shipper().ship("acme")
        assert shipped.waiting is None

    asyncio.run(run())

    assert not bench.outbox.pending("acme", 1)
    assert store.objects.keys() == bodies.keys()
    for parcel in parcels:
        held = store.objects[parcel.key].body
        if parcel.key in bench.outbox.quarantined:
            assert held == PLANTED
            assert parcel.path is None or parcel.path.read_bytes() == bodies[parcel.key]
        elif bench.outbox.receipts[parcel.key].verified:
            assert held == bodies[parcel.key]
        else:
            assert held in (bodies[parcel.key], PLANTED)
    events = bench.outbox.journal
    assert len(events) == len(set(events))
    for position, (event, key) in enumerate(events):
        assert event != "discard" or ("deliver", key) in events[:position]
