"""Whatever a store hands out: a value, or an error of our own tree."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.errors import ArchiverError
from archiver.evidence import checkpoint, enrolment, leaves, note, registry, statement
from archiver.evidence.enrolment import Enrolment
from archiver.evidence.registry import Roster, approve, revoke
from archiver.evidence.verifier import VerifierKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from archiver.evidence.keys import SigningKey
    from archiver.evidence.statement import Statement

DEVICE = "00c0ffee00c0ffee"
AT = "2026-01-31T09:30:00.000Z"
NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)

Days = list[tuple["Statement", str]]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from([AT, "0" * 64, "0" * 16, "", "\ud800", 2**63, 10**30])
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def replaced(data: st.DataObject, value: Any) -> Any:
    """Replace or remove one thing somewhere inside a JSON value."""
    if not isinstance(value, dict | list) or not value or data.draw(st.integers(0, 9)) == 0:
        return data.draw(values)
    places: Any = sorted(value) if isinstance(value, dict) else range(len(value))
    at = data.draw(st.sampled_from(places))
    other = value.copy()
    if data.draw(st.integers(0, 5)) == 0:
        del other[at]
    else:
        other[at] = replaced(data, value[at])
    return other


@pytest.fixture(scope="session")
def samples(admin: SigningKey, device: SigningKey, days: Days) -> dict[str, bytes]:
    """Give one good body of each kind."""
    first = approve(None, DEVICE, device.public, tenant="acme", previous=None, now=NOW)
    second = revoke(first, DEVICE, previous="a" * 64, now=NOW, reason="lost")
    request = Enrolment(
        v=1,
        tenant="acme",
        device=DEVICE,
        key=str(device.public),
        subject="5" * 32,
        created_at=AT,
        software="x",
    )
    return {
        "registry": registry.sign(second, admin),
        "enrolment": enrolment.sign(request, device),
        "statement": statement.sign(days[1][0], admin),
        "checkpoint": note.read(days[1][0].checkpoint.encode()).text,
        "leaf": leaves.encode(leaves.Leaf(DEVICE, 1, "0" * 64)),
        "key": str(device.public).encode(),
    }


def use(kind: str, body: bytes, admin: SigningKey, days: Days) -> None:
    """Read a body and do with it all that a verifier does."""
    if kind == "registry":
        Roster(registry.opened(body, admin.public, "acme")).keys(DEVICE)
    elif kind == "enrolment":
        str(enrolment.open_self_signed(body).verifier)
    elif kind == "statement":
        this = statement.opened(body, admin.public)
        statement.follows(days[0][0], days[0][1], this)
        statement.follows(None, None, this)
        statement.checkpoint_of(this)
    elif kind == "checkpoint":
        checkpoint.decode(body)
    elif kind == "leaf":
        leaves.decode(body)
    else:
        VerifierKey.parse(body.decode("utf-8", "surrogateescape"))


KINDS = ["registry", "enrolment", "statement", "checkpoint", "leaf", "key"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_samples_are_good(
    admin: SigningKey, days: Days, samples: dict[str, bytes], kind: str
) -> None:
    """Else the tests below would say nothing."""
    use(kind, samples[kind], admin, days)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_bytes_that_anything_happened_to(
    admin: SigningKey,
    days: Days,
    samples: dict[str, bytes],
    spoilt: Callable[[st.DataObject, bytes], bytes],
    kind: str,
    data: st.DataObject,
) -> None:
    """Changed ones, and ones that never were any."""
    body = data.draw(st.binary()) if data.draw(st.booleans()) else spoilt(data, samples[kind])
    with suppress(ArchiverError):
        use(kind, body, admin, days)


@pytest.mark.parametrize("kind", ["registry", "enrolment", "statement"])
@given(data=st.data())
def test_what_a_key_holder_may_sign_on_purpose(
    admin: SigningKey,
    device: SigningKey,
    days: Days,
    samples: dict[str, bytes],
    kind: str,
    data: st.DataObject,
) -> None:
    """A valid signature makes nonsense no better."""
    good = json.loads(note.read(samples[kind]).text)
    text = json.dumps(replaced(data, good)).encode() + b"\n"
    body = note.write(text, device if kind == "enrolment" else admin)
    with suppress(ArchiverError):
        use(kind, body, admin, days)
