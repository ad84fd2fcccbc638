"""The front door: which commands there are, what is imported, and what each error becomes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import click
import pytest

import archiver
from archiver import errors
from archiver.cli import main
from archiver.cli.exits import ExitCode, exit_code
from archiver.cli.main import COMMANDS, Entry, cli, invoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "canary-7f3a: what somebody said to an assistant"
WRITTEN = tuple(
    entry
    for entry in COMMANDS
    if importlib.util.find_spec(f"archiver.cli.{entry.place.split(':')[0]}")
)


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Give every command and subcommand that stands, with the words that name it."""
    context = click.Context(cli, info_name="archiver")
    todo = [(entry.name, cli.get_command(context, entry.name)) for entry in WRITTEN]
    while todo:
        words, command = todo.pop()
        assert command is not None, words
        yield words, command
        if isinstance(command, click.Group):
            names = command.list_commands(context)
            todo += [(f"{words} {name}", command.get_command(context, name)) for name in names]


EVERY = dict(every_command())


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own."""
    package = str(Path(archiver.__file__).parents[1])
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": package, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Put a command ``act`` in the table that does what it is given."""

    def put(act: Callable[[], object]) -> None:
        module = SimpleNamespace(act=click.command("act")(act))
        monkeypatch.setattr(main, "COMMANDS", (Entry("act", "act_module:act", "Act."),))
        monkeypatch.setitem(sys.modules, "archiver.cli.act_module", module)

    return put


def raising(error: BaseException) -> Callable[[], object]:
    """Give a function that raises ``error``."""

    def act() -> object:
        raise error

    return act


