"""Claude Code: which files are a conversation, where it was held, what a line says."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from archiver.assistants.claude_code import ClaudeCode
from archiver.assistants.protocol import Conversation, Facts, Shape

if TYPE_CHECKING:
    from conftest import Find, Put

    from archiver.assistants.tree import DiskTree

CLAUDE = ClaudeCode()
PROJECT = ".claude/projects/-home-dev-app"


def streams(conversation: Conversation) -> list[tuple[str, Shape]]:
    """Give what a test compares."""
    return [(source.stream, source.shape) for source in conversation.sources]


def test_a_session_is_its_transcript_sub_agents_and_tool_results(put: Put, find: Find) -> None:
    """The transcript first; streams are paths below ``projects``."""
    for name in (".jsonl", "/subagents/agent-1.jsonl", "/subagents/agent-1.meta.json"):
        put(f"{PROJECT}/s1{name}", "{}\n")
    put(f"{PROJECT}/s1/tool-results/t.txt", "long")
    assert streams(find(CLAUDE)["s1"]) == [
        ("-home-dev-app/s1.jsonl", Shape.LINES),
        ("-home-dev-app/s1/subagents/agent-1.jsonl", Shape.LINES),
        ("-home-dev-app/s1/subagents/agent-1.meta.json", Shape.DOCUMENT),
        ("-home-dev-app/s1/tool-results/t.txt", Shape.TEXT),
    ]


def test_a_session_without_its_transcript_is_found(put: Put, find: Find, tree: DiskTree) -> None:
    """An orphan's working directory is that of its sub-agent."""
    put(f"{PROJECT}/s1/subagents/agent-1.jsonl", '{"cwd":"/home/dev/app"}\n')
    orphan = find(CLAUDE)["s1"]
    assert streams(orphan) == [("-home-dev-app/s1/subagents/agent-1.jsonl", Shape.LINES)]
    assert CLAUDE.working_directory(orphan, tree) == "/home/dev/app"


def test_a_session_in_two_project_folders_is_one_conversation(put: Put, find: Find) -> None:
    """Its transcript comes first, wherever it lies; no two streams have one name."""
    put(".claude/projects/-a/s1/subagents/agent-1.jsonl", "{}\n")
    put(".claude/projects/-b/s1.jsonl", "{}\n")
    assert [stream for stream, _ in streams(find(CLAUDE)["s1"])] == [
        "-b/s1.jsonl",
        "-a/s1/subagents/agent-1.jsonl",
    ]


def test_other_files_and_deeper_folders_are_left_alone(put: Put, find: Find) -> None:
    """Nothing is read that mixes conversations."""
    for name in ("history.jsonl", "file-history/s1/x", "projects/loose.jsonl", "settings.json"):
        put(f".claude/{name}", "{}\n")
    for name in ("notes.md", "s1/other/x.txt", "s1/x.jsonl", "s1/subagents/x.txt", "sub/a/b.jsonl"):
        put(f"{PROJECT}/{name}", "{}\n")
    assert find(CLAUDE) == {}


def test_every_root_is_looked_into(put: Put, find: Find) -> None:
    """Same session, same project, three roots: three streams of one conversation."""
    for root in (".claude", ".config/claude", "elsewhere"):
        put(f"{root}/projects/-p/s1.jsonl", "{}\n")
    assert [stream for stream, _ in streams(find(CLAUDE)["s1"])] == [
        "-p/s1.jsonl",
        "xdg/-p/s1.jsonl",
    ]
    named = find(CLAUDE, CLAUDE_CONFIG_DIR="~/elsewhere")
    assert "custom/-p/s1.jsonl" in [stream for stream, _ in streams(named["s1"])]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_two_names_of_one_root_are_one_root(put: Put, find: Find) -> None:
    """Nothing is captured twice because a link leads to it."""
    real = put(".claude/projects/-p/s1.jsonl", "{}\n").parents[2]
    (real.parent / ".config").mkdir()
    (real.parent / ".config" / "claude").symlink_to(real)
    found = find(CLAUDE, CLAUDE_CONFIG_DIR=str(real))
    assert [stream for stream, _ in streams(found["s1"])] == ["-p/s1.jsonl"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_links_inside_the_root_are_not_followed(put: Put, find: Find) -> None:
    """Neither a transcript, nor a project, nor a loop."""
    secret = put("secret/s9.jsonl", "{}\n")
    projects = put(f"{PROJECT}/s1.jsonl", "{}\n").parents[1]
    (projects / "-linked").symlink_to(secret.parent)
    (projects / "-home-dev-app" / "s2.jsonl").symlink_to(secret)
    (projects / "-home-dev-app" / "s1").symlink_to(projects)
    session = put(f"{PROJECT}/s3/x", "").parent
    (session / "subagents").symlink_to(secret.parent)
    (session / "tool-results").symlink_to(secret.parent)
    assert list(find(CLAUDE)) == ["s1"]


def test_a_folder_named_like_a_transcript_is_none(put: Put, find: Find) -> None:
    """A directory where a file should be."""
    put(f"{PROJECT}/s1.jsonl/x", "")
    assert find(CLAUDE) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="macOS and Windows refuse such names")
def test_names_that_are_no_text_give_ids_and_streams_that_are(put: Put, find: Find) -> None:
    """A line feed and a byte that is no UTF-8."""
    put(os.fsdecode(b".claude/projects/-p\xff/a\nb.jsonl"), "{}\n")
    found = find(CLAUDE)
    assert {id_: streams(held)[0][0] for id_, held in found.items()} == {
        "a%0Ab": "-p%FF/a%0Ab.jsonl"
    }


