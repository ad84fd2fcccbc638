"""A policy that an admin signed: one file, so that a machine has all of it or nothing.

    {"v":1,"number":7,"created_at":"...","expires_at":null,"format":"toml","document":"..."}
                                                     <- an empty line
    — admin/acme base64(key id, signature)           <- one line for each admin

The first line holds the policy as a text: ``head -1 policy.signed | jq -r .document`` shows it.

* Numbers grow: who has accepted number 7 takes no 6 any more, and no other 7.
* The signature of one trusted key is enough. A line of a trusted key that is not valid spoils
  the file, whatever the other lines say.
* Nothing here is secret, and nothing here is believed before `signing` has looked at it.

Pure. Which of several policies counts is decided in `archiver.distribution.judge`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from archiver.evidence import documents, note
from archiver.evidence.documents import Number, Time
from archiver.evidence.note import Outcome
from archiver.format.times import rfc3339
from archiver.model.record import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from archiver.evidence.note import Signer, VerifierKey

__all__ = [
    "MAX_BYTES",
    "MAX_DOCUMENT",
    "SignedPolicy",
    "Signing",
    "next_policy",
    "read",
    "sign",
    "signing",
]

MAX_BYTES: Final = 4 * 1024 * 1024
"""Largest signed policy that is read, signatures included: its document has at most 1 MiB."""

MAX_DOCUMENT: Final = 1024 * 1024
"""Most characters of a document."""

_WHAT: Final = "a signed policy"


class SignedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed. ``document`` is the policy as its admin wrote it, in ``format``.

    After ``expires_at`` nobody takes it for new; who has it already keeps it, and says so.
    """

    v: int
    number: Number
    created_at: Time
    expires_at: Time | None
    format: Literal["toml", "json"]
    document: Annotated[str, msgspec.Meta(max_length=MAX_DOCUMENT)]

    def __post_init__(self) -> None:
        """Refuse times that never were, and a life that ends before it begins."""
        documents.moment(self.created_at)
        if self.expires_at is not None:
            documents.moment(self.expires_at)
            if self.expires_at <= self.created_at:
                raise ValueError("it ends before it was made")

    @property
    def sha256(self) -> str:
        """The hash (hex) of what is said, whoever signed it."""
        return hashlib.sha256(msgspec.json.encode(self) + b"\n").hexdigest()

    def is_over(self, now: datetime) -> bool:
        """Tell whether its time is over."""
        return self.expires_at is not None and self.expires_at <= rfc3339(now)


class Signing(msgspec.Struct, frozen=True):
    """Which of some keys signed a file, in their text form.

    ``wrong`` are those whose name stands there with a signature that is not theirs.
    """

    by: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


def next_policy(
    document: str,
    form: Literal["toml", "json"],
    *,
    number: int,
    now: datetime,
    expires_at: datetime | None = None,
) -> SignedPolicy:
    """Make the value that is signed."""
    return SignedPolicy(
        v=FORMAT_VERSION,
        number=number,
        created_at=rfc3339(now),
        expires_at=rfc3339(expires_at) if expires_at else None,
        format=form,
        document=document,
    )


def sign(policy: SignedPolicy, *keys: Signer) -> bytes:
    """Write the file; raise `Damaged` where nobody could read it."""
    return note.write(documents.encode(policy, _WHAT, MAX_BYTES), *keys)


def read(body: bytes) -> SignedPolicy:
    """Read a file without believing it; raise `Damaged` where it is no signed policy."""
    return documents.decode(note.read(body).text, SignedPolicy, _WHAT, MAX_BYTES)


def signing(body: bytes, keys: Iterable[VerifierKey]) -> Signing:
    """Say which of ``keys`` signed a file, each in its text form; raise `Damaged` for no note."""
    taken = note.read(body)
    found = [(str(key), note.signed_by(taken, key)) for key in keys]
    return Signing(
        tuple(text for text, outcome in found if outcome is Outcome.VALID),
        tuple(text for text, outcome in found if outcome is Outcome.WRONG),
    )
