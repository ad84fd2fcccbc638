"""What a month key is called, and when the next one is due."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from archiver.vault.months import KeyName, MonthKey, is_current, key_id, month_of, officers_id

texts = st.text("age1xyz", min_size=1, max_size=8)


def test_a_key_is_called_by_the_hash_of_its_recipient() -> None:
    """So that the recipient itself need not stand anywhere."""
    key = MonthKey("acme", "a" * 32, "2026-01", "b" * 16, "age1x", "c" * 16)
    assert key.name == KeyName("acme", "a" * 32, "2026-01", "b" * 16, key_id("age1x"))
    assert key_id("age1x") == hashlib.sha256(b"age1x").hexdigest()[:16]
    assert "age1x" not in repr(key.name)


@given(st.lists(texts), st.randoms())
def test_the_order_of_officers_and_who_stands_twice_do_not_count(
    names: list[str], luck: object
) -> None:
    """A policy that was only tidied up makes no new keys."""
    shuffled = names + names[:1]
    luck.shuffle(shuffled)  # type: ignore[attr-defined]
    assert officers_id(shuffled) == officers_id(names)


@given(st.sets(texts), st.sets(texts))
def test_other_officers_have_another_id(one: set[str], two: set[str]) -> None:
    """Also where the texts run together to the same."""
    assert (officers_id(one) == officers_id(two)) == (one == two)


def test_a_key_is_current_until_somebody_joins_or_leaves() -> None:
    """Rotation is seen without opening anything."""
    key = MonthKey("acme", "a" * 32, "2026-01", "b" * 16, "age1x", officers_id(["age1o", "age1p"]))
    assert is_current(key, ["age1p", "age1o"])
    assert not is_current(key, ["age1p"])
    assert not is_current(key, ["age1p", "age1o", "age1q"])


def test_the_month_is_that_of_the_day() -> None:
    """The chunk's own, not today's."""
    assert month_of("2026-01-31") == "2026-01"
