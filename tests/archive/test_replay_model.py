"""Random histories of a file, against a model that simply remembers every state.

The stranger in this module is written from FORMAT.md alone, with `json` and `zstandard`: it
shares no code with archiver, and must agree with it.
"""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from archiver.archive.replay import replay, states

if TYPE_CHECKING:
    from types import SimpleNamespace

MARK = b',"payload":'

bodies = st.binary(max_size=40) | st.text(max_size=20).map(str.encode)
values = st.recursive(
    st.none() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
fields = st.dictionaries(st.sampled_from("abcm"), values, max_size=3)
steps = st.one_of(
    st.tuples(st.just("append"), st.lists(bodies, max_size=4), st.lists(values, max_size=4)),
    st.tuples(st.just("rewrite"), st.integers(0, 6), st.lists(bodies, max_size=3)),
    st.tuples(st.just("fields"), fields, st.sampled_from([None, "", "m"])),
    st.tuples(st.just("delete"), st.none(), st.none()),
    st.tuples(st.just("shape"), st.sampled_from(["lines", "text", "document"]), st.none()),
)


@dataclass
class History:
    """A file that is changed step by step, the log of it, and every state that it had."""

    make: SimpleNamespace
    shape: str = "lines"
    entries: list[bytes] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    key: str | None = ""
    lines: list[bytes] = field(default_factory=list)
    states: list[tuple[str, Any]] = field(default_factory=list)

    def record(self: Any, op: str, payload: str = "null", **said: Any) -> None:
        """Write the next record of the log."""
        position = len(self.lines)
        said = {"observed_at": self.now, "shape": self.shape, **said}
        self.lines.append(self.make.line(position, op, payload, **said))

    def add(self: Any, body: bytes, cut: int) -> None:
        """Append an entry, in parts of ``cut`` bytes where it is longer."""
        parts = [body[at : at + cut] for at in range(0, len(body), cut)] or [b""]
        for number, part in enumerate(parts, 1):
            said: dict[str, Any] = {"entry": len(self.entries), "more": number < len(parts)}
            try:
                self.record("entry", json.dumps(part.decode()), form="text", **said)
            except UnicodeDecodeError:
                payload = json.dumps(base64.b64encode(part).decode())
                self.record("entry", payload, form="base64", **said)
        self.entries.append(body)

    def step(self: Any, what: str, one: Any, two: Any) -> None:
        """Make one observation."""
        self.now = self.make.at(len(self.states))
        before = len(self.lines)
        if what == "append":
            for body in two if self.shape == "document" else one:
                raw = json.dumps(body).encode() if self.shape == "document" else body
                self.add(raw, cut=7)
        elif what == "rewrite" and self.shape != "document":
            del self.entries[one:]
            self.record("rewind", entry=len(self.entries))
            for body in two:
                self.add(body, cut=100)
        elif what == "fields" and self.shape == "document":
            gone = sorted(self.fields.keys() - one.keys())
            self.fields, self.key = one, two
            change = {"set": one, "unset": gone, "entries": two}
            self.record("fields", json.dumps(change), form="json")
        elif what == "shape" and one != self.shape:
            self.shape, self.entries, self.fields, self.key = one, [], {}, ""
            self.record("rewind", entry=0)
        elif what == "delete":
            self.record("deleted")
        if len(self.lines) > before:
            self.states.append((self.now, None if what == "delete" else self.now_holds()))

    def now_holds(self: Any) -> Any:
        """Give the file as it is: bytes, or the value of a document."""
        if self.shape != "document":
            return b"".join(self.entries)
        listed = [json.loads(body) for body in self.entries]
        if self.key == "":
            return listed
        return self.fields if self.key is None else {**self.fields, self.key: listed}


def told(shape: str, body: bytes | None) -> Any:
    """Compare documents as JSON and all else as bytes."""
    return json.loads(body) if shape == "document" and body is not None else body


def shapes(lines: list[bytes]) -> dict[str, str]:
    """Give the shape of the file at each time."""
    return {value["observed_at"]: value["shape"] for value in map(json.loads, lines)}


def stranger_payload(line: bytes, record: dict[str, Any]) -> bytes:
    """Section 3 of FORMAT.md: the payload's bytes."""
    if record["form"] == "json":
        return line[line.index(MARK) + len(MARK) : -1]
    return (
        record["payload"].encode()
        if record["form"] == "text"
        else base64.b64decode(record["payload"])
    )


def stranger_log(chunks: list[bytes], stream_key: str) -> list[bytes]:
    """Section 2 of FORMAT.md: the records of one stream from the stored chunks, in order."""
    log: dict[int, bytes] = {}
    for chunk in chunks:
        raw = zstandard.ZstdDecompressor().decompress(chunk, allow_extra_data=False)
        for line in io.BytesIO(raw):
            key, _, position = json.loads(line)["id"].partition("-")
            if key == stream_key:
                log[int(position)] = line.removesuffix(b"\n")
    return [log[position] for position in range(len(log))]


class Stranger:
    """Section 4 of FORMAT.md: one file while its log is read."""

    def __init__(self) -> None:
        self.shape, self.part = None, b""

    def read(self, line: bytes) -> None:
        """Take in the next record."""
        record = json.loads(line)
        if record["shape"] != self.shape:
            self.shape, self.entries, self.fields, self.key = record["shape"], [], {}, ""
        if record["op"] == "rewind":
            del self.entries[record.get("entry", 0) :]
        elif record["op"] in ("entry", "fields"):
            self.part += stranger_payload(line, record) + record.get("eol", "").encode()
            if not record.get("more"):
                self.whole(record["op"])
                self.part = b""

    def whole(self, op: str) -> None:
        """Take in what all the parts are together."""
        if op == "entry":
            self.entries.append(self.part)
            return
        change = json.loads(self.part)
        kept = {name: old for name, old in self.fields.items() if name not in change["unset"]}
        self.fields, self.key = {**kept, **change["set"]}, change["entries"]

    def body(self) -> bytes:
        """Give the file."""
        if self.shape != "document":
            return b"".join(self.entries)
        listed = [json.loads(entry) for entry in self.entries]
        both = {**self.fields, self.key: listed} if self.key else self.fields
        return json.dumps(listed if self.key == "" else both).encode()


def stranger_reads(chunks: list[bytes], stream_key: str) -> list[tuple[str, bytes | None]]:
    """Give every state of one stream: where an observation ends."""
    file = Stranger()
    found: dict[str, bytes | None] = {}
    for line in stranger_log(chunks, stream_key):
        file.read(line)
        record = json.loads(line)
        found[record["observed_at"]] = None if record["op"] == "deleted" else file.body()
    return list(found.items())


def test_every_state_of_a_random_history_is_rebuilt(synthetic: Any) -> None:
    """Append, rewrite, change of fields, deletion, change of shape, in any order and number."""

    @settings(max_examples=150, deadline=None)
    @given(history=st.lists(steps, max_size=12), shuffled=st.randoms(use_true_random=False))
    def rebuild(history: Any, shuffled: Any) -> None:
        model = History(synthetic)
        for step in history:
            model.step(*step)
        shape_at = shapes(model.lines)
        log = synthetic.records(*model.lines)
        shuffled.shuffle(log)
        found = [
            (state.observed_at, told(shape_at[state.observed_at], state.body))
            for state in states(log)
        ]
        assert found == model.states
        for when, body in model.states:
            file = replay(log, when)
            held = None if file.deleted_at else told(file.shape, file.body)
            assert held == body

    rebuild()


def test_a_stranger_with_the_specification_agrees(synthetic: Any) -> None:
    """What a reader written from FORMAT.md gives is what archiver gives."""

    @settings(max_examples=100, deadline=None)
    @given(history=st.lists(steps, min_size=1, max_size=8), size=st.integers(1, 9))
    def agree(history: Any, size: int) -> None:
        model = History(synthetic)
        for step in history:
            model.step(*step)
        lines = model.lines
        chunks = [
            zstandard.compress(b"".join(lines[at : at + size])) for at in range(0, len(lines), size)
        ]
        log = synthetic.records(*lines)
        key = log[0].id.split("-")[0] if log else ""
        shape_at = shapes(lines)
        theirs = [(t, told(shape_at[t], body)) for t, body in stranger_reads(chunks, key)]
        ours = [(s.observed_at, told(shape_at[s.observed_at], s.body)) for s in states(log)]
        assert ours == theirs == model.states

    agree()
