"""The shell: what a pass does with parcels, a store that misbehaves and a clock."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import pytest

from archiver.delivery.outbox import Outbox
from archiver.delivery.pace import Pace
from archiver.delivery.parcel import WaitReason
from archiver.delivery.round import BATCH
from archiver.delivery.ship import Shipper
from archiver.model.answers import Answer, Stored
from archiver.stores.faults import (
    Fault,
    FaultPlan,
    Forget,
    Hang,
    LoseAnswer,
    Plant,
    Refuse,
    Slow,
    deny_reads,
)
from archiver.stores.memory import MemoryStore
from archiver.stores.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from archiver.model.shipment import Retain
    from tests.delivery.conftest import Bench

BUSY = Refuse(Answer.BUSY, "SlowDown", 503)
DENIED = Refuse(Answer.CREDENTIALS, "ExpiredToken", 403)


def planned(*faults: Fault) -> MemoryStore:
    """Give a store with these faults."""
    return MemoryStore(FaultPlan(faults))


async def until(condition: Callable[[], bool]) -> None:
    """Wait, not for ever, for something that has no event."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the outbox is synchronous
            await asyncio.sleep(0.001)


async def test_a_pass_delivers_all_that_is_pending(bench: Bench) -> None:
    """Chunk and manifest: right bytes, metadata, one receipt each, sealed file gone."""
    chunk, manifest = bench.chunk(1), bench.manifest(1)
    shipped = await bench.shipper().ship("acme")
    assert (shipped.delivered, shipped.quarantined, shipped.waiting) == (2, 0, None)
    assert shipped.size == chunk.size + manifest.size
    stored = bench.stores["acme"].objects
    assert stored[chunk.key].body == b"chunk 1 of acme"
    assert stored[chunk.key].metadata["seq"] == "1"
    assert stored[manifest.key].body == manifest.body
    assert bench.outbox.receipts.keys() == stored.keys()
    assert not chunk.path.exists()
    assert isinstance(bench.outbox, Outbox)


async def test_an_idle_pass_opens_no_store(bench: Bench) -> None:
    """Nothing pending: the store's library need not even be loaded."""
    shipped = await bench.shipper().ship("acme")
    assert shipped.delivered == 0
    assert "acme" not in bench.stores


async def test_a_lost_reply_ends_with_one_object_and_one_receipt(bench: Bench) -> None:
    """Stored but unanswered, then 412, then equal: there already."""
    chunk = bench.chunk(1)
    bench.stores["acme"] = planned(Fault("put", LoseAnswer(), nth=1))
    shipped = await bench.shipper(naps=30).ship("acme")
    assert shipped.delivered == 1
    assert [call.verb for call in bench.stores["acme"].calls] == ["put", "put", "head"]
    assert list(bench.stores["acme"].objects) == [chunk.key]
    assert bench.outbox.receipts[chunk.key].verified


async def test_a_lost_reply_is_resolved_by_reading_where_no_hash_is_kept(bench: Bench) -> None:
    """A store that tells no sha256 has to give its bytes."""
    chunk = bench.chunk(1)
    bench.stores["acme"] = planned(Fault("put", LoseAnswer(), nth=1), Fault("head", Forget()))
    await bench.shipper(naps=30).ship("acme")
    verbs = [call.verb for call in bench.stores["acme"].calls]
    assert verbs == ["put", "put", "head", "get"]
    assert bench.outbox.receipts[chunk.key].verified


async def test_r2s_word_for_an_overwrite_is_resolved_the_same_way(bench: Bench) -> None:
    """LOCKED after a lost reply is an equal object too."""
    chunk = bench.chunk(1)
    plan = FaultPlan((Fault("put", LoseAnswer(), nth=1),), personality="r2")
    bench.stores["acme"] = MemoryStore(plan, clock=bench.clock.seconds)
    await bench.shipper(naps=30).ship("acme")
    assert bench.outbox.receipts[chunk.key].verified


