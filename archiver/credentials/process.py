"""Keys from a command that the policy names, as AWS's ``credential_process`` defines it.

The command is a list of words and never seen by a shell. It prints one JSON document with
``Version`` 1, ``AccessKeyId``, ``SecretAccessKey`` and, for temporary keys, ``SessionToken`` and
``Expiration``. What it prints is passed on to nobody: an error tells the exit code alone. It is
given no input, a minute, and 64 KiB.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from archiver.credentials.formats import read_text
from archiver.credentials.refusals import refused
from archiver.errors import StoreError

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

    from archiver.credentials.keys import Keys

__all__ = ["keys_from"]

_SECONDS: Final = 60.0
_MOST_BYTES: Final = 64 * 1024
_PATIENCE: Final = 5.0
"""Seconds to wait for what was killed."""


async def keys_from(command: tuple[str, ...], *, seconds: float = _SECONDS) -> Keys:
    """Run ``command`` and read the keys that it prints; raise `StoreError` (CREDENTIALS)."""
    problem, text = "", b""
    try:
        async with asyncio.timeout(seconds), _started(command) as process:
            assert process.stdout is not None  # noqa: S101 - it was asked for
            while piece := await process.stdout.read(_MOST_BYTES):
                text = (text + piece)[: _MOST_BYTES + 1]
            if code := await process.wait():
                problem = f"ended with exit code {code}"
    except TimeoutError:
        problem = f"did not end within {seconds:.0f} seconds"
    except OSError as error:
        problem = f"cannot be started: {error.strerror}"
    if not problem and len(text) <= _MOST_BYTES:
        with contextlib.suppress(StoreError, UnicodeDecodeError):
            return read_text(text.decode("utf-8-sig"), "its output")
    if not problem:
        problem = "did not print AWS's JSON with AccessKeyId and SecretAccessKey"
    raise refused(
        f"the credential_process {command[0]} {problem}",
        code="CredentialProcess",
        advice="Run the command by hand as the user that runs archiver; correct it, or"
        " `credential_process` in the policy.",
    )


@contextlib.asynccontextmanager
async def _started(command: tuple[str, ...]) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=os.path.sep,
        start_new_session=sys.platform != "win32",
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            _end(process)
            with contextlib.suppress(TimeoutError):  # who left the group may hold the pipe
                await asyncio.wait_for(process.wait(), _PATIENCE)


def _end(process: Process) -> None:
    """End it with all that it started: a child may hold its output open."""
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
