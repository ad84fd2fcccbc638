"""Public keys as text have one form, and nothing else is one."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.errors import Damaged
from archiver.evidence.verifier import VerifierKey, is_key_name

TEXT = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

names = st.text(min_size=1).filter(lambda name: is_key_name(name) and name.isprintable())


def test_the_published_example_is_read() -> None:
    """Of golang.org/x/mod/sumdb/note."""
    key = VerifierKey.parse(TEXT)
    assert (key.name, key.key_id.hex()) == ("PeterNeumann", "c74f20a3")
    assert str(key) == TEXT


@given(names, st.binary(min_size=32, max_size=32))
def test_every_key_comes_back_as_it_was(name: str, public: bytes) -> None:
    """A plus in the base64 does not matter."""
    assert VerifierKey.parse(str(VerifierKey(name, public))) == VerifierKey(name, public)


def test_no_part_of_a_key_is_a_key() -> None:
    """Nor is it with any one character changed."""
    for start in range(len(TEXT)):
        for end in range(start, len(TEXT) + (start > 0)):
            with pytest.raises(Damaged):
                VerifierKey.parse(TEXT[start:end])
    for at, old in enumerate(TEXT):
        with pytest.raises(Damaged):
            VerifierKey.parse(TEXT[:at] + chr(ord(old) + 1) + TEXT[at + 1 :])


@given(st.text() | st.from_regex(r"\A[a-z]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\Z"))
def test_any_text_is_a_key_or_damage(text: str) -> None:
    """No other error."""
    try:
        key = VerifierKey.parse(text)
    except Damaged:
        return
    assert str(key) == text


@pytest.mark.parametrize("body", [b"\x01" + bytes(31), b"\x01" + bytes(33), b"\x02" + bytes(32)])
def test_another_length_or_kind_is_refused_though_its_id_is_right(body: bytes) -> None:
    """The id proves nothing."""
    key_id = hashlib.sha256(b"x\n" + body).hexdigest()[:8]
    with pytest.raises(Damaged):
        VerifierKey.parse(f"x+{key_id}+{base64.b64encode(body).decode()}")


def test_upper_case_in_the_id_is_another_form() -> None:
    """One key has one text, so texts can be compared."""
    with pytest.raises(Damaged):
        VerifierKey.parse(TEXT.replace("c74f20a3", "C74F20A3"))


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\nb", "a\x00b", "a\u00a0b", "\ud800"])
def test_a_key_cannot_have_a_name_that_a_note_cannot_hold(name: str) -> None:
    """Refused when it is made."""
    with pytest.raises(ValueError, match="name"):
        VerifierKey(name, bytes(32))
