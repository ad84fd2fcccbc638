"""What a registry says of one device's key at one time, answered fast for many of them."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from archiver.errors import Damaged
from archiver.evidence.documents import moment
from archiver.evidence.keys import device_key_name
from archiver.evidence.note import VerifierKey

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.evidence.registry import Registry

__all__ = ["Roster", "Standing", "standing"]


class Standing(StrEnum):
    """Whether a key spoke for a device at a time."""

    APPROVED = "approved"
    UNKNOWN = "unknown"
    """The registry does not know the device."""

    OTHER_KEY = "other-key"
    """It knows the device, but not by this key."""

    NOT_YET = "not-yet"
    """Before the key's validity began."""

    REVOKED = "revoked"
    """At or after the key's revocation."""


class _Term(NamedTuple):
    key: VerifierKey
    begins: datetime
    ends: datetime | None


_NEVER: Final[tuple[_Term, ...]] = ()


class Roster:
    """A registry made ready for questions: built once, then one look-up for each.

    Raise `Damaged` where an entry's key is none, or is named after another device.
    """

    __slots__ = ("_terms",)

    def __init__(self, registry: Registry) -> None:
        terms: defaultdict[str, list[_Term]] = defaultdict(list)
        for entry in registry.devices:
            key = VerifierKey.parse(entry.key)
            if key.name != device_key_name(entry.device):
                raise Damaged(
                    f"the registry gives device {entry.device} the key of another",
                    advice="Revoke that entry; approve the key of the device's own enrolment.",
                )
            ends = moment(entry.revoked_at) if entry.revoked_at else None
            terms[entry.device].append(_Term(key, moment(entry.valid_from), ends))
        self._terms = {device: tuple(mine) for device, mine in terms.items()}

    def keys(self, device: str) -> tuple[VerifierKey, ...]:
        """Give every key that was ever approved for a device, oldest first."""
        return tuple(term.key for term in self._terms.get(device, _NEVER))

    def standing(self, device: str, key: VerifierKey, at: datetime) -> Standing:
        """Say whether ``key`` spoke for ``device`` at that time."""
        terms = self._terms.get(device, _NEVER)
        term = next((one for one in terms if one.key == key), None)
        if term is None:
            return Standing.OTHER_KEY if terms else Standing.UNKNOWN
        if term.ends is not None and at >= term.ends:
            return Standing.REVOKED
        return Standing.APPROVED if at >= term.begins else Standing.NOT_YET


def standing(registry: Registry, device: str, key: VerifierKey, at: datetime) -> Standing:
    """Ask one question; for more than one, make a `Roster`."""
    return Roster(registry).standing(device, key, at)