async def test_a_concurrent_write_of_the_same_key_is_tried_again(bench: Bench) -> None:
    """409: the other writer's bytes are these bytes."""
    chunk = bench.chunk(1)
    conflict = Refuse(Answer.CONCURRENT, "ConditionalRequestConflict", 409)
    bench.stores["acme"] = planned(Fault("put", conflict, nth=1))
    assert (await bench.shipper(naps=30).ship("acme")).delivered == 1
    assert bench.puts() == [chunk.key, chunk.key]


async def test_write_only_credentials_still_get_receipts(bench: Bench) -> None:
    """PutObject alone is enough, also after a lost reply; `verify` confirms later."""
    first, second = bench.chunk(1), bench.chunk(2)
    bench.stores["acme"] = planned(Fault("put", LoseAnswer(), nth=1), *deny_reads())
    await bench.shipper(naps=30).ship("acme")
    # Two are under way at once: which put was the first, whose answer was lost, is open.
    verified = [bench.outbox.receipts[chunk.key].verified for chunk in (first, second)]
    assert sorted(verified) == [False, True]


@pytest.mark.parametrize("planted", [b"chunk 2 of acme", b"shorter", b""])
async def test_a_proved_conflict_is_quarantined_and_nothing_is_overwritten(
    bench: Bench, planted: bytes
) -> None:
    """Somebody's other bytes lie under the key: theirs and ours both stay."""
    chunk, next_one = bench.chunk(1), bench.chunk(2)
    bench.stores["acme"] = planned(Fault("put", Plant(planted), key=lambda key: key == chunk.key))
    shipped = await bench.shipper(naps=30).ship("acme")
    assert (shipped.quarantined, shipped.delivered, shipped.waiting) == (1, 1, None)
    assert bench.stores["acme"].objects[chunk.key].body == planted
    assert chunk.path.read_bytes() == b"chunk 1 of acme"
    assert next_one.key in bench.outbox.receipts


async def test_corruption_on_the_wire_is_sent_again_from_the_sealed_file(bench: Bench) -> None:
    """BadDigest with a right file: the next try brings it."""
    chunk = bench.chunk(1)
    bench.stores["acme"] = planned(Fault("put", Refuse(Answer.CORRUPT, "BadDigest", 400), nth=1))
    assert (await bench.shipper(naps=30).ship("acme")).delivered == 1
    assert chunk.key in bench.outbox.receipts


async def test_a_sealed_file_that_rotted_is_quarantined_and_never_sent(bench: Bench) -> None:
    """One flipped bit since it was sealed."""
    chunk = bench.chunk(1)
    chunk.path.write_bytes(b"chunk 1 of acmf")
    shipped = await bench.shipper().ship("acme")
    assert shipped.quarantined == 1
    assert "damaged" in bench.outbox.quarantined[chunk.key]
    assert bench.puts() == []
    assert chunk.path.exists()


async def test_a_sealed_file_that_rots_while_it_is_sent_is_quarantined(bench: Bench) -> None:
    """BadDigest, and the file is not what it was: the disk is to blame."""
    chunk = bench.chunk(1)

    class Rotting(MemoryStore):
        async def put(self, key: str, body: bytes, **_: object) -> Stored:
            chunk.path.write_bytes(body[::-1])
            raise refuse(Answer.CORRUPT, f"planned: {key}", code="BadDigest", status=400)

    bench.stores["acme"] = Rotting()
    assert (await bench.shipper().ship("acme")).quarantined == 1


async def test_a_sealed_file_that_is_missing_is_quarantined(bench: Bench) -> None:
    """Somebody tidied up; the others go on."""
    chunk, next_one = bench.chunk(1), bench.chunk(2)
    chunk.path.unlink()
    await bench.shipper().ship("acme")
    assert "missing" in bench.outbox.quarantined[chunk.key]
    assert next_one.key in bench.outbox.receipts


async def test_a_sealed_file_that_cannot_be_read_now_stays_pending(bench: Bench) -> None:
    """An error of the disk proves nothing: here a folder stands in the file's place."""
    chunk = bench.chunk(1)
    chunk.path.unlink()
    chunk.path.mkdir()
    shipped = await bench.shipper().ship("acme")
    assert shipped.quarantined == 0
    assert shipped.waiting.code in ("EISDIR", "EACCES")
    assert bench.outbox.pending("acme", 1) == [chunk]


