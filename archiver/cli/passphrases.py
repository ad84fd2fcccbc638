"""Passphrases: asked for at a terminal, else a line of standard input; never an argument.

What stands on a command line is seen by every user of the machine, and kept by the shell.
"""

from __future__ import annotations

import sys

import click

from archiver.cli.output import visible

__all__ = ["new_passphrase", "passphrase_of"]


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
