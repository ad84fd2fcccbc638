"""A policy in one signed file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.errors import ArchiverError, Damaged
from archiver.evidence import note, policies
from archiver.evidence.keys import SigningKey
from archiver.evidence.policies import Signing

KEY, OTHER = SigningKey.generate("admin/acme"), SigningKey.generate("admin/other")
NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
BODY = policies.sign(policies.next_policy("version = 1\n", "toml", number=7, now=NOW), KEY)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["toml", "json"]))
def test_what_was_signed_is_read_back_whole(text: str, form: str) -> None:
    """Every character of the document, control characters too."""
    made = policies.next_policy(text, form, number=1, now=NOW)  # type: ignore[arg-type]
    body = policies.sign(made, KEY)
    assert policies.read(body) == made
    assert policies.signing(body, [KEY.public]) == Signing((str(KEY.public),))


def test_the_first_line_shows_the_document_to_any_json_reader() -> None:
    """No tool of ours is needed."""
    assert json.loads(BODY.splitlines()[0]) == {
        "v": 1,
        "number": 7,
        "created_at": "2026-01-31T09:30:00.000Z",
        "expires_at": None,
        "format": "toml",
        "document": "version = 1\n",
    }


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed_unseen(place: int, change: int) -> None:
    """It is no policy then, or nobody's."""
    body = bytearray(BODY)
    body[place] ^= change
    try:
        signing = policies.signing(bytes(body), [KEY.public])
    except ArchiverError:
        return
    assert signing.by == ()


def test_signatures_do_not_change_what_is_said() -> None:
    """Its hash is of the text, so a second admin may sign what is in force."""
    made = policies.next_policy("version = 1\n", "toml", number=7, now=NOW)
    both = policies.sign(made, OTHER, KEY)
    assert policies.read(both).sha256 == policies.read(BODY).sha256
    assert policies.signing(both, [KEY.public, OTHER.public]).by == (
        str(KEY.public),
        str(OTHER.public),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"number": 0},
        {"number": 10**12},
        {"created_at": "2026-01-31"},
        {"created_at": "2026-02-31T09:30:00.000Z"},
        {"expires_at": "2026-01-31T09:30:00.000Z"},
        {"format": "yaml"},
        {"document": None},
        {"v": 2},
    ],
)
def test_a_signed_text_that_is_no_policy_is_refused(change: dict[str, object]) -> None:
    """However it came to be signed."""
    text = json.loads(BODY.splitlines()[0]) | change
    with pytest.raises(Damaged):
        policies.read(note.write(json.dumps(text).encode() + b"\n", KEY))


def test_nobody_signs_what_nobody_can_read() -> None:
    """Too long a document, or a life that is over before it begins."""
    long = policies.next_policy("x" * (policies.MAX_DOCUMENT + 1), "toml", number=1, now=NOW)
    with pytest.raises(Damaged):
        policies.sign(long, KEY)
    with pytest.raises(ValueError, match="ends before"):
        policies.next_policy("", "toml", number=1, now=NOW, expires_at=NOW - timedelta(days=1))


def test_its_time_is_over_from_the_moment_that_it_names() -> None:
    """Without one, never."""
    end = NOW + timedelta(days=1)
    made = policies.next_policy("", "toml", number=1, now=NOW, expires_at=end)
    assert (made.is_over(end - timedelta(milliseconds=1)), made.is_over(end)) == (False, True)
    assert not policies.read(BODY).is_over(datetime.max.replace(tzinfo=UTC))
