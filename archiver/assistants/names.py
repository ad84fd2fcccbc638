r"""Names of streams: what a file is called, as text, and back.

A file name is bytes on POSIX and may hold a line feed or bytes that are no UTF-8; a stream
name stands in JSON, in a listing and in a shell. The rule, which is exact both ways:

* parts are joined with ``/``;
* written as ``%XX`` (upper case, one per byte of UTF-8): bytes that are not UTF-8, control
  characters, the backslash, the colon of what looks like a drive (``C:``), and a ``%`` that
  two upper-case hex digits follow;
* everything else stands as it is.

>>> stream_name("tool-results", "100%.txt")
'tool-results/100%.txt'
>>> stream_name("two\nlines")
'two%0Alines'
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from archiver.errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["file_parts", "plain_text", "stream_name"]

_SPECIAL: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]|%(?=[0-9A-F]{2})|(?<=^[A-Za-z]):"
)
_ESCAPE: Final = re.compile(r"(?:%[0-9A-F]{2})+")
_NEVER_WRITTEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]|^[A-Za-z]:")
_NOT_ON_WINDOWS: Final = re.compile(
    r"[\x00-\x1f<>:\"|?*\\]|[. ]$|^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE
)


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in os.fsencode(match[0]))


def _unescape(match: re.Match[str]) -> str:
    return os.fsdecode(bytes.fromhex(match[0].replace("%", "")))


def stream_name(*parts: str) -> str:
    """Write a relative path as text. ``parts`` are file names as `os` gives them."""
    name = "/".join(parts)
    if name.isascii() and name.isprintable() and not ("%" in name or "\\" in name or ":" in name):
        return name
    return "/".join(_SPECIAL.sub(_escape, part) for part in parts)


def file_parts(stream: str, *, windows: bool = os.name == "nt") -> tuple[str, ...]:
    """Give the file names that `stream_name` was given, safe to join below a folder.

    Raise `Damaged` for a name that leads elsewhere (``..``, an absolute path, a drive), that
    `stream_name` never writes, or that no file can have on this system.
    """
    written = stream.split("/")
    parts = tuple(_ESCAPE.sub(_unescape, part) for part in written)
    if any(map(_NEVER_WRITTEN.search, written)) or not _are_file_names(parts, windows=windows):
        raise Damaged(
            f"a file of this conversation cannot be written under its name: {stream!a}",
            advice="Restore it on the system that it came from; if that is this one, the archive "
            "was not written by archiver.",
        )
    return parts


def _are_file_names(parts: Sequence[str], *, windows: bool) -> bool:
    for part in parts:
        if part in ("", ".", "..") or "/" in part or "\0" in part:
            return False
        if windows and _NOT_ON_WINDOWS.search(part):
            return False
    return True


def plain_text(path: str) -> str:
    """Give a path of this machine as valid text; U+FFFD stands for what is not UTF-8."""
    return path if path.isascii() else os.fsencode(path).decode(errors="replace")
