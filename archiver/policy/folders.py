r"""Where a policy is looked for on each operating system, and in which order. Pure.

======= ========================================= ===========================================
system  the machine's folder, its admin's alone   the user's
======= ========================================= ===========================================
linux   ``/etc/archiver``                         ``$XDG_CONFIG_HOME/archiver``
darwin  ``/Library/Application Support/archiver`` ``~/Library/Application Support/archiver``
win32   ``%ProgramData%\archiver``                ``%LOCALAPPDATA%\archiver``
======= ========================================= ===========================================

Whoever distributes files to machines (an MDM, a package, a login script) puts them into the
machine's folder, which users cannot write; it comes first, so that an admin has the last word.
No variable of a user's moves it on Linux and macOS.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PLAIN", "SIGNED", "SOURCE", "Folders", "folders", "folders_here"]

PLAIN: Final = ("policy.toml", "policy.json")
"""Names of a policy that nobody signed, the first wins."""

SIGNED: Final = "policy.signed"
"""The name of one that an admin signed."""

SOURCE: Final = "source.toml"
"""The name of what says whom this machine trusts: `archiver.policy.source`."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Both folders. Neither need exist."""

    machine: Path
    user: Path

    @property
    def plain(self) -> tuple[Path, ...]:
        """Where a policy may stand that nobody signed."""
        return tuple(folder / name for folder in (self.machine, self.user) for name in PLAIN)

    @property
    def signed(self) -> tuple[Path, ...]:
        """Where a signed policy may stand."""
        return (self.machine / SIGNED, self.user / SIGNED)

    @property
    def sources(self) -> tuple[Path, ...]:
        """Where it may stand whom to trust."""
        return (self.machine / SOURCE, self.user / SOURCE)


def folders(platform: str, environ: Mapping[str, str], home: Path) -> Folders:
    """Give the folders of a machine; ``platform`` is ``sys.platform``."""
    if platform == "win32":
        machine = Path(environ.get("PROGRAMDATA") or environ.get("ProgramData") or "C:/ProgramData")
        user = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        machine = Path("/Library/Application Support")
        user = home / "Library" / "Application Support"
    else:
        machine = Path("/etc")
        user = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return Folders(machine / "archiver", user / "archiver")


def folders_here() -> Folders:
    """Give the folders of the machine and the user that this process runs for."""
    return folders(sys.platform, os.environ, Path.home())
