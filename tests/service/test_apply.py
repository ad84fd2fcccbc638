"""Putting the unit in place for real, with a service manager that only takes notes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import archiver
from archiver.errors import ServiceError
from archiver.service.apply import install, status, template, this_command, this_host, uninstall

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from archiver.service.plan import Plan

    Planned = Callable[..., Plan]

    class Manager(Protocol):
        """What the fixture gives."""

        script: Path

        def asked(self) -> list[str]:
            """Give the argument lists so far, one line each."""
            ...

        def refuse(self, word: str) -> None:
            """Say no to every command that holds ``word``."""
            ...


def test_install_writes_the_unit_and_starts_it(planned: Planned, manager: Manager) -> None:
    """The file is complete before the manager hears of it."""
    plan = planned("linux")
    install(plan)
    assert plan.file.path.read_bytes() == plan.file.body
    assert manager.asked() == [
        "--user daemon-reload",
        "--user enable archiver.service",
        "--user restart archiver.service",
    ]


def test_install_may_be_repeated(planned: Planned, manager: Manager) -> None:
    """A second time changes nothing and fails at nothing."""
    plan = planned("linux")
    install(plan)
    before = plan.file.path.stat()
    install(plan)
    assert plan.file.path.stat() == before
    assert len(manager.asked()) == 6


def test_install_replaces_an_older_unit_whole(planned: Planned, manager: Manager) -> None:
    """Other options, or a newer template, take effect."""
    install(planned("linux", "/bin/true", "run", "--config", "/old"))
    plan = planned("linux", "/bin/true", "run")
    install(plan)
    assert plan.file.path.read_bytes() == plan.file.body
    assert manager.asked()[-1] == "--user restart archiver.service"


def test_uninstall_stops_it_and_removes_the_unit(planned: Planned, manager: Manager) -> None:
    """The manager hears of it first, and forgets the file after."""
    plan = planned("linux")
    install(plan)
    assert uninstall(plan)
    assert not plan.file.path.exists()
    assert manager.asked()[3:] == [
        "--user disable --now archiver.service",
        "--user daemon-reload",
    ]


def test_uninstall_may_be_repeated(planned: Planned, manager: Manager) -> None:
    """Where nothing is installed the manager may say no; that is what was wanted."""
    manager.refuse("disable")
    assert not uninstall(planned("linux"))


def test_a_manager_that_refuses_is_quoted(planned: Planned, manager: Manager) -> None:
    """The command and the manager's own words are in the error."""
    manager.refuse("enable")
    with pytest.raises(ServiceError, match=r"enable archiver\.service.*no such thing"):
        install(planned("linux"))


def test_an_uninstall_that_is_refused_is_not_silent(planned: Planned, manager: Manager) -> None:
    """The unit is gone, but what runs may run on: the user hears that."""
    plan = planned("linux")
    install(plan)
    manager.refuse("disable")
    with pytest.raises(ServiceError, match="no such thing"):
        uninstall(plan)
    assert not plan.file.path.exists()


def test_without_a_manager_the_unit_stays_and_the_advice_says_what_to_type(
    planned: Planned, manager: Manager
) -> None:
    """As in a container: nothing is lost, and nothing is pretended."""
    manager.script.unlink()
    plan = planned("linux")
    with pytest.raises(ServiceError, match="systemctl is not installed") as caught:
        install(plan)
    assert plan.file.path.read_bytes() == plan.file.body
    assert "systemctl --user enable archiver.service" in caught.value.advice
    assert "archiver run" in caught.value.advice


def test_a_step_that_may_fail_stops_nothing(planned: Planned, manager: Manager) -> None:
    """It refuses to drop what it does not have; the install goes on."""
    manager.script.rename(manager.script.with_name("launchctl"))
    manager.refuse("bootout")
    install(planned("darwin"))
    assert [line.split()[0] for line in manager.asked()] == ["bootout", "enable", "bootstrap"]


def test_status_tells_the_file_from_the_manager(planned: Planned, manager: Manager) -> None:
    """Written and active are two facts; the manager's words come along."""
    plan = planned("linux")
    manager.refuse("status")
    before = status(plan)
    assert (before.written, before.active, before.answer) == (False, False, "no such thing")
    manager.refuse("nothing of the kind")
    install(plan)
    after = status(plan)
    assert (after.written, after.active, after.answer) == (True, True, "fine")


def test_the_command_runs_this_installation_whatever_lies_in_the_home_folder(
    tmp_path: Path,
) -> None:
    """A folder of the same name in the working directory is not taken for the program."""
    (tmp_path / "archiver").mkdir()
    (tmp_path / "archiver" / "__init__.py").touch()
    (tmp_path / "archiver" / "__main__.py").write_text("raise SystemExit(99)")
    command = this_command("--version")
    done = subprocess.run(
        [command.executable, *command.arguments],
        env={**os.environ, "PYTHONPATH": str(Path(archiver.__file__).parents[1])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("archiver ")


def test_this_host_has_a_template() -> None:
    """The platform that the tests run on is one of the three."""
    assert this_host().platform == sys.platform
    assert "@EXECUTABLE@" in template(sys.platform)
