"""Aider and cecli: files inside projects."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from archiver.assistants import times
from archiver.assistants.protocol import Conversation, Facts, Shape
from archiver.assistants.registry import by_name

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Find, Put

    from archiver.assistants.tree import DiskTree

AIDER = by_name("aider")
CECLI = by_name("cecli")


def only(found: dict[str, Conversation]) -> Conversation:
    """Give the one conversation."""
    (conversation,) = found.values()
    return conversation


def test_a_projects_files_are_one_conversation(
    put: Put, find: Find, home: Path, tree: DiskTree
) -> None:
    """Held in the project; the transcript first."""
    names = (".aider.chat.history.md", ".aider.llm.history", ".aider.input.history")
    for name in (*names, ".aider.tags.cache.v4/x", "sub/.aider.chat.history.md", "README.md"):
        put(f"p/{name}", "")
    held = only(find(AIDER, home / "p"))
    assert [(source.stream, source.shape) for source in held.sources] == [
        (name, Shape.TEXT) for name in names
    ]
    assert AIDER.working_directory(held, tree) == str(home / "p")
    assert find(CECLI, home / "p") == {}


def test_cecli_keeps_its_files_in_a_folder_of_the_project(
    put: Put, find: Find, home: Path, tree: DiskTree
) -> None:
    """Saved sessions are documents, rewritten whole, whose messages stand deeper."""
    for name in ("chat.history", "input.history", "sessions/auto-save.json", "sessions/x.txt"):
        put(f"p/.cecli/{name}", "")
    put("p/.cecli/agents/2026-01-05/u/x", "")
    held = only(find(CECLI, home / "p"))
    assert [(source.stream, source.shape, source.entries) for source in held.sources] == [
        (".cecli/chat.history", Shape.TEXT, None),
        (".cecli/input.history", Shape.TEXT, None),
        (".cecli/sessions/auto-save.json", Shape.DOCUMENT, None),
    ]
    assert CECLI.working_directory(held, tree) == str(home / "p")
    assert find(AIDER, home / "p") == {}


def test_a_project_with_saved_sessions_only_is_held_in_the_project(
    put: Put, find: Find, home: Path, tree: DiskTree
) -> None:
    """The depth of the first source does not matter."""
    put("p/.cecli/sessions/a.json", "{}")
    assert CECLI.working_directory(only(find(CECLI, home / "p")), tree) == str(home / "p")


def test_the_id_names_the_assistant_and_the_place(put: Put, find: Find, home: Path) -> None:
    """The same every time, another for every project and assistant."""
    for project in ("p", "q"):
        put(f"{project}/.aider.chat.history.md", "")
        put(f"{project}/.cecli/chat.history", "")
    ids = [
        id_ for reader in (AIDER, CECLI) for id_ in find(reader, home / "p", home / "q", home / "p")
    ]
    assert len(set(ids)) == len(ids) == 4
    assert all(len(id_) == 16 for id_ in ids)
    assert list(find(AIDER, home / "p")) == ids[:1]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_repository_cannot_point_out_of_itself(put: Put, find: Find, home: Path) -> None:
    """A link in a cloned repository would otherwise archive any file of its user."""
    put("secret/chat.history", "secret")
    put("p/README.md", "")
    (home / "p" / ".aider.chat.history.md").symlink_to(home / "secret" / "chat.history")
    (home / "p" / ".cecli").symlink_to(home / "secret")
    assert find(AIDER, home / "p") == {}
    assert find(CECLI, home / "p") == {}


@pytest.mark.skipif(sys.platform != "linux", reason="macOS and Windows refuse such names")
def test_a_project_whose_name_is_no_text_has_a_working_directory_that_is(
    put: Put, find: Find, home: Path, tree: DiskTree
) -> None:
    """Records hold text."""
    project = put(os.fsdecode(b"p\xff\n/.aider.chat.history.md"), "").parent
    held = only(find(AIDER, project))
    assert AIDER.working_directory(held, tree) == f"{home}/p\ufffd\n"


@pytest.mark.parametrize(
    ("line", "starts"),
    [
        (b"#### add a test", True),
        (b"# aider chat started at 2026-01-07 14:05:11", True),
        (b"# cecli chat started at 2026-01-07 14:05:11", True),
        (b"# A heading", False),
        (b"##### deeper", False),
        (b"> tool output", False),
        (b" #### indented", False),
    ],
)
def test_an_entry_starts_with_the_user_or_a_run(
    put: Put, find: Find, home: Path, line: bytes, *, starts: bool
) -> None:
    """Matched at the start of a line."""
    put("p/.aider.chat.history.md", "")
    boundary = only(find(AIDER, home / "p")).sources[0].boundary
    assert boundary
    assert bool(boundary.match(line)) is starts


def test_the_header_of_a_run_tells_when_and_with_which_model() -> None:
    """In local time."""
    for tool in ("aider", "cecli"):
        entry = (
            f"# {tool} chat started at 2026-01-07 14:05:11\n\n> /usr/bin/{tool}  \n"
            f"> {tool.capitalize() if tool == 'aider' else tool} v0.87.1  \n"
            "> Main model: example/large-1 with diff edit format  \n"
        )
        assert by_name(tool).describe("x", entry.encode()) == Facts(
            model="example/large-1",
            occurred_at=times.from_local("2026-01-07 14:05:11"),
            version="0.87.1",
        )


@pytest.mark.parametrize(
    ("entry", "role", "at"),
    [
        (b"#### why?  \n\nBecause.\n> Aider v1\n", "user", None),
        (b"TO LLM 2025-01-31T11:21:36\n-------\n", "user", "2025-01-31T11:21:36"),
        (b"LLM RESPONSE 2025-01-31T11:21:41\nx", "assistant", "2025-01-31T11:21:41"),
        (b"# 2026-01-07 14:05:40.118204\n+/test\n", None, "2026-01-07 14:05:40.118204"),
        (b"# aider chat started at noon\n", None, None),
        (b"# aider chat started at 2026-99-07 14:05:11\n", None, None),
        (b"\xff\x00", None, None),
        (b"", None, None),
    ],
)
def test_other_entries_tell_who_begins_and_when(
    entry: bytes, role: str | None, at: str | None
) -> None:
    """A run's header, what was sent, and what was typed carry a time; an answer does not."""
    facts = AIDER.describe(".aider.chat.history.md", entry)
    assert (facts.role, facts.occurred_at) == (role, times.from_local(at) if at else None)
    assert facts.model is facts.version is None
    assert not facts.is_json


def test_a_saved_session_says_nothing_as_an_entry() -> None:
    """It has none."""
    assert CECLI.describe(".cecli/sessions/a.json", b'"#### "') == Facts()
