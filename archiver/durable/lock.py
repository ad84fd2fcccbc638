"""One instance per state directory, for as long as the process lives.

The operating system frees the lock when the process dies, however it dies, so a lock that
can be taken is the proof that nobody runs.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from archiver.errors import AlreadyRunning

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["hold", "is_held"]

_NAME = "lock"


@contextlib.contextmanager
def hold(state: Path) -> Iterator[None]:
    """Hold the state directory, or raise `AlreadyRunning` at once."""
    lock = FileLock(state / _NAME, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise AlreadyRunning(
            f"another archiver works in {state}",
            advice="Ask it with `archiver status`, or stop it before you start this one.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_held(state: Path) -> bool:
    """Tell whether an instance runs there now."""
    if not (state / _NAME).exists():
        return False
    try:
        with hold(state):
            return False
    except AlreadyRunning:
        return True
