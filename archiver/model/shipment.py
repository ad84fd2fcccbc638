"""Chunks, manifests and receipts: what is sent, and what came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - dataclasses and msgspec read it at run time
from typing import Literal

import msgspec

__all__ = [
    "ChunkEntry",
    "ClassTerms",
    "ConversationCount",
    "KeyEntry",
    "LockMode",
    "Manifest",
    "Receipt",
    "RecordCounts",
    "Retain",
    "Seal",
    "Window",
]


class ConversationCount(msgspec.Struct, frozen=True):
    """How many records of one conversation a chunk holds."""

    assistant: str
    id: str
    records: int


class Seal(msgspec.Struct, frozen=True):
    """To whom a chunk is sealed, and what is said of it to them alone.

    ``key_id`` names the month key (`archiver.vault`); ``index`` is base64 of an age file to the
    same key, which holds the chunk's conversations as JSON, as `ChunkEntry.conversations` would.
    """

    key_id: str
    index: str


class ChunkEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One chunk as a manifest lists it. ``sha256`` (hex) is over the stored bytes.

    ``first_at`` and ``last_at`` are the earliest and latest record times (``occurred_at``,
    else ``observed_at``). A sealed chunk lists no ``conversations`` in clear.
    """

    seq: int
    key: str
    sha256: str
    stored_bytes: int
    raw_bytes: int
    records: int
    first_at: str
    last_at: str
    conversations: tuple[ConversationCount, ...] = ()
    seal: Seal | None = None


class KeyEntry(msgspec.Struct, frozen=True):
    """A wrapped month key that was published before the first chunk sealed to it."""

    key: str
    sha256: str
    stored_bytes: int


class RecordCounts(msgspec.Struct, frozen=True):
    """How many records this device ever captured for the tenant, and gave up unsent.

    The high-water mark of the collector: what is captured and neither listed nor dropped is on
    the device. ``reason`` says why records were dropped, ``None`` where none was.
    """

    captured: int
    dropped: int = 0
    reason: str | None = None


LockMode = Literal["none", "governance", "compliance", "rule"]
"""How a store keeps an object from being deleted before its time.

``governance`` and ``compliance`` are S3 Object Lock, set with each put; ``rule`` is a lock rule
of the bucket (R2), which is set once by an admin; ``none`` leaves it to archiver.
"""


class ClassTerms(msgspec.Struct, frozen=True, rename={"klass": "class"}):
    """How long chunks of a retention class stay, as the policy said: ``None`` days is for ever.

    Days are counted from when a chunk was shipped (`archiver.retention`), never from what a
    transcript says of itself, since whoever writes transcripts could write any date.
    """

    klass: str
    days: int | None
    lock: LockMode = "none"


class Window(msgspec.Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """The time that a manifest speaks for: after ``since``, up to ``until``."""

    since: str | None
    until: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What one device shipped for one tenant in one window.

    ``previous`` is the sha256 (hex) of the previous manifest's stored bytes, ``None`` for
    the first. ``policy`` is the sha256 (hex) of the admin's document that was in force, and
    ``retention`` what that said of each class that the manifest lists chunks of.
    ``keys`` lists the wrapped keys published since. ``quarantined`` lists sequence numbers
    whose chunk met a proved conflict and is kept on the device. ``purged`` lists those that were
    given up unsent on a human's word, ``expired`` those that were older than their retention
    before the device knew that they were stored. ``recovered`` lists chunks that another device
    identity sealed before this machine lost its state.
    """

    v: int
    tenant: str
    device: str
    seq: int
    previous: str | None
    created_at: str
    window: Window
    software: str
    policy: str | None
    retention: tuple[ClassTerms, ...]
    records: RecordCounts
    chunks: tuple[ChunkEntry, ...] = ()
    keys: tuple[KeyEntry, ...] = ()
    quarantined: tuple[int, ...] = ()
    purged: tuple[int, ...] = ()
    expired: tuple[int, ...] = ()
    recovered: tuple[ChunkEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Retain:
    """Until when an object shall not be deleted, and how hard: S3 Object Lock's two modes."""

    mode: Literal["governance", "compliance"]
    until: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a store holds exactly these bytes.

    ``verified`` is false where the store said "exists already" and these credentials may
    not look: the content hash in the key makes the same key mean the same bytes.
    """

    key: str
    sha256: str
    etag: str
    at: str
    verified: bool
