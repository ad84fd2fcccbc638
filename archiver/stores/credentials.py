"""Keys from a file that the policy names: the smallest part of AWS's own format.

    [default]
    aws_access_key_id = …
    aws_secret_access_key = …
    aws_session_token = …          # only for temporary keys

Promise: the file is read at every call, so that renewed keys are used at once; a file that
others on this machine may read is refused; no error holds anything of the file's content.
"""

from __future__ import annotations

import configparser
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.model.answers import Answer
from archiver.stores.refusals import refuse

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Keys", "read_keys"]

_ID, _SECRET, _TOKEN = "aws_access_key_id", "aws_secret_access_key", "aws_session_token"
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class Keys:
    """One set of keys. ``repr`` shows none of it."""

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(repr=False, default=None)


def read_keys(path: Path) -> Keys:
    """Read the keys under ``[default]``, or raise `StoreError` (CREDENTIALS)."""
    if problem := _problem_with_mode(path):
        raise refuse(
            Answer.CREDENTIALS, problem, code="CredentialsFile", advice=f"Run `chmod 600 {path}`."
        )
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    problem = ""
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"the credentials file {path} cannot be read: {error.strerror}"
    except (configparser.Error, UnicodeDecodeError):
        # Their messages quote the line that they stumbled over, which may be the secret:
        # the error is raised outside of this block, so that it drags no context along.
        problem = f"the credentials file {path} is not an INI file"
    section = parser["default"] if parser.has_section("default") else {}
    missing = [name for name in (_ID, _SECRET) if not section.get(name)]
    if not problem and missing:
        problem = f"the credentials file {path} has no {' and no '.join(missing)} under [default]"
    if problem:
        raise refuse(
            Answer.CREDENTIALS,
            problem,
            code="CredentialsFile",
            advice="Write it as `[default]`, then one line each `aws_access_key_id = …` and "
            "`aws_secret_access_key = …`; or correct `credentials_file` in the policy.",
        )
    return Keys(section[_ID], section[_SECRET], section.get(_TOKEN) or None)


def _problem_with_mode(path: Path) -> str:
    if sys.platform == "win32":
        return ""  # access lists decide there, and the mode says nothing
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""  # reading it will say why
    return f"others on this machine may read the credentials file {path}" * bool(mode & _OTHERS)
