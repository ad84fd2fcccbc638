"""Why a policy is not put in force, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Reason", "Refusal"]


class Reason(StrEnum):
    """Why something is not put in force, in a word for programs."""

    UNSIGNED = "unsigned"
    ANOTHER_KEY = "signed-by-another-key"
    FORGED = "signature-not-valid"
    DOWNGRADED = "downgraded"
    CONTRADICTING = "contradicting"
    CLOCK = "clock"
    STALE = "stale"
    INVALID = "invalid"
    GONE = "gone"
    """The file is not there any more, or never was."""
    UNREADABLE = "unreadable"
    """The file cannot be read by this user."""
    SOURCE = "source"
    """What says whom to trust cannot be used."""
    NOT_KEPT = "not-kept"
    """It could not be written down here, so a restart would have lost it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is wrong, a line each, and what to do. ``number`` is what the file claims."""

    reason: Reason
    problems: tuple[str, ...]
    advice: str
    number: int | None = None
