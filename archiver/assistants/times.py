"""Times as assistants write them, as archiver writes them: RFC 3339, UTC, milliseconds.

What cannot be read gives ``None``: a time is metadata, and its loss never stops a capture.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["from_epoch_ms", "from_iso", "from_local"]

_READY: Final = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_iso(value: object) -> str | None:
    """Read ISO 8601. A time without a zone is not one: it gives ``None``."""
    if not isinstance(value, str):
        return None
    if _READY.fullmatch(value):  # most are: worth four microseconds an entry
        return value
    try:
        at = datetime.fromisoformat(value)
        return _text(at) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def from_epoch_ms(value: object) -> str | None:
    """Read milliseconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return _text(_EPOCH + timedelta(milliseconds=value))
    except (ValueError, OverflowError):
        return None


def from_local(value: str) -> str | None:
    """Read a time without a zone that a program on this machine wrote: its local time."""
    try:
        at = datetime.fromisoformat(value)
        return _text(at if at.tzinfo else at.astimezone())
    except (ValueError, OverflowError, OSError):  # OSError: Windows, before 1970
        return None
