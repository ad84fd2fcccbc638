"""Month keys as values: whose they are, what they are called, when a new one is due.

A month key opens what one device sealed for one person of one tenant in one month. The device
knows its recipient (the public half) and nothing else. Pure: no key is made here, and no time
is read.

The recipient of a month key stands in clear nowhere in the archive, only its `key_id` does:
who holds a chunk cannot even tell to whom it is sealed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ID_DIGITS", "KeyName", "MonthKey", "is_current", "key_id", "month_of", "officers_id"]

ID_DIGITS: Final = 16
"""Hex digits of each id: enough that no two keys of an archive meet by chance."""


@dataclass(frozen=True, slots=True)
class KeyName:
    """What tells one month key from every other. ``month`` is ``YYYY-MM``."""

    tenant: str
    subject: str
    month: str
    device: str
    key_id: str


@dataclass(frozen=True, slots=True)
class MonthKey:
    """The public half of a month key, which is all that a device remembers.

    ``recipient`` is an age X25519 recipient (``age1…``), ``officers`` the `officers_id` of
    those for whom the private half was wrapped when the key was made.
    """

    tenant: str
    subject: str
    month: str
    device: str
    recipient: str
    officers: str

    @property
    def name(self) -> KeyName:
        """Give what the key is called in the vault and in manifests."""
        return KeyName(self.tenant, self.subject, self.month, self.device, key_id(self.recipient))


def key_id(recipient: str) -> str:
    """Give the id of a month key: the start of the sha256 of its recipient's text."""
    return hashlib.sha256(recipient.encode()).hexdigest()[:ID_DIGITS]


def officers_id(recipients: Iterable[str]) -> str:
    """Give the id of a set of officers: the start of the sha256 over their recipients.

    Each as one line, sorted by bytes, none twice; as `archiver.vault.age.check_recipients`
    gives them. It changes when anybody joins or leaves, and with nothing else.
    """
    lines = sorted(recipient.encode() + b"\n" for recipient in set(recipients))
    return hashlib.sha256(b"".join(lines)).hexdigest()[:ID_DIGITS]


def month_of(day: str) -> str:
    """Give the month (``YYYY-MM``) of a chunk's day (``YYYY-MM-DD``)."""
    return day[:7]


def is_current(key: MonthKey, recipients: Iterable[str]) -> bool:
    """Tell whether new chunks may be sealed to ``key``, or the officers have changed since."""
    return key.officers == officers_id(recipients)
