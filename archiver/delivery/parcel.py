"""What is delivered, and why it may have to wait.

A `Parcel` is one sealed object on its way: its bytes are fixed, so sending it twice can only
meet itself. A `Waiting` is a state of a tenant, not an error budget: nothing is ever given up
because it failed often. Neither holds content of a conversation or a secret, so both may be
shown and logged.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from archiver.model.shipment import Retain

__all__ = ["LONGEST_WAIT", "Kind", "Parcel", "WaitReason", "Waiting"]

Kind = Literal["chunk", "paper"]

LONGEST_WAIT: Final = timedelta(seconds=900)
"""No waiting state lasts longer before the store is asked again."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One sealed object that a tenant's store does not have for certain yet.

    ``sha256`` (hex) and ``size`` (bytes) are over the sealed bytes, as they were when they
    were sealed. A chunk lies in the file ``path``; a paper (a manifest, a key) is small and
    carried in ``body``. ``metadata`` are pairs of short ASCII texts. ``seq`` counts
    the parcels of this kind per device and tenant. ``retain`` is the lock that comes with the
    put: chunks only, and where their retention class has one.
    """

    tenant: str
    key: str
    sha256: str
    size: int
    kind: Kind
    seq: int
    path: Path | None = None
    body: bytes | None = field(default=None, repr=False)
    metadata: tuple[tuple[str, str], ...] = ()
    retain: Retain | None = None


class WaitReason(StrEnum):
    """What a tenant's shipping waits for."""

    TIME = "time"
    """The store is busy or out of reach; it goes by itself."""

    CREDENTIALS = "credentials"
    """Somebody must renew or correct the credentials."""

    CLOCK = "clock"
    """Somebody must set this machine's clock."""

    CONFIGURATION = "configuration"
    """Somebody must correct bucket, region or endpoint."""

    SPACE = "space"
    """Somebody must make room in the store."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a tenant's parcels wait: since when, and until when before the next try.

    Both times are aware. ``code`` is the store's own word, ``detail`` what happened and
    ``advice`` what to do, for humans.
    """

    reason: WaitReason
    since: datetime
    until: datetime
    code: str
    detail: str
    advice: str

    def holds(self, now: datetime) -> bool:
        """Tell whether the next try is still ahead.

        An ``until`` that lies further ahead than any wait can last was written before the
        clock was set back, and holds no more.
        """
        return timedelta() < self.until - now <= LONGEST_WAIT

    def after(self, earlier: Waiting | None) -> Waiting:
        """Give this state with the ``since`` of ``earlier`` where that is the same reason."""
        if earlier is None or earlier.reason is not self.reason:
            return self
        return replace(self, since=min(earlier.since, self.since))
