"""Continue, and Devscode, which is Continue of late 2024 under another name.

    sessions/<uuid>.json        one JSON document a session, rewritten whole, not atomically

The root is ``~/.continue`` (or ``CONTINUE_GLOBAL_DIR``), ``~/.devscode`` (or
``DEVSCODE_GLOBAL_DIR``). A stream is the path below the root. Sessions carry no times.

Not read: ``sessions/sessions.json`` (an index) and ``dev_data`` (events for statistics). Both
mix the conversations of all tenants in one file, so there is no tenant that could own them.
The index is only asked where a session was held when the session itself does not say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import msgspec

from archiver.assistants import loose
from archiver.assistants.names import stream_name
from archiver.assistants.protocol import Conversation, Facts, Shape, Source
from archiver.assistants.roots import Root, below, named_by, present

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.assistants.protocol import Places, Tree

__all__ = ["ContinueDev", "folder_of"]

_INDEX: Final = "sessions.json"
_OTHER_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_FILE_URI: Final = re.compile(r"file://([^/]*)(/.*)", re.IGNORECASE | re.DOTALL)
_DRIVE: Final = re.compile(r"/[A-Za-z]:")


class _Function(msgspec.Struct, frozen=True):
    name: str | None = None


class _Call(msgspec.Struct, frozen=True):
    function: _Function | None = None


class _Message(msgspec.Struct, frozen=True, rename="camel"):
    role: str | None = None
    tool_calls: list[_Call] | None = None


class _Log(msgspec.Struct, frozen=True, rename="camel"):
    model_title: str | None = None


class _Item(msgspec.Struct, frozen=True, rename="camel"):
    message: _Message | None = None
    prompt_logs: list[_Log] | None = None


class _Session(msgspec.Struct, frozen=True, rename="camel"):
    workspace_directory: str | None = None


_item = msgspec.json.Decoder(_Item)
_session = msgspec.json.Decoder(_Session)


@dataclass(frozen=True, slots=True)
class ContinueDev:
    """Reads the sessions below ``~/<folder>``, or below what ``variable`` names."""

    name: str
    title: str
    folder: str
    variable: str

    def conversations(self, places: Places, tree: Tree) -> Iterator[Conversation]:
        """Find every session; one that two roots hold is one conversation."""
        found: dict[str, tuple[Source, ...]] = {}
        for root in present(self._roots(places), tree):
            for session, source in _sources(root, tree.files(root.path)):
                found[session] = (*found.get(session, ()), source)
        for session, sources in found.items():
            yield Conversation(self.name, stream_name(session), sources)

    def working_directory(self, conversation: Conversation, tree: Tree) -> str | None:
        """Ask the session, then the index."""
        for source in conversation.sources:
            cwd = folder_of(_named_in(tree.whole(source.path)))
            if cwd is None:
                index = tree.whole(below(source.path.parent, _INDEX))
                cwd = folder_of(_indexed(index).get(source.path.stem)) if index else None
            if cwd:
                return cwd
        return None

    def describe(self, stream: str, entry: bytes) -> Facts:  # noqa: ARG002 - all are alike
        """Read one item of the history."""
        try:
            item = _item.decode(entry)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _describe_loosely(entry)
        message = item.message or _Message()
        functions = [call.function for call in message.tool_calls or ()]
        models = [log.model_title for log in item.prompt_logs or ()]
        return Facts(
            role=message.role,
            model=next(filter(None, models), None),
            tools=tuple(function.name for function in functions if function and function.name),
            is_json=loose.is_utf8(entry),
        )

    def _roots(self, places: Places) -> Iterator[Root]:
        yield Root("", below(places.home, self.folder, "sessions"))
        if custom := named_by(places, self.variable):
            yield Root("custom", below(custom, "sessions"))


@lru_cache(maxsize=16)
def _sources(root: Root, names: tuple[str, ...]) -> tuple[tuple[str, Source], ...]:
    """Say which sessions a folder holds. Remembered: nothing changes between most sweeps."""
    return tuple(
        (
            name.removesuffix(".json"),
            Source(
                stream_name(*root.parts("sessions", name)),
                root.path / name,
                Shape.DOCUMENT,
                "history",
            ),
        )
        for name in names
        if name.endswith(".json") and name != _INDEX
    )


def folder_of(workspace: str | None) -> str | None:
    """Give the folder that Continue names by a path or a ``file://`` URI.

    ``None`` for a workspace on another machine (``vscode-remote://``): it is no folder here.
    """
    if not workspace:
        return None
    if uri := _FILE_URI.fullmatch(workspace):
        host, path = uri[1], unquote(uri[2])
        if host and host.lower() != "localhost":
            return f"//{host}{path}"
        return path[1:] if _DRIVE.match(path) else path
    return None if _OTHER_URI.match(workspace) else workspace


def _named_in(session: bytes) -> str | None:
    try:
        return _session.decode(session).workspace_directory
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # another type, rubbish, or caught while it was being written


@lru_cache(maxsize=4)
def _indexed(index: bytes) -> dict[str, str]:
    """Read from the index where each session was held."""
    try:
        sessions = loose.items(loose.decode(index))
    except ValueError:
        return {}
    named = {
        str(loose.dig(session, "sessionId")): loose.text(loose.dig(session, "workspaceDirectory"))
        for session in sessions
    }
    return {session: workspace for session, workspace in named.items() if workspace}


def _describe_loosely(entry: bytes) -> Facts:
    item = loose.decode(entry)
    calls = loose.items(loose.dig(item, "message", "toolCalls"))
    names = [loose.text(loose.dig(call, "function", "name")) for call in calls]
    logs = loose.items(loose.dig(item, "promptLogs"))
    models = [loose.text(loose.dig(log, "modelTitle")) for log in logs]
    return Facts(
        role=loose.text(loose.dig(item, "message", "role")),
        model=next(filter(None, models), None),
        tools=tuple(name for name in names if name),
        is_json=True,
    )
