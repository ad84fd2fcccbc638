"""A host with awkward names, and a service manager that only takes notes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from archiver.service.apply import template
from archiver.service.plan import Command, Host, Plan, plan

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = "/opt/a b %h $HOME & <c>/archiver"
AWKWARD = "a b %h $HOME & <c> \"d\" \\e 'f'"


@dataclass(frozen=True)
class Manager:
    """The fake ``systemctl``: what it was asked."""

    script: Path
    log: Path
    answers: Path

    def asked(self) -> list[str]:
        """Give the argument lists so far, one line each."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def refuse(self, word: str) -> None:
        """Say no, on stderr, to every command that holds ``word``."""
        self.answers.write_text(word)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    """Put a fake ``systemctl`` on the PATH, and nothing else."""
    if sys.platform == "win32":
        pytest.skip("the fake manager is a shell script")
    folder = tmp_path / "bin"
    folder.mkdir()
    made = Manager(folder / "systemctl", tmp_path / "asked", tmp_path / "refused")
    made.answers.write_text("nothing of the kind")
    made.script.write_text(
        "#!/bin/sh\n"
        f'echo "$*" >> "{made.log}"\n'
        f'read -r refused < "{made.answers}" || :\n'
        'case "$*" in *"$refused"*) echo "no such thing" >&2; exit 5;; esac\n'
        "echo fine\n"
    )
    made.script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return made


@pytest.fixture
def planned(tmp_path: Path) -> Callable[..., Plan]:
    """Plan for a platform: ``planned("linux")``, with awkward paths unless told otherwise."""

    def make(platform: str, executable: str = PROGRAM, *words: str) -> Plan:
        environ = {"USERDOMAIN": "EXAMPLE & CO", "USERNAME": "ada"}
        host = Host(platform, tmp_path / "home", environ, uid=501)
        arguments = words or ("run", "--config", f"/etc/{AWKWARD}")
        return plan(host, Command(Path(executable), arguments), template(platform))

    return make
