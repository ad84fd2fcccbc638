"""Claude Code: JSON lines, appended.

    projects/<dir>/<session>.jsonl                       the transcript
    projects/<dir>/<session>/subagents/agent-*.jsonl     what its sub-agents said
    projects/<dir>/<session>/subagents/agent-*.meta.json
    projects/<dir>/<session>/tool-results/*              output too long for the transcript

The root is ``~/.claude``, ``~/.config/claude`` or what ``CLAUDE_CONFIG_DIR`` names. A stream
is the path below ``projects``. A session's folder is found without its transcript, too: such
orphans exist. What two project folders hold of one session is one conversation.

Not read: ``history.jsonl`` and ``file-history``, which mix conversations.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.assistants import loose, times
from archiver.assistants.blocks import Content, tools_in, tools_used
from archiver.assistants.names import stream_name
from archiver.assistants.protocol import Conversation, Facts, Shape, Source
from archiver.assistants.roots import Root, below, named_by, present

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.assistants.protocol import Places, Tree

__all__ = ["ClaudeCode"]

_HEAD_BYTES: Final = 1024 * 1024
_FIRST_LOOK_BYTES: Final = 64 * 1024
_CUT_CWD: Final = re.compile(rb'[{,]\s*"cwd"\s*:\s*("(?:[^"\\]|\\.)*")')
_Companions = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A session's folder: its name, the names in ``subagents``, the names in ``tool-results``."""


class _Message(msgspec.Struct, frozen=True, gc=False):
    role: str | None = None
    model: str | None = None
    content: Content = None


class _Line(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    type: str | None = None
    message: _Message | None = None
    timestamp: str | None = None
    cwd: str | None = None
    version: str | None = None
    summary: str | None = None
    custom_title: str | None = None


_NO_MESSAGE: Final = _Message()
_line = msgspec.json.Decoder(_Line)


@dataclass(frozen=True, slots=True)
class ClaudeCode:
    """Reads what Claude Code keeps below its configuration folder."""

    name: str = "claude-code"
    title: str = "Claude Code"

    def conversations(self, places: Places, tree: Tree) -> Iterator[Conversation]:
        """Find every session, with or without its transcript."""
        found: dict[str, Conversation] = {}
        for root in present(_roots(places), tree):
            for project in tree.folders(root.path):
                folder = below(root.path, project)
                companions = tuple(_companions(folder, tree))
                for held in _held(self.name, root, project, tree.files(folder), companions):
                    known = found.get(held.id)
                    found[held.id] = _joined(known, held) if known else held
        yield from found.values()

    def working_directory(self, conversation: Conversation, tree: Tree) -> str | None:
        """Give the first ``cwd`` in the first MiB of a transcript, of a sub-agent's if need be."""
        for source in conversation.sources:
            if source.shape is Shape.LINES:
                head = tree.head(source.path, _FIRST_LOOK_BYTES)
                cwd = _first_cwd(head)
                if cwd is None and len(head) == _FIRST_LOOK_BYTES:
                    cwd = _first_cwd(tree.head(source.path, _HEAD_BYTES))
                if cwd:
                    return cwd
        return None

    def describe(self, stream: str, entry: bytes) -> Facts:
        """Read one line of a transcript; other files say nothing about themselves."""
        if not stream.endswith(".jsonl"):
            return Facts()
        try:
            line = _line.decode(entry)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _describe_loosely(entry)
        message, kind = line.message, line.type
        if message is None:
            message = _NO_MESSAGE
        content = message.content
        return Facts(
            message.role or ("system" if kind == "system" else None),
            message.model,
            tools_used(content) if content.__class__ is list else (),
            times.from_iso(line.timestamp),
            line.cwd,
            line.version,
            line.custom_title or (line.summary if kind == "summary" else None),
            entry.isascii() or loose.is_utf8(entry),
        )


def _roots(places: Places) -> Iterator[Root]:
    yield Root("", below(places.home, ".claude", "projects"))
    yield Root("xdg", below(places.home, ".config", "claude", "projects"))
    if custom := named_by(places, "CLAUDE_CONFIG_DIR"):
        yield Root("custom", below(custom, "projects"))


def _companions(folder: Path, tree: Tree) -> Iterator[_Companions]:
    for session in tree.folders(folder):
        inner = tree.folders(below(folder, session))
        subagents = tree.files(below(folder, session, "subagents")) if "subagents" in inner else ()
        results = (
            tree.files(below(folder, session, "tool-results")) if "tool-results" in inner else ()
        )
        if subagents or results:
            yield session, subagents, results


@lru_cache(maxsize=4096)
def _held(
    assistant: str,
    root: Root,
    project: str,
    files: tuple[str, ...],
    companions: tuple[_Companions, ...],
) -> tuple[Conversation, ...]:
    """Say what a project folder holds. Remembered: nothing changes between most sweeps."""
    sources: dict[str, list[Source]] = {}

    def add(session: str, shape: Shape, *names: str) -> None:
        stream = stream_name(*root.parts(project, *names))
        path = root.path.joinpath(project, *names)
        sources.setdefault(session, []).append(Source(stream, path, shape))

    for name in files:
        if name.endswith(".jsonl"):
            add(name.removesuffix(".jsonl"), Shape.LINES, name)
    for session, subagents, results in companions:
        for name in sorted(subagents, key=lambda name: name.endswith(".json")):
            if name.endswith(".jsonl"):
                add(session, Shape.LINES, session, "subagents", name)
            elif name.endswith(".meta.json"):
                add(session, Shape.DOCUMENT, session, "subagents", name)
        for name in results:
            add(session, Shape.TEXT, session, "tool-results", name)
    return tuple(
        Conversation(assistant, stream_name(session), tuple(of_it))
        for session, of_it in sorted(sources.items())
    )


def _joined(one: Conversation, other: Conversation) -> Conversation:
    """Make one conversation of two parts of it, the one with the transcript first."""

    def is_transcript(source: Source) -> bool:
        return source.path.name == f"{one.id}.jsonl"

    parts = sorted((one, other), key=lambda part: not is_transcript(part.sources[0]))
    return Conversation(one.assistant, one.id, parts[0].sources + parts[1].sources)


def _first_cwd(head: bytes) -> str | None:
    at = head.find(b'"cwd"')
    while at >= 0:
        end = head.find(b"\n", at)
        line = head[head.rfind(b"\n", 0, at) + 1 : end if end >= 0 else len(head)]
        try:
            cwd = loose.text(loose.dig(loose.decode(line), "cwd"))
        except ValueError:  # cut off, or rubbish
            cut = _CUT_CWD.search(line)
            cwd = loose.string(cut[1]) if cut else None
        if cwd or end < 0:
            return cwd
        at = head.find(b'"cwd"', end)
    return None


def _describe_loosely(entry: bytes) -> Facts:
    line = loose.decode(entry)
    kind = loose.dig(line, "type")
    summary = loose.dig(line, "summary") if kind == "summary" else None
    return Facts(
        role=loose.text(loose.dig(line, "message", "role"))
        or ("system" if kind == "system" else None),
        model=loose.text(loose.dig(line, "message", "model")),
        tools=tools_in(loose.dig(line, "message", "content")),
        occurred_at=times.from_iso(loose.dig(line, "timestamp")),
        cwd=loose.text(loose.dig(line, "cwd")),
        version=loose.text(loose.dig(line, "version")),
        title=loose.text(loose.dig(line, "customTitle")) or loose.text(summary),
        is_json=True,
    )
