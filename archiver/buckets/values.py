"""What can be said of a bucket: the same frozen values for what is wanted and what is there.

`Unsupported` stands where a store has no such thing, so that "it says no" is never taken for
"it is off". A rule or statement is compared by what it does; ids, order and spelling do not
count (`archiver.buckets.statements`, `archiver.buckets.compare`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from archiver.stores.s3_bucket import Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "MINE",
    "SID",
    "Bucket",
    "Default",
    "LifecycleRule",
    "LockRule",
    "Place",
    "Statement",
    "Unsupported",
    "mine",
]

MINE: Final = "archiver/"
"""What the id of every lifecycle rule and lock rule of ours starts with."""

SID: Final = "Archiver"
"""What the Sid of every statement of ours starts with."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which bucket: what tells one from another. ``endpoint`` is empty for Amazon's own."""

    kind: Literal["s3", "r2", "folder"]
    name: str
    endpoint: str = ""
    account: str = ""
    jurisdiction: str = ""

    def __str__(self) -> str:
        """Name it for humans."""
        return f"{self.kind}://{self.name}" if self.kind != "folder" else self.name

    @property
    def amazon(self) -> bool:
        """Tell whether it is Amazon's own S3."""
        return self.kind == "s3" and not self.endpoint


@dataclass(frozen=True, slots=True)
class Default:
    """The lock that Object Lock puts on what comes without one. ``days`` from the put."""

    mode: Literal["governance", "compliance"]
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleRule:
    """One rule by which a store removes things. Numbers are days; ``None`` does nothing.

    ``days`` is of current versions, ``noncurrent`` of replaced ones, ``abort`` of uploads that
    nobody finished; ``markers`` removes delete markers that hide nothing. ``enabled`` is
    ``None`` where nobody knows whether a hold is in force: then it is left as it is. ``other``
    is what a foreign rule says beyond that, as canonical JSON; one that removes on a date has
    ``days`` 0. ``raw`` is a found rule word for word, so that it can be put back as it was.
    """

    id: str
    prefix: str
    enabled: bool | None = True
    days: int | None = None
    noncurrent: int | None = None
    markers: bool = False
    abort: int | None = None
    other: str = ""
    raw: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a bucket policy: its Sid, its meaning as canonical JSON, and its words."""

    sid: str
    text: str
    raw: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRule:
    """One lock rule of R2: for an age, until a date (RFC 3339), or for ever if both are none.

    ``other`` is a condition that archiver does not know: what it locks cannot be told.
    """

    id: str
    prefix: str
    enabled: bool = True
    seconds: int | None = None
    until: str | None = None
    other: str = ""
    raw: str = field(default="", compare=False)

    @property
    def indefinite(self) -> bool:
        """Tell whether it has no end."""
        return self.seconds is None and self.until is None and not self.other


def mine(rule: LifecycleRule | LockRule, folders: Iterable[str]) -> bool:
    """Tell whether a rule is one that archiver set for one of these tenants' folders."""
    if not rule.id.startswith(MINE):
        return False
    everywhere = rule.prefix == "" and isinstance(rule, LifecycleRule) and rule.days is None
    return everywhere or any(rule.prefix.startswith(folder) for folder in folders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """How a bucket keeps what lies in it.

    ``object_lock`` says whether S3 Object Lock is enabled, ``default`` what it puts on objects
    without a lock of their own. ``public_block`` holds the switches of the public access block
    that are on. ``encryption`` is ``AES256``, ``aws:kms`` or empty.
    """

    versioning: bool | Unsupported
    object_lock: bool | Unsupported
    default: Default | Unsupported | None
    public_block: frozenset[str] | Unsupported
    encryption: str | Unsupported
    statements: tuple[Statement, ...] | Unsupported
    lifecycle: tuple[LifecycleRule, ...] | Unsupported
    lock_rules: tuple[LockRule, ...] | Unsupported
