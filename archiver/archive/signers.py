"""Whose signatures count: the admin's registry of devices, read and judged.

An admin's public key comes from outside the archive: from the policy, or from the hand of whom
one trusts. With it, the newest registry of the tenant says which device keys are approved.
Without it, a signature is held to the key that the device itself published: that shows that a
manifest was altered by somebody else, and not who the device is. A device that published more
than one key is then a stranger: only an admin can say whether the change was right.

A manifest says itself when it was made. So after a key was revoked, only what a checkpoint
covers is believed to be older than that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from archiver.archive.findings import Code, Finding
from archiver.errors import ArchiverError, Damaged
from archiver.evidence import enrolment, note, registry
from archiver.evidence.documents import moment
from archiver.evidence.note import Outcome
from archiver.evidence.registry import Roster, Standing

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterator

    from archiver.evidence.note import Note
    from archiver.evidence.registry import Registry
    from archiver.evidence.verifier import VerifierKey
    from archiver.format.keys import EnrolmentKey, SeriesKey

__all__ = ["Registries", "Signers", "Trust", "read_registries"]

_EVER: Final = datetime.max.replace(tzinfo=UTC)


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
    ``excused`` are devices whose enrolment is damaged, and ``sound`` says that no registry is:
    that is a finding of its own, and who is unknown then may be known by what is damaged.
    """

    roster: Roster | None = None
    own: dict[str, list[VerifierKey]] = field(default_factory=dict)
    excused: set[str] = field(default_factory=set)
    sound: bool = True

    def enrolled(self, key: EnrolmentKey, body: bytes) -> Iterator[Finding]:
        """Take in an enrolment; yield what is wrong with it."""
        try:
            if hashlib.sha256(body).hexdigest()[:16] != key.sha:
                raise Damaged("its bytes are not those of its name", advice="Enrol again.")
            known = enrolment.open_self_signed(body)
            if (known.tenant, known.device) != (key.tenant, key.device):
                raise Damaged("it was made for another place", advice="Enrol again.")
        except ArchiverError as error:
            self.excused.add(key.device)
            yield Finding(Code.ENROLMENT_INVALID, str(key), f"{error}")
            return
        mine = self.own.setdefault(key.device, [])
        if known.verifier not in mine:
            mine.append(known.verifier)

    def signer(self, device: str, signed: Note, where: str) -> VerifierKey | Finding | None:
        """Give the key that signed a manifest, or say what is wrong with its signature.

        What concerns a device and not one manifest names the device. ``None``: nobody known
        signed it, and another finding says why nobody is known.
        """
        approved = self.roster.keys(device) if self.roster else ()
        own = self.own.get(device, ())
        known: list[VerifierKey] = [*approved, *own]
        for key in known:
            outcome = note.signed_by(signed, key)
            if outcome is Outcome.VALID:
                return key
            if outcome is Outcome.WRONG:
                return Finding(Code.SIGNATURE_WRONG, where, "its signature is not its text's")
        if device in self.excused or not (self.sound or known):
            return None
        if known:
            meaning = "no key that is known of its device signed it"
            return Finding(Code.SIGNATURE_WRONG, where, meaning)
        return Finding(Code.SIGNER_UNKNOWN, device, "nobody knows the key that it signs with")

    def standing(  # noqa: PLR0911 - one for each standing
        self, device: str, key: VerifierKey | None, at: str, where: str, *, covered: bool
    ) -> Finding | None:
        """Say whether ``key`` spoke for ``device`` at that time; ``None`` where it did.

        ``covered`` says that a checkpoint holds the manifest fixed.
        """
        if key is None:
            return None
        if self.roster is None:
            if len(self.own.get(device, ())) < 2:  # noqa: PLR2004 - one is as it should be
                return None
            meaning = "it published more than one key, and no admin says which one is right"
            return Finding(Code.SIGNER_UNKNOWN, device, meaning)
        match self.roster.standing(device, key, moment(at)):
            case Standing.APPROVED:
                return None if covered else self._unproven(device, key)
            case Standing.REVOKED:
                meaning = "it was signed after the admin had revoked this key"
                return Finding(Code.SIGNER_REVOKED, where, meaning)
            case Standing.NOT_YET:
                meaning = "it was signed before the admin approved this key"
                return Finding(Code.SIGNER_NOT_YET, where, meaning)
            case _:
                meaning = "no admin has approved the key that this device signs with"
                return Finding(Code.SIGNER_UNKNOWN, device, meaning) if self.sound else None

    def _unproven(self, device: str, key: VerifierKey) -> Finding | None:
        assert self.roster is not None  # noqa: S101 - asked by `standing` alone
        if self.roster.standing(device, key, _EVER) is not Standing.REVOKED:
            return None
        meaning = (
            "its key was revoked, and nothing but their own word says that manifests which no"
            " checkpoint covers are older than that"
        )
        return Finding(Code.SIGNER_UNPROVEN, device, meaning)

    def expects(self, device: str, at: datetime) -> bool:
        """Tell whether a device should still speak at that time: one that was revoked need not."""
        if self.roster is None:
            return True
        keys = self.roster.keys(device)
        return not keys or any(
            self.roster.standing(device, key, at) is not Standing.REVOKED for key in keys
        )


@dataclass(slots=True)
class Registries:
    """A tenant's registries, read. ``newest`` is the one that counts, ``hashes`` are of all.

    ``hashes`` are hex, of stored bytes, of those that an admin signed; ``sound`` says that
    nothing was found.
    """

    newest: Registry | None = None
    roster: Roster | None = None
    hashes: set[str] = field(default_factory=set)
    sound: bool = True


async def read_registries(
    bodies: AsyncIterable[tuple[SeriesKey, bytes]], trust: Trust, tenant: str
) -> tuple[Registries, list[Finding]]:
    """Read a tenant's registries, oldest first.

    Each must be signed by an admin and name the one before. One that is gone or damaged does
    not take the later ones with it: each holds all entries there ever were.
    """
    found, findings = Registries(), []
    last_sha256, damaged = "", 0
    async for key, body in bodies:
        sha256 = hashlib.sha256(body).hexdigest()
        try:
            this, roster = _opened(key, body, sha256, trust, tenant)
        except ArchiverError as error:
            findings.append(Finding(Code.REGISTRY_INVALID, str(key), f"{error}"))
            damaged += 1
            continue
        expected = found.newest.seq + 1 if found.newest else 1
        if this.seq < expected or (this.seq == expected and this.previous != (last_sha256 or None)):
            meaning = "it does not follow the registry before it"
            findings.append(Finding(Code.REGISTRY_INVALID, str(key), meaning))
        elif this.seq - expected > damaged:
            meaning = f"registries between number {expected} and {this.seq - 1} are not there"
            findings.append(Finding(Code.REGISTRY_GONE, str(key), meaning))
        found.newest, found.roster, last_sha256, damaged = this, roster, sha256, 0
        found.hashes.add(sha256)
    found.sound = not findings
    return found, findings


def _opened(
    key: SeriesKey, body: bytes, sha256: str, trust: Trust, tenant: str
) -> tuple[Registry, Roster]:
    advice = "Restore it from a replica; compare it with the admin's own copy."
    if sha256[:16] != key.sha:
        raise Damaged("its bytes are not those that its name says", advice=advice)
    admin, _ = trust.opened(body)
    this = registry.opened(body, admin, tenant)
    if this.seq != key.seq:
        raise Damaged("it belongs under another key", advice=advice)
    return this, Roster(this)
