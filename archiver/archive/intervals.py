"""How long a device may be silent, and how far a clock may err. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from archiver.archive.findings import Code, Finding

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["JITTER", "silent_since", "spoken"]

JITTER: Final = timedelta(minutes=5)
"""Clocks that are set by the network go back a little now and then."""


def silent_since(
    who: str, last: datetime, as_of: datetime | None, silence: timedelta
) -> Finding | None:
    """Say that ``who`` should have spoken by ``as_of`` (``None``: nobody asks) and has not."""
    if as_of is None or as_of - last <= silence:
        return None
    return Finding(Code.SILENCE, who, f"it has said nothing for {spoken(as_of - last)}")


def spoken(span: timedelta) -> str:
    """Give a length of time as people say it."""
    if span >= timedelta(days=2):
        return f"{span.days} days"
    return f"{span.total_seconds() / 3600:.1f} hours"