@pytest.mark.parametrize("held", [b"chunk 1 of acme", b"chunk 9 of acme"])
async def test_a_contradicted_checksum_is_settled_by_reading_back(
    bench: Bench, held: bytes
) -> None:
    """200 with another checksum: what the store holds decides."""
    chunk = bench.chunk(1)

    class Contradicting(MemoryStore):
        async def put(
            self,
            key: str,
            body: bytes,
            *,
            sha256: str,
            metadata: Mapping[str, str],
            retain: Retain | None = None,
        ) -> Stored:
            await super().put(key, body, sha256=sha256, metadata=metadata, retain=retain)
            self.plan = FaultPlan()
            return Stored(sha256="00" * 32)

        async def get(self, key: str) -> bytes:
            await super().get(key)
            return held

    bench.stores["acme"] = Contradicting()
    shipped = await bench.shipper().ship("acme")
    right = held == b"chunk 1 of acme"
    assert (shipped.delivered, shipped.quarantined) == (int(right), int(not right))
    assert chunk.path.exists() is not right


async def test_a_contradicted_checksum_is_never_taken_on_trust(bench: Bench) -> None:
    """200 with another checksum, and credentials that may not read: no receipt."""
    chunk = bench.chunk(1)

    class Contradicting(MemoryStore):
        async def put(
            self,
            key: str,
            body: bytes,
            *,
            sha256: str,
            metadata: Mapping[str, str],
            retain: Retain | None = None,
        ) -> Stored:
            await super().put(key, body, sha256=sha256, metadata=metadata, retain=retain)
            return Stored(sha256="00" * 32)

    bench.stores["acme"] = Contradicting(FaultPlan(deny_reads()))
    assert (await bench.shipper().ship("acme")).quarantined == 1
    assert chunk.path.exists()


async def test_the_receipt_is_kept_before_the_sealed_file_goes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A death between the two leaves both, and the parcel is not sent again."""
    chunk = bench.chunk(1)

    def die(point: str) -> None:
        if point == "ship.receipt":
            raise RuntimeError(point)

    with monkeypatch.context() as patch:
        patch.setattr("archiver.durable.files.observer", die)
        with pytest.raises(RuntimeError, match=r"ship\.receipt"):
            await bench.shipper().ship("acme")
    assert chunk.key in bench.outbox.receipts
    assert chunk.path.exists()
    await bench.shipper().ship("acme")
    assert bench.puts() == [chunk.key]


async def test_manifests_go_after_the_chunks_and_in_order(bench: Bench) -> None:
    """Also when the outbox lists them in between."""
    bench.chunk(1)
    bench.manifest(1)
    bench.chunk(2)
    bench.manifest(2)
    await bench.shipper().ship("acme")
    kinds = [key.split("/")[1] for key in bench.puts()]
    assert kinds == ["chunk", "chunk", "paper", "paper"]
    assert bench.puts()[2:] == sorted(bench.puts()[2:])


async def test_no_manifest_goes_while_a_chunk_is_left_behind(bench: Bench) -> None:
    """It might list that chunk."""
    chunk, _, manifest = bench.chunk(1), bench.chunk(2), bench.manifest(1)
    bench.stores["acme"] = planned(Fault("put", BUSY, nth=1, key=lambda key: key == chunk.key))
    shipper = bench.shipper()
    assert (await shipper.ship("acme")).delivered == 1
    assert manifest.key not in bench.puts()
    assert (await shipper.ship("acme", force=True)).delivered == 2
    assert bench.puts()[-2:] == [chunk.key, manifest.key]


async def test_a_parcel_that_is_never_taken_holds_no_other_up(bench: Bench) -> None:
    """A proxy that dislikes one chunk must not stop the tenant's later ones."""
    poison = bench.chunk(0)
    others = [bench.chunk(seq) for seq in range(1, 200)]
    bench.stores["acme"] = planned(Fault("put", BUSY, key=lambda key: key == poison.key))
    shipper = bench.shipper()
    shipped = await shipper.ship("acme")
    assert shipped.delivered == len(others)
    assert shipped.waiting.reason is WaitReason.TIME
    late = bench.chunk(200)
    await shipper.ship("acme", force=True)
    assert late.key in bench.outbox.receipts
    assert poison.path.exists()


