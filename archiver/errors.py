"""The one tree of errors.

    ArchiverError
    ├── PolicyError              the admin's document
    │   ├── PolicyUnreadable         cannot be opened or is not TOML/JSON
    │   ├── PolicyInvalid            opened, but says something that is not allowed
    │   │   └── PolicyRefused            not signed as it must be, out of turn, or not there
    │   └── PolicyUnreachable        its address gave nothing that can be used
    ├── StateError               this machine's own state directory
    │   ├── AlreadyRunning           another instance holds the directory
    │   ├── SpoolDamaged             the database failed its check
    │   └── DiskFull                 no room to write
    ├── StoreError               a store answered no; carries the `Answer`
    ├── ArchiveError             reading an archive back
    │   ├── NotArchived              no such conversation, tenant or time
    │   ├── Damaged                  bytes that are not what their manifest says
    │   ├── NotForUs                 sealed to other keys than those at hand
    │   └── KeyGone                  the vault has no wrap of a month key
    ├── UnusableKey              a recipient, private key or passphrase that does not work
    ├── EvidenceError            signatures and what they sign
    │   ├── NotSigned                no valid signature of the key that should have signed
    │   ├── RegistryUnchanged        what was asked of the device registry cannot be
    │   ├── HistoryChanged           a store holds less or other than what an admin signed
    │   ├── Overtaken                another admin signed the next one first
    │   └── NotOrdered               an order that cannot be given as asked
    ├── MustStay                 a hold, a lock or a missing checkpoint forbids it
    ├── BucketUnfit              a bucket that can never be as the policy asks
    └── ServiceError             the operating system's service manager

Each error says what happened and to what (``str(error)``), and what to do next
(``error.advice``). Neither ever holds content of a conversation or a secret.
Nothing in the library prints or exits; the command line does both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archiver.model.answers import Refusal

__all__ = [
    "AlreadyRunning",
    "ArchiveError",
    "ArchiverError",
    "BucketUnfit",
    "ChunkGone",
    "Damaged",
    "DiskFull",
    "EvidenceError",
    "HistoryChanged",
    "KeyGone",
    "LogGap",
    "MustStay",
    "NotArchived",
    "NotForUs",
    "NotOrdered",
    "NotSigned",
    "Overtaken",
    "PolicyError",
    "PolicyInvalid",
    "PolicyRefused",
    "PolicyUnreachable",
    "PolicyUnreadable",
    "RegistryUnchanged",
    "ServiceError",
    "SpoolDamaged",
    "StateError",
    "StoreError",
    "UnusableKey",
]


class ArchiverError(Exception):
    """Anything archiver raises on purpose.

    ``advice`` is one or two sentences for a human: what to do next.
    """

    def __init__(self, message: str, *, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


class PolicyError(ArchiverError):
    """The admin's document cannot be used."""


class PolicyUnreadable(PolicyError):
    """The document cannot be opened, or is neither TOML nor JSON."""


class PolicyInvalid(PolicyError):
    """The document says something that is not allowed.

    ``problems`` holds one line each: the path in the document, then what is allowed.
    """

    def __init__(self, message: str, *, advice: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message, advice=advice)
        self.problems = problems


class PolicyRefused(PolicyInvalid):
    """What stands there, or does not, must not be put in force on this machine."""


class PolicyUnreachable(PolicyError):
    """The address of the policy gave nothing that can be used; what is in force stays."""


class StateError(ArchiverError):
    """This machine's state directory cannot be used as it is."""


class AlreadyRunning(StateError):
    """Another instance holds the state directory."""


class SpoolDamaged(StateError):
    """The spool database failed its integrity check."""


class DiskFull(StateError):
    """The disk has no room for what must be written."""


class StoreError(ArchiverError):
    """A store did not do what was asked; ``refusal`` says what it answered."""

    def __init__(self, message: str, *, advice: str, refusal: Refusal) -> None:
        super().__init__(message, advice=advice)
        self.refusal = refusal


class ArchiveError(ArchiverError):
    """An archive cannot be read back as asked."""


class NotArchived(ArchiveError):
    """No such conversation, tenant or time in the archive."""


class Damaged(ArchiveError):
    """Stored bytes are not what their manifest says."""


class ChunkGone(Damaged):
    """A listed chunk is not there: it expired or was erased by right, or it was lost."""


class LogGap(Damaged):
    """Records of a log are not there, so that its file cannot be rebuilt."""


class NotForUs(ArchiveError):
    """Something is sealed to other keys than those at hand."""


class KeyGone(ArchiveError):
    """The vault has no wrap of a month key: erased, or not arrived."""


class UnusableKey(ArchiverError):
    """A recipient, a private key or a passphrase cannot be used."""


class EvidenceError(ArchiverError):
    """A signature, or what it signs, is not as it should be."""


class NotSigned(EvidenceError):
    """The key that should have signed did not, or its signature is not valid."""


class RegistryUnchanged(EvidenceError):
    """The device registry cannot be changed as asked."""


class HistoryChanged(EvidenceError):
    """A store holds less than an admin signed before, or something else. Nothing is signed."""


class Overtaken(EvidenceError):
    """Another admin signed the next registry or checkpoint first. Nothing was overwritten."""


class NotOrdered(EvidenceError):
    """An order cannot be given as asked. Nothing was signed."""


class MustStay(ArchiverError):
    """Something may not go: a hold, a lock or a missing checkpoint forbids it."""


class BucketUnfit(ArchiverError):
    """A bucket, or its store, can never be as the policy asks; nothing was changed."""


class ServiceError(ArchiverError):
    """The operating system's service manager refused, or is not there."""
