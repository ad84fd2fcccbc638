"""The log of a stream gives back every state that was observed, or says what is missing."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.replay import replay, states
from archiver.errors import Damaged

if TYPE_CHECKING:
    from types import SimpleNamespace


def fields(
    synthetic: SimpleNamespace, position: int, change: dict[str, object], **said: object
) -> Any:
    """Write a change of fields."""
    payload = json.dumps(change)
    return synthetic.line(position, "fields", payload, form="json", shape="document", **said)


def test_lines_are_given_back_byte_for_byte(synthetic: Any) -> None:
    """JSON with odd spacing, text, bytes and both line ends come back as they were."""
    s = synthetic
    rubbish = bytes(range(256)).replace(b"\n", b"")
    log = s.records(
        s.line(0, payload='{"a" :  1.50, "a":2}', entry=0, form="json", eol="\r\n"),
        s.text(1, 1, "ünï \u2028 \x1b"),
        s.line(
            2,
            payload=json.dumps(base64.b64encode(rubbish).decode()),
            entry=2,
            form="base64",
            eol="\n",
        ),
        s.text(3, 3, "no end", eol=""),
    )
    file = replay(log)
    expected = b'{"a" :  1.50, "a":2}\r\n' + "ünï \u2028 \x1b\n".encode() + rubbish + b"\nno end"
    assert file.body == expected
    assert (file.stream, file.shape, file.records) == (s.STREAM, "lines", 4)


def test_a_later_entry_continues_a_line_that_had_no_end(synthetic: Any) -> None:
    """What is in the file is the concatenation, whatever the entries are."""
    s = synthetic
    log = s.records(s.text(0, 0, "begun", eol=""), s.text(1, 1, " ended", observed_at=s.at(1)))
    assert replay(log).body == b"begun ended\n"


def test_records_may_come_in_any_order(synthetic: Any) -> None:
    """Chunks are fetched as they come; only the position counts."""
    s = synthetic
    log = s.records(*(s.text(number, number, str(number)) for number in range(20)))
    assert replay(log[::-1]).body == replay(log).body


def test_rewind_keeps_the_first_entries(synthetic: Any) -> None:
    """An edit in the middle takes back what followed."""
    s = synthetic
    log = s.records(
        *(s.text(number, number, str(number)) for number in range(3)),
        s.line(3, "rewind", entry=1, observed_at=s.at(1)),
        s.text(4, 1, "new", observed_at=s.at(1)),
    )
    assert [state.body for state in states(log)] == [b"0\n1\n2\n", b"0\nnew\n"]
    assert replay(log, s.at(0)).body == b"0\n1\n2\n"
    assert replay(log).body == b"0\nnew\n"


def test_a_deleted_file_is_given_as_it_last_was_and_says_so(synthetic: Any) -> None:
    """Without a time the user wants the content; with one, the truth at that time."""
    s = synthetic
    log = s.records(s.text(0, 0, "kept"), s.line(1, "deleted", observed_at=s.at(2)))
    for asked in (None, s.at(2), s.at(3)):
        file = replay(log, asked)
        assert (file.body, file.deleted_at) == (b"kept\n", s.at(2))
    assert replay(log, s.at(1)).deleted_at is None
    assert [state.body for state in states(log)] == [b"kept\n", None]


def test_a_file_that_comes_back_is_not_deleted_any_more(synthetic: Any) -> None:
    """Any record after ``deleted`` revives it, with the entries that stood."""
    s = synthetic
    log = s.records(
        s.text(0, 0, "old"),
        s.line(1, "deleted", observed_at=s.at(1)),
        s.line(2, "rewind", entry=1, observed_at=s.at(2)),
        s.text(3, 1, "new", observed_at=s.at(2)),
    )
    file = replay(log)
    assert (file.body, file.deleted_at) == (b"old\nnew\n", None)


def test_nothing_was_observed_before_the_first_record(synthetic: Any) -> None:
    """A time before everything has no state, and no records have none."""
    s = synthetic
    assert replay(s.records(s.text(0, 0, "x", observed_at=s.at(5))), s.at(4)) is None
    assert replay([]) is None


def test_a_time_between_two_observations_gives_the_earlier(synthetic: Any) -> None:
    """The state at T is the last observed then or before."""
    s = synthetic
    log = s.records(*(s.text(n, n, str(n), observed_at=s.at(10 * n)) for n in range(3)))
    assert replay(log, s.at(19)).body == b"0\n1\n"
    assert replay(log, s.at(20)).body == b"0\n1\n2\n"


def test_a_clock_that_was_set_back_does_not_reorder_the_log(synthetic: Any) -> None:
    """The last record that was observed by then counts, with all before it."""
    s = synthetic
    log = s.records(
        s.text(0, 0, "future", observed_at=s.at(50)), s.text(1, 1, "past", observed_at=s.at(10))
    )
    assert replay(log, s.at(20)).body == b"future\npast\n"
    assert replay(log, s.at(9)) is None


def test_a_missing_position_is_damage_that_names_the_place_and_not_the_content(
    synthetic: Any,
) -> None:
    """The error can be shown to anybody."""
    s = synthetic
    log = s.records(s.text(0, 0, "CANARY"), s.text(2, 1, "CANARY"))
    with pytest.raises(Damaged, match="position 1 is missing") as caught:
        replay(log)
    assert log[0].id.split("-")[0] in str(caught.value)
    assert "CANARY" not in str(caught.value) + caught.value.advice


def test_a_log_that_does_not_begin_at_zero_is_damaged(synthetic: Any) -> None:
    """The beginning can be missing like anything else."""
    with pytest.raises(Damaged, match="position 0 is missing"):
        replay(synthetic.records(synthetic.text(1, 0, "x")))


def test_the_same_record_twice_is_counted_and_harmless(synthetic: Any) -> None:
    """A chunk that was shipped by two manifests changes nothing."""
    s = synthetic
    log = s.records(s.text(0, 0, "a"), s.text(1, 1, "b"), s.text(1, 1, "b"), s.text(0, 0, "a"))
    file = replay(log)
    assert (file.body, file.duplicates, file.records) == (b"a\nb\n", 2, 2)


def test_two_different_records_at_one_position_are_damage(synthetic: Any) -> None:
    """Nobody can tell which one is true."""
    s = synthetic
    with pytest.raises(Damaged, match="stands there twice, differently"):
        replay(s.records(s.text(0, 0, "a"), s.text(0, 0, "b")))


@pytest.mark.parametrize(
    ("position", "op", "entry"), [(1, "entry", 0), (1, "entry", 2), (1, "rewind", 2)]
)
def test_an_entry_or_rewind_that_fits_nowhere_is_damage(
    synthetic: Any, position: int, op: str, entry: int
) -> None:
    """The numbers in a log are redundant on purpose."""
    s = synthetic
    log = s.records(s.text(0, 0, "a"), s.line(position, op, '"x"', entry=entry, form="text"))
    with pytest.raises(Damaged, match=f"position {position} "):
        replay(log)


@pytest.mark.parametrize(
    "said",
    [
        {"form": "text", "payload": "1"},
        {"form": "base64", "payload": '"*"'},
        {"form": "base64", "payload": '"é"'},
    ],
)
def test_a_payload_that_is_not_of_its_form_is_damage(synthetic: Any, said: dict[str, Any]) -> None:
    """Whatever the decoder says inside, it comes out as one error with the place."""
    log = synthetic.records(synthetic.line(0, **said))
    with pytest.raises(Damaged, match="position 0 has a payload that is not"):
        replay(log)


def test_parts_are_joined_and_end_with_the_last(synthetic: Any) -> None:
    """A large entry stands in several records."""
    s = synthetic
    log = s.records(
        s.text(0, 0, "one ", more=True, eol=""),
        s.text(1, 0, "two ", more=True, eol=""),
        s.text(2, 0, "three"),
        s.text(3, 1, "next"),
    )
    assert replay(log).body == b"one two three\nnext\n"


def test_an_unfinished_entry_at_the_end_gives_the_observation_before(synthetic: Any) -> None:
    """The rest is not shipped yet: half an entry was never a state of the file."""
    s = synthetic
    whole = s.text(0, 0, "whole")
    half = s.text(1, 1, "half", more=True, eol="", observed_at=s.at(1))
    file = replay(s.records(whole, half))
    assert (file.body, file.unfinished) == (b"whole\n", True)
    assert replay(s.records(whole, half), s.at(0)).unfinished is False
    assert replay(s.records(s.text(0, 0, "half", more=True))) is None


def test_an_unfinished_entry_in_the_middle_is_damage(synthetic: Any) -> None:
    """Neither another entry, nor a rewind, nor another observation may come between parts."""
    s = synthetic
    begun = s.text(0, 0, "half", more=True, eol="")
    for other in (
        s.text(1, 1, "x"),
        s.line(1, "rewind", entry=0),
        s.line(1, "deleted", shape="text"),
        s.text(1, 0, "x", observed_at=s.at(1)),
    ):
        with pytest.raises(Damaged, match=r"interrupts an entry|another observation"):
            replay(s.records(begun, other))


def test_a_document_is_its_fields_and_its_entries(synthetic: Any) -> None:
    """Values are kept as they were written, also numbers that Python would change."""
    s = synthetic
    log = s.records(
        s.line(
            0,
            "fields",
            '{"set":{"n":1.50,"big":123456789012345678901234567890},"unset":[],"entries":"m"}',
            form="json",
            shape="document",
        ),
        s.line(1, payload='{"role":"user"}', entry=0, form="json", shape="document"),
    )
    body = replay(log).body
    assert b"1.50" in body
    assert b"123456789012345678901234567890" in body
    assert json.loads(body)["m"] == [{"role": "user"}]


def test_fields_are_set_and_unset_and_the_key_of_the_entries_can_change(synthetic: Any) -> None:
    """Every step of a document is a state of its own."""
    s = synthetic

    def entry(position: int, number: int, observed_at: str) -> bytes:
        return s.line(
            position,
            payload=str(number),
            entry=number,
            form="json",
            shape="document",
            observed_at=observed_at,
        )

    log = s.records(
        fields(s, 0, {"set": {"a": 1, "b": 2}, "unset": [], "entries": "m"}),
        entry(1, 0, s.at(0)),
        fields(s, 2, {"set": {"b": 3}, "unset": ["a"], "entries": "m"}, observed_at=s.at(1)),
        fields(s, 3, {"set": {"m": "s"}, "unset": [], "entries": None}, observed_at=s.at(2)),
        s.line(4, "rewind", entry=0, shape="document", observed_at=s.at(3)),
        fields(s, 5, {"set": {}, "unset": ["b", "m"], "entries": ""}, observed_at=s.at(3)),
        entry(6, 0, s.at(3)),
    )
    assert [json.loads(state.body) for state in states(log)] == [
        {"a": 1, "b": 2, "m": [0]},
        {"b": 3, "m": [0]},
        {"b": 3, "m": "s"},
        [0],
    ]


def test_a_field_never_stands_beside_entries_of_the_same_name(synthetic: Any) -> None:
    """Readers differ on what an object with one key twice means."""
    s = synthetic
    log = s.records(fields(s, 0, {"set": {"m": "field"}, "unset": [], "entries": "m"}))
    assert replay(log).body == b'{"m":[]}'


def test_a_change_of_fields_may_come_in_parts(synthetic: Any) -> None:
    """A field can be as large as an entry."""
    s = synthetic
    change = json.dumps({"set": {"long": "x" * 50}, "unset": [], "entries": None})
    log = s.records(
        s.line(0, "fields", json.dumps(change[:20]), form="text", shape="document", more=True),
        s.line(1, "fields", json.dumps(change[20:]), form="text", shape="document"),
    )
    assert json.loads(replay(log).body) == {"long": "x" * 50}


def test_a_change_of_fields_that_is_none_is_damage(synthetic: Any) -> None:
    """A document must not be rebuilt from half of what changed."""
    log = synthetic.records(synthetic.line(0, "fields", "[]", form="json", shape="document"))
    with pytest.raises(Damaged, match="not a change of fields"):
        replay(log)


def test_another_shape_begins_anew(synthetic: Any) -> None:
    """A document that turned to rubbish is archived as text, and back."""
    s = synthetic
    log = s.records(
        fields(s, 0, {"set": {"a": 1}, "unset": [], "entries": None}),
        s.text(1, 0, "{half", shape="text", eol="", observed_at=s.at(1)),
        s.line(2, "rewind", entry=0, shape="document", observed_at=s.at(2)),
        fields(s, 3, {"set": {"b": 2}, "unset": [], "entries": None}, observed_at=s.at(2)),
    )
    assert [state.body for state in states(log)] == [b'{"a":1}', b"{half", b'{"b":2}']
    assert replay(log, s.at(1)).shape == "text"


def test_an_empty_document_is_an_empty_list_or_object(synthetic: Any) -> None:
    """Nothing in it is still a state."""
    for key, body in (("", b"[]"), (None, b"{}"), ("m", b'{"m":[]}')):
        log = synthetic.records(fields(synthetic, 0, {"set": {}, "unset": [], "entries": key}))
        assert replay(log).body == body
