"""What results look like, at a terminal and in a pipe."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.cli.output import (
    confirm,
    human_age,
    human_size,
    note,
    print_json,
    print_table,
    progress,
    say,
    steps,
    visible,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class Terminal(io.StringIO):
    """A stream that says that a person looks at it."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """Make stdin, stdout and stderr one terminal of 60 columns with colours, when called."""

    def start() -> Terminal:
        # In the test, not before it: pytest sets its own streams between the two.
        made = Terminal()
        for name in ("stdin", "stdout", "stderr"):
            monkeypatch.setattr(f"sys.{name}", made)
        return made

    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return start


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_500_000, "1.4 MiB"),
        (1024**2 - 1, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (3 * 1024**6, "3072.0 PiB"),
    ],
)
def test_sizes_are_said_in_binary_units(size: int, said: str) -> None:
    """One decimal from a KiB on; never 1024.0 of anything smaller."""
    assert human_size(size) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (0.4, "0 s"), (59.9, "59 s"), (60, "1 min"), (7_199, "1 h"), (172_800, "2 d")],
)
def test_ages_are_said_in_their_largest_unit(seconds: float, said: str) -> None:
    """Rounded down: something is two days old when two days have passed."""
    assert human_age(seconds) == said


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_that_is_printed_can_command_a_terminal(text: str) -> None:
    """No escape, no carriage return, no reordering mark; and every text can be encoded."""
    obeyed = {*map(chr, range(32)), *map(chr, range(127, 160)), "\u202e", "\u2066"}
    shown = visible(text)
    assert set(shown) & obeyed <= {"\t", "\n"}
    assert shown == shown.encode().decode()


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf"])))
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    """Letters of every script, marks, symbols."""
    assert visible(text) == text


def test_results_and_notes_go_different_ways(capsys: pytest.CaptureFixture[str]) -> None:
    """So that a pipe carries results only."""
    say("result \x1b[31m")
    note("by the way")
    said = capsys.readouterr()
    assert said.out == "result \N{REPLACEMENT CHARACTER}[31m\n"
    assert said.err == "by the way\n"


class TestJson:
    """One document for a program to read."""

    def test_values_of_the_model_are_taken_as_they_are(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Dataclasses, structs, times, paths, tuples."""

        @dataclass(frozen=True)
        class Shelf:
            path: Path
            seen: datetime

        class Book(msgspec.Struct, frozen=True):
            title: str
            shelves: tuple[Shelf, ...]

        when = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
        print_json({"book": Book("b", (Shelf(Path("a") / "b", when),)), 3: None})
        assert json.loads(capsys.readouterr().out) == {
            "book": {
                "title": "b",
                "shelves": [{"path": str(Path("a") / "b"), "seen": "2025-01-02T03:04:05Z"}],
            },
            "3": None,
        }

    @given(text=st.text(st.characters(exclude_categories=[])))
    def test_any_text_survives_a_pipe(self, text: str) -> None:
        """Even half a character of a path that is not UTF-8: the output is plain ASCII."""
        with pytest.MonkeyPatch.context() as patch:
            pipe = io.StringIO()
            patch.setattr("sys.stdout", pipe)
            print_json([text])
        assert pipe.getvalue().isascii()
        assert json.loads(pipe.getvalue())[0].encode("utf-16", "surrogatepass").decode(
            "utf-16", "surrogatepass"
        ) == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


class TestTables:
    """Rows under columns."""

    def test_a_pipe_gets_plain_columns_with_nothing_cut_off(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """However long the cell; no colour, no drawing, no trailing space."""
        print_table(("name", "n"), [("x" * 300, "1"), ("[red]y[/red]\nz", "22")])
        lines = capsys.readouterr().out.splitlines()
        assert [line.split() for line in lines] == [
            ["NAME", "N"],
            ["x" * 300, "1"],
            ["[red]y[/red]", "z", "22"],
        ]
        assert all(line == line.rstrip() for line in lines)

    def test_an_empty_table_is_its_heading(self, capsys: pytest.CaptureFixture[str]) -> None:
        """No rows is an answer."""
        print_table(("name", "size"), [])
        assert capsys.readouterr().out == "NAME  SIZE\n"

    def test_a_terminal_gets_a_drawing_that_reads_no_markup(
        self, look: Callable[[], Terminal]
    ) -> None:
        """What looks like markup or an escape in a cell is text."""
        terminal = look()
        print_table(("name",), [("[red]y[/red] :smile: \x1b[2J",)])
        assert "[red]y[/red] :smile: \N{REPLACEMENT CHARACTER}[2J" in terminal.getvalue()
        assert "─" in terminal.getvalue()

    def test_a_long_cell_is_folded_at_a_terminal_and_loses_nothing(
        self, look: Callable[[], Terminal]
    ) -> None:
        """A key is there to be copied."""
        terminal = look()
        print_table(("key",), [("k" * 150,)])
        assert terminal.getvalue().count("k") == 151

    def test_no_color_means_no_color(
        self, look: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """https://no-color.org: at a terminal, too."""
        terminal = look()
        print_table(("name",), [("x",)])
        assert "\x1b[" in terminal.getvalue()
        monkeypatch.setenv("NO_COLOR", "1")
        terminal.truncate(0)
        print_table(("name",), [("x",)])
        assert not any(f"\x1b[{code}m" in terminal.getvalue() for code in range(30, 38))


class TestProgress:
    """How far it is, for those who look."""

    def test_a_pipe_gets_none(self, capsys: pytest.CaptureFixture[str]) -> None:
        """And the steps may be told all the same."""
        with progress("packing", 3) as advance:
            advance(3)
        assert capsys.readouterr() == ("", "")

    def test_a_terminal_sees_title_and_count(self, look: Callable[[], Terminal]) -> None:
        """The title is text, whatever it looks like."""
        terminal = look()
        with progress("packing [bold]", 3) as advance:
            advance(3)
        assert "packing [bold]" in terminal.getvalue()
        assert "3/3" in terminal.getvalue()

    def test_a_pipe_gets_no_spinner(self, capsys: pytest.CaptureFixture[str]) -> None:
        """And may be told where it stands all the same."""
        with steps("checking") as tell:
            tell("policy")
        assert capsys.readouterr() == ("", "")

    def test_a_terminal_sees_a_spinner_that_reads_no_markup(
        self, look: Callable[[], Terminal]
    ) -> None:
        """What it is told is text."""
        terminal = look()
        with steps("checking") as tell:
            tell("[bold]policy[/bold]")
        assert "checking: [bold]policy[/bold]" in terminal.getvalue()


class TestConfirm:
    """The question before what cannot be undone."""

    def test_yes_asks_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The option is the consent."""
        confirm("Drop it?", yes=True)
        assert capsys.readouterr() == ("", "")

    def test_where_nobody_is_there_only_the_option_is_consent(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A script never destroys by accident, even one that pipes a y."""
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        with pytest.raises(click.UsageError, match="--yes"):
            confirm("Drop it?", yes=False)

    @pytest.mark.parametrize("answer", ["n\n", "\n"])
    def test_a_no_and_a_bare_return_change_nothing(
        self, monkeypatch: pytest.MonkeyPatch, answer: str
    ) -> None:
        """The default is to leave everything as it is."""
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        with pytest.raises(click.Abort):
            confirm("Drop it?", yes=False)

    def test_a_yes_is_a_yes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Typed by a person at a terminal."""
        monkeypatch.setattr("sys.stdin", Terminal("y\n"))
        confirm("Drop it?", yes=False)
