"""What an archive holds of a conversation, as values."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ArchivedConversation", "HeldChunk"]


@dataclass(frozen=True, slots=True)
class HeldChunk:
    """A chunk, and how many ``records`` of one conversation it holds.

    ``device`` and ``seq`` are those that sealed it; ``sha256`` (hex), ``stored_bytes`` and the
    times are of the whole chunk. ``key_id`` names the month key that it is sealed to, if any.
    """

    device: str
    seq: int
    key: str
    sha256: str
    stored_bytes: int
    first_at: str
    last_at: str
    records: int
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class ArchivedConversation:
    """One conversation of one tenant, over all devices.

    ``stored_bytes`` is its share of its chunks by number of records, an estimate.
    ``first_at`` and ``last_at`` are those of its chunks: no record is older or newer.
    """

    tenant: str
    assistant: str
    id: str
    devices: tuple[str, ...]
    records: int
    first_at: str
    last_at: str
    chunks: tuple[HeldChunk, ...]
    stored_bytes: int
