"""What every assistant promises, and what it takes to add one."""

from __future__ import annotations

import ast
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archiver.assistants
from archiver.assistants.protocol import Assistant, Conversation, Facts, Places, Shape, Source, Tree
from archiver.assistants.registry import ASSISTANTS, by_name
from archiver.assistants.tree import DiskTree
from archiver.errors import ArchiverError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Put

every = pytest.mark.parametrize("assistant", ASSISTANTS, ids=lambda assistant: assistant.name)
STREAMS = {
    "claude-code": ("p/s.jsonl",),
    "cline": ("cli/tasks/1/api_conversation_history.json", "cli/tasks/1/ui_messages.json"),
    "cline-4": ("s/s.messages.json",),
    "continue": ("sessions/u.json",),
    "devscode": ("sessions/u.json",),
    "aider": (".aider.chat.history.md",),
    "cecli": (".cecli/chat.history",),
}
FIELDS = [
    *("type", "timestamp", "cwd", "version", "message", "role", "model", "content", "summary"),
    *("customTitle", "ts", "modelInfo", "modelId", "id", "name", "say", "ask", "text", "tool"),
    *("toolCalls", "function", "promptLogs", "modelTitle"),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=8)
    ),
    max_leaves=25,
)


def test_the_names_are_those_that_policies_use() -> None:
    """Names are for ever: they stand in records."""
    names = ["claude-code", "cline", "cline-4", "continue", "devscode", "aider", "cecli"]
    assert [assistant.name for assistant in ASSISTANTS] == names
    assert all(assistant.title for assistant in ASSISTANTS)


def test_an_unknown_assistant_is_answered_with_the_known_ones() -> None:
    """One sees the misspelling."""
    for assistant in ASSISTANTS:
        assert by_name(assistant.name) is assistant
    with pytest.raises(ArchiverError, match="claude_code") as refusal:
        by_name("claude_code")
    assert all(assistant.name in refusal.value.advice for assistant in ASSISTANTS)


def test_an_assistant_is_one_file_and_one_line() -> None:
    """No module but the registry knows a reader, and there each reader is named once."""
    folder = Path(archiver.assistants.__file__).parent
    readers = {type(assistant).__module__ for assistant in ASSISTANTS}
    knowing: dict[str, set[str]] = {reader: set() for reader in readers}
    for path in folder.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in readers:
                knowing[node.module].add(path.name)
    assert all(modules == {"registry.py"} for modules in knowing.values()), knowing


def test_adding_an_assistant_touches_nothing_else(tmp_path: Path) -> None:
    """A reader of one's own: three methods, and it does whatever the others do."""

    class Notes:
        name = "notes"
        title = "Notes"

        def conversations(self, places: Places, tree: Tree) -> Iterator[Conversation]:
            for name in tree.files(places.home):
                source = Source(name, places.home / name, Shape.TEXT)
                yield Conversation(self.name, name, (source,))

        def working_directory(self, conversation: Conversation, _tree: Tree) -> str | None:
            return str(conversation.sources[0].path.parent)

        def describe(self, stream: str, entry: bytes) -> Facts:
            return Facts(title=stream, is_json=bool(entry))

    reader: Assistant = Notes()
    (tmp_path / "one").write_bytes(b"")
    (found,) = reader.conversations(Places(tmp_path, "linux"), DiskTree())
    assert (found.assistant, found.id) == ("notes", "one")


@every
def test_an_empty_machine_has_no_conversations(
    assistant: Assistant, home: Path, tree: DiskTree
) -> None:
    """On any system, and nothing was refused."""
    for platform in ("linux", "darwin", "win32"):
        assert list(assistant.conversations(Places(home, platform, {}, (home,)), tree)) == []
    assert tree.refused == {}


def acceptable(facts: Facts, entry: bytes) -> bool:
    """Tell whether facts keep their promise."""
    texts = (facts.role, facts.model, facts.occurred_at, facts.cwd, facts.version, facts.title)
    return (
        all(text is None or type(text) is str for text in texts)
        and all(type(tool) is str and tool for tool in facts.tools)
        and (not facts.is_json or bool(json.dumps(json.loads(entry))))
    )


@every
@settings(max_examples=60)
@given(value=JSON)
def test_a_value_of_any_type_in_any_field_is_described(assistant: Assistant, value: object) -> None:
    """Never an exception on JSON, always text or nothing."""
    entry = json.dumps(value, ensure_ascii=False).encode()
    for stream in STREAMS[assistant.name]:
        assert acceptable(assistant.describe(stream, entry), entry)


@every
@settings(max_examples=60)
@given(value=JSON, data=st.data())
def test_only_json_is_called_json(assistant: Assistant, value: object, data: st.DataObject) -> None:
    """One byte changed somewhere: what is still called JSON is JSON to a strict reader."""
    entry = bytearray(json.dumps({"type": "x", "z": value}, ensure_ascii=False).encode())
    entry[data.draw(st.integers(0, len(entry) - 1))] = data.draw(st.integers(0, 255))
    for stream in STREAMS[assistant.name]:
        try:
            facts = assistant.describe(stream, bytes(entry))
        except ValueError:
            continue
        assert acceptable(facts, bytes(entry))


@every
def test_nesting_without_end_is_survived(assistant: Assistant) -> None:
    """No recursion error gets out as anything but a value error, and nothing crashes."""
    for deep in (b"[" * 100_000, b'{"content":' * 50_000, b"[" * 9_000 + b"]" * 9_000):
        for stream in STREAMS[assistant.name]:
            try:
                assert acceptable(assistant.describe(stream, deep), b"0")
            except ValueError:
                assert not assistant.name.startswith(("aider", "cecli"))


@every
def test_a_home_of_rubbish_and_empty_files_is_survived(
    assistant: Assistant, home: Path, put: Put, tree: DiskTree
) -> None:
    """Every file that an assistant reads, filled with anything: found, asked, described."""
    noise = random.Random(7)
    bodies = (
        b"",
        noise.randbytes(5000),
        b"\0" * 5000,
        b"[" * 50_000,
        b'{"cwd":"',
        b"\xef\xbb\xbf{}",
    )
    for number, body in enumerate(bodies):
        for name in (
            f".claude/projects/-p/s{number}.jsonl",
            f".claude/projects/-p/s{number}/subagents/agent-1.jsonl",
            f".cline/data/tasks/{number}/api_conversation_history.json",
            f".cline/data/sessions/s{number}/s{number}.json",
            f".cline/data/sessions/s{number}/s{number}.messages.json",
            f".continue/sessions/s{number}.json",
            f".devscode/sessions/s{number}.json",
            f"p{number}/.aider.chat.history.md",
            f"p{number}/.cecli/chat.history",
        ):
            put(name, body)
        put(".cline/data/state/taskHistory.json", body)
        put(".continue/sessions/sessions.json", body)
        projects = tuple(home / f"p{project}" for project in range(number + 1))
        found = list(assistant.conversations(Places(home, "linux", {}, projects), tree))
        assert len(found) == number + 1
        for conversation in found:
            inside = assistant.name in ("aider", "cecli")
            assert bool(assistant.working_directory(conversation, tree)) is inside
