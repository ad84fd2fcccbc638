"""Files of lines and of text: appended, cut, rewritten, and read at the wrong moment."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from laptop import QUIET, line, lines, patched, read_archive

from archiver.capture import bytestream

if TYPE_CHECKING:
    from typing import BinaryIO

    from laptop import Laptop

    from archiver.spool.values import Glance

HALF = line(3)[:40]


def test_what_is_appended_is_taken_at_once(patient: Laptop) -> None:
    """A file that was written a second ago gives every whole line."""
    chat = patient.claude("c1")
    patient.write(chat, lines(1, 2))
    patient.look()
    patient.append(chat, lines(3))
    patient.look()
    assert patient.archive().states("c1.jsonl") == [lines(1, 2), lines(1, 2, 3)]


def test_half_a_line_waits_for_its_other_half(patient: Laptop) -> None:
    """What ends without a newline and is no JSON is not taken, and nothing is taken twice."""
    chat = patient.claude("c1")
    patient.write(chat, lines(1, 2) + HALF)
    assert patient.look().unsettled == 1
    assert patient.look(later=2 * QUIET).records == 0
    patient.append(chat, line(3)[40:])
    patient.look()
    assert patient.archive().states("c1.jsonl") == [lines(1, 2), lines(1, 2, 3)]


def test_a_last_line_without_newline_is_taken_once_idle(patient: Laptop) -> None:
    """A tail that is whole JSON counts when nobody has written for the quiet time."""
    chat = patient.claude("c1")
    whole = lines(1) + line(2)[:-1]
    patient.write(chat, whole)
    patient.look()
    patient.look(later=QUIET)
    assert patient.archive().states("c1.jsonl") == [lines(1), whole]


def test_half_a_line_is_taken_when_nobody_comes_back(patient: Laptop) -> None:
    """After sixty times the quiet time even rubbish at the end is the file's content."""
    chat = patient.claude("c1")
    patient.write(chat, lines(1) + HALF)
    patient.look()
    patient.look(later=60 * QUIET)
    assert patient.archive().states("c1.jsonl") == [lines(1), lines(1) + HALF]


def test_a_line_that_grows_after_it_was_taken_stays_one_line(laptop: Laptop) -> None:
    """A tail that was taken and then continued is the same bytes in the end."""
    chat = laptop.claude("c1")
    laptop.write(chat, b'{"a":1}')
    laptop.look()
    laptop.append(chat, b',{"b":2}\n')
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [b'{"a":1}', b'{"a":1},{"b":2}\n']


def test_a_file_that_shrank_is_believed_when_it_rests(patient: Laptop) -> None:
    """Between truncation and rewrite nothing is recorded; a real truncation is, later."""
    chat = patient.claude("c1")
    patient.write(chat, lines(1, 2, 3))
    patient.look()
    patient.write(chat, lines(1))
    assert patient.look().unsettled == 1
    patient.write(chat, lines(1, 2, 3, 4))
    patient.look()
    patient.write(chat, lines(1))
    patient.look()
    patient.look(later=QUIET)
    assert patient.archive().states("c1.jsonl") == [
        lines(1, 2, 3),
        lines(1, 2, 3, 4),
        lines(1),
    ]


def test_an_empty_read_never_replaces_what_was_there(patient: Laptop) -> None:
    """A transcript caught at zero bytes gives no record; what follows is an append."""
    chat = patient.claude("c1")
    patient.write(chat, lines(1, 2))
    patient.look()
    patient.write(chat, b"")
    assert patient.look().records == 0
    patient.write(chat, lines(1, 2, 3))
    done = patient.look()
    assert done.records == 1
    assert patient.archive().states("c1.jsonl") == [lines(1, 2), lines(1, 2, 3)]


def test_an_edit_in_the_middle_is_seen(laptop: Laptop) -> None:
    """Same length, same end, other words in between: a state of its own."""
    chat = laptop.claude("c1")
    first, second = lines(1, 2, 3), lines(1) + line(2).replace(b"sent", b"SENT") + line(3)
    assert len(first) == len(second)
    laptop.write(chat, first)
    laptop.look()
    laptop.write(chat, second)
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [first, second]


def test_a_rewrite_stores_only_what_changed(laptop: Laptop) -> None:
    """Of a large file whose last line changed, at most one run is stored again."""
    chat = laptop.claude("c1")
    body = lines(*range(3000))
    laptop.write(chat, body + line(1))
    laptop.look()
    laptop.write(chat, body + line(2))
    assert laptop.look().raw_bytes < 64 * 1024 * 4
    assert laptop.archive().states("c1.jsonl") == [body + line(1), body + line(2)]


def test_an_inode_that_is_used_again_is_no_append(laptop: Laptop) -> None:
    """Another file under the same name and inode, with equal first lines, replaces the first."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1, 2, 3))
    laptop.look()
    inode = chat.stat().st_ino
    other = lines(1, 2) + line(9) + line(10)
    laptop.write(chat, other)
    assert chat.stat().st_ino == inode
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [lines(1, 2, 3), other]


def test_a_replacement_under_another_inode_is_compared_all_the_same(laptop: Laptop) -> None:
    """An editor saves by renaming: equal content costs nothing, longer content is an append."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1, 2))
    laptop.look()
    for content in (lines(1, 2), lines(1, 2, 3)):
        new = chat.with_suffix(".new")
        laptop.write(new, content)
        new.rename(chat)
        laptop.look()
    archive = laptop.archive()
    assert archive.states("c1.jsonl") == [lines(1, 2), lines(1, 2, 3)]
    assert len(archive.log("c1.jsonl")) == 3


