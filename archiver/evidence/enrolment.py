"""A device's request to be known: its public key, signed by its own private key.

It proves that who published it holds the key, and no more: that the key belongs to a device
of the organisation is for the admin to find out, by comparing the key over another way, before
`archiver.evidence.registry.approve`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from archiver.errors import Damaged
from archiver.evidence import documents, note
from archiver.evidence.documents import Device, Subject, Tenant, Text, Time
from archiver.evidence.keys import device_key_name
from archiver.evidence.note import Outcome, Signer, VerifierKey

__all__ = ["MAX_BYTES", "Enrolment", "open_self_signed", "sign"]

MAX_BYTES: Final = 64 * 1024
"""Largest enrolment that is read."""

_WHAT: Final = "an enrolment"


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What a device says of itself. ``key`` is its public key in text form."""

    v: int
    tenant: Tenant
    device: Device
    key: Text
    subject: Subject
    created_at: Time
    software: Text

    def __post_init__(self) -> None:
        """Refuse a time that never was."""
        documents.moment(self.created_at)

    @property
    def verifier(self) -> VerifierKey:
        """The key; raise `Damaged` where it is none, or named after another device."""
        key = VerifierKey.parse(self.key)
        if key.name != device_key_name(self.device):
            raise _disagrees()
        return key


def sign(enrolment: Enrolment, key: Signer) -> bytes:
    """Write the note that is published; raise `ValueError` where ``key`` is not its key."""
    if enrolment.verifier != key.public:
        raise ValueError("a device enrols with the key that it signs with")
    return note.write(documents.encode(enrolment, _WHAT, MAX_BYTES), key)


def open_self_signed(body: bytes) -> Enrolment:
    """Read a note that `sign` wrote.

    Raise `Damaged` where it is none, or is not signed by the key that it names.
    """
    parts = note.read(body)
    enrolment = documents.decode(parts.text, Enrolment, _WHAT, MAX_BYTES)
    if note.signed_by(parts, enrolment.verifier) is not Outcome.VALID:
        raise _disagrees()
    return enrolment


def _disagrees() -> Damaged:
    return Damaged(
        "an enrolment is not signed by the key that it names, or that is another device's key",
        advice="Do not approve it; run `archiver device enrol` again on that device.",
    )
