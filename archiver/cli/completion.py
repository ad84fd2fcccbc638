"""``archiver completion``: the script that a shell needs, printed or put in its place.

The scripts are click's own. They ask `archiver` itself what may come next, so they need not
be renewed when a command is added. No start-up file of a shell is ever changed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from click.shell_completion import get_completion_class

from archiver.cli.options import examples
from archiver.cli.output import note, say
from archiver.durable.files import make_private_folder, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["completion", "script", "script_place"]

_SHELLS: Final = ("bash", "zsh", "fish")


def script(shell: str) -> str:
    """Give the completion script for ``shell``."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} has no completion here; choose one of {_list()}.")
    # The module holds no reference to the group: a script needs the program's name only.
    return kind(click.Command("archiver"), {}, "archiver", "_ARCHIVER_COMPLETE").source()


def script_place(shell: str, home: Path, environ: Mapping[str, str]) -> Path:
    """Give the file where ``shell`` finds a completion of this user's."""
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    places = {
        "bash": data / "bash-completion" / "completions" / "archiver",
        "zsh": data / "zsh" / "site-functions" / "_archiver",
        "fish": config / "fish" / "completions" / "archiver.fish",
    }
    return places[shell]


@click.command(
    epilog=examples(
        "archiver completion install",
        'eval "$(archiver completion bash)"    # for this shell only',
        "archiver completion zsh > ~/.zfunc/_archiver",
    )
)
@click.argument("action", type=click.Choice((*_SHELLS, "install")))
@click.option(
    "--shell", type=click.Choice(_SHELLS), help="The shell to install for, if not $SHELL."
)
def completion(action: str, shell: str | None) -> None:
    """Complete commands with the Tab key.

    Name a shell to print its script, or say `install` to put the script where your shell
    looks for it.
    """
    if action == "install":
        _install(shell or _current_shell(os.environ))
    else:
        say(script(action))


def _install(shell: str) -> None:
    place = script_place(shell, Path.home(), os.environ)
    make_private_folder(place.parent)
    replace(place, script(shell).encode())
    say(str(place))
    if shell == "zsh":
        note(f"Put this above compinit in ~/.zshrc:  fpath=({place.parent} $fpath)")
    note("It works in every shell that you open from now on.")


def _current_shell(environ: Mapping[str, str]) -> str:
    shell = Path(environ.get("SHELL", "")).name
    if shell not in _SHELLS:
        raise click.UsageError(f"Which shell is it? Pass --shell with one of {_list()}.")
    return shell


def _list() -> str:
    return ", ".join(_SHELLS)
