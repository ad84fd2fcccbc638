"""Older than its retention and not sent: given up, accounted for, and never brought back."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from laptop import Laptop, assert_verified, lines, patched, read_archive, tenant_rules, verified

from archiver.daemon import engine as engines
from archiver.durable import files
from archiver.evidence import note
from archiver.format import manifests as form
from archiver.format.frame import unpack
from archiver.format.times import rfc3339
from archiver.model.answers import Answer
from archiver.model.shipment import RecordCounts
from archiver.sealing.expire import expire
from archiver.spool import clock, counts
from archiver.stores.faults import Fault, FaultPlan, Refuse
from archiver.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vaults import Officer

    from archiver.model.shipment import Manifest

DAYS = 180
DAY = 86_400.0


@pytest.fixture
def short(tmp_path: Path) -> Iterator[Laptop]:
    """Give a laptop whose tenant keeps 180 days."""
    laptop = Laptop(tmp_path, tenants=[kept(tmp_path)])
    yield laptop
    laptop.halt()


def kept(root: Path, days: int | None = DAYS, **more: Any) -> dict[str, Any]:
    """Give the tenant."""
    retention = {"days": days, **more} if days else more
    return tenant_rules("acme", root / "bucket", retention=retention)


def speak(laptop: Laptop, *numbers: int, chat: str = "c1") -> None:
    """Append lines, and look."""
    laptop.append(laptop.claude(chat), lines(*numbers))
    laptop.look()


def switched_off(laptop: Laptop, days: float) -> None:
    """Let the machine lie in a drawer, and start it again."""
    laptop.halt()
    laptop.clock.sleep(days * DAY)
    laptop.start()


def at_1970(laptop: Laptop) -> float:
    """Boot with the clock at zero, or nearly; give the seconds by which it is behind."""
    behind = (laptop.clock() - datetime(1970, 1, 2, tzinfo=UTC)).total_seconds()
    laptop.halt()
    laptop.clock.sleep(-behind)
    laptop.start()
    return behind


def settled(laptop: Laptop) -> None:
    """Let the store confirm the clock by taking something, then expire, and account for it."""
    laptop.ship()
    laptop.look()
    laptop.ship()


def manifests(bucket: Path) -> list[Manifest]:
    """Read every manifest, in order."""
    paths = sorted(bucket.rglob("_manifests/*/*.note"))
    return [form.decode(note.read(path.read_bytes()).text) for path in paths]


def stored(laptop: Laptop) -> list[Path]:
    """Give every chunk in the bucket."""
    return sorted(laptop.bucket.rglob("*.jsonl.zst*"))


def chunks_in(store: MemoryStore) -> list[str]:
    """Give the key of every chunk in a store."""
    return [key for key in store.objects if key.endswith(".zst")]


def said(laptop: Laptop) -> set[int]:
    """Give the numbers of all lines in the bucket."""
    text = b"".join(unpack(path.read_bytes()) for path in stored(laptop))
    return {int(number) for number in re.findall(rb"sentence (\d+)", text)}


def dropped(laptop: Laptop) -> int:
    """Count the records that were given up."""
    with laptop.engine.spool.transaction() as db:
        return counts.read(db, "acme").dropped


def sealed_files(laptop: Laptop) -> list[Path]:
    """Give every sealed file on the machine."""
    return [path for path in (laptop.state / "sealed").rglob("*") if path.is_file()]


def test_a_lost_receipt_does_not_bring_back_what_the_store_has_removed(short: Laptop) -> None:
    """Stored, the power went, a year in a drawer, the lifecycle was there: nothing returns.

    It is given up once the store has confirmed the clock, by taking the first manifest.
    """

    def power_cut(*_: object) -> None:
        raise RuntimeError("the power went")

    store = MemoryStore()
    with patched(engines, "store_of", lambda _: store):
        short.apply()
        speak(short, 1, 2)
        short.seal()
        with (
            patched(short.engine.outbox, "deliver", power_cut),
            pytest.raises(RuntimeError, match="power"),
        ):
            asyncio.run(short.engine.ship("acme", force=True))
        (chunk,) = store.objects
        assert short.engine.spool.backlog("acme").pending_chunks == 1
        del store.objects[chunk]  # the lifecycle
        switched_off(short, 365)
        short.look()
        short.ship()
        assert len(sealed_files(short)) == 1
        assert [key for key in store.objects if "_manifests" in key] != []
        short.look()
        short.ship()
        assert [key for key in store.objects if key.endswith(".zst")] == []
    assert sealed_files(short) == []
    assert short.engine.spool.backlog("acme").pending_chunks == 0


def test_the_gap_that_expiry_leaves_explains_itself(short: Laptop) -> None:
    """The number is listed as expired, the records count as dropped, and nothing is amiss."""
    speak(short, 1)
    short.ship()
    speak(short, 2, 3)
    short.seal()
    switched_off(short, DAYS + 1)
    speak(short, 4, chat="c2")
    settled(short)
    newest = manifests(short.bucket)[-1]
    assert newest.expired == (2,)
    assert (newest.quarantined, newest.purged) == ((), ())
    assert newest.records == RecordCounts(captured=4, dropped=2, reason="expired")
    assert {str(one.code) for one in verified(short.bucket).findings} == {"chunk-expired"}
    assert verified(short.bucket).exit_status == 0


def test_what_was_stored_all_the_same_is_no_stranger(short: Laptop) -> None:
    """Its answer was lost, its number is listed as expired, and its time at the store runs on."""

    def power_cut(*_: object) -> None:
        raise RuntimeError("the power went")

    speak(short, 1)
    short.seal()
    with patched(short.engine.outbox, "deliver", power_cut), pytest.raises(RuntimeError):
        asyncio.run(short.engine.ship("acme", force=True))
    switched_off(short, DAYS + 1)
    speak(short, 2, chat="c2")
    settled(short)
    assert len(stored(short)) == 2
    assert {str(one.code) for one in verified(short.bucket).findings} == {"chunk-expired"}


def test_what_is_not_sealed_yet_expires_as_well(short: Laptop) -> None:
    """Sealed after all that time, a chunk is as old as what is in it."""
    speak(short, 1)
    switched_off(short, DAYS + 1)
    settled(short)
    assert stored(short) == []
    assert manifests(short.bucket)[-1].records == RecordCounts(1, 1, "expired")


def test_a_day_before_its_time_everything_is_sent(short: Laptop) -> None:
    """Sealed or not."""
    speak(short, 1)
    short.seal()
    speak(short, 2, chat="c2")
    switched_off(short, DAYS - 1)
    short.ship()
    assert len(stored(short)) == 2
    assert_verified(short.bucket)


def test_a_file_that_nobody_touched_does_not_come_back(short: Laptop) -> None:
    """What expired unsent is not captured again from where it lay all the time."""
    speak(short, 1, 2)
    short.seal()
    switched_off(short, DAYS + 1)
    settled(short)
    assert sealed_files(short) == []
    short.look(3)
    short.ship()
    assert stored(short) == []


def test_a_file_that_goes_on_is_captured_anew_and_stands_on_its_own(short: Laptop) -> None:
    """From its first line, as it is then; several expired chunks of it leave no hole."""
    speak(short, 1)
    short.seal()
    speak(short, 2)
    short.seal()
    speak(short, 3)
    switched_off(short, DAYS + 1)
    settled(short)
    speak(short, 4)
    short.ship()
    archive = read_archive(short.bucket, whole=False)
    assert archive.states("c1.jsonl")[-1] == lines(1, 2, 3, 4)


def test_a_document_that_goes_on_is_captured_anew(short: Laptop) -> None:
    """Its fields too, though its capture state had them."""
    place = short.cline4("s1")
    short.write(place, b'{"title":"t","messages":[{"m":1}]}')
    short.look()
    short.seal()
    switched_off(short, DAYS + 1)
    settled(short)
    short.write(place, b'{"title":"t","messages":[{"m":1},{"m":2}]}')
    short.look()
    short.ship()
    archive = read_archive(short.bucket, whole=False)
    assert archive.states("s1.messages.json")[-1] == b'{"title":"t","messages":[{"m":1},{"m":2}]}'


def test_what_was_sent_before_stays_as_it_was(short: Laptop) -> None:
    """Only the end of the log goes, and the log goes on behind what the store has."""
    speak(short, 1)
    short.ship()
    speak(short, 2)
    short.seal()
    switched_off(short, DAYS + 1)
    settled(short)
    speak(short, 3)
    short.ship()
    states = read_archive(short.bucket, whole=False).states("c1.jsonl")
    assert states[0] == lines(1)
    assert states[-1] == lines(1, 2, 3)


def test_each_class_has_its_own_time(short: Laptop) -> None:
    """Of two conversations the one that stays longer is sent."""
    place = short.cline4("s1")
    classes = [{"class": "long", "days": 3650, "conversations": {"assistants": ["cline-4"]}}]
    short.tenants = [kept(short.root, classes=classes)]
    short.apply()
    speak(short, 1)
    short.write(place, b'{"messages":[{"m":1}]}')
    short.look()
    short.seal()
    switched_off(short, DAYS + 1)
    short.ship()
    assert {path.parts[-4] for path in stored(short)} == {"class=long"}


@pytest.mark.parametrize(("days", "sent"), [(30, False), (3650, True), (None, True)])
def test_what_waits_has_the_terms_that_the_policy_has_now(
    short: Laptop, days: int | None, *, sent: bool
) -> None:
    """Shortened, lengthened, or for ever."""
    speak(short, 1)
    short.seal()
    waited = 31 if days == 30 else DAYS + 1
    short.halt()
    short.clock.sleep(waited * DAY)
    short.tenants = [kept(short.root, days)]
    short.start()
    short.ship()
    assert bool(stored(short)) is sent


def test_a_running_daemon_gives_up_what_it_waited_too_long_for(short: Laptop) -> None:
    """Half a year without credentials: a pass expires it soon, and nothing is sent before."""
    store = MemoryStore(FaultPlan((Fault("put", Refuse(Answer.CREDENTIALS)),)))
    with patched(engines, "store_of", lambda _: store):
        short.apply()
        speak(short, 1)
        short.ship()
        short.clock.sleep((DAYS + 1) * DAY)
        store.plan = FaultPlan()
        assert list(short.engine.outbox.pending("acme", 5)) == []
        settled(short)
    assert [key for key in store.objects if key.endswith(".zst")] == []
    assert sealed_files(short) == []


def test_what_a_lost_database_left_has_the_age_of_its_files(short: Laptop) -> None:
    """Taken over from a damaged spool, it does not become young."""
    speak(short, 1)
    short.seal()
    (sealed,) = sealed_files(short)
    short.halt()
    os.utime(sealed, ns=(written := int(short.clock().timestamp() * 1e9), written))
    (short.state / "spool.db").write_bytes(b"no database" * 500)
    short.claude("c1").unlink()
    short.clock.sleep((DAYS + 1) * DAY)
    short.start()
    assert short.opened
    assert short.opened.recovered == 1
    settled(short)
    assert stored(short) == []
    short.clock.sleep(DAY)  # the first manifest of a new device, and with it the store's word
    settled(short)
    assert stored(short) == []
    assert sealed_files(short) == []


def test_a_sealed_file_that_rotted_expires_all_the_same(short: Laptop) -> None:
    """It is counted by what its row says."""
    speak(short, 1, 2)
    short.seal()
    sealed_files(short)[0].write_bytes(b"rotten")
    switched_off(short, DAYS + 1)
    settled(short)
    assert manifests(short.bucket)[-1].records.dropped == 2


def test_what_is_closed_to_this_machine_expires_by_its_docket(
    tmp_path: Path, officer: Officer
) -> None:
    """Sealed to officers: the docket tells which logs go on, and goes too."""
    rules = kept(tmp_path) | {"sealing": {"officers": [officer.recipient]}}
    laptop = Laptop(tmp_path, tenants=[rules])
    speak(laptop, 1, 2)
    laptop.seal()
    switched_off(laptop, DAYS + 1)
    settled(laptop)
    assert sealed_files(laptop) == []
    assert manifests(laptop.bucket)[-1].records == RecordCounts(2, 2, "expired")
    laptop.halt()


def test_a_crash_in_the_middle_is_completed_at_the_next_start(
    short: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the rows and the files: each is counted once, and no file stays."""

    class Killed(BaseException):
        """The power went."""

    def kill(point: str) -> None:
        if point == "expire.committed":
            raise Killed

    speak(short, 1)
    short.seal()
    switched_off(short, DAYS + 1)
    short.ship()
    terms = short.engine.rules.tenants["acme"].retention.terms if short.engine.rules else ()
    with monkeypatch.context() as patch:
        patch.setattr(files, "observer", kill)
        with pytest.raises(Killed):
            expire(short.engine.spool, "acme", terms, short.clock())
    assert len(sealed_files(short)) == 1
    short.crash()
    assert sealed_files(short) == []
    short.ship()
    assert manifests(short.bucket)[-1].records.dropped == 1