async def test_a_store_that_refuses_three_in_a_row_is_left_alone(bench: Bench) -> None:
    """A backlog of hundreds costs an unreachable store a handful of requests."""
    for seq in range(300):
        bench.chunk(seq)
    bench.stores["acme"] = planned(Fault("put", BUSY))
    shipper = bench.shipper()
    await shipper.ship("acme")
    first = len(bench.puts())
    await shipper.ship("acme", force=True)
    slots = bench.stores["acme"].concurrency
    assert first <= 3 + slots - 1
    assert len(bench.puts()) - first == 1


async def test_refusals_that_are_not_in_a_row_do_not_speak_against_the_store(
    bench: Bench,
) -> None:
    """Every second chunk is refused: every other one goes."""
    for seq in range(20):
        bench.chunk(seq)
    store = bench.stores["acme"] = planned(
        *(Fault("put", BUSY, nth=nth) for nth in range(2, 21, 2))
    )
    store.concurrency = 1
    assert (await bench.shipper().ship("acme")).delivered == 10


async def test_the_tenant_is_asked_again_when_the_first_of_its_parcels_may_go(
    bench: Bench,
) -> None:
    """Two parcels left behind, each with its own delay."""
    for seq in range(3):
        bench.chunk(seq)
    draws = iter([0.9, 0.2, 0.5])
    bench.draw = lambda: next(draws)
    store = bench.stores["acme"] = planned(Fault("put", BUSY, nth=1), Fault("put", BUSY, nth=2))
    store.concurrency = 1
    shipped = await bench.shipper().ship("acme")
    assert shipped.delivered == 1
    assert shipped.waiting.until - bench.clock.now == timedelta(seconds=0.2)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer.CREDENTIALS, WaitReason.CREDENTIALS),
        (Answer.CLOCK, WaitReason.CLOCK),
        (Answer.CONFIGURATION, WaitReason.CONFIGURATION),
        (Answer.FULL, WaitReason.SPACE),
    ],
)
async def test_a_named_state_stops_the_tenants_pass(
    bench: Bench, answer: Answer, reason: WaitReason
) -> None:
    """What is under way may finish; nothing new starts, also on the next ticks."""
    for seq in range(100):
        bench.chunk(seq)
    bench.stores["acme"] = planned(Fault("put", Refuse(answer, "Planned", 403)))
    shipper = bench.shipper(naps=1000)
    shipped = await shipper.ship("acme")
    assert shipped.waiting.reason is reason
    assert bench.outbox.waiting("acme") == shipped.waiting
    asked = len(bench.puts())
    assert asked <= bench.stores["acme"].concurrency
    assert await shipper.ship("acme") == type(shipped)(0, 0, 0, shipped.waiting)
    assert len(bench.puts()) == asked
    assert bench.clock.naps == []


async def test_force_asks_at_once_and_success_ends_the_waiting(bench: Bench) -> None:
    """New credentials: everything goes, and nothing is waited for any more."""
    for seq in range(10):
        bench.chunk(seq)
    bench.stores["acme"] = planned(Fault("put", DENIED))
    shipper = bench.shipper()
    await shipper.ship("acme")
    bench.stores["acme"].plan = FaultPlan()
    assert (await shipper.ship("acme")).delivered == 0
    shipped = await shipper.ship("acme", force=True)
    assert (shipped.delivered, shipped.waiting) == (10, None)
    assert bench.outbox.waiting("acme") is None
    assert bench.outbox.failures("acme") == 0


