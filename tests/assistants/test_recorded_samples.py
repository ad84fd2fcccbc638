"""Recorded conversations of real assistants, laid out in a fake home."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from archiver.assistants.protocol import Facts, Shape
from archiver.assistants.registry import by_name

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Find

    from archiver.assistants.tree import DiskTree

SPOTTER = "258c7280-ae70-4798-800f-63464d01a85d"
ORPHAN = "6c2214d7-b87e-4432-8e41-22ba294ea584"


@pytest.fixture
def home(tmp_path: Path, recorded: Path) -> Path:
    """Give a home in which every recorded file lies where its assistant writes it."""
    home = tmp_path / "home"
    shutil.copytree(recorded / "claude_code", home / ".claude" / "projects")
    session = home / ".cline" / "data" / "sessions" / "1784094124598_rruoq"
    session.mkdir(parents=True)
    for path in (recorded / "cline" / "v4_sdk").iterdir():
        shutil.copy(path, session / path.name.replace("session", session.name))
    shutil.copytree(recorded / "continue", home / ".continue")
    shutil.copytree(recorded / "aider", home / "aider")
    shutil.copytree(recorded / "cecli", home / "cecli")
    return home


def mapping(value: object) -> dict[str, Any]:
    """Give an object; some lines and messages are a string."""
    return value if isinstance(value, dict) else {}


def tools_of(blocks: list[object]) -> list[str]:
    """Name the tools that blocks call; some blocks are a string."""
    return [mapping(block)["name"] for block in blocks if mapping(block).get("type") == "tool_use"]


def test_every_recorded_claude_code_line_is_read(find: Find) -> None:
    """Every line is JSON, every time is read, every tool call is seen: as a slow reader does."""
    reader = by_name("claude-code")
    lines = 0
    for conversation in find(reader).values():
        for source in conversation.sources:
            if source.shape is not Shape.LINES:
                continue
            for line in source.path.read_bytes().splitlines():
                value = mapping(json.loads(line))
                message = mapping(value.get("message"))
                content = message.get("content")
                blocks = content if isinstance(content, list) else []
                facts = reader.describe(source.stream, line)
                lines += 1
                assert facts.is_json
                assert (facts.occurred_at or "")[:19] == (value.get("timestamp") or "")[:19]
                assert facts.cwd == value.get("cwd")
                assert facts.model == message.get("model")
                assert list(facts.tools) == tools_of(blocks)
    assert lines > 2000


def test_the_recorded_sessions_keep_their_parts_together(find: Find, tree: DiskTree) -> None:
    """One with two sub-agents, one orphan."""
    reader = by_name("claude-code")
    found = find(reader)
    assert len(found[SPOTTER].sources) == 3
    assert len(found[ORPHAN].sources) == 1
    for session in (SPOTTER, ORPHAN):
        cwd = reader.working_directory(found[session], tree)
        assert cwd
        assert cwd.startswith("/home/USER/projects/spotter")


def test_the_recorded_cline_4_session_is_read(find: Find, tree: DiskTree) -> None:
    """Messages, manifest and two compactions."""
    reader = by_name("cline-4")
    (session,) = find(reader).values()
    assert [source.entries for source in session.sources] == [
        "messages",
        None,
        "messages",
        "messages",
    ]
    assert reader.working_directory(session, tree) == "/Users/example/dev/cline"
    main = session.sources[0]
    said = [
        reader.describe(main.stream, json.dumps(message).encode())
        for message in json.loads(main.path.read_bytes())["messages"]
    ]
    assert {fact.role for fact in said} == {"user", "assistant"}
    assert any("editor" in fact.tools for fact in said)
    assert all(fact.occurred_at and fact.occurred_at.startswith("2026-07") for fact in said)
    assert "anthropic/claude-opus-4.8-fast" in {fact.model for fact in said}


def test_the_recorded_continue_session_is_read(find: Find, tree: DiskTree) -> None:
    """Of 2024, when items had three fields."""
    reader = by_name("continue")
    (session,) = find(reader).values()
    cwd = reader.working_directory(session, tree)
    assert cwd == "/Users/dallin/Documents/code/continue/manual-testing-sandbox"
    (source,) = session.sources
    said = [
        reader.describe(source.stream, json.dumps(item).encode())
        for item in json.loads(source.path.read_bytes())["history"]
    ]
    assert [fact.role for fact in said[:2]] == ["user", "assistant"]
    assert said[1] == Facts(role="assistant", model="GPT-4o", is_json=True)


def test_the_recorded_histories_of_aider_and_cecli_are_cut_at_runs_and_questions(
    find: Find, home: Path
) -> None:
    """As many entries as lines that start one, and a time in every run's header."""
    projects = (home / "aider", home / "aider" / "friendly_names")
    cecli = (home / "cecli" / "catlabel", home / "cecli" / "orrery")
    for name, places, expected in (("aider", projects, 2), ("cecli", cecli, 2)):
        reader = by_name(name)
        found = find(reader, *places)
        assert len(found) == expected
        for source in (source for held in found.values() for source in held.sources):
            lines = source.path.read_bytes().splitlines(keepends=True)
            assert source.boundary
            starts = [line for line in lines if source.boundary.match(line)]
            headers = [
                line
                for line in starts
                if b"started at" in line or line.startswith((b"TO LLM", b"LLM RESPONSE"))
            ]
            assert headers
            assert all(reader.describe(source.stream, line).occurred_at for line in headers)
