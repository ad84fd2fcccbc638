"""What `MemoryStore` can be told to do wrong, as values.

A `FaultPlan` is a list of `Fault`: which verb, which of its calls, what happens then.

>>> FaultPlan((
...     Fault("put", LoseAnswer(), nth=1),          # stored, but nobody hears of it
...     Fault("put", Refuse(Answer.BUSY), nth=2),   # 503 SlowDown
...     Fault("get", Corrupt(), key=lambda key: key.endswith(".json")),
... )).personality
's3'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from archiver.model.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = [
    "Corrupt",
    "CutListing",
    "Effect",
    "Fault",
    "FaultPlan",
    "Forget",
    "Hang",
    "LoseAnswer",
    "Plant",
    "Refuse",
    "Slow",
    "Verb",
    "deny_reads",
]

Verb = Literal["put", "head", "get", "list", "delete", "kept", "hold", "reveal", "destroy"]


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer no, and do nothing."""

    answer: Answer
    code: str = "Planned"
    status: int = 0
    server_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class LoseAnswer:
    """Do what was asked, then cut the connection: UNREACHABLE."""


@dataclass(frozen=True, slots=True)
class Plant:
    """Before a put: somebody else stores ``body`` under that very key."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Corrupt:
    """Flip the last bit of the bytes that a put stores or that a get gives."""


@dataclass(frozen=True, slots=True)
class Forget:
    """A head that tells neither sha256 nor metadata."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Wait so many seconds, then go on."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answer. The call ends when it is cancelled."""


@dataclass(frozen=True, slots=True)
class CutListing:
    """List so many keys, then cut the connection: UNREACHABLE."""

    keys: int


Effect = Refuse | LoseAnswer | Plant | Corrupt | Forget | Slow | Hang | CutListing


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    ``nth`` counts the calls, from 1, that verb and ``key`` match; None means every
    one. A ``key`` of None matches every key (of a list: every prefix).
    """

    verb: Verb
    effect: Effect
    nth: int | None = None
    key: Callable[[str], bool] | None = None


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """All that goes wrong, and whose manners the store has when nothing does.

    ``"r2"``: an overwrite is LOCKED instead of EXISTS, and a second write of one key within
    a second is BUSY.
    """

    faults: tuple[Fault, ...] = ()
    personality: Literal["s3", "r2"] = "s3"


def deny_reads() -> tuple[Fault, ...]:
    """Give the faults of credentials that may do ``PutObject`` and nothing else."""
    denied = Refuse(Answer.CREDENTIALS, code="AccessDenied", status=403)
    verbs: tuple[Verb, ...] = ("head", "get", "list", "delete")
    return tuple(Fault(verb, denied) for verb in verbs)
