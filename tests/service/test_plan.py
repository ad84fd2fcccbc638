"""What each platform is told, and that awkward names arrive as they are."""

from __future__ import annotations

import configparser
import plistlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from archiver.errors import ServiceError
from archiver.service.apply import template
from archiver.service.plan import Command, Host, Plan, plan
from archiver.service.words import for_systemd, for_windows, for_xml

if TYPE_CHECKING:
    from collections.abc import Callable

    Planned = Callable[..., Plan]

PROGRAM = "/opt/a b %h $HOME & <c>/archiver"
AWKWARD = "a b %h $HOME & <c> \"d\" \\e 'f'"
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def unit(planned: Plan) -> configparser.ConfigParser:
    """Read a systemd unit as sections and keys."""
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(planned.file.body.decode())
    return parser


def texts(planned: Plan, name: str) -> list[str | None]:
    """Give the texts of every element ``name`` of a Windows task."""
    return [element.text for element in ET.fromstring(planned.file.body).iter(TASK + name)]


class TestSystemd:
    """The Linux row."""

    def test_the_unit_lies_where_the_users_manager_looks(self, planned: Planned) -> None:
        """~/.config/systemd/user, by default."""
        path = planned("linux").file.path
        assert path.parts[-5:] == ("home", ".config", "systemd", "user", "archiver.service")

    def test_a_moved_configuration_folder_is_followed(self) -> None:
        """XDG_CONFIG_HOME wins over ~/.config."""
        host = Host("linux", Path("/home/ada"), {"XDG_CONFIG_HOME": "/elsewhere"})
        made = plan(host, Command(Path("/bin/true"), ()), template("linux"))
        assert made.file.path == Path("/elsewhere/systemd/user/archiver.service")

    def test_the_daemon_stays_in_the_background_and_comes_back(self, planned: Planned) -> None:
        """Low priority, a soft memory limit, restart, a short stop, no new privileges."""
        service = unit(planned("linux"))["Service"]
        assert service["Restart"] == "on-failure"
        assert service["TimeoutStopSec"] == "10"
        assert service["Nice"] == "10"
        assert service["IOSchedulingClass"] == "idle"
        assert service["NoNewPrivileges"] == "yes"
        assert "MemoryHigh" in service

    def test_words_are_quoted_where_systemd_would_change_them(self, planned: Planned) -> None:
        """A space, a specifier, a variable, a quote and a backslash arrive as they are."""
        line = unit(planned("linux", "/opt/a b/$x/archiver", "run", "100%", '$A "b" \\c'))
        expected = '"/opt/a b/$x/archiver" run "100%%" "$$A \\"b\\" \\\\c"'
        assert line["Service"]["ExecStart"] == expected

    def test_a_newline_or_a_broken_byte_cannot_add_a_line_to_the_unit(self) -> None:
        """They become C escapes inside the quotes."""
        assert for_systemd("a\nExecStop=x\x7f") == '"a\\x0aExecStop=x\\x7f"'
        assert for_systemd("\udcff") == '"\\xff"'

    @pytest.mark.parametrize("character", ['"', "'", "\\", "\n", "\x7f", "\udcff"])
    def test_a_program_that_systemd_would_not_start_is_refused(self, character: str) -> None:
        """Better an error now than a unit that never runs."""
        with pytest.raises(ServiceError):
            for_systemd(f"/opt/{character}/archiver", program=True)

    def test_systemd_itself_finds_nothing_wrong(self, planned: Planned, tmp_path: Path) -> None:
        """``systemd-analyze verify`` accepts the unit, and finds the awkward program."""
        if not shutil.which("systemd-analyze"):
            pytest.skip("systemd-analyze is not installed")
        program = tmp_path / Path(PROGRAM).parent.name / "archiver"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        path = tmp_path / "archiver.service"
        path.write_bytes(planned("linux", str(program)).file.body)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--user", "--man=no", str(path)],
            env={"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        ours = [line for line in done.stderr.splitlines() if "archiver" in line]
        assert (done.returncode, ours) == (0, [])


class TestLaunchd:
    """The macOS row."""

    def test_the_agent_lies_where_launchd_looks(self, planned: Planned) -> None:
        """~/Library/LaunchAgents, named as its label."""
        path = planned("darwin").file.path
        assert path.parts[-3:] == ("Library", "LaunchAgents", "com.prompt-archiver.daemon.plist")
        assert plistlib.loads(planned("darwin").file.body)["Label"] == path.stem

    def test_each_word_is_one_string_whatever_it_holds(self, planned: Planned) -> None:
        """Python's plistlib gives back the very words."""
        words = plistlib.loads(planned("darwin").file.body)["ProgramArguments"]
        assert words == [PROGRAM, "run", "--config", f"/etc/{AWKWARD}"]

    def test_the_daemon_stays_in_the_background_and_comes_back(self, planned: Planned) -> None:
        """Background, low-priority disk access, kept alive after a failure only."""
        agent = plistlib.loads(planned("darwin").file.body)
        assert agent["ProcessType"] == "Background"
        assert agent["LowPriorityIO"] is True
        assert agent["KeepAlive"] == {"SuccessfulExit": False}
        assert agent["Umask"] == 0o077

    def test_the_users_own_domain_is_addressed(self, planned: Planned) -> None:
        """gui/UID, so that no administrator is needed."""
        steps = [step.argv for step in planned("darwin").install]
        path = str(planned("darwin").file.path)
        assert steps[-1] == ("launchctl", "bootstrap", "gui/501", path)


class TestWindows:
    """The Windows row."""

    def test_the_task_is_utf_16_and_parses(self, planned: Planned) -> None:
        """As schtasks wants it: with a byte-order mark and no other encoding named."""
        body = planned("win32").file.body
        assert body[:2] in (b"\xff\xfe", b"\xfe\xff")
        assert b"encoding" not in body.split(b"?>")[0]
        assert ET.fromstring(body).tag == f"{TASK}Task"

    def test_the_words_arrive_as_they_are(self, planned: Planned) -> None:
        """The program as it is; the arguments as one line that splits into the same words."""
        made = planned("win32", "C:\\Program Files\\a&b\\archiver.exe", "run", "C:\\a b\\p.toml")
        assert texts(made, "Command")[0] == str(Path("C:\\Program Files\\a&b\\archiver.exe"))
        assert texts(made, "Arguments") == ['run "C:\\a b\\p.toml"']
        assert for_windows(['a "b"', "c\\"]) == '"a \\"b\\"" c\\'

    def test_trigger_and_principal_are_the_user(self, planned: Planned) -> None:
        r"""DOMAIN\user, so that no administrator is needed."""
        assert texts(planned("win32"), "UserId") == ["EXAMPLE & CO\\ada"] * 2

    def test_a_laptop_on_battery_is_served_without_a_time_limit(self, planned: Planned) -> None:
        """At logon, hidden, restarted, never ended by Windows."""
        made = planned("win32")
        assert texts(made, "DisallowStartIfOnBatteries") == ["false"]
        assert texts(made, "StopIfGoingOnBatteries") == ["false"]
        assert texts(made, "ExecutionTimeLimit") == ["PT0S"]
        assert texts(made, "Hidden") == ["true"]
        assert texts(made, "MultipleInstancesPolicy") == ["IgnoreNew"]
        assert len(texts(made, "RestartOnFailure")) == len(texts(made, "LogonTrigger")) == 1

    def test_a_session_without_a_user_name_is_refused(self) -> None:
        """A task for nobody would never start."""
        host = Host("win32", Path("/home"), {})
        with pytest.raises(ServiceError, match="USERNAME"):
            plan(host, Command(Path("x"), ()), template("win32"))


def test_no_placeholder_stays_and_a_word_that_looks_like_one_is_kept(planned: Planned) -> None:
    """Filling in happens once: a path named @ARGUMENTS@ is a path."""
    made = planned("linux", "/opt/@ARGUMENTS@/archiver", "run")
    assert unit(made)["Service"]["ExecStart"] == '"/opt/@ARGUMENTS@/archiver" run'


def test_what_xml_cannot_hold_is_refused_with_advice() -> None:
    """A control character in a path would make the whole file unreadable."""
    with pytest.raises(ServiceError) as caught:
        for_xml("/etc/bell\x07")
    assert "name" in caught.value.advice


def test_a_platform_without_a_row_says_what_to_do() -> None:
    """Elsewhere the daemon runs under whatever supervises there."""
    with pytest.raises(ServiceError, match="plan9") as caught:
        template("plan9")
    assert "archiver run" in caught.value.advice


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_template_as_admins_get_it_is_well_formed(platform: str) -> None:
    """Placeholders and all, it parses; so it can be filled in with any editor."""
    text = template(platform)
    assert "@EXECUTABLE@" in text
    if platform == "linux":
        configparser.ConfigParser(interpolation=None).read_string(text)
    elif platform == "darwin":
        assert plistlib.loads(text.encode())["ProgramArguments"] == ["@EXECUTABLE@", "@ARGUMENTS@"]
    else:
        assert text.isascii()
        ET.fromstring(text)
