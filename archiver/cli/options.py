"""What the commands share: the same options, by the same names, with the same meaning.

A command takes them as decorators and finds them as arguments::

    @click.command(epilog=examples("archiver status", "archiver status --json | jq ."))
    @config_option
    @state_option
    @json_option
    def status(config: Path, state: Path, *, as_json: bool) -> None: ...

Options say where things are; what is captured and where it goes is the policy's to say.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from archiver.policy.folders import PLAIN, folders_here

if TYPE_CHECKING:
    from archiver.policy.folders import Folders

__all__ = [
    "chosen_state",
    "config_option",
    "default_policy",
    "default_state",
    "examples",
    "json_option",
    "named_policy",
    "policy_folders",
    "policy_places",
    "state_option",
    "yes_option",
]


def policy_folders() -> Folders:
    """Give the folders of this machine and of this user."""
    return folders_here()


def policy_places() -> tuple[Path, ...]:
    """Give every path at which a policy is looked for, in order: the admin's come first."""
    return policy_folders().plain


def default_policy() -> Path:
    """Give the first policy that exists; where none does, the place where a user puts one."""
    folders = policy_folders()
    here = next((place for place in folders.plain if place.exists()), None)
    return here or next(
        (place for place in folders.signed if place.exists()), folders.user / PLAIN[0]
    )


def named_policy(config: Path) -> Path | None:
    """Give the policy that a person named; ``None`` where it is one of the usual places."""
    folders = policy_folders()
    return None if config in (*folders.plain, *folders.signed) else config


def chosen_state() -> Path:
    """Give the state folder for a command without ``--state``: ARCHIVER_STATE's, or the usual."""
    named = os.environ.get("ARCHIVER_STATE")
    return Path(named) if named else default_state()


def default_state() -> Path:
    """Give the folder where this user's spool lies unless told otherwise."""
    import platformdirs  # noqa: PLC0415 - a command that is told --state does not need it

    has_no_state_folder = sys.platform in ("win32", "darwin")
    folder = platformdirs.user_data_dir if has_no_state_folder else platformdirs.user_state_dir
    return Path(folder("archiver", appauthor=False))


def examples(*lines: str) -> str:
    r"""Give the epilog that shows ``lines`` as they are typed (``\b``: click must not wrap)."""
    body = "\n".join(f"  {line}" for line in lines)
    return f"\b\nExamples:\n{body}"


config_option: Final = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="ARCHIVER_CONFIG",
    show_envvar=True,
    default=default_policy,
    show_default="the machine's policy.toml or policy.json, else the user's",
    help="The policy document: TOML, JSON, or signed.",
)
"""Adds ``--config``, found as ``config: Path``. Whether it can be used is the policy's to say."""

state_option: Final = click.option(
    "--state",
    type=click.Path(path_type=Path),
    envvar="ARCHIVER_STATE",
    show_envvar=True,
    default=default_state,
    show_default="the user's data folder",
    help="The folder that holds the spool.",
)
"""Adds ``--state``, found as ``state: Path``. The folder need not exist."""

json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document for a program to read."
)
"""Adds ``--json``, found as ``as_json: bool``."""

yes_option: Final = click.option("--yes", is_flag=True, help="Do it without asking.")
"""Adds ``--yes``, found as ``yes: bool``; hand it to `archiver.cli.output.confirm`."""
