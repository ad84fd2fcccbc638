"""``archiver service``: have systemd, launchd or the Windows task scheduler run the daemon."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from archiver.cli.exits import ExitCode
from archiver.cli.options import config_option, examples, json_option, state_option
from archiver.cli.output import print_json, say
from archiver.service import apply
from archiver.service.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.service.plan import Plan

__all__ = ["service"]


@click.group(epilog=examples("archiver service install", "archiver service status"))
def service() -> None:
    """Have the operating system run the daemon.

    A systemd user unit on Linux, a launchd agent on macOS, a scheduled task on Windows: always
    for the user who types this, and never as an administrator.
    """


@service.command(
    epilog=examples(
        "archiver service install --config ~/policy.toml",
        "archiver service install --dry-run",
    )
)
@config_option
@state_option
@click.option("--dry-run", is_flag=True, help="Show the file and the commands; change nothing.")
@click.pass_context
def install(ctx: click.Context, config: Path, state: Path, *, dry_run: bool) -> None:
    """Start the daemon now, and at each login from now on.

    What is not given here the daemon looks up each time it starts.
    """
    given = {"config": config, "state": state}
    planned = _plan(
        *(
            # Absolute, for the service manager starts it in another folder.
            word
            for name, path in given.items()
            if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
            for word in (f"--{name}", str(path.absolute()))
        )
    )
    if dry_run:
        say(f"# {planned.file.path}")
        say(_text(planned.file.body))
        for step in planned.install:
            say(shlex.join(step.argv))
        return
    apply.install(planned)
    say(f"installed: {planned.file.path}")


@service.command(epilog=examples("archiver service uninstall"))
def uninstall() -> None:
    """Stop the daemon and do not start it again.

    What is spooled stays, and is shipped when the daemon runs again.
    """
    planned = _plan()
    removed = apply.uninstall(planned)
    say(f"removed: {planned.file.path}" if removed else "nothing was installed")


@service.command(epilog=examples("archiver service status", "archiver service status --json"))
@json_option
def status(*, as_json: bool) -> int:
    """Tell whether the daemon is installed, and what the service manager says.

    Exits 1 where it is not installed or not active.
    """
    report = apply.status(_plan())
    if as_json:
        print_json(report)
    else:
        say(f"{report.path}: {'installed' if report.written else 'not installed'}")
        say(report.answer)
    return ExitCode.DONE if report.written and report.active else ExitCode.ATTENTION


def _plan(*options: str) -> Plan:
    host = apply.this_host()
    return plan(host, apply.this_command("run", *options), apply.template(host.platform))


def _text(body: bytes) -> str:
    is_utf16 = body[:2] in (b"\xff\xfe", b"\xfe\xff")
    return body.decode("utf-16" if is_utf16 else "utf-8").rstrip()
