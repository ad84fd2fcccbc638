"""A month key goes into its wrap, comes out for an officer, and for nobody and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaults import DEVICE, SUBJECT, Officer, Wrapped

from archiver.errors import Damaged, NotForUs, UnusableKey
from archiver.format.keys import NAME_PATTERN
from archiver.vault import age
from archiver.vault.layout import VaultKey, parse_vault_key
from archiver.vault.months import key_id, officers_id
from archiver.vault.wrap import MAX_WRAP_BYTES, make_month, open_wrap, rewrap

ONE, OTHER = age.generate(), age.generate()
hexes = st.text("0123456789abcdef", min_size=16, max_size=16)


def sealed(content: bytes, officer: Officer, key: VaultKey) -> tuple[bytes, VaultKey]:
    """Wrap any content under the name of a true key; anybody with a bucket could."""
    body = age.encrypt(content, [officer.recipient])
    return body, VaultKey.named(key.name, key.officers, body, prefix=key.prefix)


def content_of(wrapped: Wrapped, officer: Officer) -> dict[str, Any]:
    """Give what a wrap holds."""
    found: dict[str, Any] = msgspec.json.decode(age.decrypt(wrapped.body, [officer.identity]))
    return found


@given(st.from_regex(rf"\A{NAME_PATTERN}\Z"), hexes, st.integers(1, 12), hexes)
def test_any_month_key_comes_out_of_its_wrap(
    tenant: str, subject: str, month: int, device: str
) -> None:
    """For each officer; and it opens what was sealed to the half that the device kept."""
    key, body = make_month(tenant, subject * 2, f"2026-{month:02}", device, [ONE[1], OTHER[1]])
    name = VaultKey.of(key, body)
    assert parse_vault_key(str(name)) == name
    assert key.officers == officers_id([ONE[1], OTHER[1]])
    for identity in (ONE[0], OTHER[0]):
        opened = open_wrap(body, [identity], name)
        assert (opened.name, opened.recipient) == (key.name, key.recipient)
        assert age.decrypt(age.encrypt(b"chunk", [key.recipient]), [opened.identity]) == b"chunk"


def test_every_key_is_a_new_one() -> None:
    """Also for the same person, month and officers."""
    made = {make_month("acme", SUBJECT, "2026-01", DEVICE, [ONE[1]])[0].recipient for _ in "123"}
    assert len(made) == 3


def test_the_device_keeps_nothing_that_opens_a_chunk(officer: Officer) -> None:
    """All that is returned is the public half, and a wrap that it cannot open."""
    key, body = make_month("acme", SUBJECT, "2026-01", DEVICE, [officer.recipient])
    identity = open_wrap(body, [officer.identity], VaultKey.of(key, body)).identity
    assert identity not in repr(key)
    assert identity.encode() not in body
    assert key.recipient.encode() not in body
    with pytest.raises(NotForUs):
        age.decrypt(body, [OTHER[0]])


def test_a_wrong_officer_opens_nothing(wrapped: Wrapped, other: Officer) -> None:
    """And is told that it is not for him."""
    with pytest.raises(NotForUs, match="other officers"):
        open_wrap(wrapped.body, [other.identity], wrapped.key)


def test_an_opened_key_is_not_shown(wrapped: Wrapped, officer: Officer) -> None:
    """Not in a log, not in a traceback that shows values."""
    opened = open_wrap(wrapped.body, [officer.identity], wrapped.key)
    assert opened.identity not in repr(opened)
    assert key_id(opened.recipient) in repr(opened)


@given(at=st.integers(0, 400), flip=st.integers(1, 255))
def test_a_tampered_wrap_is_refused(wrapped: Wrapped, officer: Officer, at: int, flip: int) -> None:
    """By the hash in its name; and where the name was changed with it, by age."""
    body = bytearray(wrapped.body)
    body[at] ^= flip
    with pytest.raises(Damaged, match="has not the hash"):
        open_wrap(bytes(body), [officer.identity], wrapped.key)
    renamed = VaultKey.of(wrapped.month, bytes(body))
    with pytest.raises((Damaged, NotForUs)):
        open_wrap(bytes(body), [officer.identity], renamed)


@pytest.mark.parametrize(
    "other_place",
    [
        {"tenant": "other"},
        {"subject": "f" * 32},
        {"month": "2026-02"},
        {"device": "f" * 16},
        {"key_id": "f" * 16},
    ],
)
def test_a_wrap_under_anothers_name_is_refused(
    wrapped: Wrapped, officer: Officer, other_place: dict[str, str]
) -> None:
    """Or one person's key would outlive its erasure in another person's folder."""
    moved = replace(wrapped.key, **other_place)
    with pytest.raises(Damaged, match=r"another key|another place"):
        open_wrap(wrapped.body, [officer.identity], moved)


def test_a_wrap_whose_halves_do_not_belong_together_is_refused(
    wrapped: Wrapped, officer: Officer
) -> None:
    """The name, the recipient and the private half must all agree."""
    content = content_of(wrapped, officer)
    swapped = content | {"identity": OTHER[0]}
    both = swapped | {"recipient": OTHER[1]}
    shown = content | {"recipient": OTHER[1]}
    none = content | {"identity": "AGE-SECRET-KEY-1"}
    for forged, why in (
        *((one, "another key") for one in (swapped, both, shown)),
        (none, "no private"),
    ):
        body, key = sealed(msgspec.json.encode(forged), officer, wrapped.key)
        with pytest.raises(Damaged, match=why):
            open_wrap(body, [officer.identity], key)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"v":"1"}'])
def test_a_wrap_that_holds_something_else_is_refused(
    wrapped: Wrapped, officer: Officer, content: bytes
) -> None:
    """Without showing what it held."""
    body, key = sealed(content, officer, wrapped.key)
    with pytest.raises(Damaged, match="JSON object") as caught:
        open_wrap(body, [officer.identity], key)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_newer_wrap_is_refused_and_unknown_keys_are_not(
    wrapped: Wrapped, officer: Officer
) -> None:
    """A reader may not guess, and need not know everything."""
    content = content_of(wrapped, officer)
    body, key = sealed(msgspec.json.encode(content | {"v": 2}), officer, wrapped.key)
    with pytest.raises(Damaged, match="version 2"):
        open_wrap(body, [officer.identity], key)
    body, key = sealed(msgspec.json.encode(content | {"later": [1]}), officer, wrapped.key)
    assert open_wrap(body, [officer.identity], key).name == wrapped.key.name


def test_a_huge_object_is_not_decrypted(wrapped: Wrapped, officer: Officer) -> None:
    """It must not fill the memory."""
    body, key = sealed(bytes(MAX_WRAP_BYTES), officer, wrapped.key)
    with pytest.raises(Damaged, match="at most"):
        open_wrap(body, [officer.identity], key)


def test_no_key_is_made_for_officers_who_could_not_open_it() -> None:
    """One of them wrong is enough: nothing is wrapped to the rest."""
    for officers in ([], [ONE[1], "age1nobody"]):
        with pytest.raises(UnusableKey):
            make_month("acme", SUBJECT, "2026-01", DEVICE, officers)


def test_an_officer_who_joins_opens_the_same_key(
    wrapped: Wrapped, officer: Officer, other: Officer
) -> None:
    """Under a new name that lies beside the old one."""
    both = [officer.recipient, other.recipient]
    key, body = rewrap(wrapped.body, [officer.identity], wrapped.key, both)
    assert key.name == wrapped.key.name
    assert key.prefix == wrapped.key.prefix
    assert key.officers == officers_id(both)
    old = open_wrap(wrapped.body, [officer.identity], wrapped.key)
    assert open_wrap(body, [other.identity], key) == old


def test_an_officer_who_left_does_not_open_the_new_wrap(
    wrapped: Wrapped, officer: Officer, other: Officer
) -> None:
    """The old one must then be destroyed."""
    key, body = rewrap(wrapped.body, [officer.identity], wrapped.key, [other.recipient])
    with pytest.raises(NotForUs):
        open_wrap(body, [officer.identity], key)


def test_a_wrap_that_lies_is_not_wrapped_again(wrapped: Wrapped, officer: Officer) -> None:
    """A rewrap would make it look sound."""
    moved = replace(wrapped.key, subject="f" * 32)
    with pytest.raises(Damaged):
        rewrap(wrapped.body, [officer.identity], moved, [ONE[1]])
