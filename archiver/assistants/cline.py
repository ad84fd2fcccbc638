"""Cline up to 3.x: one folder a task, JSON documents that are rewritten whole.

    tasks/<id>/api_conversation_history.json   what went to the model and came back
    tasks/<id>/ui_messages.json                what the user saw, with the times
    tasks/<id>/{task_metadata,context_history,settings,claude_messages}.json
    tasks/<id>/focus_chain_*.md                the to-do list

The root is the extension's folder in each editor of the VS Code family, local or remote, and
``~/.cline/data`` (or what ``CLINE_DIR`` names) for the command line and JetBrains. A stream
is ``<root's label>/tasks/<id>/<file>``.

Only these names are read: ``cache`` holds bucket keys in plain text, ``checkpoints`` holds
repositories, and a ``*.tmp.*`` is a file being written. ``state/taskHistory.json`` tells
where a task was held; it mixes the tasks of all tenants and is never archived.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.assistants import loose, times
from archiver.assistants.blocks import describe_message
from archiver.assistants.names import stream_name
from archiver.assistants.protocol import Conversation, Facts, Shape, Source
from archiver.assistants.roots import Root, below, editor_folders, named_by, present

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.assistants.protocol import Places, Tree

__all__ = ["Cline"]

_EXTENSION: Final = ("globalStorage", "saoudrizwan.claude-dev")
_DOCUMENTS: Final = {  # in the order of a conversation's sources
    "api_conversation_history.json": "",
    "claude_messages.json": "",
    "ui_messages.json": "",
    "context_history.json": "",
    "settings.json": None,
    "task_metadata.json": None,
}
_TO_DO_LIST: Final = re.compile(r"focus_chain_[^.]*\.md")
_HEAD_BYTES: Final = 1024 * 1024
_ENVIRONMENT: Final = b"<environment_details>"
_WORKING_DIRECTORY: Final = re.compile(
    rb"# Current Working Directory \(((?:/|[A-Za-z]:|\\\\).{0,4096}?)\)(?: Files|\\n|<)"
)
_BY_USER: Final = frozenset({"task", "user_feedback", "user_feedback_diff"})
_BY_MODEL: Final = frozenset({"text", "reasoning", "completion_result", "plan_mode_respond"})


class _Shown(msgspec.Struct, frozen=True):
    """One element of ``ui_messages.json``."""

    ts: int | float | None = None
    say: str | None = None
    ask: str | None = None
    text: str | None = None


_shown = msgspec.json.Decoder(_Shown)


@dataclass(frozen=True, slots=True)
class Cline:
    """Reads the task folders of Cline 1.x to 3.x."""

    name: str = "cline"
    title: str = "Cline"

    def conversations(self, places: Places, tree: Tree) -> Iterator[Conversation]:
        """Find every task; one that two roots hold is one conversation."""
        found: dict[str, tuple[Source, ...]] = {}
        for root in present(_roots(places), tree):
            tasks = below(root.path, "tasks")
            for task in tree.folders(tasks):
                sources = _sources(root, task, tree.files(below(tasks, task)))
                if sources:
                    found[task] = found[task] + sources if task in found else sources
        for task, sources in found.items():
            yield Conversation(self.name, stream_name(task), sources)

    def working_directory(self, conversation: Conversation, tree: Tree) -> str | None:
        """Ask the task history, then the environment that Cline described to the model."""
        for source in conversation.sources:
            task = source.path.parent
            history = tree.whole(below(task.parent.parent, "state", "taskHistory.json"))
            if history and (known := _held_in(history).get(task.name)):
                return known
        for source in conversation.sources:
            if source.path.name == "api_conversation_history.json":
                cwd = _told_in(tree.head(source.path, _HEAD_BYTES))
                if cwd:
                    return cwd
        return None

    def describe(self, stream: str, entry: bytes) -> Facts:
        """Read one message as the model or as the user saw it."""
        name = stream.rpartition("/")[2]
        if name in ("ui_messages.json", "claude_messages.json"):
            return _describe_shown(entry)
        return describe_message(entry) if name == "api_conversation_history.json" else Facts()


def _roots(places: Places) -> Iterator[Root]:
    for editor in editor_folders(places):
        yield Root(editor.label, below(editor.path, *_EXTENSION))
    yield Root("cli", below(places.home, ".cline", "data"))
    if custom := named_by(places, "CLINE_DIR"):
        yield Root("custom", below(custom, "data"))


@lru_cache(maxsize=16384)
def _sources(root: Root, task: str, names: tuple[str, ...]) -> tuple[Source, ...]:
    """Say what a task's folder holds. Remembered: nothing changes between most sweeps."""
    folder = root.path / "tasks" / task
    documents = [
        Source(stream_name(*root.parts("tasks", task, name)), folder / name, Shape.DOCUMENT, key)
        for name, key in _DOCUMENTS.items()
        if name in names
    ]
    lists = [
        Source(stream_name(*root.parts("tasks", task, name)), folder / name, Shape.TEXT)
        for name in names
        if _TO_DO_LIST.fullmatch(name)
    ]
    return (*documents, *lists)


@lru_cache(maxsize=4)
def _held_in(history: bytes) -> dict[str, str]:
    """Read from the task history where each task was held."""
    try:
        items = loose.items(loose.decode(history))
    except ValueError:
        return {}
    places = {}
    for item in items:
        cwd = loose.text(loose.dig(item, "cwdOnTaskInitialization")) or loose.text(
            loose.dig(item, "shadowGitConfigWorkTree")
        )
        if cwd:
            places[str(loose.dig(item, "id"))] = cwd
    return places


def _told_in(head: bytes) -> str | None:
    """Find the working directory in the environment that the first messages describe."""
    start = head.find(_ENVIRONMENT)
    told = _WORKING_DIRECTORY.search(head, start) if start >= 0 else None
    return loose.string(b'"' + told[1] + b'"') if told else None


def _describe_shown(entry: bytes) -> Facts:
    try:
        shown = _shown.decode(entry)
        is_json = loose.is_utf8(entry)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        value = loose.decode(entry)
        is_json = True
        said, asked, text = (loose.text(loose.dig(value, key)) for key in ("say", "ask", "text"))
        shown = _Shown(_number(loose.dig(value, "ts")), said, asked, text)
    kind = shown.say or shown.ask
    return Facts(
        role="user" if kind in _BY_USER else "assistant" if kind in _BY_MODEL else None,
        tools=_tool_named(shown.text) if kind == "tool" else (),
        occurred_at=times.from_epoch_ms(shown.ts),
        is_json=is_json,
    )


def _number(value: object) -> int | float | None:
    return value if isinstance(value, int | float) else None


def _tool_named(text: str | None) -> tuple[str, ...]:
    """Read the tool's name from the JSON that Cline puts into the text."""
    try:
        name = loose.text(loose.dig(loose.decode((text or "").encode()), "tool"))
    except ValueError:
        return ()
    return (name,) if name else ()
