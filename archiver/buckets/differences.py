"""One difference between a bucket as the policy asks for it and as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Difference"]


@dataclass(frozen=True, slots=True)
class Difference:
    """What is wanted, what is there, and why it matters, in one sentence.

    ``weaker``: the policy promises something that is not in force. ``different``: it holds, but
    not as asked. ``stronger``: more is kept, or for longer; it is left so. ``cannot``: the store
    has no such thing. ``remedy`` is what a person must do where `apply` does not do it.
    """

    aspect: str
    wanted: str
    found: str
    kind: Literal["weaker", "different", "stronger", "cannot"]
    why: str
    remedy: str = ""