async def test_a_waiting_that_goes_on_keeps_its_beginning_and_grows(bench: Bench) -> None:
    """Since when, for status; and less and less often."""
    bench.chunk(1)
    bench.stores["acme"] = planned(Fault("put", DENIED))
    shipper = bench.shipper()
    begin = bench.clock.now
    delays = []
    for _ in range(8):
        waiting = (await shipper.ship("acme")).waiting
        assert waiting.since == begin
        delays.append(waiting.until - bench.clock.now)
        bench.clock.now = waiting.until
    assert timedelta(seconds=30) <= delays[0] < timedelta(seconds=60)
    assert timedelta(seconds=450) <= delays[-1] < timedelta(seconds=900)


async def test_a_waiting_whose_parcels_are_gone_is_over(bench: Bench) -> None:
    """The tenant was purged, or its last parcel quarantined: status must not nag."""
    bench.chunk(1)
    bench.stores["acme"] = planned(Fault("put", DENIED))
    shipper = bench.shipper()
    await shipper.ship("acme")
    bench.outbox.rows["acme"].clear()
    assert (await shipper.ship("acme", force=True)).waiting is None
    assert bench.outbox.waiting("acme") is None


async def test_a_clock_that_was_set_back_does_not_silence_a_tenant(bench: Bench) -> None:
    """The waiting was written in what is now next year."""
    bench.chunk(1)
    bench.stores["acme"] = planned(Fault("put", DENIED, nth=1))
    shipper = bench.shipper()
    await shipper.ship("acme")
    bench.clock.now -= timedelta(days=365)
    assert (await shipper.ship("acme")).delivered == 1


async def test_a_store_that_cannot_even_be_opened_makes_the_tenant_wait(bench: Bench) -> None:
    """No credentials on this machine: found out before the first put."""
    bench.chunk(1)

    class Unopened(MemoryStore):
        async def __aenter__(self) -> Self:
            raise refuse(Answer.CREDENTIALS, "planned", code="NoCredentials")

    bench.stores["acme"] = Unopened()
    shipped = await bench.shipper().ship("acme")
    assert shipped.waiting.reason is WaitReason.CREDENTIALS
    assert shipped.waiting.code == "NoCredentials"


async def test_a_store_that_cannot_even_be_made_makes_the_tenant_wait(bench: Bench) -> None:
    """A folder that is not there: known before there is anything to open."""
    bench.chunk(1)

    def no_store(tenant: str) -> MemoryStore:
        raise refuse(Answer.CONFIGURATION, f"planned: {tenant}", code="NoSuchFolder")

    shipper = Shipper(bench.outbox, no_store, clock=bench.clock, draw=bench.draw)
    assert (await shipper.ship("acme")).waiting.code == "NoSuchFolder"


async def test_a_large_parcel_gets_more_time(bench: Bench) -> None:
    """A slow line is not a dead one."""
    bench.chunk(1, body=bytes(64 * 1024))
    bench.stores["acme"] = planned(Fault("put", Slow(0.1)))
    assert (await bench.shipper(answer=0.01).ship("acme")).delivered == 1


async def test_a_store_that_never_answers_is_unreachable(bench: Bench) -> None:
    """Neither an opening nor a put hangs longer than the limit."""
    bench.chunk(1)

    class Silent(MemoryStore):
        async def __aenter__(self) -> Self:
            await asyncio.Event().wait()
            return self

    for store in (Silent(), planned(Fault("put", Hang()))):
        bench.stores["acme"] = store
        shipped = await bench.shipper(answer=0.01).ship("acme", force=True)
        assert (shipped.waiting.reason, shipped.waiting.code) == (WaitReason.TIME, "Timeout")


class Counting(MemoryStore):
    """Counts the puts that are under way at once."""

    under_way = 0
    most = 0

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        sha256: str,
        metadata: Mapping[str, str],
        retain: Retain | None = None,
    ) -> Stored:
        """Store, and count."""
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        stored = await super().put(key, body, sha256=sha256, metadata=metadata, retain=retain)
        self.under_way -= 1
        return stored


async def test_a_bounded_number_of_parcels_is_under_way(bench: Bench) -> None:
    """As many as the store likes, and batches of fixed size whatever the backlog."""
    for seq in range(500):
        bench.chunk(seq)
    store = bench.stores["acme"] = Counting()
    store.concurrency = 2
    assert (await bench.shipper().ship("acme")).delivered == 500
    assert store.most == 2
    assert bench.outbox.largest_limit <= BATCH


