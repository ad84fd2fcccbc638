"""Carrying a plan out: the file through `archiver.durable`, the words through a process.

Every function may be repeated. Where the service manager is missing or cannot be reached (a
container, a session over ``su``), the file stays in place and the error says what to type once
there is one.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archiver.durable.files import make_private_folder, remove, replace
from archiver.errors import ServiceError
from archiver.service.plan import Command, Host, template_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archiver.service.plan import Plan, Step

__all__ = ["Report", "install", "status", "template", "this_command", "this_host", "uninstall"]

_PATIENCE_SECONDS: Final = 60
_NOT_THERE: Final = 127
"""What a shell answers for a program that it cannot find."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is in place now."""

    path: Path
    """Where the file of the service manager belongs."""
    written: bool
    """True where it is there."""
    active: bool
    """True where the manager has it; systemd: where it runs."""
    answer: str
    """What the manager said, in its own words."""


def this_host() -> Host:
    """Describe this machine and this user."""
    uid = os.getuid() if sys.platform != "win32" else 0
    return Host(sys.platform, Path.home(), os.environ, uid)


def this_command(*arguments: str) -> Command:
    """Give the command that runs this very installation of archiver with ``arguments``."""
    executable = Path(sys.executable)
    windowless = executable.with_name("pythonw.exe")
    if sys.platform == "win32" and windowless.exists():
        executable = windowless
    # -P: a folder named archiver in the home directory must not be taken for the program.
    return Command(executable, ("-P", "-m", "archiver", *arguments))


def template(platform: str) -> str:
    """Read the text that ``platform`` needs: from the package, or from a checkout's deploy."""
    name = template_name(platform)
    here = Path(__file__).parent
    packaged = here / "deploy" / name
    path = packaged if packaged.exists() else here.parents[1] / "deploy" / name
    return path.read_text(encoding="utf-8")


def install(plan: Plan) -> None:
    """Put the file in place and have the manager start it now and at each login.

    Raise `ServiceError`, the file in place, where the manager is missing or says no.
    """
    make_private_folder(plan.file.path.parent)
    if _read(plan.file.path) != plan.file.body:
        replace(plan.file.path, plan.file.body)
    for step in plan.install:
        code, answer = _ask(step)
        if code and not step.may_fail:
            raise ServiceError(
                f"{plan.file.path} is in place, but `{shlex.join(step.argv)}` failed: {answer}",
                advice=_later(plan.install),
            )


def uninstall(plan: Plan) -> bool:
    """Stop it and remove the file. Give False where there was nothing to remove.

    Raise `ServiceError`, the file removed, where the manager could not be told.
    """
    was_there = plan.file.path.exists()
    answers = [(step, *_ask(step)) for step in plan.uninstall]
    remove(plan.file.path)
    answers += [(step, *_ask(step)) for step in plan.forget]
    refused = [row for row in answers if row[1] and not row[0].may_fail]
    if was_there and refused:
        step, _, answer = refused[0]
        raise ServiceError(
            f"{plan.file.path} is removed, but `{shlex.join(step.argv)}` failed: {answer}",
            advice="What runs now ends with this session and does not come back.",
        )
    return was_there


def status(plan: Plan) -> Report:
    """Tell what is in place and what the manager says about it."""
    code, answer = _ask(plan.status)
    return Report(plan.file.path, plan.file.path.exists(), active=code == 0, answer=answer)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _ask(step: Step) -> tuple[int, str]:
    """Run one step; give its exit code and what it printed, the last words if it failed."""
    try:
        done = subprocess.run(
            step.argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            timeout=_PATIENCE_SECONDS,
        )
    except FileNotFoundError:
        return _NOT_THERE, f"{step.argv[0]} is not installed here"
    except subprocess.TimeoutExpired:
        return _NOT_THERE, f"no answer within {_PATIENCE_SECONDS} s"
    said = (done.stderr if done.returncode else done.stdout) or done.stdout or done.stderr
    return done.returncode, said.strip() or f"exit code {done.returncode}"


def _later(steps: Sequence[Step]) -> str:
    commands = " && ".join(shlex.join(step.argv) for step in steps if not step.may_fail)
    return f"Without a service manager, run `archiver run` yourself. With one: {commands}"
