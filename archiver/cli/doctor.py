"""``archiver doctor``: checks by doing, and says what to do about each failure."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from archiver.cli.exits import ExitCode
from archiver.cli.options import config_option, examples, json_option, state_option
from archiver.cli.output import note, print_json, say, steps

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["doctor"]


@click.command(
    epilog=examples("archiver doctor", "archiver doctor --json | jq '.[] | select(.ok|not)'")
)
@config_option
@state_option
@json_option
def doctor(config: Path, state: Path, *, as_json: bool) -> int:
    """Check that everything works, by doing it for real.

    Writes a small probe object into each enabled tenant's store through the way that chunks
    take, reads it back and removes it where these credentials may.
    """
    from archiver.cli.session import policy_watch  # noqa: PLC0415 - --help needs none of it
    from archiver.daemon.doctor import examine  # noqa: PLC0415
    from archiver.daemon.machine import Machine  # noqa: PLC0415

    with steps("checking"):
        watch = policy_watch(config, state, keeps=False)
        checks = asyncio.run(examine(config, state, Machine.this(), watch))
    if as_json:
        print_json(checks)
    else:
        for check in checks:
            say(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.finding}")
            if check.advice:
                note(f"      → {check.advice}")
    return ExitCode.DONE if all(check.ok for check in checks) else ExitCode.ATTENTION
