"""Comparing what was restored with its source."""

from __future__ import annotations

import pytest

from archiver.quickstart.proof import is_same


def test_lines_and_texts_are_compared_byte_for_byte() -> None:
    """A blank is a difference."""
    assert is_same(b'{"a":1}\n', b'{"a":1}\n', document=False)
    assert not is_same(b'{"a":1}\n', b'{"a": 1}\n', document=False)


def test_documents_may_differ_in_blanks_and_in_the_order_of_keys() -> None:
    """Not in the order of a list."""
    assert is_same(b'{"a": 1, "b": [1, 2]}', b'{"b":[1,2],"a":1}', document=True)
    assert not is_same(b"[1, 2]", b"[2,1]", document=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"1", b"1.0"),
        (b"1", b"true"),
        (b"0", b"false"),
        (b"1.0", b"1.00"),
        (b'"1"', b"1"),
        (b"123456789012345678901234567890", b"123456789012345678901234567891"),
        (b"0.1", b"0.1000000000000000055511151231257827"),
        (b"0", b"-0"),
        (b"9" * 5000, b"9" * 4999 + b"8"),
        (b"null", b"[]"),
    ],
)
def test_values_that_python_may_call_equal_are_told_apart(one: bytes, other: bytes) -> None:
    """Numbers are compared as they are written."""
    assert not is_same(one, other, document=True)
    assert is_same(b" " + one, one, document=True)


@pytest.mark.parametrize("rubbish", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_the_same_only_byte_for_byte(rubbish: bytes) -> None:
    """And never an error."""
    assert is_same(rubbish, rubbish, document=True)
    assert not is_same(rubbish, b"{}", document=True)
