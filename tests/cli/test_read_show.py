"""``archiver show``: a conversation for human eyes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import archiver as package

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Said, Story


def test_the_turns_stand_in_order_with_who_said_them(
    archiver: Callable[..., Said], told: Story
) -> None:
    """Main transcript first to last; roles, models and tools where the source has them."""
    said = archiver("show", told.claude, "--archive", told.archive)
    assert said.code == 0
    assert f"claude-code {told.claude} of tenant quickstart" in said.out
    asked = said.out.index("· user\nGET /orders returns everything")
    answered = said.out.index("· assistant · example-large-1 · Edit\n")
    assert asked < answered < said.out.index("subagents/agent-a1f7c30.jsonl")


def test_an_edit_stands_where_it_happened(archiver: Callable[..., Said], told: Story) -> None:
    """What was cut is still shown, and that it was cut."""
    said = archiver("show", told.claude, "--archive", told.archive)
    added = said.out.index("owned")
    assert added < said.out.index("entries still stand")


def test_a_deletion_is_shown(archiver: Callable[..., Said], told: Story) -> None:
    """After what was there."""
    said = archiver("show", told.short_lived, "--archive", told.archive)
    assert said.out.index("gone soon") < said.out.index("[the file was deleted]")


def test_at_shows_what_was_known_then(archiver: Callable[..., Said], told: Story) -> None:
    """Neither what was added later nor what was cut later."""
    before, after = told.states[0].at, told.states[1].at
    first = archiver("show", told.claude, "--archive", told.archive, "--at", before).out
    second = archiver("show", told.claude, "--archive", told.archive, "--at", after).out
    assert "owned" not in first
    assert "owned" in second
    assert "still stand" not in second


def test_before_it_was_observed_there_is_nothing_to_show(
    archiver: Callable[..., Said], told: Story
) -> None:
    """The advice names the times that there are."""
    said = archiver("show", told.claude, "--archive", told.archive, "--at", "2026-01-05")
    assert said.code == 3
    assert "nothing of conversation" in said.err
    first = archiver("show", told.claude, "--archive", told.archive, "--json").json
    assert f"from {first['observed_at'][0]} to" in said.err


def test_the_json_is_one_document_with_all_turns(
    archiver: Callable[..., Said], told: Story
) -> None:
    """The same turns, and the times that --at can tell apart."""
    found = archiver("show", told.claude, "--archive", told.archive, "--json").json
    assert (found["tenant"], found["assistant"]) == ("quickstart", "claude-code")
    (row,) = (
        one
        for one in archiver("ls", "--archive", told.archive, "--json").json["conversations"]
        if one["conversation"] == told.claude
    )
    assert len(found["turns"]) == row["records"]
    assert {turn["role"] for turn in found["turns"]} >= {"user", "assistant"}
    assert found["observed_at"] == sorted(set(found["observed_at"]))
    assert len([at for at in found["observed_at"] if at > told.states[0].at]) == 2


def test_the_beginning_of_an_id_is_enough(archiver: Callable[..., Said], told: Story) -> None:
    """As long as only one begins so."""
    assert archiver("show", "5b0", "--archive", told.archive).code == 0


def test_an_ambiguous_beginning_lists_what_it_may_mean(
    archiver: Callable[..., Said], told: Story
) -> None:
    """Two samples begin with 17."""
    said = archiver("show", "17", "--archive", told.archive)
    assert said.code == 3
    assert "1767607200000 (quickstart, cline), 1767693600000_k3v9q" in said.err


def test_an_unknown_id_says_how_to_find_one(archiver: Callable[..., Said], told: Story) -> None:
    """No traceback, no empty page."""
    said = archiver("show", "zz", "--archive", told.archive)
    assert (said.code, said.out) == (3, "")
    assert "archiver ls" in said.err


def test_a_chunk_that_is_damaged_is_an_error_and_not_a_shorter_conversation(
    archiver: Callable[..., Said], story: Story
) -> None:
    """Nothing is shown of what cannot be vouched for."""
    for chunk in story.chunks():
        chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
    said = archiver("show", story.claude, "--archive", story.archive)
    assert (said.code, said.out) == (3, "")
    assert "not what its manifest lists" in said.err


def test_nothing_in_a_conversation_steers_the_terminal(
    archiver: Callable[..., Said], told: Story
) -> None:
    """Its escapes and reversals are spelled out."""
    said = archiver("show", told.claude, "--archive", told.archive).out
    assert "\\x1b]0;owned\\x07 and \\u202egnp.exe" in said
    assert not {"\x1b", "\x07", "\u202e"} & set(said)


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_at_a_terminal_the_users_pager_shows_it(told: Story, tmp_path: Path) -> None:
    """Whatever PAGER names gets the same harmless text."""
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncat > '{tmp_path}/paged'\n")
    pager.chmod(0o700)
    master, terminal = os.openpty()
    root = str(Path(package.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "archiver", "show", told.claude, "--archive", str(told.archive)],
        env={**os.environ, "PYTHONPATH": root, "PAGER": str(pager), "TERM": "xterm"},
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(terminal)
    os.close(master)
    assert done.returncode == 0, done.stderr
    paged = (tmp_path / "paged").read_text(encoding="utf-8")
    assert "GET /orders returns everything" in paged
    assert "\\x1b]0;owned" in paged
    assert "\x1b" not in paged
