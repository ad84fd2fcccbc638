"""Cutting bytes into entries. Pure, apart from the blocks that it is handed.

Whatever the input, the pieces put together are the input: that is what a restore relies on.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

__all__ = ["MAX_ENTRY", "MAX_PART", "lines", "parts", "texts", "without_end"]

MAX_ENTRY: Final = 3 * 1024 * 1024
"""Longest entry, in bytes, that stays one record; a longer one is cut into parts. A record
line is at most twice its payload, and a batch at most a mebibyte and one record, so a chunk
of one batch stays below 8 MiB; and no file can fill the memory."""

MAX_PART: Final = 1024 * 1024
"""Length of the parts, in bytes."""


def _at_character(data: bytes, cut: int) -> int:
    """Move a cut back to the start of a UTF-8 character, at most three bytes."""
    for back in range(min(4, cut)):
        if data[cut - back] & 0xC0 != 0x80:  # noqa: PLR2004 - not a continuation byte
            return cut - back
    return cut


def parts(data: bytes) -> Iterator[bytes]:
    """Cut into parts of at most `MAX_PART`, between characters where it is UTF-8."""
    start = 0
    while len(data) - start > MAX_PART:
        cut = _at_character(data, start + MAX_PART)
        yield data[start:cut]
        start = cut
    if start < len(data) or not data:
        yield data[start:]


def lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Cut into one entry a line, its end included.

    A line that grows past `MAX_ENTRY` comes in parts, of which the last has the end.
    """
    rest = b""
    for block in blocks:
        data = rest + block
        cut = data.rfind(b"\n") + 1
        for line in io.BytesIO(data[:cut]):
            if len(line) <= MAX_ENTRY:
                yield line
            else:
                yield from parts(line)
        rest = data[cut:]
        while len(rest) > MAX_ENTRY:
            cut = _at_character(rest, MAX_PART)
            yield rest[:cut]
            rest = rest[cut:]
    if rest:
        yield rest


def texts(blocks: Iterable[bytes], boundary: re.Pattern[bytes] | None) -> Iterator[bytes]:
    """Cut before every line that matches ``boundary``, and into parts."""
    held: list[bytes] = []
    size = 0
    for line in lines(blocks):
        starts = boundary is not None and boundary.match(line) is not None
        if held and (starts or size + len(line) > MAX_PART):
            yield from parts(b"".join(held))
            held, size = [], 0
        held.append(line)
        size += len(line)
    if held:
        yield from parts(b"".join(held))


def without_end(line: bytes) -> tuple[bytes, str]:
    """Give a line without its end, and the end: LF, CR LF or nothing."""
    if not line.endswith(b"\n"):
        return line, ""
    if line.endswith(b"\r\n"):
        return line[:-2], "\r\n"
    return line[:-1], "\n"
