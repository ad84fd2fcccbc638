"""The memory of a process through which a large backlog streams.

By default glibc gives each freed buffer of some mebibytes back to the system, which clears it
anew for the next chunk. A process that keeps them takes a twentieth less CPU for a backlog of a
gigabyte, and holds about 170 MiB instead of 100 until it ends. Where there is no glibc this
does nothing.
"""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["keep_what_is_freed"]

# From glibc's malloc.h; see mallopt(3).
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_LARGEST: Final = 32 * 1024 * 1024


def keep_what_is_freed() -> None:
    """Have this process keep freed memory for its next use, for the rest of its life."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes  # noqa: PLC0415 - for a large backlog only

    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust is not None:
        adjust(_TRIM_THRESHOLD, _LARGEST)
        adjust(_MMAP_THRESHOLD, _LARGEST)