async def test_after_a_failure_one_goes_alone_and_one_success_ends_the_caution(
    bench: Bench,
) -> None:
    """The first of a hundred goes alone, the others several at once again."""
    bench.outbox.set_waiting("acme", None, 5)
    store = bench.stores["acme"] = Counting()
    bench.chunk(1)
    bench.manifest(1)
    await bench.shipper().ship("acme")
    assert store.most == 1
    bench.outbox.set_waiting("acme", None, 5)
    for seq in range(2, 100):
        bench.chunk(seq)
    await bench.shipper().ship("acme")
    assert store.most == store.concurrency


async def test_one_tenants_silent_store_does_not_delay_another(bench: Bench) -> None:
    """The second tenant is done while the first one's put still hangs."""
    bench.chunk(1, "silent")
    theirs = [bench.chunk(seq, "prompt") for seq in range(100)]
    bench.stores["silent"] = planned(Fault("put", Hang()))
    passes = asyncio.create_task(bench.shipper(answer=60).ship_all(["silent", "prompt"]))
    await until(lambda: len(bench.outbox.receipts) == len(theirs))
    assert not passes.done()
    passes.cancel()
    with pytest.raises(asyncio.CancelledError):
        await passes


@pytest.mark.parametrize("answer", [Answer.CREDENTIALS, Answer.FULL, Answer.BUSY])
async def test_one_tenants_refusals_do_not_stop_another(bench: Bench, answer: Answer) -> None:
    """Each tenant has its own result and its own state."""
    bench.chunk(1, "refused")
    bench.chunk(1, "prompt")
    bench.stores["refused"] = planned(Fault("put", Refuse(answer)))
    shipped = await bench.shipper().ship_all(["refused", "prompt"])
    assert shipped["refused"].waiting
    assert shipped["prompt"].delivered == 1
    assert bench.outbox.waiting("prompt") is None


