"""How long what waits on this machine may still be sent, and how it is locked when it is. Pure.

* A chunk's time runs from when it was sealed, a record's that is in no chunk yet from when it was
  spooled: never from what a transcript says of itself.
* The terms are those that the policy has now, also for what was sealed under others. A class that
  the policy names no more has no terms: it is neither locked nor given up.
* A lock ends within the second before its chunk's days are over, counted from its sealing. So it
  never outlasts the time at which an admin may let the chunk expire, which is counted from the
  manifest that lists it, and that is never written earlier.

Limit: a device believes its own clock. One that is set years ahead gives up what waits.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.format.keys import ChunkKey, parse_key
from archiver.format.times import parse_rfc3339
from archiver.model.shipment import Retain

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.model.shipment import ClassTerms

__all__ = ["class_of", "lock_of", "outlived"]


def class_of(key: str) -> str:
    """Tell the retention class of a chunk from its key; empty where it is none."""
    parsed = parse_key(key)
    return parsed.klass if isinstance(parsed, ChunkKey) else ""


def outlived(terms: ClassTerms | None, since: str, now: datetime) -> bool:
    """Tell whether what was sealed or spooled at ``since`` (RFC 3339) is older than its days."""
    if terms is None or terms.days is None:
        return False
    return now - parse_rfc3339(since) >= timedelta(days=terms.days)


def lock_of(terms: ClassTerms | None, sealed_at: str) -> Retain | None:
    """Give the lock that a chunk's put carries; ``None`` where its class has none of S3's."""
    if terms is None or terms.days is None:
        return None
    end = (parse_rfc3339(sealed_at) + timedelta(days=terms.days)).replace(microsecond=0)
    match terms.lock:
        case "governance" | "compliance" as mode:
            return Retain(mode, end)
    return None
