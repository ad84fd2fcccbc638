"""How results look: tables, progress, JSON, sizes and ages, and the question before the axe.

* Colour and drawn tables only where a person looks: at a terminal, and never with ``NO_COLOR``.
  A pipe gets the same words in plain columns, nothing cut off, nothing wrapped.
* Text from an archive or a disk is data: it is never read as markup, and `visible` takes away
  what a terminal would obey, so a transcript cannot move the cursor or hide a line.
* Results go to stdout, everything else (progress, notes, questions) to stderr.
* rich is imported when something is drawn at a terminal, not before.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "confirm",
    "human_age",
    "human_size",
    "note",
    "print_json",
    "print_table",
    "progress",
    "say",
    "steps",
    "visible",
]

_SIZE_STEP: Final = 1024
_SIZE_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_AGE_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))

# C0 and C1 controls but for tab and newline, and the marks that reorder text on a screen
# (https://trojansource.codes). Lone surrogates stand for bytes that are not UTF-8.
_OBEYED: Final = {
    code: "\N{REPLACEMENT CHARACTER}"
    for first, last in ((0, 8), (11, 31), (127, 159), (0x202A, 0x202E), (0x2066, 0x2069))
    for code in range(first, last + 1)
}


def visible(text: str) -> str:
    """Give ``text`` with every character that a terminal would obey made visible."""
    cleaned = text.translate(_OBEYED)
    return cleaned.encode("utf-8", "replace").decode("utf-8")


def human_size(size: int) -> str:
    """Give a number of bytes as a person reads it: ``1.4 MiB``."""
    if size < _SIZE_STEP:
        return f"{size} B"
    value, unit = float(size), 0
    # 1023.95 would print as 1024.0.
    while value >= _SIZE_STEP - 0.05 and unit < len(_SIZE_UNITS) - 1:
        value /= _SIZE_STEP
        unit += 1
    return f"{value:.1f} {_SIZE_UNITS[unit]}"


def human_age(seconds: float) -> str:
    """Give a duration by its largest unit, rounded down: ``3 min``. Less than none is none."""
    for length, unit in _AGE_UNITS:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "0 s"


def say(text: str = "") -> None:
    """Print one result to stdout, its control characters made visible."""
    print(visible(text))


def note(text: str) -> None:
    """Tell the user something that is not the result: stderr."""
    print(visible(text), file=sys.stderr)


def print_json(value: object) -> None:
    """Print ``value`` as one JSON document.

    Values of the model are taken as they are: dataclasses and msgspec structs as objects,
    times as RFC 3339, what is left (paths) as text. The output is ASCII, so it survives
    every pipe and holds nothing that a terminal would obey.
    """
    import json  # noqa: PLC0415 - most commands print no JSON

    import msgspec  # noqa: PLC0415

    # json, not msgspec, writes it: a path that is not UTF-8 holds lone surrogates.
    print(json.dumps(msgspec.to_builtins(value, enc_hook=str, str_keys=True), indent=2))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print ``rows`` under ``columns``: drawn at a terminal, plain columns in a pipe."""
    cells = [[visible(cell).replace("\n", " ") for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(columns, cells)
        return
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    for row in ([name.upper() for name in columns], *cells):
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(padded).rstrip())


def _draw(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - at a terminal only
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(markup=False, highlight=False, emoji=False).print(table)


@contextlib.contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how far ``title`` is; yield the function that is told each step forward.

    ``total`` is in the unit of the steps; None where it is not known. Where stderr is no
    terminal nothing is shown.
    """
    if not sys.stderr.isatty():
        yield lambda _steps: None
        return
    from rich.console import Console  # noqa: PLC0415 - at a terminal only
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(visible(title), total=total)
        yield lambda steps: bar.advance(task, steps)


@contextlib.contextmanager
def steps(title: str) -> Iterator[Callable[[str], None]]:
    """Show that ``title`` is under way; yield the function that is told where it stands.

    Where stderr is no terminal nothing is shown.
    """
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.console import Console  # noqa: PLC0415 - at a terminal only
    from rich.text import Text  # noqa: PLC0415

    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    with console.status(Text(visible(title))) as spinner:
        yield lambda text: spinner.update(Text(f"{visible(title)}: {visible(text)}"))


def confirm(question: str, *, yes: bool) -> None:
    """Return when ``yes``, or when the user agrees; else raise: nothing may be changed then.

    Where nobody can be asked, only ``--yes`` is consent: raise `click.UsageError`.
    A no raises `click.Abort`.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("This cannot be undone, and nobody is here to ask: pass --yes.")
    click.confirm(visible(question), abort=True, err=True)
