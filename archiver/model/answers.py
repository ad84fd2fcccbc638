"""What a store can answer, in the words of the delivery rules.

Every store translates its own codes into these, in its own module, and nothing
above a store ever sees a vendor's code except as a label for humans. The table of
codes follows the S3 API reference and the R2 error list.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Answer", "Found", "Listed", "Refusal", "Stored"]


class Answer(StrEnum):
    """The kinds of refusal that the delivery rules tell apart."""

    EXISTS = "exists"
    """412 PreconditionFailed: something is stored under that key already."""

    CONCURRENT = "concurrent"
    """409 ConditionalRequestConflict: another write of the same key is under way."""

    BUSY = "busy"
    """429, 500, 503 SlowDown: the store is there and asks for patience."""

    UNREACHABLE = "unreachable"
    """Timeout, refused or cut connection, name not resolved: no answer at all."""

    CORRUPT = "corrupt"
    """400 BadDigest, XAmzContentSHA256Mismatch: the bytes that arrived were not these."""

    CREDENTIALS = "credentials"
    """403 and its kin, or no credentials found on this machine."""

    CLOCK = "clock"
    """403 RequestTimeTooSkewed: this machine's clock is off."""

    LOCKED = "locked"
    """403 ObjectLockedByBucketPolicy: an overwrite hit a lock rule (R2)."""

    CONFIGURATION = "configuration"
    """Wrong bucket, region or endpoint, or a request this store cannot take."""

    FULL = "full"
    """The store has no room: disk full, quota exceeded."""

    NOT_FOUND = "not found"
    """404 on get, head or delete of a key. Never the answer to a put."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal of a store.

    ``code`` is the store's own word for it (``SlowDown``, ``ENOSPC``), ``status`` the
    HTTP status or 0, ``server_time`` the store's clock where it told it. ``detail`` and
    ``advice`` are archiver's own words where it refused by itself, without asking the store.
    """

    answer: Answer
    code: str
    status: int = 0
    server_time: datetime | None = None
    detail: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """The store has the bytes. ``etag``, ``sha256`` and ``version`` as it told them, or empty."""

    etag: str = ""
    sha256: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What a store says about one object, without its bytes.

    ``sha256`` (hex) comes from the object's metadata or the store's own checksum, and is
    empty where the store has neither.
    """

    key: str
    size: int
    sha256: str
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a listing: ``size`` in bytes."""

    key: str
    size: int