async def test_an_error_of_the_outbox_is_raised_after_the_others_had_their_pass(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is nothing to wait out silently; it keeps its own type."""
    bench.chunk(1, "a")
    bench.chunk(1, "b")
    bench.stores["b"] = planned(Fault("put", Slow(0.05)))
    deliver = bench.outbox.deliver

    def full(parcel: object, receipt: object) -> None:
        if parcel.tenant == "a":
            raise OSError(28, "planned")
        deliver(parcel, receipt)

    monkeypatch.setattr(bench.outbox, "deliver", full)
    with pytest.raises(OSError, match="planned"):
        await bench.shipper().ship_all(["a", "b"])
    assert len(bench.outbox.receipts) == 1


async def test_two_passes_of_one_tenant_do_not_send_twice(bench: Bench) -> None:
    """`sync` beside the daemon's own tick."""
    for seq in range(100):
        bench.chunk(seq)
    shipper = bench.shipper()
    await asyncio.gather(shipper.ship("acme"), shipper.ship("acme"))
    assert len(bench.puts()) == 100


async def test_a_pass_is_cancelled_at_once_and_loses_nothing(bench: Bench) -> None:
    """A graceful stop abandons the put on the wire; its row is pending still."""
    chunk = bench.chunk(1)
    bench.stores["acme"] = planned(Fault("put", Hang(), nth=1))
    shipper = bench.shipper(answer=60)
    task = asyncio.create_task(shipper.ship("acme"))
    await until(lambda: bool(bench.puts()))
    begin = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begin < 0.2
    assert bench.outbox.pending("acme", 9) == [chunk]
    assert (await shipper.ship("acme")).delivered == 1


async def test_short_waits_are_slept_out_inside_the_pass(bench: Bench) -> None:
    """`sync` must not fail because of one SlowDown."""
    for seq in range(5):
        bench.chunk(seq)
    bench.stores["acme"] = planned(*(Fault("put", BUSY, nth=nth) for nth in range(1, 12)))
    shipped = await bench.shipper(naps=30).ship("acme")
    assert (shipped.delivered, shipped.waiting) == (5, None)
    assert bench.clock.naps
    assert sum(bench.clock.naps) <= 30


async def test_a_pass_does_not_sleep_for_ever(bench: Bench) -> None:
    """Not even when every drawn delay is nothing."""
    bench.chunk(1)
    bench.draw = lambda: 0.0
    bench.stores["acme"] = planned(Fault("put", BUSY))
    shipped = await bench.shipper(naps=30).ship("acme")
    assert shipped.waiting.reason is WaitReason.TIME
    assert len(bench.clock.naps) == 30


async def test_the_bandwidth_limit_is_kept_over_all_tenants(bench: Bench) -> None:
    """Ten parcels of 1,000 bytes at 1,000 bytes per second take nine seconds."""
    for seq in range(5):
        bench.chunk(seq, "a", bytes([seq]) * 1000)
        bench.chunk(seq, "b", bytes([seq]) * 1000)
    starts: list[float] = []

    async def sleep(seconds: float) -> None:
        starts.append(seconds)

    pace = Pace(1000, clock=bench.clock.seconds, sleep=sleep)
    await bench.shipper(pace=pace).ship_all(["a", "b"])
    assert len(bench.outbox.receipts) == 10
    assert sorted(starts) == pytest.approx([1, 2, 3, 4, 5, 6, 7, 8, 9])


async def test_thirty_days_without_a_network_cost_few_requests_and_no_parcel(
    bench: Bench,
) -> None:
    """Ticks a minute apart. Requests stay capped and spread; within six minutes all is there."""
    for seq in range(70):
        bench.chunk(seq)
    bench.manifest(1)
    end = bench.clock.now + timedelta(days=30)
    gone = Refuse(Answer.UNREACHABLE, "EndpointConnectionError")
    away = Fault("put", gone, key=lambda _: bench.clock.now < end)
    store = bench.stores["acme"] = planned(away)
    shipper = bench.shipper(naps=30)
    hours: set[int] = set()
    while bench.outbox.pending("acme", 1):
        before = len(store.calls)
        shipped = await shipper.ship("acme")
        if len(store.calls) > before and bench.clock.now < end:
            hours.add(round((end - bench.clock.now) / timedelta(hours=1)))
        bench.clock.now += timedelta(seconds=60)
        while shipped.waiting and shipped.waiting.holds(bench.clock.now):
            bench.clock.now += timedelta(seconds=60)  # ticks that do nothing, as shown above
    assert bench.clock.now - end < timedelta(minutes=6)
    assert len(bench.outbox.receipts) == 71
    assert len(store.objects) == 71
    assert len(hours) >= 30 * 24
    assert len(store.calls) < 30 * 24 * 3600 / 120


async def test_nothing_that_is_shown_holds_content_or_a_secret(bench: Bench) -> None:
    """Canaries in the bytes and in the store's own message, sought in all that is shown."""
    canary, secret = "CANARY-in-the-conversation", "CANARY-in-the-credentials"
    chunk = bench.chunk(1, body=canary.encode())
    kept = bench.chunk(2, body=f"{canary} two".encode())
    bench.manifest(1)

    class Chatty(MemoryStore):
        async def put(
            self,
            key: str,
            body: bytes,
            *,
            sha256: str,
            metadata: Mapping[str, str],
            retain: Retain | None = None,
        ) -> Stored:
            assert canary not in key + repr(metadata)
            if key == kept.key:
                raise refuse(Answer.CREDENTIALS, f"denied to {secret}", code="AccessDenied")
            self.plan = FaultPlan((Fault("put", Plant(b"other")),))
            return await super().put(key, body, sha256=sha256, metadata=metadata, retain=retain)

    bench.stores["acme"] = Chatty()
    shipped = await bench.shipper().ship("acme")
    assert chunk.key in bench.outbox.quarantined
    shown = [shipped, bench.outbox.quarantined, bench.outbox.rows, bench.outbox.waiting("acme")]
    assert "CANARY" not in repr(shown)
    assert '{"seq"' not in repr(shown)
