"""What others could do to an expiry: use another's numbers, or hold at the last moment."""

from __future__ import annotations

import contextlib
import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from fleet import DESKTOP, LAPTOP
from holding import BOB, Office, hold

from archiver.cli.output import human_size
from archiver.cli.retentiontables import show_plan
from archiver.errors import HistoryChanged, NotOrdered, Overtaken
from archiver.evidence.orders import Expiry, Hold
from archiver.format.keys import ChunkKey
from archiver.model.shipment import ChunkEntry, ClassTerms, ConversationCount
from archiver.retention import hold as holds
from archiver.retention.examine import Examined, Refused, examine
from archiver.retention.expire import order
from archiver.retention.extent import extents
from archiver.retention.listing import look
from archiver.retention.plan import Plan, plan
from archiver.retention.remove import finish, remove
from archiver.stores.memory import Object

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from archiver.evidence.orders import Order
    from archiver.model.answers import Listed

TERMS = (ClassTerms("standard", 365),)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Give a tenant in an empty bucket, two years ago."""
    made = Office(tmp_path / "admin")
    made.now = datetime(2024, 1, 31, 9, 30, tzinfo=UTC)
    return made


async def planned(office: Office) -> tuple[Plan, Examined]:
    """Plan, and look at what is due."""
    known = await look(office.desk)
    this = await plan(office.place, known, TERMS, now=office.now)
    return this, await examine(office.place, known, this, grace=timedelta(days=30))


async def ordered(office: Office, this: Plan, found: Examined) -> list[Order]:
    """Order what was found."""
    return await order(office.desk, this, found, policy=None, by="x", now=office.now)


async def years_pass(office: Office) -> None:
    """Let everything that is there become due."""
    office.pass_days(400)
    await office.checkpoint(force=True)


def planted(office: Office, device: str, seq: int) -> ChunkEntry:
    """Store other bytes under a number that a device has not come to."""
    body, day = b"planted", "2024-01-10"
    sha256 = hashlib.sha256(body).hexdigest()
    key = ChunkKey("", "acme", "standard", BOB, day, device, seq, sha256[:16])
    office.store.objects[str(key)] = Object(body, {"sha256": sha256})
    return ChunkEntry(
        seq=seq,
        key=str(key),
        sha256=sha256,
        stored_bytes=len(body),
        raw_bytes=100,
        records=1,
        first_at=f"{day}T09:00:00.000Z",
        last_at=f"{day}T10:00:00.000Z",
        conversations=(ConversationCount("cline", "x", 1),),
    )


async def beforehand(office: Office, **also: Any) -> tuple[ChunkEntry, list[Order]]:
    """Have one device list another's next number, and let all that is due be ordered."""
    office.chunk(LAPTOP)
    office.chunk(DESKTOP, BOB)
    await office.settle()
    entry = planted(office, LAPTOP, 2)
    office.manifest(DESKTOP, recovered=(entry,), retention=[office.terms], **also)
    await office.checkpoint()
    await years_pass(office)
    return entry, await ordered(office, *await planned(office))


async def test_no_device_speaks_for_another_without_its_signature(office: Office) -> None:
    """What it lists under another's number is nobody's, and does not go; nor does what comes."""
    entry, given = await beforehand(office)
    await remove(office.desk, given)
    true = office.chunk(LAPTOP)
    await office.settle()
    assert (entry.key in office.store.objects, true in office.store.objects) == (True, True)
    await years_pass(office)
    await remove(office.desk, await ordered(office, *await planned(office)))
    assert (entry.key in office.store.objects, true in office.store.objects) == (True, False)


async def test_an_order_never_takes_what_came_later_under_its_numbers(office: Office) -> None:
    """Not even where the other device had signed for it, too."""
    entry, given = await beforehand(office, also=[LAPTOP])
    true = office.chunk(LAPTOP)
    await office.settle()
    await remove(office.desk, given)
    await finish(office.desk)
    assert (entry.key in office.store.objects, true in office.store.objects) == (False, True)


@pytest.mark.parametrize("nth", range(1, 8))
async def test_no_order_to_expire_follows_a_hold_that_covers_it(
    office: Office, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """Whenever it comes while orders are given: between any two requests to the store."""
    office.chunk(LAPTOP)
    await office.settle()
    await years_pass(office)
    this, found = await planned(office)
    asked = 0
    real = office.store.list

    async def listing(prefix: str, *, after: str = "") -> AsyncIterator[Listed]:
        nonlocal asked
        asked += 1
        if asked == nth:
            await holds.add(office.desk, hold(), by="x", now=office.now)
        async for one in real(prefix, after=after):
            yield one

    monkeypatch.setattr(office.store, "list", listing)
    with contextlib.suppress(NotOrdered, Overtaken, HistoryChanged):
        await ordered(office, this, found)
    monkeypatch.undo()
    deeds = [type(one.deed) for one in (await look(office.desk)).orders.all]
    assert deeds in ([Hold], [Expiry, Hold], [Expiry])


@pytest.mark.parametrize("size", [10**400, 2**63 - 1, -(2**62), 0])
async def test_no_size_that_a_device_writes_stops_an_expiry(office: Office, size: int) -> None:
    """What no chunk can be is told, and the rest goes; also where nothing of it is there."""
    good = office.chunk(LAPTOP)
    office.chunk(LAPTOP)
    one, lie = office._waiting.pop(LAPTOP)
    office.drop(lie.key)
    lie = msgspec.structs.replace(lie, stored_bytes=size)
    office.manifest(LAPTOP, chunks=(one, lie), retention=[office.terms])
    await office.approve(LAPTOP)
    await office.checkpoint()
    await years_pass(office)
    this, found = await planned(office)
    given = await ordered(office, this, found)
    await remove(office.desk, given)
    assert (good in office.store.objects, found.count) == (False, 1)
    assert found.counts == {Refused.ALTERED: 1}


@pytest.mark.parametrize("size", [10**400, -(10**400)])
async def test_no_size_that_anybody_writes_stops_a_plan_or_a_hold(
    office: Office, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even in a manifest that nobody signed for: what comes out is a size that can be."""
    office.chunk(LAPTOP)
    (lie,) = office._waiting.pop(LAPTOP)
    office.manifest(LAPTOP, chunks=(msgspec.structs.replace(lie, stored_bytes=size),))
    known = await look(office.desk)
    show_plan([("acme", await plan(office.place, known, TERMS, now=office.now))])
    extent = (await extents(office.place, known, [hold()]))["case-1"]
    assert (extent.chunks, human_size(extent.stored_bytes)) in [(1, "0 B"), (1, "128.0 MiB")]
    assert human_size(extent.stored_bytes) in capsys.readouterr().out