class TestTheTable:
    """Commands by name, imported when asked for."""

    def test_every_command_of_the_table_stands(self) -> None:
        """No entry leads nowhere."""
        assert [entry.name for entry in COMMANDS if entry not in WRITTEN] == []

    @pytest.mark.parametrize("entry", WRITTEN, ids=lambda entry: entry.name)
    def test_its_summary_is_the_first_sentence_of_the_commands_docstring(
        self, entry: Entry
    ) -> None:
        """Said once for the list, once for the command: the same."""
        sentence = " ".join((EVERY[entry.name].help or "").split("\n\n")[0].split())
        assert sentence == entry.summary

    @pytest.mark.parametrize("words", EVERY)
    def test_every_command_has_a_help_with_an_example(
        self, words: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """And the example is a command line that names that command."""
        assert invoke([*words.split(), "--help"]) == ExitCode.DONE
        said = capsys.readouterr().out
        assert "Examples:" in said
        assert f"archiver {words}" in said.split("Examples:")[1]

    def test_help_lists_all_and_imports_none(self) -> None:
        """Nor any library that only some of them need."""
        asked = (
            "import sys; from archiver.cli.main import COMMANDS, invoke; invoke(['--help']);"
            "places = {'archiver.cli.' + entry.place.split(':')[0] for entry in COMMANDS};"
            "heavy = {'pydantic', 'rich', 'boto3', 'botocore', 'aioboto3', 'sqlite3', 'asyncio',"
            " 'msgspec', 'zstandard', 'apscheduler', 'platformdirs'};"
            "print('loaded:', sorted((places | heavy) & set(sys.modules)))"
        )
        done = run("-c", asked)
        assert "loaded: []" in done.stdout
        assert all(entry.name in done.stdout for entry in COMMANDS)
        assert all(entry.summary in done.stdout for entry in COMMANDS)

    def test_completing_a_name_imports_none(self) -> None:
        """The Tab key is pressed more often than any command is run."""
        asked = (
            "import sys; from archiver.cli.main import COMMANDS, invoke; invoke([]);"
            "print('loaded:', [e.name for e in COMMANDS"
            " if 'archiver.cli.' + e.place.split(':')[0] in sys.modules])"
        )
        environ = {
            "_ARCHIVER_COMPLETE": "bash_complete",
            "COMP_WORDS": "archiver s",
            "COMP_CWORD": "1",
        }
        done = run("-c", asked, **environ)
        found = [
            line.split(",")[1] for line in done.stdout.splitlines() if line.startswith("plain")
        ]
        assert found == ["sync", "status", "sources", "show", "service"]
        assert "loaded: []" in done.stdout

    def test_a_mistyped_name_is_met_with_the_likely_one(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Exit code 64, the usage, and the guess."""
        assert invoke(["stauts"]) == ExitCode.USAGE
        assert "Did you mean 'status'?" in capsys.readouterr().err

    @pytest.mark.parametrize("arguments", [["--nonsense"], ["completion", "tcsh"], []])
    def test_a_command_line_that_is_not_understood_exits_64(self, arguments: list[str]) -> None:
        """Unknown options, wrong values, nothing at all."""
        assert invoke(arguments) == ExitCode.USAGE

    def test_the_version_is_the_packages(self, capsys: pytest.CaptureFixture[str]) -> None:
        """As the distribution says."""
        assert invoke(["--version"]) == ExitCode.DONE
        assert capsys.readouterr().out == f"archiver {archiver.__version__}\n"

    def test_the_module_runs_as_the_command_does(self) -> None:
        """``python -m archiver`` and ``archiver`` are one."""
        assert run("-m", "archiver", "--version").stdout.startswith("archiver ")


class TestExitCodes:
    """What a command gives is what the process exits with."""

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (errors.AlreadyRunning("x", advice="y"), 75),
            (errors.PolicyInvalid("x", advice="y"), 78),
            (errors.PolicyUnreadable("x", advice="y"), 78),
            (errors.DiskFull("x", advice="y"), 3),
            (errors.ServiceError("x", advice="y"), 3),
            (errors.NotArchived("x", advice="y"), 3),
            (click.UsageError("x"), 64),
            (click.Abort(), 130),
            (KeyboardInterrupt(), 130),
            (PermissionError(13, "Permission denied", "/x"), 3),
            (BrokenPipeError(), 141),
            (RuntimeError("x"), 70),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_each_error_has_its_code(self, error: BaseException, code: int) -> None:
        """The table of the README, row by row."""
        assert exit_code(error) == code

    @pytest.mark.parametrize("code", [0, 1, 2, 3])
    def test_a_commands_own_code_is_kept(
        self, command: Callable[[Callable[[], object]], None], code: int
    ) -> None:
        """Whether it returns the code or exits with it."""
        command(lambda: code)
        assert invoke(["act"]) == code
        command(raising(click.exceptions.Exit(code)))
        assert invoke(["act"]) == code

    def test_a_command_that_returns_nothing_is_done(
        self, command: Callable[[Callable[[], object]], None]
    ) -> None:
        """No code is a good code."""
        command(lambda: None)
        assert invoke(["act"]) == ExitCode.DONE

    def test_an_interrupt_is_one_word_and_130(
        self,
        command: Callable[[Callable[[], object]], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Ctrl-C is no failure to explain."""
        command(raising(KeyboardInterrupt()))
        assert invoke(["act"]) == ExitCode.INTERRUPTED
        assert capsys.readouterr().err == "stopped\n"


class TestWhatIsSaid:
    """Errors on stderr: what happened, what to do, and never what somebody wrote."""

    def test_an_error_of_ours_comes_with_its_advice(
        self,
        command: Callable[[Callable[[], object]], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """And a policy's problems line by line; control characters are shown, not obeyed."""
        problems = ("tenants[0].id: letters only", "schedule: a table")
        command(raising(errors.PolicyInvalid("bad \x1b[2J", advice="Mend it.", problems=problems)))
        assert invoke(["act"]) == ExitCode.POLICY
        assert capsys.readouterr().err.splitlines() == [
            "error: bad \N{REPLACEMENT CHARACTER}[2J",
            "  · tenants[0].id: letters only",
            "  · schedule: a table",
            "  → Mend it.",
        ]

    def test_an_error_of_the_system_names_the_path(
        self,
        command: Callable[[Callable[[], object]], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """A user's mistake gets no traceback."""
        command(raising(IsADirectoryError(21, "Is a directory", "/a/folder")))
        assert invoke(["act"]) == ExitCode.COULD_NOT_RUN
        assert capsys.readouterr().err.startswith("error: Is a directory: /a/folder\n")

    def test_a_defect_is_named_and_placed_without_its_message(
        self,
        command: Callable[[Callable[[], object]], None],
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Its message may hold a line of a conversation."""
        monkeypatch.delenv("ARCHIVER_DEBUG", raising=False)
        command(raising(RuntimeError(SECRET)))
        assert invoke(["act"]) == ExitCode.DEFECT
        said = capsys.readouterr().err
        assert "RuntimeError at archiver/cli/main.py:_dispatch:" in said
        assert "ARCHIVER_DEBUG=1" in said
        assert "canary" not in said
        assert "Traceback" not in said

    def test_a_defect_shows_all_to_the_one_who_asks(
        self,
        command: Callable[[Callable[[], object]], None],
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """ARCHIVER_DEBUG=1 is the consent."""
        monkeypatch.setenv("ARCHIVER_DEBUG", "1")
        command(raising(RuntimeError(SECRET)))
        assert invoke(["act"]) == ExitCode.DEFECT
        assert SECRET in capsys.readouterr().err

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE and no head")
    @pytest.mark.parametrize("arguments", [["--help"], ["completion", "zsh"]])
    def test_a_reader_that_goes_away_is_no_error(self, arguments: list[str]) -> None:
        """``archiver … | head``: nothing on stderr, and 141 as a shell would say."""
        environ = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
        environ["PYTHONPATH"] = str(Path(archiver.__file__).parents[1])
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "wb") as closed:
            done = subprocess.run(
                [sys.executable, "-m", "archiver", *arguments],
                env=environ,
                stdout=closed,
                stderr=subprocess.PIPE,
                check=False,
            )
        assert (done.returncode, done.stderr) == (ExitCode.PIPE_CLOSED, b"")

    def test_a_name_that_is_not_utf_8_can_be_printed(self) -> None:
        """It is spelled out where the terminal cannot show it."""
        asked = (
            "import sys; from types import SimpleNamespace as N; import click;"
            "from archiver.cli import main;"
            "main.COMMANDS = (main.Entry('act', 'act:act', ''),);"
            "act = click.command('act')(lambda: print('\\udcff\\u2713'));"
            "sys.modules['archiver.cli.act'] = N(act=act);"
            "sys.exit(main.invoke(['act']))"
        )
        done = run("-c", asked, PYTHONIOENCODING="ascii")
        assert (done.returncode, done.stdout) == (0, "\\udcff\\u2713\n")
