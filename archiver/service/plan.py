"""What has to stand where, and what has to be said to whom, for the daemon to be run.

`plan` is a pure function from a host and a command to files and argument lists; `install` and
its neighbours in `archiver.service.apply` carry it out. Each platform has one row:

======= =========================== =======================================================
linux   systemd user unit           ``~/.config/systemd/user/archiver.service``
darwin  launchd agent               ``~/Library/LaunchAgents/com.prompt-archiver.daemon.plist``
win32   scheduled task              ``%LOCALAPPDATA%/archiver/archiver-task.xml``
======= =========================== =======================================================

Only the user's own places are used; nothing needs an administrator. The text of the files is
that of ``deploy/``, which admins also place by hand; here its placeholders are filled in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archiver.errors import ServiceError
from archiver.service.words import for_systemd, for_windows, for_xml

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Command", "Host", "Plan", "Step", "UnitFile", "plan", "template_name"]

LABEL: Final = "com.prompt-archiver.daemon"
UNIT: Final = "archiver.service"
TASK: Final = "prompt-archiver"


@dataclass(frozen=True, slots=True)
class Host:
    """The machine and the user that a plan is for."""

    platform: str
    """As `sys.platform` says: ``linux``, ``darwin``, ``win32``."""
    home: Path
    environ: Mapping[str, str]
    uid: int = 0
    """The user's number; launchd names its domain by it."""


@dataclass(frozen=True, slots=True)
class Command:
    """The command line that the service manager runs."""

    executable: Path
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnitFile:
    """One file that the service manager reads."""

    path: Path
    body: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is said to the service manager."""

    argv: tuple[str, ...]
    may_fail: bool = False
    """True where a no means that there was nothing to do."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one platform runs the daemon."""

    file: UnitFile
    install: tuple[Step, ...]
    """Said after the file is in place."""
    uninstall: tuple[Step, ...]
    """Said before the file is removed."""
    forget: tuple[Step, ...]
    """Said after the file is removed."""
    status: Step
    """Answers 0 where the manager has it."""


def template_name(platform: str) -> str:
    """Name the file in ``deploy/`` that ``platform`` uses; raise `ServiceError` if none."""
    names = {
        "linux": UNIT,
        "darwin": f"{LABEL}.plist",
        "win32": "archiver-task.xml",
    }
    if platform not in names:
        raise ServiceError(
            f"no service manager is known for {platform}",
            advice="Run `archiver run` under whatever supervises processes there.",
        )
    return names[platform]


def plan(host: Host, command: Command, template: str) -> Plan:
    """Plan for ``host`` to run ``command``; ``template`` is the text of `template_name`.

    Raise `ServiceError` for a platform or a path that has no way to be written down.
    """
    name = template_name(host.platform)
    make = {"linux": _systemd, "darwin": _launchd, "win32": _windows}[host.platform]
    return make(host, command, template, name)


def _systemd(host: Host, command: Command, template: str, name: str) -> Plan:
    config = host.environ.get("XDG_CONFIG_HOME") or host.home / ".config"
    text = _fill(
        template,
        EXECUTABLE=for_systemd(str(command.executable), program=True),
        ARGUMENTS=" ".join(map(for_systemd, command.arguments)),
    )
    ask = ("systemctl", "--user")
    return Plan(
        file=UnitFile(Path(config) / "systemd" / "user" / name, text.encode()),
        install=(
            Step((*ask, "daemon-reload")),
            Step((*ask, "enable", UNIT)),
            # restart, not start: what runs already takes the new unit.
            Step((*ask, "restart", UNIT)),
        ),
        uninstall=(Step((*ask, "disable", "--now", UNIT)),),
        forget=(Step((*ask, "daemon-reload")),),
        status=Step((*ask, "status", "--no-pager", "--lines=0", UNIT)),
    )


def _launchd(host: Host, command: Command, template: str, name: str) -> Plan:
    rows = "</string>\n    <string>".join(map(for_xml, command.arguments))
    text = _fill(template, EXECUTABLE=for_xml(str(command.executable)), ARGUMENTS=rows)
    path = host.home / "Library" / "LaunchAgents" / name
    domain = f"gui/{host.uid}"
    service = f"{domain}/{LABEL}"
    return Plan(
        file=UnitFile(path, text.encode()),
        install=(
            # launchd refuses what it has already, and what was once switched off.
            Step(("launchctl", "bootout", service), may_fail=True),
            Step(("launchctl", "enable", service)),
            Step(("launchctl", "bootstrap", domain, str(path))),
        ),
        uninstall=(Step(("launchctl", "bootout", service)),),
        forget=(),
        status=Step(("launchctl", "print", service)),
    )


def _windows(host: Host, command: Command, template: str, name: str) -> Plan:
    local = host.environ.get("LOCALAPPDATA") or host.home / "AppData" / "Local"
    path = Path(local) / "archiver" / name
    text = _fill(
        template,
        EXECUTABLE=for_xml(str(command.executable)),
        ARGUMENTS=for_xml(for_windows(command.arguments)),
        USER=for_xml(_windows_user(host.environ)),
    )
    return Plan(
        file=UnitFile(path, text.encode("utf-16")),
        install=(
            Step(("schtasks", "/Create", "/TN", TASK, "/XML", str(path), "/F")),
            Step(("schtasks", "/Run", "/TN", TASK)),
        ),
        uninstall=(
            Step(("schtasks", "/End", "/TN", TASK), may_fail=True),
            Step(("schtasks", "/Delete", "/TN", TASK, "/F")),
        ),
        forget=(),
        status=Step(("schtasks", "/Query", "/TN", TASK, "/FO", "LIST")),
    )


def _windows_user(environ: Mapping[str, str]) -> str:
    domain, user = environ.get("USERDOMAIN"), environ.get("USERNAME")
    if not user:
        raise ServiceError(
            "the user's name is not known: USERNAME is not set",
            advice="Run it in an ordinary session of the user whose conversations are kept.",
        )
    return f"{domain}\\{user}" if domain else user


def _fill(template: str, **words: str) -> str:
    """Put ``words`` in the place of ``@NAME@``, once each, whatever they hold themselves."""
    return re.sub(r"@([A-Z]+)@", lambda match: words[match[1]], template)
