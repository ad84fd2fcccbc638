"""Record lines are read strictly, and their payloads come out byte for byte."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.errors import Damaged
from archiver.format.lines import (
    Origin,
    decode_line,
    decode_lines,
    payload_bytes,
    stream_key,
)
from archiver.model.record import Form, Op

ORIGIN = Origin(
    tenant="acme",
    klass="standard",
    user="dev@example.com",
    subject="a" * 32,
    device="b" * 16,
    assistant="aider",
    conversation='with "quotes", \\ and ünï',
    stream="s",
    shape="text",
    git_remote="https://example.com/x.git",
)


def line(payload: str = "null", **said: Any) -> bytes:
    """Write a whole line around what an origin gives."""
    head, middle = ORIGIN.head()
    rest = json.dumps({"op": "entry", "position": 5, "observed_at": "t", **said})[1:-1].encode()
    return head + b"5" + middle + b"," + rest + b',"payload":' + payload.encode() + b"}"


def test_an_origin_and_what_follows_make_a_record() -> None:
    """The two constant pieces of a line are around the position."""
    record = decode_line(line('"x"', form="text", entry=3))
    key = stream_key("b" * 16, "aider", ORIGIN.conversation, "s")
    assert (record.id, record.position, record.entry) == (f"{key}-5", 5, 3)
    assert (record.conversation, record.klass) == (ORIGIN.conversation, "standard")
    assert record.git_remote == ORIGIN.git_remote
    assert (record.op, record.more, record.tools, record.eol) == (Op.ENTRY, False, (), "")


def test_what_an_origin_does_not_know_is_left_out() -> None:
    """A key that has nothing to say costs nothing."""
    _, middle = replace(ORIGIN, git_remote=None).head()
    assert b"git_remote" not in middle
    assert b"git_remote" in ORIGIN.head()[1]


def test_a_stream_key_depends_on_every_part_and_on_where_it_ends() -> None:
    """Two streams never share one by having the same letters."""
    keys = {
        stream_key("a", "b", "c", "d"),
        stream_key("ab", "", "c", "d"),
        stream_key("a", "b", "cd", ""),
        stream_key("a", "b", "", "cd"),
        stream_key("b", "a", "c", "d"),
    }
    assert len(keys) == 5
    assert all(len(key) == 16 for key in keys)


@given(st.text(st.characters(codec="utf-8")))
def test_text_comes_back_as_its_utf8(text: str) -> None:
    """Line feeds, control characters and all planes included."""
    record = decode_line(line(json.dumps(text), form="text"))
    assert payload_bytes(record) == text.encode()


@given(st.binary())
def test_bytes_come_back_as_they_were(raw: bytes) -> None:
    """Whatever they are."""
    payload = json.dumps(base64.b64encode(raw).decode())
    assert payload_bytes(decode_line(line(payload, form="base64"))) == raw


@pytest.mark.parametrize(
    "payload",
    ['{"a" : 1.50}', "[ 1,2 ]", '{"a":1,"a":2}', '{"n":1e400}', '{"x":",\\"payload\\":"}', "{}"],
)
def test_json_comes_back_with_its_spaces_and_numbers(payload: Any) -> None:
    """Verbatim: nothing is parsed and written anew."""
    record = decode_line(line(payload, form="json"))
    assert payload_bytes(record) == payload.encode()


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_the_payload_can_be_cut_out_without_a_json_library(title: str, text: str) -> None:
    """The mark cannot occur earlier, whatever the metadata says."""
    payload = json.dumps({"text": text})
    raw = line(payload, form="json", title=title, role=',"payload":')
    mark = b',"payload":'
    assert raw[raw.index(mark) + len(mark) : -1] == payload.encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"{}",
        b"[1]",
        b"\xff",
        line()[:-1],
        line() + b"x",
        line("[" * 10_000),
        line(op="explode"),
        line(form="morse"),
        line(position="5"),
        line('{"a":"\\ud800"}', form="json"),
    ],
)
def test_what_is_no_record_is_damage(raw: bytes) -> None:
    """One error, whatever the parser says inside."""
    with pytest.raises(Damaged):
        decode_line(raw)


def test_a_newer_version_is_refused_and_an_unknown_key_is_not() -> None:
    """Additions that may be ignored are no new version."""
    assert decode_line(line(later=[1])).position == 5
    with pytest.raises(Damaged, match="version 2"):
        decode_line(line().replace(b'{"v":1', b'{"v":2'))


def test_all_lines_of_a_chunk_are_read() -> None:
    """Each ends with a line feed."""
    assert len(list(decode_lines((line() + b"\n") * 3))) == 3
    assert list(decode_lines(b"")) == []


@pytest.mark.parametrize("form", list(Form))
def test_the_error_of_a_line_shows_no_content(form: Form) -> None:
    """It goes into logs."""
    with pytest.raises(Damaged) as caught:
        decode_line(line('"CANARY', form=str(form)))
    assert "CANARY" not in str(caught.value) + caught.value.advice
