"""Cline, up to 3.x and 4: which files, where it was held, what a message says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from archiver.assistants.cline import Cline
from archiver.assistants.cline4 import Cline4
from archiver.assistants.protocol import Conversation, Facts, Shape

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Find, Put

    from archiver.assistants.tree import DiskTree

CLINE = Cline()
CLINE4 = Cline4()
CLI = ".cline/data"
CODE = ".config/Code/User/globalStorage/saoudrizwan.claude-dev"
ID = "1767607200000"


def streams(conversation: Conversation) -> list[str]:
    """Give what a test compares."""
    return [source.stream for source in conversation.sources]


def environment(cwd: str) -> str:
    """Give a history in which Cline describes its environment to the model."""
    text = f"<environment_details>\n# Current Working Directory ({cwd}) Files\na.py\n"
    return json.dumps([{"role": "user", "content": [{"type": "text", "text": text}]}])


def test_a_task_is_the_files_on_the_list_and_no_others(put: Put, find: Find) -> None:
    """Caches hold keys, checkpoints hold repositories, temporary files are half written."""
    names = (
        "api_conversation_history.json",
        "claude_messages.json",
        "ui_messages.json",
        "context_history.json",
        "settings.json",
        "task_metadata.json",
        f"focus_chain_taskid_{ID}.md",
    )
    for name in (
        *names,
        "api_conversation_history.json.tmp.1767607200000.x1.json",
        f"focus_chain_taskid_{ID}.md.tmp.1.x.md",
        "secrets.json",
        "checkpoints/.git/config",
    ):
        put(f"{CLI}/tasks/{ID}/{name}", "[]")
    put(f"{CLI}/cache/remote_config_org.json", "{}")
    put(f"{CLI}/checkpoints/1/x", "{}")
    found = find(CLINE)
    assert list(found) == [ID]
    assert streams(found[ID]) == [f"cli/tasks/{ID}/{name}" for name in names]
    shapes = {source.path.name: (source.shape, source.entries) for source in found[ID].sources}
    assert shapes["ui_messages.json"] == (Shape.DOCUMENT, "")
    assert shapes["task_metadata.json"] == (Shape.DOCUMENT, None)
    assert shapes[f"focus_chain_taskid_{ID}.md"] == (Shape.TEXT, None)


@pytest.mark.parametrize(
    ("platform", "folder", "environ"),
    [
        ("linux", ".config/Code/User", {}),
        ("linux", ".config/Code - Insiders/User", {}),
        ("linux", ".config/VSCodium/User", {}),
        ("linux", ".config/Cursor/User", {}),
        ("linux", ".config/Windsurf/User", {}),
        ("linux", ".vscode-server/data/User", {}),
        ("darwin", "Library/Application Support/Code/User", {}),
        ("win32", "AppData/Roaming/Cursor/User", {}),
        ("linux", "xdg/Code/User", {"XDG_CONFIG_HOME": "~/xdg"}),
        ("win32", "roaming/Code/User", {"APPDATA": "~/roaming"}),
    ],
)
def test_every_editor_of_the_family_is_looked_into(
    put: Put, find: Find, platform: str, folder: str, environ: dict[str, str]
) -> None:
    """Where each system keeps its user folders."""
    put(f"{folder}/globalStorage/saoudrizwan.claude-dev/tasks/1/ui_messages.json", "[]")
    assert list(find(CLINE, platform=platform, **environ)) == ["1"]


def test_the_command_line_can_keep_its_files_elsewhere(put: Put, find: Find) -> None:
    """``CLINE_DIR`` names the root."""
    put("elsewhere/data/tasks/1/ui_messages.json", "[]")
    assert find(CLINE) == {}
    assert streams(find(CLINE, CLINE_DIR="~/elsewhere")["1"]) == ["custom/tasks/1/ui_messages.json"]


def test_one_task_in_two_editors_is_one_conversation(put: Put, find: Find) -> None:
    """Settings were copied from one editor to the other; each file has its own stream."""
    put(f"{CODE}/tasks/1/ui_messages.json", "[]")
    put(f"{CODE.replace('Code', 'Cursor')}/tasks/1/ui_messages.json", "[]")
    assert streams(find(CLINE)["1"]) == [
        "Code/tasks/1/ui_messages.json",
        "Cursor/tasks/1/ui_messages.json",
    ]


@pytest.mark.parametrize(
    ("history", "cwd"),
    [
        ([{"id": ID, "cwdOnTaskInitialization": "/a", "shadowGitConfigWorkTree": "/b"}], "/a"),
        ([{"id": ID, "shadowGitConfigWorkTree": "/b"}], "/b"),
        ([{"id": int(ID), "cwdOnTaskInitialization": "/a"}], "/a"),
        ([{"id": ID, "cwdOnTaskInitialization": 7, "shadowGitConfigWorkTree": "/b"}], "/b"),
        ([7, None, {"id": "other", "cwdOnTaskInitialization": "/o"}], "/told"),
        ({"no": "list"}, "/told"),
    ],
)
def test_the_task_history_tells_where_a_task_was_held(
    put: Put, find: Find, tree: DiskTree, history: object, cwd: str
) -> None:
    """Else the environment in the first messages does."""
    put(f"{CLI}/tasks/{ID}/api_conversation_history.json", environment("/told"))
    put(f"{CLI}/state/taskHistory.json", json.dumps(history))
    assert CLINE.working_directory(find(CLINE)[ID], tree) == cwd


@pytest.mark.parametrize(
    ("body", "cwd"),
    [
        (environment("/home/dev/app (old)"), "/home/dev/app (old)"),
        (environment("c:/Users/dev/größe"), "c:/Users/dev/größe"),
        (environment("\\\\host\\share"), "\\\\host\\share"),
        (environment("Primary: app"), None),
        (environment("/cut")[:80], None),
        ('["# Current Working Directory (/said/by/the/user) Files"]', None),
        ("\x00rubbish", None),
        ("", None),
    ],
)
def test_the_environment_tells_where_a_task_was_held(
    put: Put, find: Find, tree: DiskTree, body: str, cwd: str | None
) -> None:
    """Only an absolute path, and only where Cline speaks."""
    put(f"{CLI}/tasks/{ID}/api_conversation_history.json", body)
    assert CLINE.working_directory(find(CLINE)[ID], tree) == cwd


def test_the_task_history_is_never_a_source(put: Put, find: Find) -> None:
    """It mixes the tasks of all tenants."""
    put(f"{CLI}/tasks/{ID}/ui_messages.json", "[]")
    put(f"{CLI}/state/taskHistory.json", "[]")
    names = [source.path.name for held in find(CLINE).values() for source in held.sources]
    assert names == ["ui_messages.json"]


MESSAGE = {
    "role": "assistant",
    "content": [{"type": "tool_use", "name": "read_file"}],
    "ts": 1767607205200,
    "modelInfo": {"modelId": "m-1", "providerId": "p"},
}
READ = Facts(
    role="assistant",
    model="m-1",
    tools=("read_file",),
    occurred_at="2026-01-05T10:00:05.200Z",
    is_json=True,
)


def test_a_message_tells_who_when_and_with_which_model() -> None:
    """In both generations of Cline, which name the model differently."""
    entry = json.dumps(MESSAGE).encode()
    assert CLINE.describe(f"cli/tasks/{ID}/api_conversation_history.json", entry) == READ
    entry = json.dumps({**MESSAGE, "modelInfo": {"id": "m-1"}}).encode()
    assert CLINE4.describe("s/s.messages.json", entry) == READ
    assert CLINE4.describe("s/s.compaction.json", entry) == READ


def test_an_old_message_has_a_role_and_no_time() -> None:
    """Early Cline wrote nothing else."""
    entry = b'{"role":"user","content":"hello"}'
    assert CLINE.describe("cli/tasks/1/api_conversation_history.json", entry) == Facts(
        role="user", is_json=True
    )


def test_a_field_of_another_type_costs_no_other() -> None:
    """The content became an object; everything else is read."""
    entry = json.dumps({**MESSAGE, "content": {"new": 1}, "extra": "größe"}).encode()
    facts = CLINE.describe("x/api_conversation_history.json", entry)
    assert facts == Facts(role="assistant", model="m-1", occurred_at=READ.occurred_at, is_json=True)
    shown = json.dumps({"ts": 1767607205200, "say": "tool", "text": {"tool": "x"}}).encode()
    assert CLINE.describe("x/ui_messages.json", shown).occurred_at == READ.occurred_at


@pytest.mark.parametrize(
    ("shown", "role", "tools"),
    [
        ({"type": "say", "say": "task", "text": "x"}, "user", ()),
        ({"type": "say", "say": "user_feedback", "text": "x"}, "user", ()),
        ({"type": "say", "say": "text", "text": "x"}, "assistant", ()),
        ({"type": "say", "say": "tool", "text": '{"tool":"readFile"}'}, None, ("readFile",)),
        ({"type": "ask", "ask": "tool", "text": '{"tool":"newFile"}'}, None, ("newFile",)),
        ({"type": "say", "say": "tool", "text": "no json"}, None, ()),
        ({"type": "say", "say": "tool"}, None, ()),
        ({"type": "say", "say": "api_req_started", "text": '{"tool":"no"}'}, None, ()),
    ],
)
def test_what_the_user_saw_tells_who_spoke(
    shown: dict[str, object], role: str | None, tools: tuple[str, ...]
) -> None:
    """And which tool was shown."""
    entry = json.dumps({"ts": 1767607205200, **shown}).encode()
    assert CLINE.describe("x/ui_messages.json", entry) == Facts(
        role=role, tools=tools, occurred_at="2026-01-05T10:00:05.200Z", is_json=True
    )


def test_a_session_of_cline_4_is_its_messages_manifest_and_companions(put: Put, find: Find) -> None:
    """Agents and compactions hold messages; the manifest holds fields."""
    folder = ".cline/data/sessions/s1"
    for name in ("s1.messages.json", "s1.json", "a1.messages.json", "s1.compaction.json"):
        put(f"{folder}/{name}", "{}")
    put(f"{folder}/other.json", "{}")
    put(f"{folder}/s1.messages.json.tmp", "{}")
    put(".cline/data/db/sessions.db", "")
    (session,) = find(CLINE4).values()
    assert [(source.stream, source.entries) for source in session.sources] == [
        ("s1/s1.messages.json", "messages"),
        ("s1/s1.json", None),
        ("s1/a1.messages.json", "messages"),
        ("s1/s1.compaction.json", "messages"),
    ]


@pytest.mark.parametrize(
    ("variable", "inner"),
    [
        ("CLINE_SESSION_DATA_DIR", ""),
        ("CLINE_DATA_DIR", "sessions/"),
        ("CLINE_DIR", "data/sessions/"),
    ],
)
def test_cline_4_can_keep_its_files_elsewhere(
    put: Put, find: Find, home: Path, variable: str, inner: str
) -> None:
    """Three variables name three folders."""
    put(f"elsewhere/{inner}s1/s1.json", "{}")
    assert find(CLINE4) == {}
    assert list(find(CLINE4, **{variable: str(home / "elsewhere")})) == ["s1"]
    assert find(CLINE4, **{variable: "relative/elsewhere"}) == {}


@pytest.mark.parametrize(
    ("manifest", "cwd"),
    [
        ('{"cwd":"/a","workspace_root":"/b"}', "/a"),
        ('{"cwd":null,"workspace_root":"/b"}', "/b"),
        ('{"cwd":"/a', None),
        ("", None),
        ("[]", None),
    ],
)
def test_the_manifest_tells_where_a_session_was_held(
    put: Put, find: Find, tree: DiskTree, manifest: str, cwd: str | None
) -> None:
    """A manifest that is being written tells it the next time."""
    put(".cline/data/sessions/s1/s1.messages.json", "{}")
    put(".cline/data/sessions/s1/s1.json", manifest)
    assert CLINE4.working_directory(find(CLINE4)["s1"], tree) == cwd


def test_the_manifest_says_nothing_as_an_entry() -> None:
    """It has none."""
    assert CLINE4.describe("s1/s1.json", json.dumps(MESSAGE).encode()) == Facts()
    assert CLINE.describe("x/task_metadata.json", json.dumps(MESSAGE).encode()) == Facts()
