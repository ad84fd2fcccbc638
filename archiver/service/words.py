"""Words as the three service managers want them written, so that each arrives as it was.

* systemd: quoted where needed, C escapes; ``%`` would name a specifier, ``$`` a variable
  (systemd.service(5), "Command lines"). The path of the program expands ``%`` only, and
  systemd refuses quotes, backslashes and control characters in it, however written.
* launchd and Windows tasks: XML text. What XML 1.0 cannot hold is refused.
* The argument line of a Windows task is one string, quoted as the C runtime reads it.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from archiver.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["for_systemd", "for_windows", "for_xml"]

_NEEDS_NOTHING: Final = r"[A-Za-z0-9_./:=+,-]+"
_PRINTABLE_FROM: Final = 0x20
_DELETE: Final = 0x7F
_REFUSED: Final = {ord(character): "\0" for character in "\"'\\\x7f"}
_FIRST_SURROGATE, _LAST_SURROGATE = 0xD800, 0xDFFF


def for_systemd(word: str, *, program: bool = False) -> str:
    """Write ``word`` for ``ExecStart=``; ``program`` for its first word, a path.

    Raise `ServiceError` for a program that systemd would refuse to start.
    """
    if program and not all(_is_plain(character) for character in word.translate(_REFUSED)):
        raise _unwritable(word)
    if re.fullmatch(_NEEDS_NOTHING, word):
        return word
    dollar = "$" if program else "$$"
    special = {"\\": "\\\\", '"': '\\"', "%": "%%", "$": dollar}
    return f'"{"".join(special.get(character) or _systemd(character) for character in word)}"'


def _systemd(character: str) -> str:
    if _is_plain(character) and character != chr(_DELETE):
        return character
    # A control character, or a byte of a path that is not UTF-8.
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def for_xml(word: str) -> str:
    """Write ``word`` as XML text; raise `ServiceError` where XML has no way to say it."""
    if not all(_is_plain(character) for character in word):
        raise _unwritable(word)
    return escape(word)


def _unwritable(word: str) -> ServiceError:
    return ServiceError(
        f"a path holds a character that a service file cannot carry: {word!r}",
        advice="Give the folder or the file a name without quotes and control characters.",
    )


def for_windows(words: Sequence[str]) -> str:
    """Write ``words`` as one command line that splits into the same words again."""
    return subprocess.list2cmdline(words)


def _is_plain(character: str) -> bool:
    code = ord(character)
    return code >= _PRINTABLE_FROM and not _FIRST_SURROGATE <= code <= _LAST_SURROGATE
