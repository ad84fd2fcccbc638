"""Which chunks a hold covers; in doubt, it covers them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.archive.holds import holding, matches
from archiver.evidence.orders import Hold
from archiver.format.keys import ChunkKey
from archiver.model.shipment import ChunkEntry, ConversationCount, Seal

ADA, BOB = "a" * 32, "b" * 32
SEAL = Seal("0" * 16, "")


def hold(**says: Any) -> Hold:
    """Make a hold."""
    if "conversation" in says:
        says.setdefault("assistant", "cline")
    return Hold(id="h", matter="m", reason="r", **says)


def chunk(
    subject: str = ADA,
    day: str = "2026-03-10",
    said: tuple[str, ...] = ("c1",),
    *,
    sealed: bool = False,
    **more: Any,
) -> tuple[ChunkKey, ChunkEntry]:
    """Make a chunk as a manifest lists it."""
    key = ChunkKey("", "acme", "standard", subject, day, "d" * 16, 1, "0" * 16, sealed)
    entry = ChunkEntry(
        seq=1,
        key=str(key),
        sha256="0" * 64,
        stored_bytes=1,
        raw_bytes=1,
        records=1,
        first_at=f"{day}T09:00:00.000Z",
        last_at=f"{day}T10:00:00.000Z",
        conversations=() if sealed else tuple(ConversationCount("cline", one, 1) for one in said),
        seal=SEAL if sealed else None,
    )
    return key, msgspec.structs.replace(entry, **more)


def test_a_hold_that_says_nothing_holds_the_whole_tenant() -> None:
    """Sealed or not, whoever, whenever."""
    assert matches(hold(), *chunk())
    assert matches(hold(), *chunk(BOB, "1999-01-01", sealed=True))


def test_a_person_is_held_and_no_other() -> None:
    """By the subject in the key."""
    assert matches(hold(subject=ADA), *chunk(ADA))
    assert not matches(hold(subject=ADA), *chunk(BOB))


@pytest.mark.parametrize(
    ("since", "until", "held"),
    [
        ("2026-03-10", None, True),
        ("2026-03-11", None, False),
        (None, "2026-03-10", True),
        (None, "2026-03-09", False),
        ("2026-03-10", "2026-03-10", True),
        ("2026-03-11", "2026-03-09", False),
    ],
)
def test_both_days_are_included(since: str | None, until: str | None, held: bool) -> None:  # noqa: FBT001
    """And those beyond are not."""
    assert matches(hold(since=since, until=until), *chunk()) is held


def test_a_chunk_that_reaches_into_the_days_is_held() -> None:
    """From before them, and beyond them."""
    long = {"first_at": "2026-03-01T00:00:00.000Z", "last_at": "2026-03-20T00:00:00.000Z"}
    assert matches(hold(since="2026-03-20", until="2026-03-25"), *chunk(**long))
    assert matches(hold(since="2026-02-01", until="2026-03-01"), *chunk(**long))
    assert matches(hold(since="2026-03-05", until="2026-03-06"), *chunk(**long))


@pytest.mark.parametrize("time", ["", "yesterday", "2026-03-1", "2026-3-10T"])
def test_a_time_that_is_none_fits_any_day(time: str) -> None:
    """No device talks itself out of a hold."""
    for which in ("first_at", "last_at"):
        assert matches(hold(since="2030-01-01"), *chunk(**{which: time}))
        assert matches(hold(until="2000-01-01"), *chunk(**{which: time}))


def test_the_day_in_the_key_counts_as_well() -> None:
    """Whatever times the manifest lists."""
    wrong = {"first_at": "1999-01-01T00:00:00.000Z", "last_at": "1999-01-01T00:00:00.000Z"}
    assert matches(hold(since="2026-03-10"), *chunk(**wrong))


def test_a_conversation_in_clear_is_held_by_its_id() -> None:
    """Of that assistant; whose it is does not matter."""
    wanted = hold(conversation="c1", subject=ADA)
    assert matches(wanted, *chunk(said=("c0", "c1")))
    assert matches(wanted, *chunk(BOB))
    assert not matches(wanted, *chunk(said=("c10",)))
    other = hold(conversation="c1", assistant="aider", subject=ADA)
    assert not matches(other, *chunk())
    assert matches(hold(conversation="c1", assistant=None, subject=ADA), *chunk())


def test_a_conversation_that_is_sealed_holds_all_of_its_person_s_sealed_chunks() -> None:
    """From the first day on; nobody else's."""
    wanted = hold(conversation="c1", subject=ADA, since="2026-03-10")
    assert matches(wanted, *chunk(sealed=True))
    assert matches(wanted, *chunk(day="2027-01-01", sealed=True))
    assert not matches(wanted, *chunk(day="2026-03-09", sealed=True))
    assert not matches(wanted, *chunk(BOB, sealed=True))


