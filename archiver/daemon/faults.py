"""What went wrong inside the daemon: noted by its kind and place, never by what it said.

An error's message may hold a line of somebody's conversation. Most errors are a job's own
affair: it runs again. A damaged spool is not: nothing that is captured into it would stay, so
it ends the daemon, and the next start sets the database aside.
"""

from __future__ import annotations

import logging
from typing import Final

from archiver.errors import DiskFull, SpoolDamaged

__all__ = ["Faults"]

log = logging.getLogger("archiver")

_KEPT: Final = 10


class Faults:
    """The last few errors of the daemon's jobs, and the one that ends it, if there is one."""

    def __init__(self) -> None:
        self.last: tuple[str, ...] = ()
        self.fatal: SpoolDamaged | None = None

    def note(self, error: BaseException, at: str) -> bool:
        """Keep and log an error that arose at this time; tell whether the daemon must end."""
        if isinstance(error, SpoolDamaged):
            self.fatal = self.fatal or error
        what = str(error) if isinstance(error, DiskFull) else type(error).__name__
        text = f"{at} {what}{_where(error)}"
        self.last = (*self.last, text)[-_KEPT:]
        after = "archiver ends" if self.fatal else "will run again"
        log.error("a job failed and %s: %s", after, text)
        return self.fatal is not None


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    code = trace.tb_frame.f_code
    return f" in {code.co_name} ({code.co_filename.rsplit('archiver', 1)[-1]}:{trace.tb_lineno})"
