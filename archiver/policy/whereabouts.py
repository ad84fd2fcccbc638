"""Ask git, and the operating system, where a conversation was held and by whom.

The promise: git is only asked for what its configuration says. It gets five seconds, takes no
lock, opens no prompt and no pager, and nothing in the environment points it elsewhere. Where
it is not installed there are no remotes and no e-mail. Credentials in a remote's address never
leave this module.

``None`` for remotes says that git could not answer (too slow, a repository that it does not
trust): that is not the same as none, because a tenant might be told by them.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archiver.policy.patterns import remote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Git", "git_email", "git_remotes", "os_user"]

_TIMEOUT_SECONDS: Final = 5
_REMOTE: Final = re.compile(r"[^\t]*\t(?P<url>.+) \((?:fetch|push)\)(?: \[[^\]]*\])?")
_NOT_SET: Final = 1  # what `git config --get` exits with
_NO_ANSWER: Final = 128  # what git exits with when it cannot go on
_APPLE_STUB: Final = "/usr/bin/git"


class Git:
    """The same questions, with answers kept for ``minutes``.

    ``clock`` gives seconds that never run backwards. An answer that git could not give is not
    kept.
    """

    def __init__(self, minutes: float = 10, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = minutes * 60
        self._clock = clock
        self._remotes: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._emails: dict[str, tuple[float, str]] = {}

    def remotes(self, folder: str) -> tuple[str, ...] | None:
        """See `git_remotes`."""
        kept = self._remotes.get(folder)
        if kept and self._clock() < kept[0]:
            return kept[1]
        found = git_remotes(folder)
        if found is not None:
            self._remotes[folder] = (self._clock() + self._seconds, found)
        return found

    def email(self, folder: str) -> str | None:
        """See `git_email`. The last answer stands for as long as git cannot give a new one."""
        kept = self._emails.get(folder)
        if kept and self._clock() < kept[0]:
            return kept[1] or None
        found = _configured_email(folder)
        if found is None:
            return (kept[1] or None) if kept else None
        self._emails[folder] = (self._clock() + self._seconds, found)
        return found or None


def git_remotes(folder: str) -> tuple[str, ...] | None:
    """Give the remotes of the repository that ``folder`` lies in, as ``host/path``, sorted.

    A folder that is gone is asked for at its nearest ancestor. Empty where there is no
    repository or no git; ``None`` where git could not say.
    """
    done = _git(folder, "remote", "-v")
    if done is None or b"not a git repository" in done.stderr:
        return ()
    if done.returncode != 0:
        return None
    lines = done.stdout.decode(errors="replace").splitlines()
    addresses = (match["url"] for line in lines if (match := _REMOTE.fullmatch(line)))
    return tuple(sorted({normal for address in addresses if (normal := remote(address))}))


def git_email(folder: str) -> str | None:
    """Give the e-mail that git would write into a commit made in ``folder``, if one is set."""
    return _configured_email(folder) or None


def _configured_email(folder: str) -> str | None:
    """Give the e-mail, empty where none is set, ``None`` where git could not say."""
    done = _git(folder, "config", "--get", "user.email")
    if done is None or done.returncode == _NOT_SET:
        return ""
    if done.returncode != 0:
        return None
    return done.stdout.decode(errors="replace").strip()


def os_user() -> str:
    """Give the name of the user that this process runs as."""
    try:
        return getpass.getuser().encode(errors="replace").decode()
    except (ImportError, KeyError, OSError):
        # In a container the number may have no name.
        return f"uid-{os.getuid()}" if sys.platform != "win32" else "unknown"


def _git(folder: str, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    """Run git; ``None`` where there is none, or no such place to ask at."""
    program = _program()
    if program is None or not Path(folder).is_absolute():
        return None
    command = [program, "--no-pager", "-C", str(_nearest(folder)), *arguments]
    try:
        return subprocess.run(
            command,
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
            # A daemon without a console would open a window for each run on Windows.
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return subprocess.CompletedProcess(command, _NO_ANSWER, b"", b"")


def _program() -> str | None:
    program = shutil.which("git")
    if sys.platform == "darwin" and program == _APPLE_STUB:
        # Without the developer tools this is a stub that opens a dialog on the user's screen.
        asked = subprocess.run(["xcode-select", "-p"], capture_output=True, check=False)
        return program if asked.returncode == 0 else None
    return program


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Keep what git needs to find the user's configuration; drop what points it elsewhere."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def _nearest(folder: str) -> Path:
    start = Path(folder)
    return next((one for one in (start, *start.parents) if _is_folder(one)), Path(start.anchor))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
