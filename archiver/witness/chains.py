"""The two chains of notes as somebody must see them who is about to sign. Pure.

A reader makes the best of a damaged chain; a signer does not. Every object must be a note of
this tenant, signed by a trusted admin, under its own key, and follow the one before: else
`EvidenceError`, and nothing is signed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.errors import ArchiverError, EvidenceError, HistoryChanged
from archiver.evidence import registry, statement
from archiver.evidence.registry import Roster

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archiver.archive.signers import Trust
    from archiver.evidence.registry import Registry
    from archiver.evidence.statement import Statement
    from archiver.format.keys import SeriesKey

__all__ = [
    "Register",
    "Statements",
    "check_registry",
    "follow_registries",
    "follow_statements",
    "sha256_of",
    "unsound",
]


@dataclass(frozen=True, slots=True)
class Register:
    """The registries. The newest and its sha256 (hex) are ``None`` where there is none.

    ``hashes`` are of all, by number.
    """

    newest: Registry | None = None
    sha256: str | None = None
    roster: Roster | None = None
    hashes: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statements:
    """The checkpoint statements, oldest first; ``hashes`` by number, ``keys`` beside them."""

    all: tuple[Statement, ...] = ()
    hashes: dict[int, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()

    @property
    def newest(self) -> Statement | None:
        """Give the last one."""
        return self.all[-1] if self.all else None

    @property
    def sha256(self) -> str | None:
        """Give the hash of its stored bytes."""
        return self.hashes[self.all[-1].seq] if self.all else None


def sha256_of(body: bytes) -> str:
    """Give the SHA-256 in hex."""
    return hashlib.sha256(body).hexdigest()


def follow_registries(
    bodies: Iterable[tuple[SeriesKey, bytes]], trust: Trust, tenant: str
) -> Register:
    """Follow a tenant's registries; raise `EvidenceError`."""
    last: Registry | None = None
    last_sha256: str | None = None
    hashes: dict[int, str] = {}
    for key, body in bodies:
        sha256 = _named(key, body)
        try:
            this = registry.opened(body, trust.opened(body)[0], tenant)
        except ArchiverError as error:
            raise unsound(key, str(error)) from error
        if this.seq != key.seq:
            raise unsound(key, "it belongs under another key")
        if (this.seq, this.previous) != (last.seq + 1 if last else 1, last_sha256):
            raise unsound(key, "it does not follow the one before it")
        last, last_sha256 = this, sha256
        hashes[this.seq] = sha256
    return Register(last, last_sha256, Roster(last) if last else None, hashes)


def follow_statements(
    bodies: Iterable[tuple[SeriesKey, bytes]], trust: Trust, tenant: str
) -> Statements:
    """Follow a tenant's statements; raise `EvidenceError`. No roll-up is looked at."""
    found: list[Statement] = []
    hashes: dict[int, str] = {}
    keys = []
    last_sha256: str | None = None
    for key, body in bodies:
        sha256 = _named(key, body)
        try:
            this = statement.opened(body, trust.opened(body)[0])
        except ArchiverError as error:
            raise unsound(key, str(error)) from error
        if (this.tenant, this.seq) != (tenant, key.seq):
            raise unsound(key, "it belongs under another key")
        if broken := statement.follows(found[-1] if found else None, last_sha256, this):
            raise unsound(key, f"it does not follow the one before it ({broken})")
        found.append(this)
        keys.append(str(key))
        last_sha256 = hashes[this.seq] = sha256
    return Statements(tuple(found), hashes, tuple(keys))


def check_registry(chain: Statements, register: Register) -> None:
    """Raise `HistoryChanged` where the registry that the newest statement names is gone."""
    last = chain.newest
    if last and last.registry is not None and last.registry not in register.hashes.values():
        raise HistoryChanged(
            f"checkpoint number {last.seq} names a registry that the store no longer has",
            advice="Nothing was signed. Restore the registries from a replica: without them,"
            " devices that were revoked count again.",
        )


def _named(key: SeriesKey, body: bytes) -> str:
    sha256 = sha256_of(body)
    if sha256[:16] != key.sha:
        raise unsound(key, "its bytes are not those that its name says")
    return sha256


def unsound(key: SeriesKey, meaning: str) -> EvidenceError:
    """Say what keeps an object of a chain from being built upon."""
    return EvidenceError(
        f"{key} is not sound: {meaning}",
        advice="Nothing was signed. Restore what is damaged or missing from a replica; where no"
        " admin of yours signed this object, remove it.",
    )
