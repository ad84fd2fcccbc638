"""Tree heads are those of C2SP tlog-checkpoint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.errors import Damaged
from archiver.evidence import checkpoint
from archiver.evidence.checkpoint import MAX_SIZE, Checkpoint, origin_of

# The example of the specification.
TEXT = b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
ROOT = bytes.fromhex("0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62")
HEAD = Checkpoint("example.com/behind-the-sofa", 20852163, ROOT)


def test_the_published_example_is_read_and_written() -> None:
    """Byte by byte."""
    assert checkpoint.decode(TEXT) == HEAD
    assert checkpoint.encode(HEAD) == TEXT


@given(st.integers(0, MAX_SIZE), st.binary(min_size=32, max_size=32))
def test_every_head_comes_back_as_it_was(size: int, root: bytes) -> None:
    """Empty trees and the largest, too."""
    head = Checkpoint(origin_of("acme"), size, root)
    assert checkpoint.decode(checkpoint.encode(head)) == head


def test_extension_lines_are_read_over() -> None:
    """Another program's tree may have them."""
    assert checkpoint.decode(TEXT + b"more 1\nmore 2\n") == HEAD


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n\n\n",
        TEXT[:-1],
        TEXT + b"\n",
        TEXT + b"\nmore\n",
        TEXT + b"more",
        b"\n" + TEXT,
        TEXT.split(b"\n", 1)[1],
        TEXT.replace(b"2085", b"02085"),
        TEXT.replace(b"2085", b"-2085"),
        TEXT.replace(b"2085", b"+2085"),
        TEXT.replace(b"2085", b" 2085"),
        TEXT.replace(b"2085", "\u0662085".encode()),
        TEXT.replace(b"20852163", b"9" * 19),
        TEXT.replace(b"20852163", b"9" * 10_000),
        TEXT.replace(b"q2I=", b"q2J="),
        TEXT.replace(b"q2I=", b"q2I"),
        TEXT.replace(b"q2I=", b"q2Kq"),
        TEXT.replace(b"CsUY", "C\u00fcUY".encode()),
        b"\xff" + TEXT,
    ],
)
def test_what_is_not_a_head_is_damage(text: bytes) -> None:
    """Each rule of the specification."""
    with pytest.raises(Damaged):
        checkpoint.decode(text)


@pytest.mark.parametrize(
    "head",
    [
        Checkpoint("", 1, ROOT),
        Checkpoint("two\nlines", 1, ROOT),
        Checkpoint("x", -1, ROOT),
        Checkpoint("x", MAX_SIZE + 1, ROOT),
        Checkpoint("x", 1, ROOT[:-1]),
    ],
)
def test_what_could_not_be_read_is_not_written(head: Checkpoint) -> None:
    """The writer keeps the rules of the reader."""
    with pytest.raises(ValueError, match="origin"):
        checkpoint.encode(head)
