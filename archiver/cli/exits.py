"""What an error becomes at the front door: a few lines on stderr and an exit code.

* An error that archiver raises on purpose prints what happened and what to do next.
* An error of the operating system prints its reason and the path.
* Anything else is a defect. It prints its type and where it arose, and never its message:
  that might hold a line of somebody's conversation. ``ARCHIVER_DEBUG=1`` shows all.
"""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from archiver.cli.output import visible
from archiver.errors import (
    AlreadyRunning,
    ArchiverError,
    ChunkGone,
    KeyGone,
    LogGap,
    PolicyError,
    PolicyInvalid,
    SpoolDamaged,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ExitCode", "exit_code", "report"]


class ExitCode(IntEnum):
    """Every code that a command exits with, and what it means to the caller."""

    DONE = 0
    """Done; complete and valid."""
    ATTENTION = 1
    """Something is not as it should be: due and unshipped, invalid, a failed check."""
    INCOMPLETE = 2
    """A gap: something that should be in the archive is not there."""
    COULD_NOT_RUN = 3
    """Unreachable, refused, or a state directory that cannot be used."""
    USAGE = 64
    """The command line is not understood."""
    DEFECT = 70
    """An error that archiver did not foresee."""
    SPOOL_DAMAGED = 74
    """The spool was found damaged while in use; started again, archiver sets it aside."""
    ALREADY_RUNNING = 75
    """Another instance holds the state directory; later may work."""
    POLICY = 78
    """The policy is missing or not valid."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C, or by a no to a question."""
    PIPE_CLOSED = 141
    """Whoever read the output went away."""


# The first row that fits wins, so a class stands above those it derives from.
_CODES: Final[tuple[tuple[type[BaseException], ExitCode], ...]] = (
    (AlreadyRunning, ExitCode.ALREADY_RUNNING),
    (SpoolDamaged, ExitCode.SPOOL_DAMAGED),
    (PolicyError, ExitCode.POLICY),
    (ChunkGone, ExitCode.INCOMPLETE),
    (LogGap, ExitCode.INCOMPLETE),
    (KeyGone, ExitCode.INCOMPLETE),
    (ArchiverError, ExitCode.COULD_NOT_RUN),
    (click.UsageError, ExitCode.USAGE),
    (click.ClickException, ExitCode.COULD_NOT_RUN),
    (click.Abort, ExitCode.INTERRUPTED),
    (EOFError, ExitCode.INTERRUPTED),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
    (BrokenPipeError, ExitCode.PIPE_CLOSED),
    (OSError, ExitCode.COULD_NOT_RUN),
)


def exit_code(error: BaseException) -> ExitCode:
    """Give the code that ``error`` ends the process with."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.DEFECT)


def report(error: BaseException) -> None:
    """Say on stderr what ``error`` means to the one who typed the command."""
    if isinstance(error, click.ClickException):
        error.show()
        return
    if exit_code(error) is ExitCode.DEFECT and os.environ.get("ARCHIVER_DEBUG"):
        import traceback  # noqa: PLC0415 - errors only

        traceback.print_exception(error)
        return
    for line in _lines(error):
        print(line, file=sys.stderr)


def _lines(error: BaseException) -> Iterator[str]:
    if isinstance(error, ArchiverError):
        yield f"error: {visible(str(error))}"
        problems = error.problems if isinstance(error, PolicyInvalid) else ()
        yield from (f"  · {visible(problem)}" for problem in problems)
        yield f"  → {visible(error.advice)}"
    elif exit_code(error) is ExitCode.INTERRUPTED:
        yield "stopped"
    elif isinstance(error, OSError) and error.strerror:
        place = f": {visible(os.fsdecode(error.filename))}" if _has_path(error) else ""
        yield f"error: {error.strerror}{place}"
        yield f"  → This is what the operating system answered (at {_where(error)})."
    else:
        yield f"error: {type(error).__name__} at {_where(error)}: a defect in archiver"
        yield "  → Run it again with ARCHIVER_DEBUG=1 to see the whole traceback, and report it."


def _has_path(error: OSError) -> bool:
    return isinstance(error.filename, str | bytes | os.PathLike)


def _where(error: BaseException) -> str:
    """Name the innermost line of ours that the error passed: ``file:function:line``."""
    import traceback  # noqa: PLC0415 - errors only

    package = Path(__file__).parents[1]
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(package)]
    if not ours:
        return "an unknown place"
    path = Path(ours[-1].filename).relative_to(package.parent).as_posix()
    return f"{path}:{ours[-1].name}:{ours[-1].lineno}"
