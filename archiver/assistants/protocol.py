"""What archiver needs to know about an assistant, and nothing else.

An adapter answers three questions and decides nothing:

* ``conversations``: which files belong to which conversation?  (names only, no content)
* ``working_directory``: where was the conversation held?  (decides the tenant)
* ``describe``: what does one entry say about itself?  (metadata only)

The payload is archived verbatim whatever an adapter understands of it: ``describe`` may
raise anything on input that it does not know, and capture goes on without the metadata.
Adapters read through `Tree` only, so they see the machine that they are given: a fake home
in a test or the quickstart, the real one in the daemon. They never follow a link out of
the folder that they were asked to look into.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

__all__ = ["Assistant", "Conversation", "Facts", "Places", "Shape", "Source", "Tree"]


class Shape(StrEnum):
    """How a file is read, compared and rebuilt."""

    LINES = "lines"
    """Bytes in lines, one entry a line (JSONL). Rebuilt byte for byte."""

    TEXT = "text"
    """Bytes, cut into entries where `Source.boundary` says. Rebuilt byte for byte."""

    DOCUMENT = "document"
    """One JSON value, rewritten whole. Rebuilt equal as JSON."""


class Source(msgspec.Struct, frozen=True):
    """One file of a conversation: a stream.

    ``stream`` is its path below the assistant's folder, as `names.stream_name` writes it; a
    restore rebuilds the file under that name. ``entries`` names, for a document, the
    top-level key that holds the list of entries; ``""`` says that the document itself is the
    list; ``None`` that it has no entries, only fields. ``boundary`` says, for a text, where
    an entry starts: a pattern matched at the start of a line; ``None`` keeps what one read
    found together.
    """

    stream: str
    path: Path
    shape: Shape
    entries: str | None = None
    boundary: re.Pattern[bytes] | None = None


class Conversation(msgspec.Struct, frozen=True):
    """The files of one conversation, as found now.

    ``sources[0]`` is the main transcript, or, where that is missing, whatever there is of it.
    ``id`` is the assistant's own id where it has one, else derived from the path. One sweep
    gives an id once: what two folders hold under one id is one conversation, and its streams
    have different names.
    """

    assistant: str
    id: str
    sources: tuple[Source, ...]


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What one entry says about itself. Everything may be missing.

    ``occurred_at`` is RFC 3339 in UTC with milliseconds (``2026-01-31T09:30:00.000Z``).
    ``is_json`` promises that the whole entry is one JSON value in valid UTF-8; false says
    nothing. Made once an entry: a struct, because a frozen dataclass takes fifteen times as
    long to make, more than it takes to read the entry.
    """

    role: str | None = None
    model: str | None = None
    tools: tuple[str, ...] = ()
    occurred_at: str | None = None
    cwd: str | None = None
    version: str | None = None
    title: str | None = None
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look.

    ``platform`` is ``sys.platform``; ``projects`` are project folders that the policy names
    or that other conversations were held in (for assistants that keep their files inside the
    project).
    """

    home: Path
    platform: str
    environ: Mapping[str, str] = field(default_factory=dict)
    projects: tuple[Path, ...] = ()


class Tree(Protocol):
    """The only way in which adapters see a disk.

    Nothing raises: what cannot be read is not there, and the tree itself keeps note of what
    it was refused.
    """

    def identity(self, path: Path) -> Hashable | None:
        """Tell the folder at ``path`` from every other, whatever name or link leads to it.

        Two names of one folder give equal values; ``None`` if there is no such folder.
        """
        ...

    def folders(self, path: Path) -> tuple[str, ...]:
        """Names of the real folders in ``path`` (no links), sorted; empty if there is none."""
        ...

    def files(self, path: Path) -> tuple[str, ...]:
        """Names of the plain files in ``path`` (no links), sorted; empty if there is none."""
        ...

    def head(self, path: Path, size: int) -> bytes:
        """At most the first ``size`` bytes of a plain file; empty if it cannot be read."""
        ...

    def whole(self, path: Path, limit: int = 16 * 1024 * 1024) -> bytes:
        """All bytes of a plain file, or empty if it is larger than ``limit`` or unreadable.

        Kept until the file changes: index files are asked for again and again.
        """
        ...


class Assistant(Protocol):
    """One assistant. Implementations are stateless values."""

    @property
    def name(self) -> str:
        """Lower case, with hyphens; stands in policies and records: ``claude-code``."""
        ...

    @property
    def title(self) -> str:
        """Its name for humans: ``Claude Code``."""
        ...

    def conversations(self, places: Places, tree: Tree) -> Iterator[Conversation]:
        """Find every conversation on this machine, in a stable order."""
        ...

    def working_directory(self, conversation: Conversation, tree: Tree) -> str | None:
        """Where the conversation was held: the first folder that it names, else ``None``."""
        ...

    def describe(self, stream: str, entry: bytes) -> Facts:
        """Read the metadata of one entry of ``stream``. May raise anything."""
        ...