def test_new_files_are_found_by_the_next_sweep(put: Put, find: Find) -> None:
    """Remembering what was found before hides nothing."""
    put(f"{PROJECT}/s1.jsonl", "{}\n")
    assert len(find(CLAUDE)["s1"].sources) == 1
    put(f"{PROJECT}/s1/subagents/agent-1.jsonl", "{}\n")
    assert len(find(CLAUDE)["s1"].sources) == 2
    put(f"{PROJECT}/s1/subagents/agent-2.jsonl", "{}\n").with_name("agent-1.jsonl").unlink()
    assert [stream for stream, _ in streams(find(CLAUDE)["s1"])] == [
        "-home-dev-app/s1.jsonl",
        "-home-dev-app/s1/subagents/agent-2.jsonl",
    ]


@pytest.mark.parametrize(
    ("transcript", "cwd"),
    [
        ('{"type":"summary"}\n{"cwd":"/a"}\n{"cwd":"/b"}\n', "/a"),
        ('{"cwd":"/a","m":"' + "x" * 2_000_000 + '"}\n', "/a"),
        ('{"x":"' + "x" * 100_000 + '"}\n{"cwd":"/a"}\n', "/a"),
        ('{"x":"' + "x" * 2_000_000 + '"}\n{"cwd":"/too/far"}\n', None),
        ('{"text":"{\\"cwd\\":\\"/quoted\\"}"}\n{"cwd":"/a"}\n', "/a"),
        ('{"cwd":"C:\\\\src\\\\größe"}', "C:\\src\\größe"),
        ('{"cwd":7}\n{"cwd":""}\n{"cwd":["/x"]}\n{"cwd":"/a"}\n', "/a"),
        ('\x00\xff rubbish "cwd"\n[]\n{"cwd":"/a"}\n', "/a"),
        ('{"message":{"cwd":"/nested"}}\n', None),
        ("", None),
        ("\n\n", None),
        ('{"cwd":' + "[" * 20_000, None),
    ],
)
def test_the_working_directory_is_the_first_that_a_line_names(
    put: Put, find: Find, tree: DiskTree, transcript: str, cwd: str | None
) -> None:
    """Within the first MiB, whatever else stands there."""
    put(f"{PROJECT}/s1.jsonl", transcript.encode("latin-1" if "\xff" in transcript else "utf-8"))
    assert CLAUDE.working_directory(find(CLAUDE)["s1"], tree) == cwd


LINE = {
    "type": "assistant",
    "timestamp": "2026-01-05T09:30:08.031Z",
    "cwd": "/home/dev/app",
    "version": "2.1.39",
    "message": {
        "role": "assistant",
        "model": "m-1",
        "content": [
            {"type": "text", "text": "größe"},
            {"type": "tool_use", "name": "Read", "input": {"name": "no"}},
            {"type": "tool_result", "name": "no"},
            {"type": "tool_use", "name": "Bash"},
        ],
    },
}
FACTS = Facts(
    role="assistant",
    model="m-1",
    tools=("Read", "Bash"),
    occurred_at="2026-01-05T09:30:08.031Z",
    cwd="/home/dev/app",
    version="2.1.39",
    is_json=True,
)


def test_a_line_tells_who_when_where_and_with_which_tools() -> None:
    """All of it, from one pass over the bytes."""
    assert CLAUDE.describe("p/s1.jsonl", json.dumps(LINE).encode()) == FACTS
    assert CLAUDE.describe("p/s1.jsonl", json.dumps(LINE, ensure_ascii=False).encode()) == FACTS


@pytest.mark.parametrize("drifted", ["version", "type", "customTitle", "summary"])
def test_one_field_of_another_type_costs_no_other(drifted: str) -> None:
    """Formats drift; the rest of the line still says what it says."""
    facts = CLAUDE.describe("p/s1.jsonl", json.dumps({**LINE, drifted: {"new": 1}}).encode())
    expected = {name: getattr(FACTS, name) for name in Facts.__struct_fields__}
    if drifted == "version":
        expected["version"] = None
    assert facts == Facts(**expected)


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ({"type": "summary", "summary": "Pages", "leafUuid": "x"}, "Pages"),
        ({"type": "custom-title", "customTitle": "Mine", "sessionId": "x"}, "Mine"),
        ({"type": "user", "summary": "no title"}, None),
        ({"type": "summary", "summary": 7}, None),
        ({"type": "summary", "summary": "Pages", "message": 7}, "Pages"),
    ],
)
def test_a_title_comes_from_the_lines_that_give_one(line: object, title: str | None) -> None:
    """A summary or a title that the user gave."""
    assert CLAUDE.describe("p/s1.jsonl", json.dumps(line).encode()).title == title


def test_a_line_that_is_json_but_no_utf_8_is_not_called_json() -> None:
    """Its facts are read all the same; its bytes must not stand in a record as JSON."""
    line = b'{"timestamp":"2026-01-05T09:30:08.031Z","skipped":"\xff"}'
    facts = CLAUDE.describe("p/s1.jsonl", line)
    assert (facts.occurred_at, facts.is_json) == ("2026-01-05T09:30:08.031Z", False)


def test_files_that_are_no_transcript_say_nothing() -> None:
    """A tool result may look like a line."""
    for stream in ("p/s1/tool-results/t.txt", "p/s1/subagents/agent-1.meta.json"):
        assert CLAUDE.describe(stream, json.dumps(LINE).encode()) == Facts()
