"""Giving free pages back to the file system, in steps that hold nobody up for long.

Two ways, because each is slow where the other is quick (measured on a spool that once held
1 GiB, SQLite 3.40):

* Where little is in use, the file is written anew: 0.3 s with 8 MiB in use, however much is
  free.
* Where much is in use, pages go from the end, a few at a time. SQLite looks through its list
  of free pages for each of them, which takes up to 0.7 ms a page; so the size of a step
  follows the time that the last one took.

Limit: less than a mebibyte of free pages is left alone, for what is spooled next.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

__all__ = ["FIRST_PAGES", "step"]

FIRST_PAGES: Final = 256
"""How many pages the first step takes."""

_WORTH_IT: Final = 256
"""Free pages (4096 bytes each); fewer are left alone."""

_LITTLE: Final = 2048
"""Pages in use up to which the file is written anew: 8 MiB, and for a moment that much memory."""

_MAPPED: Final = 820
"""One page of so many is SQLite's map of the others, and goes with them."""

_LONG_SECONDS: Final = 0.05
_LEAST_PAGES: Final = 16
_MOST_PAGES: Final = 4096


def step(db: sqlite3.Connection, pages: int) -> int:
    """Give up to ``pages`` back in one short transaction; give the size of the next step.

    Zero where nothing more is worth it. Not to be called within a transaction.
    """
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    (all_pages,) = db.execute("PRAGMA page_count").fetchone()
    if free < _WORTH_IT:
        return 0
    if all_pages - free - all_pages // _MAPPED <= _LITTLE:
        db.execute("VACUUM")
        return 0
    begun = time.monotonic()
    # Not `execute`: it steps the statement once, and that gives back one page.
    db.executescript(f"PRAGMA incremental_vacuum({pages})")
    took = time.monotonic() - begun
    if took > _LONG_SECONDS:
        return max(_LEAST_PAGES, pages // 2)
    return min(_MOST_PAGES, pages * 2) if took < _LONG_SECONDS / 4 else pages
