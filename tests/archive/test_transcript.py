"""A transcript can be read by a human, whatever is in it, and cannot steer a terminal."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.archive.terminal import neutralise
from archiver.archive.transcript import readable, turns


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"type": "user", "message": {"role": "user", "content": "hello"}}, "hello"),
        ({"role": "user", "content": [{"type": "text", "text": "a"}, {"text": "b"}]}, "a\nb"),
        (
            {"ts": 1, "type": "say", "say": "text", "text": "from the interface"},
            "from the interface",
        ),
        ({"message": {"role": "user", "content": "parts"}, "contextItems": []}, "parts"),
        ({"type": "summary", "summary": "what it was about"}, "what it was about"),
        (
            {"content": [{"type": "tool_use", "name": "Bash", "input": {"command": "ls"}}]},
            '[Bash] {"command":"ls"}',
        ),
        (
            {"content": [{"type": "tool_result", "content": [{"type": "text", "text": "out"}]}]},
            "[result] out",
        ),
        ({"content": [{"type": "thinking", "thinking": "hm"}]}, "(thinking) hm"),
        ({"content": [{"type": "image", "source": {"data": "AAAA"}}]}, "[image]"),
        ({"type": "progress", "data": {"n": 1}}, '{"type":"progress","data":{"n":1}}'),
        ({"message": {"content": None}}, '{"content":null}'),
        ([1, "two"], "1\ntwo"),
        (17, "17"),
    ],
)
def test_the_text_of_an_entry_is_found(payload: Any, text: str) -> None:
    """The shapes of the assistants, and the compact JSON of what is none."""
    assert readable(json.dumps(payload).encode()) == text


def test_what_is_not_json_is_shown_as_text() -> None:
    """A line of a chat in Markdown, and bytes that are nothing."""
    assert readable(b"#### do it\n") == "#### do it"
    assert readable(b"\xff\xfe") == "\ufffd\ufffd"


def test_a_bottomless_value_is_still_shown() -> None:
    """Depth is the writer's choice; a crash of the reader is not."""
    for deep in (b"[" * 100_000, b'{"content":' * 400 + b"1" + b"}" * 400):
        assert readable(deep)


@given(st.binary())
def test_any_bytes_have_a_text(payload: Any) -> None:
    """Nothing that was archived is impossible to show."""
    assert isinstance(readable(payload), str)


def test_every_record_is_a_turn_with_what_it_says_about_itself(synthetic: Any) -> None:
    """Times are those of the source where it knows them."""
    s = synthetic
    said = {"role": "assistant", "model": "m1", "tools": ["Bash"], "occurred_at": s.at(1)}
    one, two = turns(s.records(s.text(1, 1, "second"), s.text(0, 0, "first", **said)))
    assert (one.at, one.role, one.model, one.tools) == (s.at(1), "assistant", "m1", ("Bash",))
    assert (one.stream, one.text, one.note) == (s.STREAM, "first", "")
    assert (two.at, two.role, two.tools, two.text) == (s.at(0), "", (), "second")


def test_edits_and_deletions_are_shown_where_they_happened(synthetic: Any) -> None:
    """The reader sees that something was taken back."""
    s = synthetic
    log = s.records(
        s.text(0, 0, "a"),
        s.line(1, "rewind", entry=0),
        s.line(2, "deleted"),
        s.line(3, "fields", '{"set":{"title":1},"unset":["old"],"entries":null}', form="json"),
        s.line(4, "fields", "3", form="json"),
    )
    notes = [turn.note for turn in turns(log)]
    assert notes == [
        "",
        "the file was rewritten: its first 0 entries still stand",
        "the file was deleted",
        "fields of the document: set title; removed old",
        "fields of the document changed",
    ]
    assert all(turn.text == "" for turn in list(turns(log))[1:])


def test_parts_are_one_turn_and_duplicates_are_none(synthetic: Any) -> None:
    """A large entry is read as one."""
    s = synthetic
    log = s.records(
        s.text(0, 0, "one ", more=True, eol=""), s.text(1, 0, "two"), s.text(1, 0, "two")
    )
    assert [turn.text for turn in turns(log)] == ["one two"]


def test_an_entry_whose_rest_is_not_there_is_shown_as_far_as_it_is(synthetic: Any) -> None:
    """What is there can be read."""
    (turn,) = turns(synthetic.records(synthetic.text(0, 0, "half", more=True)))
    assert turn.text == "half"


def test_devices_and_streams_are_told_one_after_the_other(synthetic: Any) -> None:
    """Two devices' logs of one file are never mixed into one."""
    s = synthetic
    log = s.records(
        s.text(0, 0, "z", device=s.OTHER_DEVICE),
        s.text(0, 0, "b", stream="b"),
        s.text(0, 0, "a", stream="a"),
        s.text(1, 1, "y", device=s.OTHER_DEVICE),
    )
    assert [turn.text for turn in turns(log)] == ["a", "b", "z", "y"]


@pytest.mark.parametrize(
    ("attack", "shown"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("safe\rrm", r"safe\rrm"),
        ("\x08\x7f\x00", r"\x08\x7f\x00"),
        ("user\u202eecila", r"user\u202eecila"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
    ],
)
def test_control_characters_are_spelled_out(synthetic: Any, attack: str, shown: str) -> None:
    """Wherever they stand: in the text, the role, the model, a tool or the stream's name."""
    assert neutralise(attack) == shown
    if attack == "\ud800":
        return  # no record can hold half a character
    said = {"role": attack, "model": attack, "tools": [attack], "stream": attack}
    (turn,) = turns(synthetic.records(synthetic.text(0, 0, attack, **said)))
    assert (turn.text, turn.role, turn.model, turn.tools, turn.stream) == (
        shown, shown, shown, (shown,), shown,
    )  # fmt: skip


def test_a_note_cannot_steer_a_terminal_either(synthetic: Any) -> None:
    """The names of fields are the writer's choice."""
    change = '{"set":{"\\u001b[2J":1},"unset":[],"entries":null}'
    (turn,) = turns(synthetic.records(synthetic.line(0, "fields", change, form="json")))
    assert "\x1b" not in turn.note


@given(st.text(st.characters()))
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    """Of the control characters only line feed and tab stay; other text stays as it is."""
    shown = neutralise(text)
    left = {one for one in shown if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")}
    assert left <= {"\n", "\t"}
    assert not {unicodedata.bidirectional(one) for one in shown} & {"RLO", "LRO", "RLI", "PDF"}


def test_ordinary_text_of_any_language_is_left_alone() -> None:
    """Emoji made of several characters, accents, right-to-left letters, line ends."""
    for text in ("naïve", "\u0639\u0631\u0628\u064a", "👩\u200d💻", "a\tb\nc"):
        assert neutralise(text) == text
    assert neutralise("one\r\ntwo") == "one\ntwo"