def test_a_sealed_conversation_of_nobody_in_particular_holds_everybody() -> None:
    """Too much rather than too little."""
    assert matches(hold(conversation="c1"), *chunk(BOB, sealed=True))


def test_a_chunk_in_clear_that_lists_no_conversation_is_held_like_a_sealed_one() -> None:
    """A device that leaves them out hides nothing."""
    assert matches(hold(conversation="c1", subject=ADA), *chunk(said=()))
    assert not matches(hold(conversation="c1", subject=ADA), *chunk(BOB, said=()))


def test_the_holds_of_a_chunk_are_named_in_order() -> None:
    """All that cover it."""
    known = {"z": hold(), "b": hold(subject=BOB), "a": hold(since="2026-01-01")}
    assert holding(known, *chunk()) == ("a", "z")


days = st.dates().map(str)
maybe_day = st.none() | days
person = st.sampled_from([ADA, BOB])
name = st.sampled_from(["c1", "c2"])


@st.composite
def some_hold(draw: st.DrawFn) -> Hold:
    """Draw any hold."""
    conversation = draw(st.none() | name)
    return hold(
        subject=draw(st.none() | person),
        since=draw(maybe_day),
        until=draw(maybe_day),
        **({"conversation": conversation} if conversation else {}),
    )


@st.composite
def some_chunk(draw: st.DrawFn) -> tuple[ChunkKey, ChunkEntry]:
    """Draw any chunk, honest or not."""
    time = days.map(lambda day: f"{day}T12:00:00.000Z") | st.text(max_size=12)
    return chunk(
        draw(person),
        draw(days),
        tuple(draw(st.lists(name, unique=True))),
        sealed=draw(st.booleans()),
        first_at=draw(time),
        last_at=draw(time),
    )


@st.composite
def wider(draw: st.DrawFn, this: Hold) -> Hold:
    """Draw a hold that says less, or days further out."""
    changes: dict[str, Any] = {}
    if this.since:
        changes["since"] = draw(st.none() | days.map(lambda day: min(day, this.since or day)))
    if this.until:
        changes["until"] = draw(st.none() | days.map(lambda day: max(day, this.until or day)))
    if draw(st.booleans()):
        changes["subject"] = None
        if draw(st.booleans()):
            changes |= {"assistant": None, "conversation": None}
    return msgspec.structs.replace(this, **changes)


@given(st.data(), some_hold(), some_chunk())
def test_a_wider_hold_never_matches_less(
    data: st.DataObject, this: Hold, one: tuple[ChunkKey, ChunkEntry]
) -> None:
    """Whatever the chunk says of itself."""
    if matches(this, *one):
        assert matches(data.draw(wider(this)), *one)


def test_what_a_device_lists_of_a_sealed_chunk_takes_it_out_of_no_hold() -> None:
    """Nobody can look whether it is true."""
    key, entry = chunk(sealed=True)
    lie = msgspec.structs.replace(entry, conversations=chunk(said=("other",))[1].conversations)
    assert matches(hold(conversation="c1", subject=ADA), key, lie)
