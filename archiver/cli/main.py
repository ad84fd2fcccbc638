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
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

import click

from archiver import __version__
from archiver.cli.exits import ExitCode, exit_code, report
from archiver.cli.options import examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

__all__ = ["COMMANDS", "Entry", "cli", "invoke", "main"]

_COMPLETION_VARIABLE: Final = "_ARCHIVER_COMPLETE"


class Entry(NamedTuple):
    """One command: its name, where it is, and what it does in one line."""

    name: str
    place: str
    """``module:attribute`` within `archiver.cli`."""
    summary: str
    """The first sentence of the command's docstring, which need not be imported for it."""


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
    Entry("keys", "keys:keys", "Make and look after the keys of admins and officers."),
    Entry("purge", "purge:purge", "Drop what was spooled and not sent for a tenant."),
    Entry("service", "service:service", "Have the operating system run the daemon."),
    Entry("completion", "completion:completion", "Complete commands with the Tab key."),
)


class Commands(click.Group):
    """A group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the names, in the order of the table."""
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command ``cmd_name``; give None where there is no such command."""
        entry = next((entry for entry in COMMANDS if entry.name == cmd_name), None)
        if entry is None:
            return None
        module, attribute = entry.place.split(":")
        command = getattr(import_module(f"archiver.cli.{module}"), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.place} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ``args`` name, or say which one may be meant."""
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            import difflib  # noqa: PLC0415 - needed for a typing mistake only

            near = difflib.get_close_matches(args[0], names, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.summary) for entry in COMMANDS])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name from the table, an option as click does."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - completion only

        found = [
            CompletionItem(entry.name, help=entry.summary)
            for entry in COMMANDS
            if entry.name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


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
