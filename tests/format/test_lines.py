"""Record lines are read strictly, and their payloads come out byte for byte."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.errors import Damaged
from archiver.format.lines import (
    Origin,
    decode_line,
    decode_lines,
    encode_lines,
    head_of,
    payload_bytes,
    stream_key,
)
from archiver.model.record import Event, Form, Op, Record

NAME = 'with "quotes", \\ and ünï'
KEY = stream_key("b" * 16, "aider", NAME, "s")
BASE = {
    "v": 1,
    "tenant": "acme",
    "class": "standard",
    "user": "dev@example.com",
    "subject": "a" * 32,
    "device": "b" * 16,
    "assistant": "aider",
    "conversation": NAME,
    "stream": "s",
    "shape": "text",
    "id": f"{KEY}-5",
    "op": "entry",
    "position": 5,
    "observed_at": "2026-01-31T09:30:00.000Z",
}

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
written = st.fixed_dictionaries(
    {},
    optional={
        "assistant_version": words,
        "entry": st.integers(1, 2**53),
        "more": st.just(value=True),
        "role": words,
        "model": words,
        "tools": st.lists(words, min_size=1).map(tuple),
        "title": words,
        "cwd": words,
        "git_remote": words,
        "occurred_at": words,
        "form": st.sampled_from(Form),
        "eol": st.sampled_from(["\n", "\r\n"]),
        "payload": words.map(json.dumps).map(str.encode).map(msgspec.Raw),
    },
)


def line(payload: str = "null", **said: Any) -> bytes:
    """Write a whole line by hand."""
    head = json.dumps({**BASE, **said}, separators=(",", ":"))[:-1]
    return head.encode() + b',"payload":' + payload.encode() + b"}"


def test_a_line_is_read_as_a_record_and_what_is_left_out_has_its_default() -> None:
    """Every key by its name."""
    record = decode_line(line('"x"', form="text", entry=3))
    assert (record.id, record.position, record.entry) == (f"{KEY}-5", 5, 3)
    assert (record.conversation, record.klass) == (NAME, "standard")
    assert (record.op, record.more, record.tools, record.eol) == (Op.ENTRY, False, (), "")
    assert (record.role, record.occurred_at) == (None, None)
    assert bytes(decode_line(json.dumps(BASE).encode()).payload) == b"null"


@given(st.lists(written, max_size=4))
def test_records_that_are_written_are_read_back(all_said: list[dict[str, Any]]) -> None:
    """One line each, without a line feed inside, and equal in every key."""
    bare = decode_line(line())
    records = [msgspec.structs.replace(bare, **said) for said in all_said]
    raw = encode_lines(records)
    assert raw.count(b"\n") == len(records)
    assert list(decode_lines(raw)) == records


@given(written)
def test_the_payload_is_written_last_and_verbatim(said: dict[str, Any]) -> None:
    """Whatever stands in the metadata, the first mark is the one before the payload."""
    payload = b'{"a" :  1.50,"payload":1}'
    record = msgspec.structs.replace(
        decode_line(line()), **{**said, "payload": msgspec.Raw(payload)}
    )
    raw = encode_lines([record])
    mark = b',"payload":'
    assert raw[raw.index(mark) + len(mark) :] == payload + b"}\n"


def test_what_has_nothing_to_say_is_left_out_and_what_is_required_never() -> None:
    """A key costs bytes in every record; one that is missing costs the record."""
    record = msgspec.structs.replace(decode_line(json.dumps(BASE).encode()), user="")
    (raw,) = encode_lines([record]).splitlines()
    assert list(json.loads(raw)) == list(BASE)
    assert decode_line(raw).user == ""


def test_metadata_that_is_no_text_is_left_out_and_the_payload_is_not() -> None:
    """A working directory of undecodable bytes must not cost the record."""
    odd = msgspec.structs.replace(
        decode_line(line('"kept"', form="text")), cwd="/\udcff", title="gone too"
    )
    fine = decode_line(line('"fine"', form="text", cwd="/home"))
    first, second = decode_lines(encode_lines([odd, fine]))
    assert (first.cwd, payload_bytes(first)) == (None, b"kept")
    assert (second.cwd, payload_bytes(second)) == ("/home", b"fine")


def test_an_event_is_written_as_the_record_that_is_read() -> None:
    """The writer's form and the reader's have the same keys, in the same order."""
    origin = Origin("t", "c", "u", "s", "d", "a", NAME, "f", "lines", git_remote="h/r")
    event = Event(head_of(origin), "k-0", Op.ENTRY, 0, "2026-01-31T09:30:00.000Z", 7, role="user")
    raw = encode_lines([event])
    (record,) = decode_lines(raw)
    assert encode_lines([record]) == raw
    assert (record.tenant, record.klass, record.git_remote) == ("t", "c", "h/r")
    assert (record.conversation, record.entry, record.role) == (NAME, 7, "user")
    own = [field.encode_name for field in msgspec.structs.fields(Event)]
    shared = [field.encode_name for field in msgspec.structs.fields(Record)]
    assert own[1:] == shared[-len(own) + 1 :]


def test_an_origin_comes_back_as_it_was() -> None:
    """It is kept beside the capture state, for the day on which the file is gone."""
    origin = Origin("t", "c", "u", "s", "d", "a", NAME, "f", "lines", cwd="/x")
    assert Origin.unpack(origin.pack()) == origin


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
