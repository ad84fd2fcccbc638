"""What is asked of a verification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archiver.archive.scope import Depth, Scope

if TYPE_CHECKING:
    from archiver.archive.journal import Journal
    from archiver.archive.scope import Subset
    from archiver.archive.signers import Trust

__all__ = ["USUAL_PAUSE", "USUAL_SILENCE", "Request"]

EVERYTHING = Scope()
USUAL_SILENCE: Final = 31
"""Days. A machine that is off says nothing, for as long as a holiday lasts."""

USUAL_PAUSE: Final = 3
"""Days. Checkpoints are made daily, by a machine that is always on."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a verification.

    ``trust`` is whom to believe, ``None`` nobody. ``silence_days`` is how long a device may
    say nothing (``None``: `USUAL_SILENCE`), ``pause_days`` how old the newest checkpoint may be
    (``None``: `USUAL_PAUSE`), up to ``as_of`` (RFC 3339; ``None``: up to the
    newest checkpoint). ``journal`` remembers what was read before, so that it is not read
    again. ``jobs`` chunks are read at once, ``None``: as many as the store likes.
    """

    trust: Trust | None = None
    depth: Depth = Depth.LISTING
    scope: Scope = EVERYTHING
    subset: Subset | None = None
    silence_days: float | None = None
    pause_days: float | None = None
    as_of: str | None = None
    identities: tuple[str, ...] = ()
    journal: Journal | None = None
    jobs: int | None = None

    @property
    def reads_all(self) -> bool:
        """Tell whether nothing is left out of what is read."""
        return self.subset is None and not self.scope.narrow
