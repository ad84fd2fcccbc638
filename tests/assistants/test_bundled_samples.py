"""The conversations that the package brings along, read by the readers that it has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from archiver.assistants.protocol import Assistant, Conversation, Facts, Places, Shape, Source
from archiver.assistants.registry import ASSISTANTS

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.assistants.tree import DiskTree

ORDERS = "/home/dev/projects/orders-api"


@pytest.fixture
def held(bundled: Path, tree: DiskTree) -> dict[str, tuple[Assistant, Conversation]]:
    """Give the bundled conversations by assistant."""
    places = Places(bundled, "linux", {}, (bundled / "projects" / "orders-api",))
    return {
        assistant.name: (assistant, conversation)
        for assistant in ASSISTANTS
        for conversation in assistant.conversations(places, tree)
    }


def entries(source: Source) -> list[bytes]:
    """Cut a file into its entries, the plain way."""
    body = source.path.read_bytes()
    if source.shape is Shape.LINES:
        return body.splitlines()
    if source.shape is Shape.DOCUMENT:
        value = json.loads(body)
        listed = value if source.entries == "" else value[source.entries] if source.entries else []
        return [json.dumps(entry).encode() for entry in listed]
    found = [b""]
    for line in body.splitlines(keepends=True):
        if source.boundary and source.boundary.match(line):
            found.append(b"")
        found[-1] += line
    return found


def facts(assistant: Assistant, conversation: Conversation) -> list[Facts]:
    """Describe every entry."""
    return [
        assistant.describe(source.stream, entry)
        for source in conversation.sources
        for entry in entries(source)
    ]


def test_there_is_one_of_each_format(
    held: dict[str, tuple[Assistant, Conversation]], tree: DiskTree
) -> None:
    """Three owners among them, so that a policy has something to tell apart."""
    where = {name: reader.working_directory(one, tree) for name, (reader, one) in held.items()}
    assert str(where.pop("aider")).endswith("orders-api")
    assert where == {
        "claude-code": ORDERS,
        "cline": "/home/dev/projects/billing-web",
        "cline-4": ORDERS,
        "continue": "/home/dev/private/garden-notes",
    }


def test_the_claude_code_sample_has_a_sub_agent_and_a_tool_result(
    held: dict[str, tuple[Assistant, Conversation]],
) -> None:
    """Every kind of file that Claude Code writes."""
    _, conversation = held["claude-code"]
    suffixes = [
        source.stream.partition("/")[2].partition("/")[2] for source in conversation.sources
    ]
    assert suffixes == [
        "",
        "subagents/agent-a1f7c30.jsonl",
        "subagents/agent-a1f7c30.meta.json",
        "tool-results/toolu_sample_04.txt",
    ]


@pytest.mark.parametrize(
    ("name", "tools", "first", "last"),
    [
        (
            "claude-code",
            {"Read", "Task", "Edit", "Bash", "Grep"},
            "2026-01-05T09:30",
            "2026-01-05T09:33",
        ),
        (
            "cline",
            {"read_file", "replace_in_file", "readFile", "editedExistingFile"},
            "2026-01-05T10:00",
            "2026-01-05T10:01",
        ),
        ("cline-4", {"run_commands"}, "2026-01-06T10:00", "2026-01-06T10:00"),
        ("continue", {"builtin_read_file"}, None, None),
    ],
)
def test_what_the_samples_say_about_themselves(
    held: dict[str, tuple[Assistant, Conversation]],
    name: str,
    tools: set[str],
    first: str | None,
    last: str | None,
) -> None:
    """Who, when, with which tools."""
    said = facts(*held[name])
    assert {tool for fact in said for tool in fact.tools} == tools
    assert {"user", "assistant"} <= {fact.role for fact in said}
    times = sorted(fact.occurred_at[:16] for fact in said if fact.occurred_at)
    assert (times[:1], times[-1:]) == ([first] if first else [], [last] if last else [])


def test_the_aider_sample_has_two_runs(held: dict[str, tuple[Assistant, Conversation]]) -> None:
    """Two headers with a time, three questions, three typed inputs."""
    said = facts(*held["aider"])
    assert [fact.version for fact in said if fact.version] == ["0.87.1", "0.87.1"]
    assert sum(fact.role == "user" for fact in said) == 3
    assert sum(fact.occurred_at is not None for fact in said) == 5


def test_every_sample_is_read_by_somebody_or_is_an_index(
    bundled: Path, held: dict[str, tuple[Assistant, Conversation]]
) -> None:
    """No file is there for nothing."""
    read = {source.path for _, one in held.values() for source in one.sources}
    rest = {path.name for path in bundled.rglob("*") if path.is_file() and path not in read}
    assert rest == {"taskHistory.json", "sessions.json"}


def test_the_samples_are_small_and_say_that_they_are_synthetic(bundled: Path) -> None:
    """They go into every installation."""
    assert sum(path.stat().st_size for path in bundled.rglob("*") if path.is_file()) < 64 * 1024
    assert "synthetic" in (bundled.parent / "SAMPLES.md").read_text(encoding="utf-8")