def test_without_days_nothing_is_even_looked_for(short: Laptop) -> None:
    """A policy that keeps for ever costs an idle machine nothing."""
    short.tenants = [kept(short.root, None)]
    speak(short, 1)
    arrivals = itertools.count()
    with patched(files, "observer", lambda _: next(arrivals)):
        terms = short.rules().tenants["acme"].retention.terms
        assert expire(short.engine.spool, "acme", terms, short.clock()) == 0
    assert next(arrivals) == 0


class TestAWrongClock:
    """It makes nobody give up what waits."""

    @pytest.mark.parametrize("confirmed", [False, True])
    def test_ten_years_ahead_nothing_is_given_up(self, short: Laptop, *, confirmed: bool) -> None:
        """The store answers by naming the clock; once that is right, everything is delivered."""
        store = MemoryStore()
        with patched(engines, "store_of", lambda _: store):
            short.apply()
            if confirmed:
                speak(short, 1, chat="c0")
                short.ship()
            speak(short, 2)
            short.seal()
            speak(short, 3, chat="c2")
            store.plan = FaultPlan((Fault("put", Refuse(Answer.CLOCK)),))
            switched_off(short, 3650)
            speak(short, 4, chat="c3")
            settled(short)
            settled(short)
            waiting = short.engine.outbox.waiting("acme")
            assert waiting
            assert waiting.reason == "clock"
            assert len(sealed_files(short)) == 3
            switched_off(short, -3650)
            store.plan = FaultPlan()
            settled(short)
            assert len(chunks_in(store)) == 3 + confirmed
        assert sealed_files(short) == []
        assert dropped(short) == 0

    @pytest.mark.parametrize("confirmed", [False, True])
    @pytest.mark.parametrize("sealed", [False, True])
    def test_at_zero_when_it_was_captured_everything_is_delivered(
        self, short: Laptop, *, confirmed: bool, sealed: bool
    ) -> None:
        """Ten years in a drawer, then a boot before the network told the time."""
        if confirmed:
            speak(short, 1, chat="c0")
            short.ship()
        short.clock.sleep(3650 * DAY)
        behind = at_1970(short)
        speak(short, 2)
        if sealed:
            short.seal()
            assert len(short.engine.outbox.pending("acme", 5)) == 1  # a store would refuse it
        speak(short, 3, chat="c2")
        short.clock.sleep(behind)
        settled(short)
        settled(short)
        assert said(short) == {1, 2, 3} if confirmed else {2, 3}
        assert dropped(short) == 0
        assert_verified(short.bucket)

    def test_what_it_sealed_has_an_age_from_its_first_offer(self, short: Laptop) -> None:
        """Its receipt lost, then a year in a drawer: it is not sent again for ever."""
        at_1970(short)
        speak(short, 1)
        short.seal()
        short.clock.ahead *= 0
        assert len(short.engine.outbox.pending("acme", 5)) == 1
        switched_off(short, DAYS - 1)
        assert len(short.engine.outbox.pending("acme", 5)) == 1
        switched_off(short, 1.1)
        settled(short)
        assert stored(short) == []
        assert dropped(short) == 1

    def test_confirmed_meanwhile_what_it_sealed_is_not_old(self, short: Laptop) -> None:
        """The clock comes right during a round that began before: the next pass spares it."""
        speak(short, 1, chat="c0")
        short.ship()
        short.clock.sleep(3650 * DAY)
        behind = at_1970(short)
        speak(short, 2)
        short.seal()
        short.clock.sleep(behind)
        with short.engine.spool.transaction() as db:
            clock.confirm(db, "acme", rfc3339(short.clock()))
        short.look()
        short.ship()
        assert len(stored(short)) == 2

    def test_what_a_lost_database_left_is_not_as_old_as_files_of_that_clock(
        self, short: Laptop
    ) -> None:
        """Their times are of 1970: nobody knows how old they are."""
        speak(short, 1)
        short.seal()
        (sealed,) = sealed_files(short)
        short.halt()
        os.utime(sealed, (DAY, DAY))
        (short.state / "spool.db").write_bytes(b"no database" * 500)
        short.claude("c1").unlink()
        short.clock.sleep(3650 * DAY)
        short.start()
        settled(short)
        assert len(stored(short)) == 1


