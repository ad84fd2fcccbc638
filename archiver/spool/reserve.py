"""Two mebibytes kept back for the moment when the disk is full.

Shipping frees space only after its receipts are written, and a receipt needs a little room
itself. The reserve is given up for them, and taken again when there is room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archiver.durable import files

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RESERVE_BYTES", "give_up", "hold"]

RESERVE_BYTES: Final = 2 * 1024 * 1024
_NAME: Final = "reserve"


def hold(folder: Path) -> None:
    """Take the reserve if it is not held; raise `DiskFull` where there is no room for it."""
    path = folder / _NAME
    if not path.exists():
        files.replace(path, bytes(RESERVE_BYTES))


def give_up(folder: Path) -> bool:
    """Free the reserve; tell whether there was one."""
    path = folder / _NAME
    held = path.exists()
    files.remove(path)
    return held
