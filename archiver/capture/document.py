"""JSON documents that are rewritten whole: which entries and fields are new.

A document is read between two looks and must parse; half of one is never believed. Its
entries are compared with the marks of the captured ones: those before the first difference
stand, the log says ``rewind`` to them and adds the rest. Top-level fields besides the
entries are compared one by one. Only what differs is archived, so a conversation that is
saved two hundred times costs its final size once.
"""

from __future__ import annotations

import hashlib
from itertools import zip_longest
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import msgspec

from archiver.capture.bytestream import begin_anew, still_the_same
from archiver.capture.cut import MAX_ENTRY, parts
from archiver.capture.log import Log
from archiver.capture.observation import Observation, Unsettled
from archiver.capture.step import Step
from archiver.model.record import FieldChange
from archiver.spool.values import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.spool.values import StreamState

__all__ = ["MAX_DOCUMENT", "NotADocument", "observe", "parse"]

MAX_DOCUMENT: Final = 256 * 1024 * 1024
"""A larger file is archived as text, in parts: a document must fit into the memory."""

_Raw = msgspec.Raw
_object = msgspec.json.Decoder(dict[str, _Raw])
_array = msgspec.json.Decoder(list[_Raw])


class NotADocument(Exception):
    """The bytes are not a JSON object or array."""


class Document(NamedTuple):
    """A parsed document: the key of its entries, the entries, the other fields; all raw."""

    entries_key: str | None
    entries: list[bytes]
    fields: dict[str, bytes]


def _compact(raw: _Raw) -> bytes:
    data = bytes(raw)
    if b"\n" in data or b"\r" in data:
        return bytes(msgspec.json.format(data, indent=-1))
    return data


def parse(data: bytes, entries: str | None) -> Document:
    """Take a document apart; raise `NotADocument` where it is none.

    ``entries`` is where its entries are expected; a document that has no list there is all
    fields, and one that is a list without ``entries`` being ``""`` is its entries all the same.
    """
    try:
        data.decode("utf-8")
        if data.lstrip()[:1] == b"[":
            return Document("", [_compact(raw) for raw in _array.decode(data)], {})
        fields = _object.decode(data)
        listed: list[_Raw] | None = None
        if entries and bytes(fields.get(entries, _Raw())).lstrip()[:1] == b"[":
            listed = _array.decode(fields.pop(entries))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotADocument from error
    rest = {name: _compact(raw) for name, raw in fields.items()}
    if listed is None:
        return Document(None, [], rest)
    return Document(entries, [_compact(raw) for raw in listed], rest)


def _mark(data: bytes) -> Mark:
    return Mark(hashlib.sha256(data).digest()[:16], len(data))


def _standing(look: Observation, new: list[Mark]) -> int:
    """Count the captured entries that the document still starts with."""
    count = 0
    for old, now in zip_longest(look.marks(), new):
        if old is None or old != now:
            break
        count += 1
    return count


def _change(state: StreamState, document: Document) -> tuple[FieldChange | None, dict[str, bytes]]:
    hashes = {name: _mark(raw).digest for name, raw in document.fields.items()}
    new = {
        name: _Raw(raw)
        for name, raw in document.fields.items()
        if state.fields.get(name) != hashes[name]
    }
    gone = tuple(sorted(set(state.fields) - set(hashes)))
    same_key = state.entries_key == document.entries_key and state.position > 0
    if not new and not gone and same_key:
        return None, hashes
    return FieldChange(set=new, unset=gone, entries=document.entries_key), hashes


def observe(file: BinaryIO, look: Observation) -> Iterator[Step]:
    """Yield the one step of a look, or none where the file is empty and was never more.

    Raises `Unsettled` where what it holds is not believed yet, `NotADocument` where it is no
    document.
    """
    if look.glance.size > MAX_DOCUMENT:
        raise NotADocument
    file.seek(0)
    data = file.read()
    still_the_same(file, look.glance)
    if len(data) != look.glance.size:
        raise Unsettled
    if not data.strip():
        if look.state.position == 0:
            yield Step(msgspec.structs.replace(look.state, glance=look.glance), ())
            return
        raise NotADocument
    yield _step(look, parse(data, look.source.entries))


def _step(look: Observation, document: Document) -> Step:
    state = look.state
    log = Log(look.origin, state.position, look.observed_at)
    new = [_mark(entry) for entry in document.entries]
    keep: int | None = None
    if state.shape != look.origin.shape:
        state, standing, keep = begin_anew(state, look.origin.shape), 0, 0
        log.rewind(0)
    else:
        standing = _standing(look, new)
    change, hashes = _change(state, document)
    if standing < state.entries or (state.entries_key and document.entries_key is None):
        if not look.believed():
            raise Unsettled
        keep = standing
        log.rewind(standing)
    elif state.absent:
        log.rewind(standing)
    if change is not None:
        log.fields(change)
    for number in range(standing, len(document.entries)):
        _entry(log, look, number, document.entries[number])
    after = msgspec.structs.replace(
        state,
        entries=len(new),
        entries_key=document.entries_key,
        fields=hashes,
        position=log.position,
        glance=look.glance,
        missing=0,
        absent=False,
    )
    return Step(after, log.drain(), Mark.pack(new[standing:]), standing, keep)


def _entry(log: Log, look: Observation, number: int, entry: bytes) -> None:
    facts = look.facts(entry)
    if len(entry) <= MAX_ENTRY:
        log.entry(number, entry, msgspec.structs.replace(facts, is_json=True))
        return
    pieces = list(parts(entry))
    for index, piece in enumerate(pieces, 1):
        facts = msgspec.structs.replace(facts, is_json=False)
        log.entry(number, piece, facts, more=index < len(pieces))
