"""The front door: one table of commands, and what each error becomes.

A command's module is imported when that command is asked for, not before: listing the
commands, completing a name and refusing a wrong one load none of them. So `archiver --help`
is quick, and `archiver status` never pays for what `archiver sync` needs.

A command returns nothing or its exit code (`ExitCode`), or raises; it never exits by itself.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, Final, NoReturn

import click

from archiver import __version__
from archiver.cli.exits import ExitCode, exit_code, report
from archiver.cli.lazy import Entry, LazyGroup
from archiver.cli.options import examples

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "Entry", "cli", "invoke", "main"]

_COMPLETION_VARIABLE: Final = "_ARCHIVER_COMPLETE"


COMMANDS: Final = (
    Entry("quickstart", "quickstart:quickstart", "See the whole job done once, on this machine."),
    Entry("run", "run:run", "Run the daemon until it is told to stop."),
    Entry("sync", "sync:sync", "Make one complete pass: collect, seal, ship."),
    Entry("status", "status:status", "Show what is spooled, shipped and waiting, and why."),
    Entry("sources", "sources:sources", "List what was found here, and whether it is captured."),
    Entry("doctor", "doctor:doctor", "Check that everything works, by doing it for real."),
    Entry("ls", "read:ls", "List the conversations in the archive."),
    Entry("show", "read:show", "Print one conversation."),
    Entry("restore", "read:restore", "Give back the files of one conversation, byte for byte."),
    Entry(
        "verify",
        "verify:verify",
        "Prove that the archive is complete and undamaged, and by whom.",
    ),
    Entry("proof", "proof:proof", "Write a proof of one conversation that needs no archiver."),
    Entry(
        "device", "device:device", "Let devices ask to be known, and approve or revoke their keys."
    ),
    Entry("checkpoint", "checkpoint:checkpoint", "Sign for everything that the archive holds now."),
    Entry(
        "retention",
        "retention:retention",
        "Show what is due to expire, let it expire, and report on it.",
    ),
    Entry("hold", "hold:hold", "Keep what a matter needs, whatever any rule says."),
    Entry("erase", "erase:erase", "Make one person's months unreadable, for everybody."),
    Entry("keys", "keys:keys", "Make and look after the keys of admins and officers."),
    Entry("policy", "policy:policy", "Write, check, explain and sign the policy."),
    Entry(
        "credentials",
        "credentials:credentials",
        "Keep the keys of stores, try them, and issue narrow ones.",
    ),
    Entry("bucket", "bucket:bucket", "Set the policy's buckets up, and check them."),
    Entry("purge", "purge:purge", "Drop what was spooled and not sent for a tenant."),
    Entry("service", "service:service", "Have the operating system run the daemon."),
    Entry("completion", "completion:completion", "Complete commands with the Tab key."),
)


class Commands(LazyGroup):
    """The commands of `COMMANDS`."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The table, as it stands now."""
        return COMMANDS


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples("archiver quickstart", "archiver sync --config policy.toml"),
)
@click.version_option(__version__, message="archiver %(version)s")
def cli() -> None:
    """Keep the conversations of AI coding assistants, and give them back byte for byte."""


def main() -> NoReturn:
    """Run the command line that the process was started with, and exit."""
    # No plugin of another package may look into the policy, nor cost 1.4 MiB to be looked for.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    sys.exit(invoke(sys.argv[1:]))


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line; print what went wrong, if anything; give the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # File names and conversations hold what this terminal may not be able to show.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _dispatch(list(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        code = ExitCode.PIPE_CLOSED
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - this is the last resort
        code = exit_code(error)
        report(error)
    return code


def _dispatch(arguments: list[str]) -> int:
    if instruction := os.environ.get(_COMPLETION_VARIABLE):
        from click.shell_completion import shell_complete  # noqa: PLC0415 - completion only

        return shell_complete(cli, {}, "archiver", _COMPLETION_VARIABLE, instruction)
    # Not click's own main(): when stdout's reader goes away that one exits 1 even with
    # standalone_mode=False, and 1 has another meaning here.
    try:
        with cli.make_context("archiver", arguments) as context:
            result = cli.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    return result if isinstance(result, int) else ExitCode.DONE


def _forget_stdout() -> None:
    """Let the interpreter's last flush go nowhere instead of failing again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
