"""Keys in a file that only its user may read, and how such a file is read.

Promise: the file is read at every call, so that renewed keys are used at once; a file that
others on this machine may read is refused; no error holds anything of the file's content.

Limit: on Windows a file's mode says nothing. There the folder lies in the user's own profile,
which Windows closes to other users by access lists that files inherit.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, Final

from archiver.credentials.formats import read_ini
from archiver.credentials.refusals import refused
from archiver.durable import files

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.credentials.keys import Keys

__all__ = ["read_keys", "read_private", "write_private"]

_OTHERS: Final = 0o077
_MOST_BYTES: Final = 256 * 1024


def read_keys(path: Path) -> Keys:
    """Read the keys under ``[default]``, or raise `StoreError` (CREDENTIALS)."""
    return read_ini(read_private(path), f"the credentials file {path}")


def read_private(path: Path) -> str:
    """Read a text that is nobody else's, or raise `StoreError` (CREDENTIALS)."""
    problem, advice = "", "Correct `credentials_file` in the policy, or what is named."
    try:
        # Asked before opening: a pipe would wait for its writer. And of what was opened.
        about = path.stat()
        if stat.S_ISREG(about.st_mode):
            with path.open("rb") as file:
                about = os.fstat(file.fileno())
                if sys.platform == "win32" or not about.st_mode & _OTHERS:
                    return file.read(_MOST_BYTES).decode("utf-8-sig")
            problem = f"others on this machine may read the credentials file {path}"
            advice = f"Run `chmod 600 {path}`."
        else:
            problem = f"the credentials file {path} is no file"
    except OSError as error:
        problem = f"the credentials file {path} cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        # It quotes the bytes: raised below, outside of this block, it drags no context along.
        problem = f"the credentials file {path} is not an INI file in UTF-8"
    raise refused(problem, code="CredentialsFile", advice=advice)


def write_private(path: Path, text: str) -> None:
    """Write a text durably, for this user alone, into a folder of this user alone."""
    files.make_private_folder(path.parent)
    if sys.platform != "win32":
        path.parent.chmod(0o700)
    files.replace(path, text.encode())
