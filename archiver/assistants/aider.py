"""Aider, and cecli, its fork: plain text inside each project, appended.

    .aider.chat.history.md      the conversation         .cecli/chat.history
    .aider.llm.history          what the model saw
    .aider.input.history        what the user typed      .cecli/input.history
                                saved sessions           .cecli/sessions/*.json

A project's files are one conversation, named by a hash of where the project lies; its working
directory is the project. Only the folders in ``Places.projects`` are looked into, and nothing
deeper. A stream is the path below the project. Where a line starts an entry (``#### `` is the
user, ``# aider chat started at`` a run) the text may be wrong about it, for an answer can hold
such a line; nothing is lost by that, for entries put together are the file.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from archiver.assistants import times
from archiver.assistants.names import plain_text, stream_name
from archiver.assistants.protocol import Conversation, Facts, Shape, Source
from archiver.assistants.roots import Root, below, present

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.assistants.protocol import Places, Tree

__all__ = ["Aider"]

_CHAT: Final = re.compile(rb"#### |# (?:aider|cecli) chat started at ")
_SENT: Final = re.compile(rb"(?:TO LLM|LLM RESPONSE) [0-9]{4}-")
_TYPED: Final = re.compile(rb"# [0-9]{4}-[0-9]{2}-[0-9]{2} ")
_MINUTE: Final = (
    rb"([0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)"
)
_STARTED: Final = re.compile(
    rb"(?:# (?:aider|cecli) chat started at|TO LLM|LLM RESPONSE|#) " + _MINUTE + rb"\s*$",
    re.MULTILINE,
)
_VERSION: Final = re.compile(rb"^> (?:[Aa]ider|cecli) v([^\s]+)", re.MULTILINE)
_MODEL: Final = re.compile(rb"^> (?:Main model|Models?): ([^\s,]+)", re.MULTILINE)
_ROLES: Final = {b"#### ": "user", b"TO LLM": "user", b"LLM RE": "assistant"}


@dataclass(frozen=True, slots=True)
class Aider:
    """Reads what Aider or cecli leave in a project.

    ``folder`` is the folder inside the project, empty for the project itself; ``texts`` maps
    file names there to the pattern that starts an entry, the main transcript first.
    """

    name: str
    title: str
    folder: str
    texts: tuple[tuple[str, re.Pattern[bytes]], ...]

    @classmethod
    def aider(cls) -> Aider:
        """Make the reader of Aider's files."""
        texts = (
            (".aider.chat.history.md", _CHAT),
            (".aider.llm.history", _SENT),
            (".aider.input.history", _TYPED),
        )
        return cls("aider", "Aider", "", texts)

    @classmethod
    def cecli(cls) -> Aider:
        """Make the reader of cecli's files."""
        return cls("cecli", "cecli", ".cecli", (("chat.history", _CHAT), ("input.history", _TYPED)))

    def conversations(self, places: Places, tree: Tree) -> Iterator[Conversation]:
        """Find every project that was worked on with this assistant."""
        for project in present((Root("", path) for path in places.projects), tree):
            sessions: tuple[str, ...] = ()
            if not self.folder:
                names = tree.files(project.path)
            elif self.folder in tree.folders(project.path):
                folder = below(project.path, self.folder)
                names = tree.files(folder)
                if "sessions" in tree.folders(folder):
                    sessions = tree.files(below(folder, "sessions"))
            else:
                continue
            texts = tuple(name for name, _ in self.texts if name in names)
            held = _held(self, project.path, texts, sessions)
            if held.sources:
                yield held

    def working_directory(self, conversation: Conversation, tree: Tree) -> str | None:  # noqa: ARG002 - the path says it
        """Give the project's folder."""
        source = conversation.sources[0]
        depth = source.stream.count("/")
        return plain_text(str(source.path.parents[depth]))

    def describe(self, stream: str, entry: bytes) -> Facts:
        """Read the header of a run; other entries say only who speaks first."""
        if stream.endswith(".json"):
            return Facts()
        started = _STARTED.match(entry)
        version = _VERSION.search(entry) if started else None
        model = _MODEL.search(entry) if started else None
        return Facts(
            role=_ROLES.get(entry[:6], _ROLES.get(entry[:5])),
            model=model[1].decode() if model else None,
            occurred_at=times.from_local(started[1].decode()) if started else None,
            version=version[1].decode() if version else None,
        )


@lru_cache(maxsize=1024)
def _held(
    reader: Aider, project: Path, texts: tuple[str, ...], sessions: tuple[str, ...]
) -> Conversation:
    """Say what a project holds. Remembered: nothing changes between most sweeps."""
    inside = (reader.folder,) if reader.folder else ()
    boundaries = dict(reader.texts)

    def source(shape: Shape, boundary: re.Pattern[bytes] | None, *names: str) -> Source:
        path = project.joinpath(*inside, *names)
        return Source(stream_name(*inside, *names), path, shape, boundary=boundary)

    digest = hashlib.sha256(reader.name.encode() + b"\0" + os.fsencode(project)).hexdigest()
    written = [source(Shape.TEXT, boundaries[name], name) for name in texts]
    saved = [
        source(Shape.DOCUMENT, None, "sessions", name)
        for name in sessions
        if name.endswith(".json")
    ]
    return Conversation(reader.name, digest[:16], (*written, *saved))
