"""An enrolment is signed by the key that it names, and by nothing else."""

from __future__ import annotations

import json

import msgspec
import pytest

from archiver.errors import Damaged
from archiver.evidence import enrolment, note
from archiver.evidence.enrolment import Enrolment, open_self_signed, sign
from archiver.evidence.keys import SigningKey

DEVICE = "00c0ffee00c0ffee"


def of(key: SigningKey, device: str = DEVICE) -> Enrolment:
    """Make an enrolment."""
    return Enrolment(
        v=1,
        tenant="acme",
        device=device,
        key=str(key.public),
        subject="5" * 32,
        created_at="2026-01-31T09:30:00.000Z",
        software="archiver 0.1.0",
    )


def test_an_enrolment_comes_back_as_it_was(device: SigningKey) -> None:
    """And says which key is to be approved."""
    value = of(device)
    assert open_self_signed(sign(value, device)) == value
    assert value.verifier == device.public


def test_one_cannot_enrol_with_a_key_that_one_does_not_hold(device: SigningKey) -> None:
    """Neither by our writer nor by another."""
    thief = SigningKey.generate(device.name)
    with pytest.raises(ValueError, match="enrols"):
        sign(of(device), thief)
    text = msgspec.json.encode(of(device)) + b"\n"
    with pytest.raises(Damaged, match="not signed by the key"):
        open_self_signed(note.write(text, thief))


def test_a_key_of_another_device_is_refused() -> None:
    """Its name is part of what it signs with."""
    for name in ("device/00deaf0000deaf00", "admin/acme"):
        key = SigningKey.generate(name)
        text = msgspec.json.encode(of(key)) + b"\n"
        with pytest.raises(Damaged, match="another device"):
            open_self_signed(note.write(text, key))


def test_a_changed_enrolment_is_refused(device: SigningKey) -> None:
    """The subject, for instance."""
    body = sign(of(device), device)
    with pytest.raises(Damaged, match="not signed"):
        open_self_signed(body.replace(b"5" * 32, b"6" * 32))


@pytest.mark.parametrize(
    "fields",
    [
        {"v": 2},
        {"v": 0},
        {"tenant": ""},
        {"device": "x"},
        {"key": "x"},
        {"subject": "5"},
        {"created_at": "yesterday"},
        {"created_at": "2026-02-31T09:30:00.000Z"},
        {"software": "x" * 1001},
        {"software": 1},
        {"more": "x" * 65_536},
    ],
)
def test_a_self_signed_enrolment_that_breaks_a_rule_is_damage(
    device: SigningKey, fields: dict[str, object]
) -> None:
    """The device that signs it may be hostile."""
    text = json.dumps({**json.loads(msgspec.json.encode(of(device))), **fields}).encode()
    with pytest.raises(Damaged):
        open_self_signed(note.write(text + b"\n", device))


def test_a_field_that_a_newer_writer_added_is_left_alone(device: SigningKey) -> None:
    """An addition that may be ignored is no new version."""
    text = json.dumps({**json.loads(msgspec.json.encode(of(device))), "later": 1}).encode()
    assert open_self_signed(note.write(text + b"\n", device)) == of(device)


def test_the_limit_is_small(device: SigningKey) -> None:
    """Anybody with a device's credentials can publish one."""
    assert len(sign(of(device), device)) < enrolment.MAX_BYTES == 65_536
