"""The commands that belong to the frame itself: service and completion; and the shared options."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from archiver.cli import options
from archiver.cli.completion import script, script_place
from archiver.cli.main import invoke
from archiver.cli.options import (
    config_option,
    default_policy,
    default_state,
    json_option,
    policy_places,
    state_option,
    yes_option,
)
from archiver.policy.folders import Folders

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the paths are those of Linux")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the user an empty home, and the machine no service manager and no policy."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("ARCHIVER_CONFIG", "ARCHIVER_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    here = Folders(tmp_path / "etc" / "archiver", tmp_path / ".config" / "archiver")
    monkeypatch.setattr(options, "folders_here", lambda: here)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return tmp_path


@linux_only
class TestOptions:
    """Where things are unless one is told."""

    @pytest.mark.usefixtures("home")
    def test_without_a_policy_the_users_place_is_named(self) -> None:
        """So that the error says where to put one."""
        assert default_policy().parts[-3:] == (".config", "archiver", "policy.toml")

    def test_the_admins_policy_comes_before_the_users(self, home: Path) -> None:
        """And TOML before JSON in one folder."""
        assert policy_places()[0] == home / "etc" / "archiver" / "policy.toml"
        for place in reversed(policy_places()):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
            assert default_policy() == place

    def test_the_spool_lies_in_the_users_state_folder(self, home: Path) -> None:
        """As the XDG base directories say."""
        assert default_state() == home / ".local" / "state" / "archiver"

    def test_an_option_wins_over_the_environment_and_that_over_the_default(
        self, home: Path
    ) -> None:
        """ARCHIVER_CONFIG and ARCHIVER_STATE; each option under its own name."""

        @click.command
        @config_option
        @state_option
        @json_option
        @yes_option
        def show(**found: object) -> None:
            click.echo(repr(sorted(found.items())))

        runner = CliRunner(env={"ARCHIVER_CONFIG": "/env/p.toml", "ARCHIVER_STATE": "/env/s"})
        said = runner.invoke(show, ["--config", "/typed.toml", "--json"]).output
        assert said.strip() == repr(
            [
                ("as_json", True),
                ("config", Path("/typed.toml")),
                ("state", Path("/env/s")),
                ("yes", False),
            ]
        )
        assert str(home) in CliRunner().invoke(show, []).output


@linux_only
@pytest.mark.usefixtures("home")
class TestService:
    """``archiver service`` where there is no service manager."""

    def test_a_dry_run_shows_all_and_changes_nothing(
        self, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The file and the commands; paths are absolute."""
        monkeypatch.chdir(home)
        assert invoke(["service", "install", "--dry-run", "--config", "p.toml"]) == 0
        said = capsys.readouterr().out
        assert f"run --config {home}/p.toml" in said
        assert "systemctl --user enable archiver.service" in said
        assert list(home.iterdir()) == []

    def test_what_is_not_told_the_daemon_looks_up_itself(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """So that a policy which an admin places later is found."""
        assert invoke(["service", "install", "--dry-run"]) == 0
        assert "-m archiver run\n" in capsys.readouterr().out

    def test_without_a_manager_the_unit_is_placed_and_the_exit_code_is_3(
        self, home: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With what to do next."""
        assert invoke(["service", "install"]) == 3
        assert "systemctl --user daemon-reload" in capsys.readouterr().err
        assert (home / ".config/systemd/user/archiver.service").exists()

    def test_status_is_1_until_it_is_installed_and_active(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The JSON says which of the two is missing."""
        assert invoke(["service", "status", "--json"]) == 1
        said = json.loads(capsys.readouterr().out)
        assert (said["written"], said["active"]) == (False, False)
        assert invoke(["service", "status"]) == 1
        assert "not installed" in capsys.readouterr().out

    def test_uninstall_of_nothing_is_done(self, capsys: pytest.CaptureFixture[str]) -> None:
        """It may be repeated."""
        assert invoke(["service", "uninstall"]) == 0
        assert capsys.readouterr().out == "nothing was installed\n"


class TestCompletion:
    """The Tab key."""

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_the_script_asks_archiver(self, shell: str, capsys: pytest.CaptureFixture[str]) -> None:
        """It holds no list of commands that could grow old."""
        assert invoke(["completion", shell]) == 0
        said = capsys.readouterr().out
        assert f"_ARCHIVER_COMPLETE={shell}_complete" in said
        assert "quickstart" not in said

    def test_bash_accepts_its_script(self) -> None:
        """``bash -n`` reads it without complaint."""
        bash = shutil.which("bash")
        if not bash:
            pytest.skip("bash is not installed")
        done = subprocess.run(
            [bash, "-n"], input=script("bash"), text=True, capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")

    @linux_only
    def test_install_puts_it_where_the_users_shell_looks(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """And prints that place; no start-up file is changed."""
        monkeypatch.setenv("SHELL", "/usr/bin/fish")
        assert invoke(["completion", "install"]) == 0
        place = home / ".config" / "fish" / "completions" / "archiver.fish"
        assert place.read_text() == script("fish")
        assert capsys.readouterr().out == f"{place}\n"
        assert [path for path in home.rglob("*") if path.is_file()] == [place]

    def test_an_unknown_shell_is_asked_for(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """SHELL may be anything."""
        monkeypatch.setenv("SHELL", "/bin/tcsh")
        assert invoke(["completion", "install"]) == 64
        assert "--shell" in capsys.readouterr().err

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_the_users_own_data_folders_are_respected(self, shell: str) -> None:
        """XDG_DATA_HOME and XDG_CONFIG_HOME win over the home folder."""
        environ = {"XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "/config"}
        place = script_place(shell, Path("/home/ada"), environ)
        assert place.as_posix().startswith(("/data/", "/config/"))
        assert place != script_place(shell, Path("/home/ada"), {})
        assert os.fspath(place).endswith(("archiver", "_archiver", "archiver.fish"))
