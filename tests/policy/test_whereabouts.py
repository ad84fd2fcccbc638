"""What real git says about real folders, and what it must not be asked or told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from archiver.policy import whereabouts
from archiver.policy.whereabouts import Git, git_email, git_remotes, os_user

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give git a home without settings."""
    folder = tmp_path / "home"
    folder.mkdir()
    for name in ("HOME", "USERPROFILE", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(folder))
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make an empty repository."""
    folder = tmp_path / "re po"
    run("init", "-q", str(folder))
    return folder


def run(*arguments: str) -> None:
    """Run git for the test itself."""
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def pretend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    """Put a program of our own in git's place."""
    program = tmp_path / "git-stand-in"
    program.write_text(f"#!{sys.executable}\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(whereabouts, "_program", lambda: str(program))


def test_the_remotes_of_a_repository_are_normal_and_without_credentials(repository: Path) -> None:
    """Sorted, each once, folders of this machine left out."""
    for name, url in {
        "origin": "https://user:CANARY@example.com/acme/tool.git",
        "same": "git@example.com:acme/tool.git",
        "fork": "ssh://git@fork.example/me/tool",
        "disk": "/srv/git/tool.git",
    }.items():
        run("-C", str(repository), "remote", "add", name, url)
    assert git_remotes(str(repository)) == ("example.com/acme/tool", "fork.example/me/tool")


def test_a_shorthand_for_a_host_is_written_out(repository: Path) -> None:
    """``insteadOf`` is what git would really connect to."""
    run("-C", str(repository), "config", "url.https://example.com/.insteadOf", "work:")
    run("-C", str(repository), "remote", "add", "origin", "work:acme/tool")
    assert git_remotes(str(repository)) == ("example.com/acme/tool",)


def test_a_folder_inside_the_repository_has_its_remotes_even_after_it_is_gone(
    repository: Path,
) -> None:
    """The nearest ancestor that exists is asked."""
    run("-C", str(repository), "remote", "add", "origin", "git@example.com:acme/tool.git")
    (repository / "src").mkdir()
    for folder in (repository / "src", repository / "gone" / "deeper"):
        assert git_remotes(str(folder)) == ("example.com/acme/tool",)


@pytest.mark.parametrize("folder", ["", "relative", ".", "~"])
def test_a_folder_that_is_not_absolute_is_not_asked_for(
    repository: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """The daemon's own folder would answer."""
    run("-C", str(repository), "remote", "add", "origin", "git@example.com:acme/tool.git")
    run("-C", str(repository), "config", "user.email", "me@acme.example")
    monkeypatch.chdir(repository)
    assert git_remotes(folder) == ()
    assert git_email(folder) is None


def test_a_folder_outside_every_repository_has_no_remotes(home: Path) -> None:
    """That is an answer, not a failure."""
    assert git_remotes(str(home)) == ()


def test_a_folder_that_cannot_be_is_no_failure(home: Path) -> None:
    """Zero bytes and names beyond the limit are only looked past."""
    for name in ("a\0b", "x" * 5000):
        assert git_remotes(f"{home}/{name}") == ()


def test_a_repository_that_git_cannot_read_gives_no_answer(repository: Path) -> None:
    """Not the same as no remotes."""
    (repository / ".git" / "config").write_text("[core\n", encoding="utf-8")
    assert git_remotes(str(repository)) is None


def test_the_email_is_that_of_the_repository_else_of_the_user(repository: Path, home: Path) -> None:
    """As a commit made there would have it."""
    assert git_email(str(repository)) is None
    run("config", "--global", "user.email", "me@home.example")
    assert git_email(str(repository)) == "me@home.example"
    run("-C", str(repository), "config", "user.email", "me@acme.example")
    assert git_email(str(repository)) == "me@acme.example"
    assert git_email(str(home)) == "me@home.example"


def test_the_environment_cannot_point_git_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon started from a git hook inherits such names."""
    other = tmp_path / "other"
    run("init", "-q", str(other))
    run("-C", str(other), "remote", "add", "origin", "git@example.com:other/tool.git")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.email")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "evil@example.com")
    assert git_remotes(str(repository)) == ()
    assert git_email(str(repository)) is None


def test_without_git_there_are_neither_remotes_nor_email(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty PATH has no git."""
    monkeypatch.setenv("PATH", str(repository))
    assert git_remotes(str(repository)) == ()
    assert git_email(str(repository)) is None


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
def test_a_git_that_hangs_is_given_up(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remotes are then unknown, which is not the same as none."""
    pretend(monkeypatch, tmp_path, "import time; time.sleep(60)")
    monkeypatch.setattr(whereabouts, "_TIMEOUT_SECONDS", 0.3)
    started = time.monotonic()
    assert git_remotes(str(home)) is None
    assert git_email(str(home)) is None
    assert time.monotonic() - started < 10


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a script")
def test_git_is_asked_quietly(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock, no prompt, no pager, no input, English answers."""
    script = """
import os, sys
told = {name: value for name, value in os.environ.items() if name.startswith(("GIT_", "LC_ALL"))}
right = told == {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
if right and sys.argv[1] == "--no-pager" and sys.stdin.read() == "":
    print("origin\\thttps://example.com/asked/quietly (fetch) [blob:none]")
"""
    pretend(monkeypatch, tmp_path, script)
    monkeypatch.setenv("GIT_TRACE", "1")
    typed = tmp_path / "typed"
    typed.write_text("a password", encoding="utf-8")
    kept = os.dup(0)
    with typed.open("rb") as terminal:
        os.dup2(terminal.fileno(), 0)
    try:
        assert git_remotes(str(home)) == ("example.com/asked/quietly",)
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_a_mac_without_developer_tools_is_not_asked_to_install_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stub opens a dialog; xcode-select says beforehand whether it would."""
    asked = []

    def refuse(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        asked.append(command[0])
        return subprocess.CompletedProcess(command, 2, b"", b"")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/git")
    monkeypatch.setattr(subprocess, "run", refuse)
    assert git_remotes(str(home)) == ()
    assert asked == ["xcode-select"]


def test_answers_are_kept_for_their_time(repository: Path) -> None:
    """And asked for again after it."""
    now = 0.0
    git = Git(minutes=1, clock=lambda: now)
    folder = str(repository)
    assert (git.remotes(folder), git.email(folder)) == ((), None)
    run("-C", folder, "remote", "add", "origin", "git@example.com:acme/tool.git")
    run("-C", folder, "config", "user.email", "me@acme.example")
    now = 59.0
    assert (git.remotes(folder), git.email(folder)) == ((), None)
    now = 61.0
    assert git.remotes(folder) == ("example.com/acme/tool",)
    assert git.email(folder) == "me@acme.example"
    assert git.email(folder) == "me@acme.example"


def test_an_answer_that_git_could_not_give_is_not_kept(repository: Path) -> None:
    """The next question is asked again; the last known e-mail stands meanwhile."""
    now = 0.0
    git = Git(minutes=1, clock=lambda: now)
    folder, config = str(repository), repository / ".git" / "config"
    sound = config.read_bytes()
    config.write_text("[core\n", encoding="utf-8")
    assert (git.remotes(folder), git.email(folder)) == (None, None)
    config.write_bytes(sound)
    run("-C", folder, "config", "user.email", "me@acme.example")
    assert (git.remotes(folder), git.email(folder)) == ((), "me@acme.example")
    config.write_text("[core\n", encoding="utf-8")
    now = 61.0
    assert (git.remotes(folder), git.email(folder)) == (None, "me@acme.example")


def test_the_user_has_a_name_even_without_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers run as numbers."""
    assert os_user()

    def refuse() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", refuse)
    assert os_user().startswith(("uid-", "unknown"))


def test_a_users_name_is_always_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are no text in an environment variable must not break a record."""
    monkeypatch.setattr("getpass.getuser", lambda: "me\udcff")
    assert os_user() == "me?"
