"""Times as people type them: what is read, what is refused, and which moment is meant."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from archiver.cli.times import first_moment, last_moment, shown


@click.command
@click.option("--since", callback=first_moment)
@click.option("--until", callback=last_moment)
def span(since: str | None, until: str | None) -> None:
    """Print what was understood."""
    click.echo(f"{since} {until}")


def read(text: str) -> str:
    """Give both ends of what ``text`` means."""
    done = CliRunner().invoke(span, ["--since", text, "--until", text])
    assert done.exit_code == 0, done.output
    return done.output.strip()


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("2026-01-31", "2026-01-31T00:00:00.000Z", "2026-01-31T23:59:59.999Z"),
        ("2026-01-31 09:30", "2026-01-31T09:30:00.000Z", "2026-01-31T09:30:59.999Z"),
        ("2026-01-31 09:30:05", "2026-01-31T09:30:05.000Z", "2026-01-31T09:30:05.999Z"),
        ("2026-01-31T09:30:05Z", "2026-01-31T09:30:05.000Z", "2026-01-31T09:30:05.999Z"),
        ("2026-01-31t09:30:05z", "2026-01-31T09:30:05.000Z", "2026-01-31T09:30:05.999Z"),
        ("2026-01-31T09:30:05.123Z", "2026-01-31T09:30:05.123Z", "2026-01-31T09:30:05.123Z"),
        ("2026-01-31T09:30:05.123456Z", "2026-01-31T09:30:05.123Z", "2026-01-31T09:30:05.123Z"),
        ("2026-01-31T01:30+02:00", "2026-01-30T23:30:00.000Z", "2026-01-30T23:30:59.999Z"),
        ("2026-01-31 09:30:00 -0500", "2026-01-31T14:30:00.000Z", "2026-01-31T14:30:00.999Z"),
        (" 2026-01-31 ", "2026-01-31T00:00:00.000Z", "2026-01-31T23:59:59.999Z"),
    ],
)
def test_a_time_means_the_whole_of_what_is_typed(typed: str, first: str, last: str) -> None:
    """UTC, unless it names a zone."""
    assert read(typed) == f"{first} {last}"


@pytest.mark.parametrize(
    "typed",
    [
        "yesterday",
        "",
        "2026",
        "2026-1-5",
        "2026-02-30",
        "2026-01-31T25:00",
        "2026-01-31T09:30.5",
        "2026-01-31Z",
        "1767607200",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-14:00",
        "२०२६-०१-३१",
        "2026-01-31\n",
    ],
)
def test_anything_else_is_refused_with_what_is_allowed(typed: str) -> None:
    """A usage error, with an example."""
    done = CliRunner().invoke(span, ["--since", typed])
    if typed == "2026-01-31\n":
        assert done.exit_code == 0  # blanks at its ends are a slip of the mouse
        return
    assert done.exit_code == 2
    assert "2026-01-31T09:30:00Z" in done.output


def test_a_time_that_is_shown_can_be_typed_back() -> None:
    """And includes what happened in that second."""
    at = "2026-01-31T09:30:05.123Z"
    first, last = read(shown(at)).split()
    assert first <= at <= last
