"""JSON documents that their assistants rewrite whole, and not atomically."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from laptop import QUIET, WORKED_IN, equal_json

from archiver.capture import cut, document

if TYPE_CHECKING:
    from laptop import Archive, Laptop

NAME = "s1.messages.json"


def messages(*said: str, **fields: Any) -> bytes:
    """Write a Cline 4 conversation; synthetic."""
    entries = [{"role": "user", "content": one} for one in said]
    return json.dumps({"version": 1, "updated_at": "x", "messages": entries, **fields}).encode()


def assert_states(archive: Archive, *wanted: bytes | None) -> None:
    """Hold the states of the document to these, as JSON."""
    states = archive.states(NAME)
    assert len(states) == len(wanted)
    for state, one in zip(states, wanted, strict=True):
        assert (state is None) == (one is None)
        if state is not None and one is not None:
            assert equal_json(state, one)


def test_a_torn_document_is_never_believed(patient: Laptop) -> None:
    """Every prefix of a save that is being written is passed over; the whole save counts."""
    chat = patient.cline4("s1")
    before, after = messages("one"), messages("one", "two")
    patient.write(chat, before)
    patient.look()
    for length in range(0, len(after) - 1, 7):
        patient.write(chat, after[:length])
        done = patient.look()
        assert (done.records, done.unsettled) == (0, 1)
    patient.write(chat, after)
    patient.look()
    assert_states(patient.archive(), before, after)


def test_an_empty_document_never_replaces_a_full_one(patient: Laptop) -> None:
    """Zero bytes, or a list that is empty for a moment, take nothing back."""
    chat = patient.cline4("s1")
    full = messages("one", "two")
    patient.write(chat, full)
    patient.look()
    for empty in (b"", b"   ", messages()):
        patient.write(chat, empty)
        assert patient.look().records == 0
    patient.write(chat, full)
    assert patient.look(later=QUIET).records == 0
    assert_states(patient.archive(), full)


def test_a_document_that_stays_shorter_was_cut_by_its_user(patient: Laptop) -> None:
    """A conversation taken back to an earlier message: both states are in the archive."""
    chat = patient.cline4("s1")
    long, short = messages("one", "two", "three"), messages("one")
    patient.write(chat, long)
    patient.look()
    patient.write(chat, short)
    patient.look()
    patient.look(later=QUIET)
    patient.write(chat, messages("one", "other"))
    patient.look()
    assert_states(patient.archive(), long, short, messages("one", "other"))


def test_only_what_changed_is_stored(laptop: Laptop) -> None:
    """A new message is one record; a new value of a field one more; nothing else comes again."""
    chat = laptop.cline4("s1")
    laptop.write(chat, messages("a" * 5000, "b" * 5000))
    laptop.look()
    laptop.write(chat, messages("a" * 5000, "b" * 5000, "c"))
    assert laptop.look().records == 1
    laptop.write(chat, messages("a" * 5000, "b" * 5000, "c", "d", version=2))
    done = laptop.look()
    assert done.records == 2
    assert done.raw_bytes < 3000
    laptop.write(chat, messages("a" * 5000, "b" * 5000, "c", "d", version=2))
    assert laptop.look().records == 0
    assert len(laptop.archive().states(NAME)) == 3


def test_fields_come_and_go(laptop: Laptop) -> None:
    """Top-level keys that are set, changed and removed are so in each state."""
    chat = laptop.cline4("s1")
    versions = [
        messages("one"),
        messages("one", model="m1"),
        messages("one", model={"id": "m2", "deep": [1, {"x": None}]}),
        b'{"messages":[{"role":"user","content":"one"}]}',
        b'{"messages":[]}',
        b"{}",
        b'{"messages":null}',
        b'{"messages":{"not":"a list"}}',
        b'{"messages":[1,"two",null,[3],{"four":4}],"other":[]}',
        b"[1,2]",
        b"[]",
        b'{"messages":[1]}',
    ]
    for version in versions:
        laptop.write(chat, version)
        laptop.look()
    assert_states(laptop.archive(), *versions)


def test_a_document_that_turns_to_rubbish_and_back_is_kept_throughout(patient: Laptop) -> None:
    """Rubbish that stays is archived byte for byte, as text; then the document goes on."""
    chat = patient.cline4("s1")
    first, rubbish, last = messages("one", "two"), b'{"messages":[{"role":', messages("one")
    patient.write(chat, first)
    patient.look()
    patient.write(chat, rubbish)
    patient.look()
    patient.look(later=3 * QUIET)
    assert patient.archive().states(NAME) != []
    patient.look(later=6 * QUIET)
    patient.write(chat, last)
    patient.look()
    archive = patient.archive()
    assert [one.shape for one in archive.log(NAME) if one.op == "rewind"] == ["text", "document"]
    assert_states_mixed(archive, first, rubbish, last)


def assert_states_mixed(archive: Archive, first: bytes, rubbish: bytes, last: bytes) -> None:
    """Compare the middle one byte for byte."""
    states = archive.states(NAME)
    assert len(states) == 3
    assert states[0] is not None
    assert states[2] is not None
    assert equal_json(states[0], first)
    assert states[1] == rubbish
    assert equal_json(states[2], last)


@pytest.mark.parametrize(
    "content",
    [
        b'{"messages":[0.1000,1e400,-0,1E+2,123456789012345678901234567890],"n":1.50}',
        b'{"a":1,"a":2,"messages":[1],"messages":[2,3]}',
        b'{"messages":[{"a":1,"a":2}]}',
        b"[" * 900 + b"]" * 900,
        b'{"messages":[' + b"[" * 900 + b"]" * 900 + b"]}",
        b'{"deep":' + b"[" * 900 + b"]" * 900 + b',"messages":[1]}',
        b'{\r\n\t"messages" : [\r\n 1 ,\n\n{"a" :\r 1}\n ] \n}\n\n',
        '{"messages":["\u2028\U0001f600\u00e9"],"\u00e9":1}'.encode(),
        b'{"messages":["\\u00e9\\/\\n\\u0000"],"\\u0061":1,"a\\nb":2}',
        b'{"":{"messages":1},"messages":[""]}',
        b'[[],{},"",0,false,null]',
        b'{"set":{},"unset":[],"entries":"x","messages":[{"payload":1}]}',
    ],
    ids=lambda content: ascii(content[:24]),
)
def test_any_document_is_equal_as_json(laptop: Laptop, content: bytes) -> None:
    """Numbers, duplicate keys, nesting, escapes and white space: read back, it is the same."""
    chat = laptop.cline4("s1")
    laptop.write(chat, content)
    laptop.look()
    archive = laptop.archive()
    assert {one.shape for one in archive.log(NAME)} == {"document"}
    assert_states(archive, content)
    for chunk in archive.chunks.values():
        for one in chunk.splitlines():
            json.loads(one)


@pytest.mark.parametrize(
    "content",
    [
        b'["\\q"]',
        b'{"messages":["\\ud800"]}',
        b'["\x01"]',
        b"[01]",
        b'{"messages":[nul]}',
        b'{"a":"\xff"}',
        b"{} {}",
        b"null",
        b'"text"',
        b"[" * 100_000 + b"]" * 100_000,
        b"\xef\xbb\xbf{}",
        b"\0" * 100,
        b"SQLite format 3\0" + bytes(range(256)),
    ],
    ids=lambda content: ascii(content[:24]),
)
def test_what_is_no_document_comes_back_byte_for_byte(laptop: Laptop, content: bytes) -> None:
    """What strict readers refuse is archived as it is."""
    chat = laptop.cline4("s1")
    laptop.write(chat, content)
    laptop.look()
    archive = laptop.archive()
    assert {one.shape for one in archive.log(NAME)} == {"text"}
    assert archive.states(NAME) == [content]


@pytest.mark.parametrize("filling", ["x", "\u00e9", "\u0001", '"'])
def test_a_huge_entry_comes_in_parts(laptop: Laptop, filling: str) -> None:
    """A message of ten mebibytes, and a field as large, are split and joined again."""
    chat = laptop.cline4("s1")
    count = 10 * 2**20 // len(filling.encode())
    said = messages("one", filling * count, "three", field=filling * count)
    laptop.write(chat, said)
    laptop.look()
    archive = laptop.archive()
    log = archive.log(NAME)
    assert sum(one.more for one in log if one.op == "entry") >= 10 * 2**20 // cut.MAX_PART - 1
    assert sum(one.more for one in log if one.op == "fields") >= 10 * 2**20 // cut.MAX_PART - 1
    assert_states(archive, said)


def test_a_document_beyond_all_measure_is_archived_as_text(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit into the memory is taken in parts, byte for byte."""
    monkeypatch.setattr(document, "MAX_DOCUMENT", 1000)
    chat = laptop.cline4("s1")
    content = messages("x" * 2000)
    laptop.write(chat, content)
    laptop.look()
    assert laptop.archive().states(NAME) == [content]


def test_many_marks_are_taken_back_quickly(laptop: Laptop) -> None:
    """A conversation of thirty thousand messages that is cut to one is recorded in a moment."""
    chat = laptop.cline4("s1")
    laptop.write(chat, messages(*map(str, range(30_000))))
    laptop.look()
    laptop.write(chat, messages("0"))
    before = time.process_time()
    laptop.look()
    assert time.process_time() - before < 2
    assert len(laptop.archive().states(NAME)) == 2


def test_the_manifest_beside_it_is_a_stream_of_its_own(laptop: Laptop) -> None:
    """A conversation of two files is restored as two files."""
    chat = laptop.cline4("s1")
    laptop.write(chat, messages("one"))
    laptop.look()
    (manifest,) = laptop.archive().states("s1/s1.json")
    assert manifest is not None
    assert json.loads(manifest) == {"cwd": WORKED_IN}
