"""How long the commands take that a person types and waits for; and what they import.

Whole processes, wall clock. The quickstart is measured too: it does the whole job on the
bundled samples, in a home of its own.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Final

from corpus import find
from figures import Figure
from measure import ARCHIVER, environment, spend
from policies import Place

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["quickstart", "startup"]

_MOST_MS: Final = 200
_MOST_QUICKSTART: Final = 10
_BOTO: Final = re.compile(r"\| +(?:aio)?boto(?:3|core)\b", re.MULTILINE)


def startup(work: Path, *, runs: int) -> list[Figure]:
    """Measure ``status`` and ``--help`` after a pass has left a status to show."""
    place = Place(work / "startup")
    place.prepare()
    find().save(place.home, 1, 1)
    spend(place.command("sync"), place.env)
    figures = []
    for name, command in (
        ("archiver status", place.command("status")),
        ("archiver --help", (*ARCHIVER, "--help")),
    ):
        values = [1000 * spend(command, place.env).wall for _ in range(runs)]
        listed = spend((command[0], "-X", "importtime", *command[1:]), place.env).errors
        boto = 1.0 if _BOTO.search(listed) else 0.0
        note = f"{listed.count('import time:') - 1} modules"
        figures.append(Figure(name, "ms", tuple(values), most=_MOST_MS, note=note))
        figures.append(Figure(f"{name}: imports boto", "", (boto,), most=0))
    python = (command[0], "-c", "pass")
    bare = [1000 * spend(python, place.env).wall for _ in range(runs)]
    return [*figures, Figure("an empty Python process", "ms", tuple(bare))]


def quickstart(work: Path, *, runs: int) -> list[Figure]:
    """Measure the quickstart, each time in a fresh home."""
    values = []
    for number in range(runs):
        home = work / f"quickstart-{number}"
        home.mkdir()
        values.append(spend((*ARCHIVER, "quickstart"), environment(home)).wall)
        shutil.rmtree(home)
    return [Figure("archiver quickstart", "s", tuple(values), most=_MOST_QUICKSTART)]
