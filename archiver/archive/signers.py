"""Whose signatures count: the admin's registry of devices, read and judged.

An admin's public key comes from outside the archive: from the policy, or from the hand of whom
one trusts. With it, the newest registry of the tenant says which device keys are approved.
Without it, a signature is held to the key that the device itself published: that shows that a
manifest was altered by somebody else, and not who the device is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.archive.findings import Code, Finding
from archiver.errors import ArchiverError, Damaged
from archiver.evidence import enrolment, note, registry
from archiver.evidence.documents import moment
from archiver.evidence.keys import device_key_name
from archiver.evidence.note import Outcome
from archiver.evidence.registry import Roster, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archiver.evidence.note import Note
    from archiver.evidence.registry import Registry
    from archiver.evidence.verifier import VerifierKey
    from archiver.format.keys import EnrolmentKey, SeriesKey

__all__ = ["Signers", "Trust", "read_registry"]


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom a verifier believes: the admins' public keys, from outside the archive."""

    admins: tuple[VerifierKey, ...]

    def opened(self, body: bytes) -> tuple[VerifierKey, bytes]:
        """Give the admin who signed a note, and its text; raise `EvidenceError`, `Damaged`."""
        error: ArchiverError | None = None
        for admin in self.admins:
            try:
                return admin, note.opened(body, admin)
            except ArchiverError as refused:
                error = error or refused
        raise error or Damaged("nobody is trusted", advice="Give an admin's public key.")


@dataclass(slots=True)
class Signers:
    """Answers whether a manifest is signed as it must be.

    ``roster`` is ``None`` where no admin is known; ``own`` are the keys that devices published.
    """

    roster: Roster | None = None
    own: dict[str, list[VerifierKey]] = field(default_factory=dict)
    told: set[tuple[str, Code]] = field(default_factory=set)

    def enrolled(self, key: EnrolmentKey, body: bytes) -> Iterator[Finding]:
        """Take in an enrolment; yield what is wrong with it."""
        try:
            if hashlib.sha256(body).hexdigest()[:16] != key.sha:
                raise Damaged("an enrolment was altered", advice="Let the device enrol again.")
            known = enrolment.open_self_signed(body)
        except ArchiverError as error:
            yield Finding(Code.SIGNATURE_WRONG, str(key), f"{error}")
            return
        if (known.tenant, known.device) != (key.tenant, key.device):
            yield Finding(Code.SIGNATURE_WRONG, str(key), "it was made for another place")
            return
        self.own.setdefault(key.device, []).append(known.verifier)

    def judge(self, device: str, signed: Note, at: str, where: str) -> Finding | None:
        """Say what is wrong with the signature of a manifest made ``at`` that time.

        What concerns a device and not one manifest is said once.
        """
        approved = self.roster.keys(device) if self.roster else ()
        for key in (*approved, *self.own.get(device, ())):
            match note.signed_by(signed, key):
                case Outcome.WRONG:
                    return Finding(Code.SIGNATURE_WRONG, where, "its signature is not its text's")
                case Outcome.VALID:
                    return self._standing(device, key, at, where)
                case Outcome.ABSENT:
                    continue
        name = device_key_name(device)
        if approved or (self.own.get(device) and self.roster is None):
            meaning = "no key that is known of its device signed it"
            return Finding(Code.SIGNATURE_WRONG, where, meaning)
        return self._once(device, Code.SIGNER_UNKNOWN, f"nobody knows the key {name}")

    def _standing(self, device: str, key: VerifierKey, at: str, where: str) -> Finding | None:
        if self.roster is None:
            return None
        match self.roster.standing(device, key, moment(at)):
            case Standing.APPROVED:
                return None
            case Standing.REVOKED:
                meaning = "it was signed after the admin had revoked this key"
                return Finding(Code.SIGNER_REVOKED, where, meaning)
            case Standing.NOT_YET:
                meaning = "it was signed before the admin approved this key"
                return Finding(Code.SIGNER_NOT_YET, where, meaning)
            case _:
                meaning = "no admin has approved the key that this device signs with"
                return self._once(device, Code.SIGNER_UNKNOWN, meaning)

    def _once(self, device: str, code: Code, meaning: str) -> Finding | None:
        if (device, code) in self.told:
            return None
        self.told.add((device, code))
        return Finding(code, device, meaning)


def read_registry(
    bodies: Iterable[tuple[SeriesKey, bytes]], trust: Trust, tenant: str
) -> tuple[Registry | None, str | None, list[Finding]]:
    """Read a tenant's registries, oldest first; give the newest sound one and its sha256.

    Each must be signed by an admin and name the one before.
    """
    newest: Registry | None = None
    sha256: str | None = None
    findings = []
    for key, body in bodies:
        try:
            this = _registry(key, body, trust, tenant, newest, sha256)
        except ArchiverError as error:
            findings.append(Finding(Code.REGISTRY_INVALID, str(key), f"{error}"))
            continue
        newest, sha256 = this, hashlib.sha256(body).hexdigest()
    return newest, sha256, findings


def _registry(
    key: SeriesKey,
    body: bytes,
    trust: Trust,
    tenant: str,
    last: Registry | None,
    last_sha256: str | None,
) -> Registry:
    advice = "Restore it from a replica; compare it with the admin's own copy."
    if hashlib.sha256(body).hexdigest()[:16] != key.sha:
        raise Damaged("its bytes are not those that its name says", advice=advice)
    admin, _ = trust.opened(body)
    this = registry.opened(body, admin, tenant)
    if this.seq != key.seq:
        raise Damaged("it belongs under another key", advice=advice)
    if last is not None and (this.seq, this.previous) != (last.seq + 1, last_sha256):
        raise Damaged("it does not follow the registry before it", advice=advice)
    if last is None and this.previous is not None:
        raise Damaged("the registries before it are not there", advice=advice)
    return this
