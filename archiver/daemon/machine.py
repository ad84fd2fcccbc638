"""The machine as values: where a home is, who the user is, what the time is.

Everything that depends on the machine is handed one of these, so the quickstart and the
tests can bring their own.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from archiver.policy.whereabouts import os_user

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Machine", "utc_now"]


def utc_now() -> datetime:
    """Give the time, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Machine:
    """A home, a platform (``sys.platform``), an environment, a user and a clock."""

    home: Path
    platform: str
    os_user: str
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    clock: Callable[[], datetime] = utc_now

    @classmethod
    def this(cls) -> Machine:
        """Describe the machine that this process runs on."""
        return cls(Path.home(), sys.platform, os_user(), dict(os.environ))
