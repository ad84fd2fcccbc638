"""Temporary keys are asked for once, and again shortly before they end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from archiver.credentials.keys import Keys
from archiver.credentials.sessions import Sessions

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Sts:
    """Gives keys for an hour; ``down`` makes it fail."""

    def __init__(self) -> None:
        self.now = START
        self.asked = 0
        self.down = False
        self.life: timedelta | None = 60 * MINUTE

    async def ask(self) -> Keys:
        """Make a session."""
        self.asked += 1
        if self.down:
            raise ConnectionError
        ends = self.now + self.life if self.life else None
        return Keys(f"ASIA{self.asked}", "s", "t", ends, self.now)

    async def keys(self, held: Sessions, base: Keys | None = None) -> str:
        """Ask through what is held."""
        keys = await held.get("acme", base, self.ask, clock=lambda: self.now)
        return keys.key_id


async def test_one_session_serves_until_five_minutes_before_its_end() -> None:
    """Not one request a round."""
    sts, held = Sts(), Sessions()
    for minute in range(55):
        sts.now = START + minute * MINUTE
        assert await sts.keys(held) == "ASIA1"
    sts.now = START + 55 * MINUTE
    assert await sts.keys(held) == "ASIA2"


async def test_a_session_serves_to_its_end_where_no_other_is_given() -> None:
    """STS may be away for a while; then its error is told."""
    sts, held = Sts(), Sessions()
    await sts.keys(held)
    sts.down = True
    sts.now = START + 59 * MINUTE
    assert await sts.keys(held) == "ASIA1"
    sts.now = START + 60 * MINUTE
    with pytest.raises(ConnectionError):
        await sts.keys(held)
    sts.down = False
    assert await sts.keys(held) == f"ASIA{sts.asked}"


async def test_other_keys_ask_for_another_session() -> None:
    """Who rotates the base must not ship under the old one's session."""
    sts, held = Sts(), Sessions()
    assert await sts.keys(held, Keys("A", "1")) == "ASIA1"
    assert await sts.keys(held, Keys("A", "1")) == "ASIA1"
    assert await sts.keys(held, Keys("A", "2")) == "ASIA2"


async def test_a_session_that_was_refused_is_forgotten() -> None:
    """It may have been revoked; forgetting what is not held is no error."""
    sts, held = Sts(), Sessions()
    held.forget("acme")
    await sts.keys(held)
    held.forget("acme")
    assert await sts.keys(held) == "ASIA2"


async def test_keys_without_an_end_are_not_held() -> None:
    """A command may print others the next time."""
    sts, held = Sts(), Sessions()
    sts.life = None
    assert [await sts.keys(held) for _ in range(2)] == ["ASIA1", "ASIA2"]


async def test_a_short_session_serves_for_three_quarters_of_its_life() -> None:
    """Four minutes: five before the end would never be."""
    sts, held = Sts(), Sessions()
    sts.life = 4 * MINUTE
    await sts.keys(held)
    sts.now = START + 2 * MINUTE
    assert await sts.keys(held) == "ASIA1"
    sts.now = START + 3 * MINUTE
    assert await sts.keys(held) == "ASIA2"
