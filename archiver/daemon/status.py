"""The status file: what the daemon says of itself, for whoever cannot ask it.

The spool admits one process, so ``archiver status`` reads this file, which is written after
every tick. It holds counts, ages, sizes and reasons; never content, paths inside projects, or
secrets.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.durable import files
from archiver.format.times import parse_rfc3339

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "NAME",
    "CaptureStatus",
    "PolicyStatus",
    "SpoolStatus",
    "Status",
    "TenantStatus",
    "WaitingStatus",
    "publish",
    "read",
]

NAME: Final = "status.json"


class PolicyStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Which policy is in force.

    ``state``: ``in force``, ``refused`` (an earlier one is in force, if any ever was),
    ``gone`` (nobody is enabled). ``refused`` holds reasons, as `archiver.distribution.refusals`
    names them. ``pinned`` says that only signed policies count; ``number``, ``signed_by`` (names
    of keys) and ``expires_at`` are of the signed one in force. ``source`` is the file or the
    address that it comes from, ``fetched_at`` when that answered last, ``unreachable`` why it
    does not now.
    """

    state: str
    path: str | None = None
    fingerprint: str | None = None
    problems: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    advice: str | None = None
    pinned: bool = False
    number: int | None = None
    signed_by: tuple[str, ...] = ()
    expires_at: str | None = None
    source: str | None = None
    fetched_at: str | None = None
    unreachable: str | None = None

    def is_over(self, now: datetime) -> bool:
        """Tell whether the time of the policy in force is over. It stays in force."""
        return self.expires_at is not None and parse_rfc3339(self.expires_at) <= now


class WaitingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Why a tenant's shipping waits, since when, until when, and what to do."""

    reason: str
    since: datetime
    until: datetime
    code: str
    detail: str
    advice: str


class TenantStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant on this machine: what waits here, and what arrived. Sizes in bytes.

    ``credentials_expire_at`` is when the keys on this machine end and somebody must have renewed
    them, ``credentials_warn_at`` from when on that needs somebody; both where it is known.
    """

    id: str
    enabled: bool
    store: str | None
    spooled_records: int
    spooled_bytes: int
    pending_chunks: int
    pending_bytes: int
    unlisted_chunks: int
    pending_manifests: int
    quarantined_chunks: int
    oldest_unsent_at: str | None
    delivered_chunks: int
    delivered_bytes: int
    last_delivered_at: str | None
    waiting: WaitingStatus | None
    credentials_expire_at: str | None = None
    credentials_warn_at: str | None = None


class CaptureStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The last pass over this machine's conversations.

    ``refused`` counts unreadable files by the operating system's word; ``last_captured_at``
    is by assistant; ``stopped`` says why capture stands still, if it does.
    """

    last_pass_at: str | None = None
    conversations: int = 0
    unclaimed: int = 0
    unsettled: int = 0
    refused: dict[str, int] = {}
    last_captured_at: dict[str, str] = {}
    stopped: str | None = None


class SpoolStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The room on this machine. ``set_aside`` is where a damaged spool was moved."""

    used_bytes: int
    limit_bytes: int
    disk_free_bytes: int
    set_aside: str | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything. ``faults`` are the last few things that went wrong inside the daemon."""

    v: int = 1
    written_at: str
    software: str
    pid: int
    device: str
    policy: PolicyStatus
    capture: CaptureStatus
    spool: SpoolStatus
    tenants: tuple[TenantStatus, ...]
    faults: tuple[str, ...] = ()


def publish(status: Status, folder: Path) -> None:
    """Write the file. It is written again at the next tick, so a power cut may forget it."""
    files.publish(folder / NAME, msgspec.json.format(msgspec.json.encode(status), indent=1))


def read(folder: Path) -> Status | None:
    """Read the file; ``None`` where no daemon ever wrote one, or another version did."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Status)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
