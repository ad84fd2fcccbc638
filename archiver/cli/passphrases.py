"""Passphrases: asked for at a terminal, else a line of standard input; never an argument.

What stands on a command line is seen by every user of the machine, and kept by the shell.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from archiver.cli.output import visible
from archiver.errors import UnusableKey

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["identities_in", "new_passphrase", "passphrase_of"]


def new_passphrase() -> str:
    """Ask for a new one, twice; raise `click.UsageError` where there is none."""
    if sys.stdin.isatty():
        return _asked("New passphrase", twice=True)
    return _line("the new passphrase")


def passphrase_of(name: str) -> str:
    """Ask for the one that opens ``name``; raise `click.UsageError` where there is none."""
    if sys.stdin.isatty():
        return _asked(f"Passphrase of {visible(name)}", twice=False)
    return _line(f"the passphrase of {name}")


def _asked(prompt: str, *, twice: bool) -> str:
    typed: str = click.prompt(prompt, hide_input=True, confirmation_prompt=twice, err=True)
    return typed


def _line(what: str) -> str:
    text = sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise click.UsageError(
            f"Nobody is here to ask for {what}: give it as a line of standard input."
        )
    return text


def identities_in(paths: tuple[Path, ...]) -> tuple[str, ...]:
    """Read identity files, asking for their passphrases; raise `UnusableKey`."""
    from archiver.vault.officers import read_identities  # noqa: PLC0415 - most have none

    found: list[str] = []
    for path in paths:
        try:
            body = path.read_bytes()
        except OSError as error:
            raise UnusableKey(
                f"the identity file {path} cannot be read: {error.strerror}",
                advice="Name the file that holds the officer's private key.",
            ) from None
        found += read_identities(body, passphrase=partial(passphrase_of, str(path)))
    return tuple(found)