@pytest.mark.parametrize("new", [lines(7, 8), b"", lines(7)], ids=["as long", "empty", "shorter"])
def test_a_file_replaced_during_the_read_is_read_again(laptop: Laptop, new: bytes) -> None:
    """What was read while the file changed under the reader is thrown away."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1, 2))

    still = bytestream.still_the_same
    replaced: list[bool] = []

    def same(file: BinaryIO, before: Glance) -> None:
        if not replaced:
            replaced.append(True)
            laptop.write(chat, new)
            os.utime(chat, ns=(1, 1))
        still(file, before)

    with patched(bytestream, "still_the_same", same):
        done = laptop.look()
    assert (done.records, done.unsettled) == (0, 1)
    laptop.look()
    laptop.ship()
    states = read_archive(laptop.bucket, whole=bool(new)).states("c1.jsonl")
    assert states == ([new] if new else [])
    assert replaced


def test_lines_added_during_the_read_come_with_the_next_look(laptop: Laptop) -> None:
    """Growing while it is read does a file no harm."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1, 2))
    still = bytestream.still_the_same
    grown: list[bool] = []

    def same(file: BinaryIO, before: Glance) -> None:
        if not grown:
            grown.append(True)
            laptop.append(chat, lines(3))
        still(file, before)

    with patched(bytestream, "still_the_same", same):
        laptop.look()
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [lines(1, 2), lines(1, 2, 3)]


@pytest.mark.parametrize(
    "content",
    [
        bytes(range(256)) * 40,
        b"\0" * 4096,
        b"\xff\xfe" + "utf-16\n".encode("utf-16-le"),
        b"\r\n\r\n\r\n",
        b"\n\n\n",
        b"a\rb\rc",
        b'{"a":1}\r\n{"b":2}\r\n',
        b'{"a":1}\r\r\n{"b":2}\n\r',
        b'{"a":"\\ud800"}\n{"b":"\\udfff\\ud800"}\n',
        b'{"a":"\xed\xa0\x80"}\n',
        b'{"a":"nul \0 in it"}\n',
        b'{"a":"\\u0000"}\n',
        b'{"a":1,"a":2}\n{"n":1e400}\n{"n":0.1000}\n{"n":-0}\n{"n":123456789012345678901234567890}\n',
        b"[" * 5000 + b"]" * 5000 + b"\n",
        b'{"a":' * 300 + b"1" + b"}" * 300 + b"\n",
        b'{"a": [ 1,\t2 ] } \n  {"b":2}\n',
        b'{"a":1}{"b":2}\nnull\n1\n"text"\ntrue\n',
        "\ufeff".encode() + b'{"a":1}\n',
        '{"a":"\u2028\u2029\U0001f600"}\n'.encode(),
        b'{"payload":1,"a":",\\"payload\\":"}\n',
        b'{"a":"\x7f\x80"}\n',
    ],
    ids=lambda content: ascii(content[:18]),
)
def test_any_bytes_come_back(laptop: Laptop, content: bytes) -> None:
    """Rubbish, NUL, CRLF, lone surrogates, deep nesting: byte for byte, and read by strangers."""
    chat, note = laptop.claude("c1"), laptop.note("c1")
    laptop.write(chat, content)
    laptop.write(note, content)
    laptop.look()
    archive = laptop.archive()
    assert archive.states("c1.jsonl") == [content]
    assert archive.states("toolu_1.txt") == [content]
    for chunk in archive.chunks.values():
        for one in chunk.splitlines():
            json.loads(one)


@pytest.mark.parametrize("size", [3 * 2**20 - 1, 3 * 2**20, 3 * 2**20 + 1, 9 * 2**20])
@pytest.mark.parametrize("filling", [b"x", b"\x01", b"\xff", b'\\"', "\u00e9".encode()])
def test_a_long_line_fits_into_chunks_of_eight_mebibytes(
    laptop: Laptop, size: int, filling: bytes
) -> None:
    """Whatever a long line is made of, it comes back, and no chunk is larger than 8 MiB."""
    chat = laptop.claude("c1")
    content = lines(*range(200)) + (filling * (size // len(filling) + 1))[:size] + b"\n" + line(2)
    laptop.write(chat, content)
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [content]


def test_a_title_as_long_as_its_line_fits_as_well(laptop: Laptop) -> None:
    """Metadata that repeats the payload does not make a chunk larger than 8 MiB."""
    chat = laptop.claude("c1")
    long = "\\u0001" * (3 * 2**20 // 6 - 100)
    content = (
        lines(*range(2000)) + b'{"type":"summary","summary":"' + long.encode() + b'"}\n' + line(1)
    )
    laptop.write(chat, content)
    laptop.look()
    assert laptop.archive().states("c1.jsonl") == [content]


def test_a_wrong_time_in_an_entry_does_no_harm(laptop: Laptop) -> None:
    """Days that do not exist, far years, other types: the entry goes by the time of the look."""
    chat = laptop.claude("c1")
    times = [
        "2026-02-31T00:00:00Z",
        "9999-99-99",
        "0001-01-01T00:00:00Z",
        "",
        None,
        7,
        [],
        "x" * 99,
    ]
    content = b"".join(line(number, timestamp=at) for number, at in enumerate(times))
    laptop.write(chat, content)
    laptop.look()
    archive = laptop.archive()
    assert archive.states("c1.jsonl") == [content]
    for key in archive.chunks:
        day = key.partition("dt=")[2][:10]
        assert day in ("2026-02-28", "2026-03-03") or day.startswith(str(laptop.clock().year))
