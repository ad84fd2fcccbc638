"""Continue and Devscode: one reader, two roots."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from archiver.assistants.continue_dev import folder_of
from archiver.assistants.protocol import Facts, Shape
from archiver.assistants.registry import by_name

if TYPE_CHECKING:
    from conftest import Find, Put

    from archiver.assistants.tree import DiskTree

CONTINUE = by_name("continue")
DEVSCODE = by_name("devscode")


@pytest.mark.parametrize(
    ("name", "folder", "variable"),
    [
        ("continue", ".continue", "CONTINUE_GLOBAL_DIR"),
        ("devscode", ".devscode", "DEVSCODE_GLOBAL_DIR"),
    ],
)
def test_each_session_is_one_document(
    put: Put, find: Find, name: str, folder: str, variable: str
) -> None:
    """Never the index, nor the events, which mix the sessions of all tenants."""
    for root in (folder, "elsewhere"):
        put(f"{root}/sessions/u1.json", "{}")
        put(f"{root}/sessions/sessions.json", "[]")
        put(f"{root}/sessions/u1.json.tmp", "{}")
        put(f"{root}/dev_data/0.2.0/chatInteraction.jsonl", "{}")
    (source,) = find(by_name(name))["u1"].sources
    assert (source.stream, source.shape, source.entries) == (
        "sessions/u1.json",
        Shape.DOCUMENT,
        "history",
    )
    held = find(by_name(name), **{variable: "~/elsewhere"})["u1"]
    assert [one.stream for one in held.sources] == ["sessions/u1.json", "custom/sessions/u1.json"]


@pytest.mark.parametrize(
    ("workspace", "folder"),
    [
        ("/home/dev/app", "/home/dev/app"),
        ("C:\\src\\app", "C:\\src\\app"),
        ("file:///home/dev/my%20app", "/home/dev/my app"),
        ("file:///c%3A/src/app", "c:/src/app"),
        ("file://localhost/home/dev", "/home/dev"),
        ("FILE:///home/dev", "/home/dev"),
        ("file://host/share/app", "//host/share/app"),
        ("file:///home/%FF", "/home/\ufffd"),
        ("vscode-remote://wsl%2Bubuntu/home/dev/app", None),
        ("vscode-vfs://github/a/b", None),
        ("", None),
        (None, None),
    ],
)
def test_a_workspace_is_a_path_or_a_file_uri(workspace: str | None, folder: str | None) -> None:
    """A workspace on another machine is no folder here."""
    assert folder_of(workspace) == folder


@pytest.mark.parametrize(
    ("session", "index", "cwd"),
    [
        ({"workspaceDirectory": "/a"}, [{"sessionId": "u1", "workspaceDirectory": "/b"}], "/a"),
        ({"workspaceDirectory": ""}, [{"sessionId": "u1", "workspaceDirectory": "/b"}], "/b"),
        ({"workspaceDirectory": 7}, [7, {"sessionId": "u1", "workspaceDirectory": "/b"}], "/b"),
        ({"history": "x"}, [{"sessionId": "u2", "workspaceDirectory": "/b"}], None),
        ([], {"sessionId": "u1"}, None),
        ({"workspaceDirectory": "vscode-remote://x/y"}, [], None),
    ],
)
def test_the_session_tells_where_it_was_held_else_the_index(
    put: Put, find: Find, tree: DiskTree, session: object, index: object, cwd: str | None
) -> None:
    """The index is asked and never archived."""
    put(".continue/sessions/u1.json", json.dumps(session))
    put(".continue/sessions/sessions.json", json.dumps(index))
    assert CONTINUE.working_directory(find(CONTINUE)["u1"], tree) == cwd


def test_a_torn_session_tells_nothing(put: Put, find: Find, tree: DiskTree) -> None:
    """It is rewritten in place and will be whole the next time."""
    put(".continue/sessions/u1.json", '{"workspaceDirectory":"/a","history":[{')
    put(".continue/sessions/sessions.json", "[{")
    assert CONTINUE.working_directory(find(CONTINUE)["u1"], tree) is None


ITEM = {
    "message": {"role": "assistant", "toolCalls": [{"function": {"name": "read"}}, {"id": "x"}]},
    "promptLogs": [{"prompt": "x"}, {"modelTitle": "Large"}],
}


@pytest.mark.parametrize(
    ("item", "facts"),
    [
        (ITEM, Facts(role="assistant", model="Large", tools=("read",), is_json=True)),
        ({**ITEM, "promptLogs": 7}, Facts(role="assistant", tools=("read",), is_json=True)),
        ({"message": {"role": "user", "content": "größe"}}, Facts(role="user", is_json=True)),
        (
            {"message": {"role": "user", "toolCalls": [7, {"function": 7}]}},
            Facts(role="user", is_json=True),
        ),
        ({}, Facts(is_json=True)),
        ([], Facts(is_json=True)),
    ],
)
def test_an_item_tells_who_and_with_which_model(item: object, facts: Facts) -> None:
    """There are no times; one field of another type costs no other."""
    entry = json.dumps(item, ensure_ascii=False).encode()
    assert CONTINUE.describe("sessions/u1.json", entry) == facts
    assert DEVSCODE.describe("sessions/u1.json", entry) == facts
