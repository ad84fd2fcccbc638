"""Files of lines and text: what was appended, and what was taken back.

The rule: the sha256 of everything captured is compared with the file's first bytes at every
look at a changed file, so an edit anywhere is seen. Equal: what follows is new. Different:
the entries that still stand are found by their marks, the log says ``rewind``, and what
follows them is new.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from archiver.assistants.protocol import Shape
from archiver.capture import cut, settle
from archiver.capture.door import glance_of
from archiver.capture.log import Log
from archiver.capture.observation import Observation, Unsettled
from archiver.capture.step import Step
from archiver.spool.values import MARK, Glance, StreamState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import _Hash


__all__ = ["begin_anew", "observe", "still_the_same"]

_BLOCK: Final = 1024 * 1024
_STEP_BYTES: Final = 4 * 1024 * 1024

_RUN_BYTES: Final = 4 * 1024
"""A rewritten file is taken back to the end of the last run that still stands, so up to this
much is archived again; marking every line would cost a hash a line."""


def _blocks(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (block := file.read(min(_BLOCK, length))):
        length -= len(block)
        yield block


def _hash_prefix(file: BinaryIO, length: int) -> _Hash:
    digest = hashlib.sha256()
    for block in _blocks(file, length):
        digest.update(block)
    return digest


def _tail_start(file: BinaryIO, low: int, size: int) -> int:
    """Find where the unterminated last line starts, looking back at most `cut.MAX_ENTRY`."""
    end, reach = size, 4096  # most files end with a newline
    while end > max(low, size - cut.MAX_ENTRY):
        start, reach = max(low, end - reach), 65536
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return low if end <= low else size


def _parses(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _end(file: BinaryIO, look: Observation, start: int) -> int:
    """Tell how far to read: through the last newline, or to the end of an idle file."""
    size = look.glance.size
    tail = _tail_start(file, start, size)
    if tail == size or not look.believed():
        return tail
    if look.source.shape is not Shape.LINES:
        return size
    if settle.tail_settled(look.glance, look.patience, now_ns=look.now_ns, quiet_ns=look.quiet_ns):
        return size
    file.seek(tail)
    return size if _parses(file.read(size - tail)) else tail


def _standing(file: BinaryIO, look: Observation) -> tuple[int, int, _Hash]:
    """Find which captured entries the file still starts with: count, bytes, their hash."""
    file.seek(0)
    digest, beyond = hashlib.sha256(), hashlib.sha256()
    count = offset = 0
    for mark in look.marks():
        for block in _blocks(file, mark.length):
            beyond.update(block)
        if beyond.digest()[:16] != mark.digest:
            break
        digest = beyond.copy()
        count += mark.entries
        offset += mark.length
    return count, offset, digest


def observe(file: BinaryIO, look: Observation) -> Iterator[Step]:
    """Yield the steps of one look.

    Raises `Unsettled` where nothing (more) may be believed yet; the steps before it stand.
    """
    state = look.state
    shape = look.origin.shape
    log = Log(look.origin, state.position, look.observed_at)
    keep: int | None = None
    if state.shape != shape:
        if state.position:
            log.rewind(0)
        state = begin_anew(state, shape)
        keep = 0
    digest = _hash_prefix(file, state.consumed)
    if state.consumed and digest.digest() != state.prefix:
        if not look.believed():
            raise Unsettled
        keep, offset, digest = _standing(file, look)
        state = msgspec.structs.replace(state, consumed=offset, entries=keep)
        log.rewind(keep)
    elif state.absent:
        log.rewind(state.entries)
    end = _end(file, look, state.consumed)
    state = msgspec.structs.replace(state, absent=False)
    yield from _append(file, look, state, log, digest, end, keep)


def begin_anew(state: StreamState, shape: str) -> StreamState:
    """Give the state of a stream whose shape changed: nothing stands, the log goes on."""
    return msgspec.structs.replace(
        state, shape=shape, consumed=0, prefix=b"", entries=0, fields={}, entries_key=None
    )


def still_the_same(file: BinaryIO, before: Glance) -> None:
    """Raise `Unsettled` where the file was rewritten while it was read; growing is no harm."""
    after = glance_of(file)
    if after.size < before.size or (
        after.size == before.size and after.modified != before.modified
    ):
        raise Unsettled


def _append(
    file: BinaryIO,
    look: Observation,
    state: StreamState,
    log: Log,
    digest: _Hash,
    end: int,
    keep: int | None,
) -> Iterator[Step]:
    file.seek(state.consumed)
    blocks = _blocks(file, end - state.consumed)
    source = look.source
    in_lines = source.shape is Shape.LINES
    run = _Run(digest)
    first = number = state.entries
    taken = size = 0
    held: list[bytes] = []
    facts = look.facts
    for entry in cut.lines(blocks) if in_lines else cut.texts(blocks, source.boundary):
        payload, eol = cut.without_end(entry) if in_lines else (entry, "")
        log.entry(number, payload, facts(payload), eol=eol)
        held.append(entry)
        number += 1
        size += len(entry)
        if size >= _RUN_BYTES:
            run.add(held, size)
            held, size = [], 0
            if run.size - taken >= _STEP_BYTES:
                still_the_same(file, look.glance)
                after = _after(state, run, log, None)
                yield Step(after, log.drain(), run.marks(), first, keep)
                first, taken, keep = after.entries, run.size, None
    run.add(held, size)
    still_the_same(file, look.glance)
    complete = state.consumed + run.size >= look.glance.size
    after = _after(state, run, log, look.glance if complete else None)
    yield Step(after, log.drain(), run.marks(), first, keep)


def _after(state: StreamState, run: _Run, log: Log, glance: Glance | None) -> StreamState:
    return msgspec.structs.replace(
        state,
        entries=state.entries + run.entries,
        consumed=state.consumed + run.size,
        prefix=run.prefix(),
        position=log.position,
        glance=glance,
        missing=0,
    )


class _Run:
    """The entries added in one look: hashed in runs, one mark a run."""

    __slots__ = ("_digest", "_marks", "entries", "size")

    def __init__(self, digest: _Hash) -> None:
        self.entries = self.size = 0
        self._digest = digest
        self._marks: list[bytes] = []

    def add(self, entries: list[bytes], size: int) -> None:
        """Add a run of entries that have ``size`` bytes together."""
        if entries:
            self._digest.update(b"".join(entries))
            self._marks.append(MARK.pack(self._digest.digest(), size, len(entries)))
            self.entries += len(entries)
            self.size += size

    def prefix(self) -> bytes:
        """Give the sha256 of the whole file up to here."""
        return self._digest.digest()

    def marks(self) -> bytes:
        """Give the marks of the runs added since the last call, packed."""
        marks = b"".join(self._marks)
        self._marks.clear()
        return marks
