"""Cline 4: one folder a session, JSON documents that are rewritten whole and not atomically.

    sessions/<sid>/<sid>.messages.json     the conversation
    sessions/<sid>/<sid>.json              the manifest: where, which model, when
    sessions/<sid>/*.messages.json         what sub-agents and team mates said
    sessions/<sid>/*.compaction.json       the conversation as it was shortened

The root is ``~/.cline/data``, or what ``CLINE_DATA_DIR``, ``CLINE_SESSION_DATA_DIR`` (the
``sessions`` folder itself) or ``CLINE_DIR`` name. A stream is the path below ``sessions``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from archiver.assistants import loose
from archiver.assistants.blocks import describe_message
from archiver.assistants.names import stream_name
from archiver.assistants.protocol import Conversation, Facts, Shape, Source
from archiver.assistants.roots import Root, below, named_by, present

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.assistants.protocol import Places, Tree

__all__ = ["Cline4"]


@dataclass(frozen=True, slots=True)
class Cline4:
    """Reads the session folders of Cline 4 and its SDK."""

    name: str = "cline-4"
    title: str = "Cline 4"

    def conversations(self, places: Places, tree: Tree) -> Iterator[Conversation]:
        """Find every session; one that two roots hold is one conversation."""
        found: dict[str, tuple[Source, ...]] = {}
        for root in present(_roots(places), tree):
            for session in tree.folders(root.path):
                sources = _sources(root, session, tree.files(below(root.path, session)))
                if sources:
                    found[session] = found.get(session, ()) + sources
        for session, sources in found.items():
            yield Conversation(self.name, stream_name(session), sources)

    def working_directory(self, conversation: Conversation, tree: Tree) -> str | None:
        """Ask the manifest."""
        for source in conversation.sources:
            if source.entries is None:
                cwd = _held_in(tree.whole(source.path))
                if cwd:
                    return cwd
        return None

    def describe(self, stream: str, entry: bytes) -> Facts:
        """Read one message; the manifest says nothing about itself."""
        named = stream.endswith((".messages.json", ".compaction.json"))
        return describe_message(entry) if named else Facts()


def _roots(places: Places) -> Iterator[Root]:
    yield Root("", below(places.home, ".cline", "data", "sessions"))
    for label, variable, inner in (
        ("custom-sessions", "CLINE_SESSION_DATA_DIR", ()),
        ("custom-data", "CLINE_DATA_DIR", ("sessions",)),
        ("custom", "CLINE_DIR", ("data", "sessions")),
    ):
        if folder := named_by(places, variable):
            yield Root(label, below(folder, *inner))


@lru_cache(maxsize=16384)
def _sources(root: Root, session: str, names: tuple[str, ...]) -> tuple[Source, ...]:
    """Say what a session's folder holds. Remembered: nothing changes between most sweeps."""
    manifest = f"{session}.json"
    main = f"{session}.messages.json"
    wanted = [
        name
        for name in names
        if name == manifest or name.endswith((".messages.json", ".compaction.json"))
    ]
    wanted.sort(key=lambda name: (name != main, name != manifest, name))
    return tuple(
        Source(
            stream_name(*root.parts(session, name)),
            root.path / session / name,
            Shape.DOCUMENT,
            None if name == manifest else "messages",
        )
        for name in wanted
    )


def _held_in(manifest: bytes) -> str | None:
    try:
        value = loose.decode(manifest)
    except ValueError:  # none, or caught while it was being written
        return None
    return loose.text(loose.dig(value, "cwd")) or loose.text(loose.dig(value, "workspace_root"))
