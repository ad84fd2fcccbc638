"""Names of streams: exact both ways, and never a way out of the folder."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archiver.assistants.names import file_parts, plain_text, stream_name
from archiver.errors import Damaged

FILE_NAMES = (
    st.binary(min_size=1, max_size=40)
    .filter(lambda name: name not in (b".", b"..") and not set(name) & {0, ord("/")})
    .map(os.fsdecode)
)
posix = pytest.mark.skipif(os.name == "nt", reason="a file name is no bytes on Windows")


@posix
@given(st.lists(FILE_NAMES, min_size=1, max_size=4))
@example(["%41", "%4\n", "%%0A", "C:", "a\\b", "\udcff%FF"])
def test_every_file_name_comes_back_from_its_stream_name(parts: list[str]) -> None:
    """Whatever bytes a POSIX file name holds, they survive."""
    assert file_parts(stream_name(*parts), windows=False) == tuple(parts)


@posix
@given(st.lists(FILE_NAMES, min_size=1, max_size=4))
def test_a_stream_name_is_valid_text_on_one_line(parts: list[str]) -> None:
    """It can stand in JSON, in a listing and in a log."""
    name = stream_name(*parts)
    assert name.encode().decode() == name
    assert not any(ord(char) < 32 or ord(char) == 127 for char in name)


@posix
@given(st.lists(FILE_NAMES, min_size=1, max_size=4), st.lists(FILE_NAMES, min_size=1, max_size=4))
def test_two_files_never_share_a_stream_name(one: list[str], other: list[str]) -> None:
    """Different parts give different names."""
    assert (stream_name(*one) == stream_name(*other)) == (one == other)


def test_an_ordinary_name_stays_as_it_is() -> None:
    """Nobody has to decode what needs no code."""
    for name in ("-home-dev/5b0c.jsonl", "Code - Insiders/tasks/1/ui_messages.json", "größe 100%"):
        assert stream_name(*name.split("/")) == name


@posix
def test_only_the_offending_bytes_are_escaped() -> None:
    """A line feed, a byte that is no UTF-8, and a percent sign that looks like an escape."""
    assert stream_name(os.fsdecode(b"a\nb\xff%0A.txt")) == "a%0Ab%FF%250A.txt"


@pytest.mark.parametrize(
    "stream",
    [
        "../evil",
        "a/../../evil",
        "%2E%2E/evil",
        "a/%2E%2E/%2E%2E/evil",
        "/etc/passwd",
        "%2Fetc",
        "a%2F..%2Fb",
        "C:/Windows",
        "c:evil",
        "a/D:",
        "a\\..\\evil",
        "",
        "a//b",
        "a/",
        "./a",
        "a%00b",
        "a\0b",
    ],
)
@pytest.mark.parametrize("windows", [False, True])
def test_a_name_that_leads_elsewhere_is_refused(stream: str, windows: bool) -> None:  # noqa: FBT001
    """An archive can be hostile; a restore writes below its folder only."""
    with pytest.raises(Damaged) as refusal:
        file_parts(stream, windows=windows)
    assert refusal.value.advice


@pytest.mark.parametrize("stream", ["con", "a/nul.txt", "a%5Cb", "q?.md", "a%3Ab", "dot.", "sp "])
def test_what_windows_cannot_hold_is_refused_there_only(stream: str) -> None:
    """Names that mean a device or a stream on Windows are plain files elsewhere."""
    assert file_parts(stream, windows=False)
    with pytest.raises(Damaged):
        file_parts(stream, windows=True)


@posix
def test_a_path_is_told_as_valid_text() -> None:
    """What is not UTF-8 is replaced: records hold text."""
    assert plain_text(os.fsdecode(b"/home/\xff/x")) == "/home/\ufffd/x"
    assert plain_text("/home/größe") == "/home/größe"
