"""A tenant's devices as an admin sees them: what they published, and what was said of it. Pure.

Anybody who may write to the bucket can publish a key for any device: a published key is a
question, and comparing its fingerprint with what the device itself shows is the answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from archiver.errors import Damaged, RegistryUnchanged
from archiver.evidence.documents import moment
from archiver.evidence.registry import Approval
from archiver.evidence.verifier import VerifierKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from archiver.evidence.enrolment import Enrolment
    from archiver.evidence.registry import Registry

__all__ = ["Device", "State", "approval", "chosen", "devices_of", "fingerprint", "waiting"]


class State(StrEnum):
    """Where a device's key stands with the admin."""

    WAITING = "waiting"
    """Published, and nobody has approved it."""

    APPROVED = "approved"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Device:
    """One key of one device.

    ``since`` is when it was first published, ``valid_from`` and ``revoked_at`` what the admin
    says. ``published`` is false where the registry knows a key that no enrolment in the store
    names; ``other_key`` says that the device has an approved key and this is not it.
    """

    device: str
    state: State
    key: VerifierKey
    subject: str | None = None
    since: str | None = None
    software: str | None = None
    valid_from: str | None = None
    revoked_at: str | None = None
    reason: str | None = None
    published: bool = True
    other_key: bool = False

    @property
    def fingerprint(self) -> str:
        """Give what people compare."""
        return fingerprint(self.key)


def fingerprint(key: VerifierKey) -> str:
    """Give 128 bits of the SHA-256 of a public key's text, as people read them aloud.

    >>> fingerprint(VerifierKey("device/00c0ffee00c0ffee", bytes(32)))
    'd0bb-c2ff-3daf-5f5a-2f85-4a36-7a21-7a5a'
    """
    digits = hashlib.sha256(str(key).encode()).hexdigest()[:32]
    return "-".join(digits[at : at + 4] for at in range(0, 32, 4))


def devices_of(registry: Registry | None, enrolments: Iterable[Enrolment]) -> list[Device]:
    """Put together what the registry and the enrolments say, sorted by device and time."""
    published: dict[tuple[str, str], Enrolment] = {}
    for one in sorted(enrolments, key=attrgetter("created_at")):
        published.setdefault((one.device, one.key), one)
    rows = []
    entries = registry.devices if registry else ()
    approved = {entry.device for entry in entries if entry.revoked_at is None}
    for entry in entries:
        request = published.pop((entry.device, entry.key), None)
        rows.append(
            Device(
                entry.device,
                State.REVOKED if entry.revoked_at else State.APPROVED,
                VerifierKey.parse(entry.key),
                subject=request.subject if request else None,
                since=request.created_at if request else None,
                software=request.software if request else None,
                valid_from=entry.valid_from,
                revoked_at=entry.revoked_at,
                reason=entry.reason,
                published=request is not None,
            )
        )
    rows += [
        Device(
            request.device,
            State.WAITING,
            request.verifier,
            subject=request.subject,
            since=request.created_at,
            software=request.software,
            other_key=request.device in approved,
        )
        for request in published.values()
    ]
    return sorted(rows, key=lambda row: (row.device, row.since or row.valid_from or ""))


def waiting(rows: Sequence[Device]) -> tuple[list[Device], list[str]]:
    """Give the devices that can be approved as they are, and those that somebody must look at.

    A device is looked at where it published more than one key, or has an approved one.
    """
    sure, unsure = [], []
    for device, mine in groupby(rows, key=attrgetter("device")):
        asked = [row for row in mine if row.state is State.WAITING]
        if len(asked) == 1 and not asked[0].other_key:
            sure.append(asked[0])
        elif asked:
            unsure.append(device)
    return sure, unsure


def chosen(rows: Sequence[Device], device: str, key: str | None) -> Device:
    """Find the key to approve of a device; ``key`` is its text, or its fingerprint.

    Raise `RegistryUnchanged` where there is none, or more than one and ``key`` says not which.
    """
    mine = [row for row in rows if row.device == device and row.state is State.WAITING]
    if key is not None:
        mine = [row for row in mine if _means(key, row.key)]
    if len(mine) == 1:
        return mine[0]
    if not mine:
        raise RegistryUnchanged(
            f"device {device} has published no{' such' if key else ''} key that waits",
            advice="See `archiver device list`; a device publishes its key with its first"
            " shipment, or by `archiver device enrol`.",
        )
    raise RegistryUnchanged(
        f"{len(mine)} keys were published for device {device}; at most one is the device's",
        advice="Compare with what `archiver device enrol` shows there, then name it with --key.",
    )


def approval(row: Device, valid_from: datetime | None) -> Approval:
    """Ask for a row's key to be approved, from when it was published unless told otherwise."""
    if row.since is None:
        raise Damaged(
            f"nobody knows since when device {row.device} has this key",
            advice="Let it enrol again: `archiver device enrol` on that device.",
        )
    return Approval(row.device, row.key, valid_from or moment(row.since))


def _means(said: str, key: VerifierKey) -> bool:
    digits = said.replace("-", "").replace(" ", "").lower()
    return said == str(key) or digits == fingerprint(key).replace("-", "")