def test_many_that_are_too_old_do_not_stand_before_one_that_is_not(short: Laptop) -> None:
    """More than a round asks for at once."""
    for number in range(70):
        speak(short, number, chat=f"c{number}")
        short.seal()
    switched_off(short, DAYS + 1)
    speak(short, 99, chat="young")
    short.seal()
    (young,) = short.engine.outbox.pending("acme", 64)
    assert young.seq == 71
    short.ship()
    assert len(stored(short)) == 1


def test_what_is_new_is_in_no_chunk_with_what_is_old(short: Laptop) -> None:
    """Of one conversation and day, unsealed both: the chunk that expires has the old one only."""
    speak(short, 1)
    switched_off(short, DAYS + 1)
    speak(short, 2)
    settled(short)
    assert said(short) == {2}
    assert dropped(short) == 1


def test_what_goes_on_before_the_clock_is_confirmed_is_whole_after_its_next_change(
    short: Laptop,
) -> None:
    """The hole stays that the old ones leave, and explains itself."""
    speak(short, 1)
    short.seal()
    switched_off(short, DAYS + 1)
    speak(short, 2)
    settled(short)
    speak(short, 3)
    short.ship()
    assert said(short) == {1, 2, 3}
    assert {str(one.code) for one in verified(short.bucket).findings} == {"chunk-expired"}
