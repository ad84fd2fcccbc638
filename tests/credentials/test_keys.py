"""When keys end, who is told beforehand, and what never shows."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.credentials.keys import Keys, check_current, expiry_of
from archiver.credentials.tokens import span_of
from archiver.errors import StoreError
from archiver.model.answers import Answer

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def token_of(claims: object) -> str:
    """Write an R2 token with these claims, signed by nobody."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return base64.b64encode(f"jwt/e30.{body}.c2ln".encode()).decode()


def test_nothing_of_keys_is_shown() -> None:
    """A log line that prints them prints nothing."""
    keys = Keys("AKIASYNTHETIC0001", "canary", "canary", NOW, NOW)
    assert repr(keys) == "Keys()"
    assert (keys.masked, Keys("short", "s").masked) == ("…0001", "…")


@pytest.mark.parametrize(
    ("lifetime", "lead"),
    [(timedelta(days=90), 3 * DAY), (10 * DAY, DAY), (10 * HOUR, HOUR), (None, 3 * DAY)],
)
def test_the_warning_comes_three_days_or_a_tenth_of_the_life_before(
    lifetime: timedelta | None, lead: timedelta
) -> None:
    """Whichever is shorter; three days where nobody said since when."""
    issued = NOW - lifetime if lifetime else None
    expiry = expiry_of(Keys("id", "s", expires_at=NOW, issued_at=issued))
    assert expiry is not None
    assert (expiry.at, expiry.at - expiry.warn_at) == (NOW, lead)


def test_an_end_in_the_first_days_of_the_calendar_is_no_crash() -> None:
    """There is nothing three days before it."""
    first = datetime.min.replace(tzinfo=UTC)
    expiry = expiry_of(Keys("id", "s", expires_at=first))
    assert expiry is not None
    assert (expiry.at, expiry.warn_at) == (first, first)


def test_the_end_is_read_from_a_token_of_r2() -> None:
    """Which says it in its claims; what was said beside it goes before."""
    issued, ends = int(NOW.timestamp()), int((NOW + 10 * HOUR).timestamp())
    token = token_of({"iat": issued, "exp": ends})
    expiry = expiry_of(Keys("id", "s", token))
    assert expiry is not None
    assert (expiry.at, expiry.warn_at) == (NOW + 10 * HOUR, NOW + 9 * HOUR)
    said = expiry_of(Keys("id", "s", token, expires_at=NOW))
    assert said is not None
    assert said.at == NOW


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "FwoGZXIvYXdzEBY-opaque",
        base64.b64encode(b"jwt/").decode(),
        base64.b64encode(b"jwt/a.b.c").decode(),
        base64.b64encode(b"key/a.b.c").decode(),
        token_of([]),
        token_of({}),
        token_of({"exp": "soon"}),
        token_of({"exp": 1e300}),
        token_of({"exp": None}),
    ],
)
def test_a_token_that_tells_nothing_is_no_error(token: str | None) -> None:
    """AWS's do not, and rubbish is for the store to refuse."""
    assert expiry_of(Keys("id", "s", token)) is None


@given(st.text() | st.binary().map(lambda body: base64.b64encode(b"jwt/" + body).decode()))
def test_no_token_whatever_it_holds_stops_anything(token: str) -> None:
    """Anybody may have written it."""
    span_of(token)


def test_keys_that_ended_are_refused_with_since_when_and_what_to_do() -> None:
    """To the second at which they end."""
    keys = Keys("id", "canary", expires_at=NOW)
    check_current(keys, NOW - timedelta(seconds=1), remedy="Renew.")
    check_current(Keys("id", "s"), NOW, remedy="Renew.")
    with pytest.raises(StoreError) as caught:
        check_current(keys, NOW, remedy="Renew.")
    refusal = caught.value.refusal
    assert (refusal.answer, refusal.code) == (Answer.CREDENTIALS, "ExpiredCredentials")
    assert "expired on 2026-11-21 12:00 UTC" in refusal.detail
    assert refusal.advice == "Renew."
