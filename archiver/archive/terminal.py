r"""Making archived text safe to print.

A transcript is written by others: by a model, by a web page that it read, by a program that
it ran. An escape sequence in it could retitle, recolour or remote-control the terminal of
whoever reads the archive (CWE-150), and a bidirectional control could make a line read as
something else (CVE-2021-42574). Such characters are shown as ``\x1b``, ``\u202e``.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["neutralise"]

_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\u2028\u2029\ufeff\ufff9-\ufffb"  # separators and invisible marks
    "\ud800-\udfff\U000e0000-\U000e007f]"  # half characters, invisible tags
)


def neutralise(text: str) -> str:
    r"""Give the text with every character that a terminal could obey spelled out.

    Line feeds and tabs stay; a carriage return before a line feed goes.

    >>> neutralise("\x1b]0;owned\x07")
    '\\x1b]0;owned\\x07'
    """
    return _UNSAFE.sub(_spelled, text.replace("\r\n", "\n"))


def _spelled(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
