"""Giving memory back after boto was used.

Each client of botocore is a web of cycles of some 10 MiB. Without a collection after each
opening a daemon climbs from 61 to 89 MiB within forty of them; with it, it stays at 61
(measured on Linux with Python 3.11, one small PUT per opening).
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

__all__ = ["give_back"]


def give_back() -> None:
    """Collect cycles now, and return free pages to the system where it is glibc's to do.

    Takes about 50 ms, in which nothing else runs: call it when a batch is done.
    """
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # musl has no malloc_trim
            ctypes.CDLL(None).malloc_trim(0)
