"""Which chunks manifests list, and whether a checkpoint stands behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fleet import DESKTOP, LAPTOP
from holding import ADA, BOB, Office, hold

from archiver.errors import EvidenceError, HistoryChanged
from archiver.retention.hold import add
from archiver.retention.listing import listed_chunks, look
from archiver.stores.memory import Object

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["", "ai"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    """Give a tenant in an empty bucket, below a prefix or not."""
    made = Office(tmp_path / "admin")
    made.prefix = request.param
    return made


async def covered(office: Office) -> dict[str, bool]:
    """Give every listed chunk, and whether a checkpoint covers it."""
    known = await look(office.desk)
    found: dict[str, bool] = {}
    async for one in listed_chunks(office.place, known.chain):
        found.setdefault(str(one.key), one.covered)
    return found


async def test_what_is_covered_comes_first_and_what_is_newer_is_not_left_out(
    office: Office,
) -> None:
    """With the terms and the time of its manifest."""
    old, other = office.chunk(LAPTOP, ADA), office.chunk(DESKTOP, BOB)
    await office.settle()
    new = office.chunk(LAPTOP, ADA)
    office.list_all()
    assert await covered(office) == {old: True, other: True, new: False}
    known = await look(office.desk)
    terms = [one.terms async for one in listed_chunks(office.place, known.chain)]
    assert terms == [office.terms] * 3


async def test_of_a_roll_up_that_is_gone_nothing_is_covered_and_nothing_lost(
    office: Office,
) -> None:
    """Its manifests come from their own objects: enough to hold, not to destroy."""
    key = office.chunk()
    await office.settle()
    (rollup,) = office.names("/_rollups/")
    office.drop(rollup)
    assert await covered(office) == {key: False}


async def test_a_manifest_that_cannot_be_read_hides_no_other(office: Office) -> None:
    """Altered bytes list nothing."""
    key = office.chunk()
    await office.settle()
    office.chunk()
    office.list_all()
    *_, newest = office.names("/_manifests/")
    office.store.objects[newest] = Object(b"altered", {})
    assert await covered(office) == {key: True}


async def test_what_is_too_large_to_be_a_manifest_is_never_read(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write can put any number of bytes under any name."""
    key = office.chunk()
    await office.settle()
    office.chunk()
    office.list_all()
    *_, newest = office.names("/_manifests/")
    monkeypatch.setattr("archiver.retention.listing.MAX_NOTE_BYTES", 99)
    asked, real = list[str](), office.store.get

    async def get(key: str) -> bytes:
        asked.append(key)
        return await real(key)

    monkeypatch.setattr(office.store, "get", get)
    assert await covered(office) == {key: True}
    assert newest not in asked


async def test_orders_that_are_gone_stop_whoever_decides(office: Office) -> None:
    """A store that forgot a hold is found out by who saw it."""
    office.chunk()
    await office.settle()
    await add(office.desk, hold(), by="x", now=office.now)
    (gone,) = office.names("/_orders/")
    body = office.store.objects.pop(gone)
    with pytest.raises(HistoryChanged):
        await look(office.desk)
    office.store.objects[gone] = Object(body.body[:-5], {})
    with pytest.raises(EvidenceError):
        await look(office.desk)
