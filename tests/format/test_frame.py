"""A chunk unpacks to exactly what was packed, or loudly not at all."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from archiver.errors import Damaged
from archiver.format import frame

RAW = b'{"v":1}\n' * 40


@given(st.binary(min_size=1, max_size=5000), st.sampled_from([1, 3, 9]))
def test_what_is_packed_comes_back(raw: bytes, level: int) -> None:
    """At every level."""
    assert frame.unpack(frame.pack([raw], level=level)) == raw


def test_the_frame_says_its_size_and_carries_a_checksum() -> None:
    """Both are what lets any reader notice damage."""
    parameters = zstandard.get_frame_parameters(frame.pack([RAW], level=3))
    assert (parameters.content_size, parameters.has_checksum) == (len(RAW), True)


def test_a_frame_cut_anywhere_is_refused() -> None:
    """Every length but the whole."""
    packed = frame.pack([RAW], level=3)
    for length in range(len(packed)):
        with pytest.raises(Damaged):
            frame.unpack(packed[:length])


def test_a_flipped_bit_anywhere_is_refused_or_changes_nothing() -> None:
    """Every bit of every byte; the format has one that means nothing."""
    packed = frame.pack([RAW], level=3)
    harmless = 0
    for place in range(len(packed) * 8):
        spoiled = bytearray(packed)
        spoiled[place // 8] ^= 1 << place % 8
        try:
            assert frame.unpack(bytes(spoiled)) == RAW
            harmless += 1
        except Damaged:
            pass
    assert harmless <= 1  # the "unused bit" of RFC 8878, 3.1.1.1.1


@pytest.mark.parametrize(
    "extra",
    [
        b"\0",
        b"junk",
        frame.pack([RAW], level=3),
        frame.pack([], level=3),
        b"\x50\x2a\x4d\x18\0\0\0\0",
    ],
    ids=["zero", "junk", "frame", "empty frame", "skippable frame"],
)
def test_what_follows_or_precedes_the_frame_is_refused(extra: bytes) -> None:
    """One frame and nothing else: the library would stop after the first and say nothing."""
    packed = frame.pack([RAW], level=3)
    for spoiled in (packed + extra, extra + packed):
        with pytest.raises(Damaged):
            frame.unpack(spoiled)


def test_a_frame_without_its_size_is_refused() -> None:
    """It was not made by archiver, and could unpack to anything."""
    packed = zstandard.ZstdCompressor(write_content_size=False).compress(RAW)
    with pytest.raises(Damaged):
        frame.unpack(packed)


def test_a_frame_that_would_fill_the_memory_is_refused_before_it_is_unpacked() -> None:
    """64 MiB of zeros are two kilobytes."""
    largest = frame.pack([bytes(frame.MAX_RAW_BYTES)], level=1)
    assert len(frame.unpack(largest)) == frame.MAX_RAW_BYTES
    with pytest.raises(Damaged, match="declares"):
        frame.unpack(frame.pack([bytes(frame.MAX_RAW_BYTES + 1)], level=1))


def test_the_error_shows_no_content() -> None:
    """It goes into logs."""
    packed = bytearray(zstandard.ZstdCompressor(level=-5).compress(b"CANARY" + bytes(range(99))))
    packed[-1] ^= 1
    with pytest.raises(Damaged) as caught:
        frame.unpack(bytes(packed) + b"CANARY")
    assert "CANARY" not in str(caught.value) + caught.value.advice


def test_an_empty_frame_is_refused() -> None:
    """A chunk holds a record at least; the library reads no further than a size of 0."""
    with pytest.raises(Damaged):
        frame.unpack(frame.pack([], level=3))
