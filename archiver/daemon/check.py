"""What one of the doctor's checks has found, as a value."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Check"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was found and, where it needs somebody, what to do."""

    name: str
    ok: bool
    finding: str
    advice: str = ""
