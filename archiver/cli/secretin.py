"""Keys as a person or a job hands them over: typed unseen, or on standard input.

Never as an argument: what stands on a command line is seen by every user of the machine, and kept
by the shell.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from archiver.credentials.keys import Keys

__all__ = ["keys_handed_over"]

_MOST: Final = 256 * 1024


def keys_handed_over() -> Keys:
    """Ask at a terminal, else read standard input; raise `StoreError`, `click.UsageError`."""
    from archiver.credentials.formats import read_text  # noqa: PLC0415 - --help needs none of it

    if sys.stdin.isatty():
        return _asked()
    text = sys.stdin.read(_MOST)
    if not text.strip():
        raise click.UsageError(
            "Nobody is here to ask: give AWS's JSON, an INI file, or lines with key id, secret and"
            " session token on standard input."
        )
    return read_text(text)


def _asked() -> Keys:
    from archiver.credentials.keys import Keys, check  # noqa: PLC0415 - at a terminal only

    key_id: str = click.prompt("Key id", err=True)
    secret: str = click.prompt("Secret (not shown)", hide_input=True, err=True)
    token: str = click.prompt(
        "Session token (not shown; none: just Enter)",
        hide_input=True,
        default="",
        show_default=False,
        err=True,
    )
    return check(Keys(key_id.strip(), secret.strip(), token.strip() or None))
