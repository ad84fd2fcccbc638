"""The registry says which keys speak for which devices, and when; it forgets nothing."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from archiver.errors import Damaged, NotSigned, RegistryUnchanged
from archiver.evidence import note, registry
from archiver.evidence.keys import SigningKey
from archiver.evidence.registry import Registry, Roster, Standing, approve, revoke, standing

DEVICE = "00c0ffee00c0ffee"
OTHER = "00deaf0000deaf00"
NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
BEFORE = "b" * 64


@pytest.fixture
def first(device: SigningKey) -> Registry:
    """Give a registry with one device."""
    return approve(None, DEVICE, device.public, tenant="acme", previous=None, now=NOW)


def at_hour(value: Registry, key: SigningKey, hours: int, device: str = DEVICE) -> Standing:
    """Ask for one standing."""
    return standing(value, device, key.public, NOW + hours * HOUR)


def test_a_signed_registry_comes_back_as_it_was(
    admin: SigningKey, device: SigningKey, first: Registry
) -> None:
    """With every field in use."""
    value = revoke(first, DEVICE, previous=BEFORE, now=NOW, reason="lost\non a train")
    body = registry.sign(value, admin)
    assert registry.opened(body, admin.public, "acme") == value
    assert body == registry.sign(value, admin)
    assert value.devices[0].key == str(device.public)


def test_a_registry_of_another_admin_is_refused(admin: SigningKey, first: Registry) -> None:
    """Though it is well formed, and its admin has the same name."""
    for other in (SigningKey.generate("admin/acme"), SigningKey.generate("admin/other")):
        with pytest.raises(NotSigned, match="not signed by the key admin/acme"):
            registry.opened(registry.sign(first, other), admin.public, "acme")


def test_a_registry_of_another_tenant_is_refused(admin: SigningKey, first: Registry) -> None:
    """One admin may sign for two tenants; nobody may exchange the files."""
    with pytest.raises(NotSigned, match="tenant acme, not for other"):
        registry.opened(registry.sign(first, admin), admin.public, "other")


def test_a_key_speaks_from_its_approval_to_its_revocation(
    device: SigningKey, first: Registry
) -> None:
    """From the first moment on, and at the last no more."""
    ended = revoke(first, DEVICE, previous=BEFORE, now=NOW + 2 * HOUR, reason="lost")
    assert at_hour(ended, device, -1) is Standing.NOT_YET
    assert at_hour(ended, device, 0) is Standing.APPROVED
    assert at_hour(ended, device, 1) is Standing.APPROVED
    assert at_hour(ended, device, 2) is Standing.REVOKED
    assert at_hour(ended, device, 3) is Standing.REVOKED
    assert at_hour(first, device, 3) is Standing.APPROVED


def test_who_is_not_listed_is_unknown_and_another_key_is_said_to_be_so(first: Registry) -> None:
    """Two different findings."""
    stranger = SigningKey.generate(f"device/{OTHER}")
    assert at_hour(first, stranger, 1, OTHER) is Standing.UNKNOWN
    assert at_hour(first, SigningKey.generate(f"device/{DEVICE}"), 1) is Standing.OTHER_KEY


def test_an_approval_may_hold_from_an_earlier_or_later_time(device: SigningKey) -> None:
    """A machine may have shipped before anybody looked."""
    for hours in (-5, 5):
        made = approve(
            None,
            DEVICE,
            device.public,
            tenant="acme",
            previous=None,
            now=NOW,
            valid_from=NOW + hours * HOUR,
        )
        assert at_hour(made, device, hours) is Standing.APPROVED
        assert at_hour(made, device, hours - 1) is Standing.NOT_YET


def test_a_device_gets_a_new_key_and_its_old_signatures_stay_checkable(
    device: SigningKey, first: Registry
) -> None:
    """The old entry is closed, not removed."""
    new = SigningKey.generate(device.name)
    ended = revoke(first, DEVICE, previous=BEFORE, now=NOW + HOUR, reason="new disk")
    both = approve(ended, DEVICE, new.public, tenant="acme", previous=BEFORE, now=NOW + 2 * HOUR)
    assert (both.seq, both.previous) == (3, BEFORE)
    assert Roster(both).keys(DEVICE) == (device.public, new.public)
    assert Roster(both).keys(OTHER) == ()
    assert at_hour(both, device, 0) is Standing.APPROVED
    assert at_hour(both, device, 3) is Standing.REVOKED
    assert at_hour(both, new, 3) is Standing.APPROVED
    none = revoke(both, DEVICE, previous=BEFORE, now=NOW + 4 * HOUR, reason="left")
    assert at_hour(none, new, 4) is Standing.REVOKED
    assert none.devices[0] == both.devices[0]


def test_a_second_key_at_once_is_not_approved(device: SigningKey, first: Registry) -> None:
    """Nor the same one again."""
    for key in (device, SigningKey.generate(device.name)):
        with pytest.raises(RegistryUnchanged, match="has an approved key"):
            approve(first, DEVICE, key.public, tenant="acme", previous=BEFORE, now=NOW)


def test_a_revoked_key_does_not_come_back(device: SigningKey, first: Registry) -> None:
    """Whoever stole it still has it."""
    ended = revoke(first, DEVICE, previous=BEFORE, now=NOW, reason="stolen")
    with pytest.raises(RegistryUnchanged, match="does not come back"):
        approve(ended, DEVICE, device.public, tenant="acme", previous=BEFORE, now=NOW)


def test_a_key_named_after_another_device_is_not_approved(device: SigningKey) -> None:
    """Else one device could sign for two."""
    with pytest.raises(RegistryUnchanged, match="not the key of device"):
        approve(None, OTHER, device.public, tenant="acme", previous=None, now=NOW)


def test_a_revocation_can_be_moved_back_but_not_forward(
    device: SigningKey, first: Registry
) -> None:
    """One learns later that it was stolen earlier; nothing is ever trusted again."""
    ended = revoke(first, DEVICE, previous=BEFORE, now=NOW + 5 * HOUR, reason="lost")
    earlier = revoke(
        ended, DEVICE, previous=BEFORE, now=NOW + 6 * HOUR, reason="x", revoked_at=NOW + HOUR
    )
    assert at_hour(earlier, device, 2) is Standing.REVOKED
    for ends in (NOW + HOUR, NOW + 2 * HOUR):
        with pytest.raises(RegistryUnchanged, match="no key that could be revoked"):
            revoke(earlier, DEVICE, previous=BEFORE, now=NOW, reason="x", revoked_at=ends)


def test_an_unknown_device_is_not_revoked(first: Registry) -> None:
    """A typing error must not look like a success."""
    with pytest.raises(RegistryUnchanged, match=OTHER):
        revoke(first, OTHER, previous=BEFORE, now=NOW, reason="x")


def test_the_chain_names_the_stored_bytes_before(admin: SigningKey, first: Registry) -> None:
    """So a registry cannot be exchanged unseen."""
    body = registry.sign(first, admin)
    sha256 = hashlib.sha256(body).hexdigest()
    second = revoke(first, DEVICE, previous=sha256, now=NOW, reason="x")
    assert (first.seq, first.previous) == (1, None)
    assert (second.seq, second.previous) == (2, sha256)


def changed(value: Registry, **fields: object) -> bytes:
    """Give the text of a registry with other fields."""
    return json.dumps({**json.loads(msgspec.json.encode(value)), **fields}).encode() + b"\n"


def test_fields_that_a_newer_writer_added_are_left_alone(first: Registry) -> None:
    """An addition that may be ignored is no new version."""
    assert registry.decode(changed(first, later={"deep": [1]})) == first


def test_a_newer_version_is_refused_whatever_else_it_says(first: Registry) -> None:
    """Also where its fields changed their types."""
    with pytest.raises(Damaged, match="version") as caught:
        registry.decode(changed(first, v=2, devices="elsewhere"))
    assert "newer archiver" in caught.value.advice


@pytest.mark.parametrize(
    "fields",
    [
        {"v": 0},
        {"v": "1"},
        {"tenant": "A/../b"},
        {"tenant": "acme\n"},
        {"seq": 0, "previous": None},
        {"seq": 2},
        {"seq": 10**400},
        {"previous": "b" * 64},
        {"seq": 2, "previous": "B" * 64},
        {"created_at": "2026-02-31T00:00:00.000Z"},
        {"created_at": "2026-01-31T09:30:00.000+00:00"},
        {"created_at": "2026-01-31T09:30:00Z"},
        {"created_at": "\u0662026-01-31T09:30:00.000Z"},
        {"devices": None},
    ],
)
def test_a_registry_that_contradicts_itself_is_damage(
    first: Registry, fields: dict[str, object]
) -> None:
    """Though its admin signed it."""
    with pytest.raises(Damaged):
        registry.decode(changed(first, **fields))


def test_entries_that_contradict_each_other_are_damage(first: Registry) -> None:
    """The same key twice, two open entries of one device."""
    [entry] = json.loads(msgspec.json.encode(first))["devices"]
    closed = {**entry, "revoked_at": "2026-01-31T09:30:00.000Z"}
    for entries in ([entry, closed], [entry, {**entry, "key": "x"}]):
        with pytest.raises(Damaged):
            registry.decode(changed(first, devices=entries))


def test_an_entry_with_another_device_s_key_is_damage(first: Registry) -> None:
    """Seen when questions are asked, whatever signed it."""
    [entry] = first.devices
    for wrong in ({"device": OTHER}, {"key": "no key"}):
        bad = msgspec.structs.replace(first, devices=(msgspec.structs.replace(entry, **wrong),))
        with pytest.raises(Damaged):
            Roster(bad)


@pytest.mark.parametrize("text", [b"", b"{}", b"{}\n", b"[]\n", b"\xff\n", b"[" * 9999 + b"\n"])
def test_rubbish_is_damage(text: bytes) -> None:
    """One error, whatever the parser says inside."""
    with pytest.raises(Damaged):
        registry.decode(text)


def test_a_second_line_is_damage(first: Registry) -> None:
    """A reader that stops at the first line must not see less than another."""
    text = changed(first)
    for bad in (text + text, b"\n" + text, text[:-1], text + b"\n"):
        with pytest.raises(Damaged, match="one line"):
            registry.decode(bad)


def test_what_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch, first: Registry) -> None:
    """The limit is compared before anything is parsed; the writer keeps it, too."""
    text = changed(first)
    monkeypatch.setattr(registry, "MAX_BYTES", 100)
    with pytest.raises(Damaged, match="at most"):
        registry.decode(text)
    with pytest.raises(Damaged, match="at most"):
        registry.sign(first, SigningKey.generate("admin/acme"))


def test_nobody_signs_what_none_can_read(admin: SigningKey, first: Registry) -> None:
    """Found when it is written, not by the auditor."""
    bad = msgspec.structs.replace(first, tenant="Not A Tenant")
    with pytest.raises(Damaged):
        registry.sign(bad, admin)


def test_the_stored_form_is_a_note_of_one_line(admin: SigningKey, first: Registry) -> None:
    """`head -1 | jq` shows it."""
    body = registry.sign(first, admin)
    assert json.loads(body.split(b"\n")[0])["devices"][0]["device"] == DEVICE
    assert note.read(body).text.count(b"\n") == 1
