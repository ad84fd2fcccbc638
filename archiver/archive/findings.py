"""What a verification can find, as values.

Every finding has a code that a program may rely on, the object that it is about, and a
sentence for a human. A new check adds a member to `Code` and, where it happens, a `Finding`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from archiver.archive.meanings import MEANS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from archiver.archive.scope import Depth

__all__ = ["Code", "Finding", "Report", "Severity", "combined", "weakest"]


class Severity(StrEnum):
    """How bad it is; decides the exit status of ``archiver verify``."""

    INVALID = "invalid"
    """Something is there that should not be so: exit 1."""

    MISSING = "missing"
    """Something that was certainly stored is gone: exit 1."""

    GAP = "gap"
    """Something was never shipped, or cannot be accounted for: exit 2."""

    NOTE = "note"
    """Worth knowing, and as it should be: no effect on the exit status."""


class Code(StrEnum):
    """The kinds of finding, each with its severity."""

    severity: Severity

    def __new__(cls, value: str, severity: Severity = Severity.INVALID) -> Self:
        """Make a member that is a string and has a severity."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.severity = severity
        return member

    NOTHING_THERE = "nothing-there", Severity.MISSING
    NOTHING_IN_SCOPE = "nothing-in-scope", Severity.MISSING
    NOTHING_READ = "nothing-read", Severity.GAP

    # what a device signed
    MANIFEST_ALTERED = "manifest-altered", Severity.INVALID
    MANIFEST_INVALID = "manifest-invalid", Severity.INVALID
    MANIFEST_NEWER = "manifest-newer", Severity.GAP
    MANIFEST_MISPLACED = "manifest-misplaced", Severity.INVALID
    MANIFEST_MISSING = "manifest-missing", Severity.MISSING
    MANIFEST_CHAIN = "manifest-chain", Severity.INVALID
    MANIFEST_FORK = "manifest-fork", Severity.INVALID
    TAIL_MISSING = "tail-missing", Severity.MISSING
    HISTORY_REWRITTEN = "history-rewritten", Severity.INVALID
    LISTING_INVALID = "listing-invalid", Severity.INVALID
    SEQUENCE_REUSED = "sequence-reused", Severity.INVALID
    COUNT_WRONG = "count-wrong", Severity.INVALID
    SILENCE = "silence", Severity.GAP
    DEVICE_MISSING = "device-missing", Severity.GAP
    CLOCK_BACKWARDS = "clock-backwards", Severity.GAP

    # who signed it
    SIGNATURE_WRONG = "signature-wrong", Severity.INVALID
    SIGNER_REVOKED = "signer-revoked", Severity.INVALID
    RECOVERY_UNPROVED = "recovery-unproved", Severity.GAP
    SIGNER_UNKNOWN = "signer-unknown", Severity.GAP
    SIGNER_NOT_YET = "signer-not-yet", Severity.GAP
    SIGNER_UNPROVEN = "signer-unproven", Severity.GAP
    ENROLMENT_INVALID = "enrolment-invalid", Severity.INVALID

    # what the admin signed
    REGISTRY_INVALID = "registry-invalid", Severity.INVALID
    REGISTRY_GONE = "registry-gone", Severity.MISSING
    REGISTRY_MISSING = "registry-missing", Severity.GAP
    CHECKPOINT_NONE = "checkpoint-none", Severity.GAP
    CHECKPOINT_INVALID = "checkpoint-invalid", Severity.INVALID
    CHECKPOINT_INCONSISTENT = "checkpoint-inconsistent", Severity.INVALID
    CHECKPOINT_MISSING = "checkpoint-missing", Severity.MISSING
    ROLLUP_ALTERED = "rollup-altered", Severity.INVALID
    ROLLUP_MISSING = "rollup-missing", Severity.MISSING
    ROLLUP_NOT_LISTED = "rollup-not-listed", Severity.NOTE
    TIMESTAMP_ALTERED = "timestamp-altered", Severity.INVALID
    TIMESTAMP_UNKNOWN = "timestamp-unknown", Severity.INVALID

    # what the admin ordered
    ORDER_INVALID = "order-invalid", Severity.INVALID
    ORDER_MISSING = "order-missing", Severity.MISSING
    ORDER_GONE = "order-gone", Severity.MISSING
    ORDER_UNLAWFUL = "order-unlawful", Severity.INVALID
    HOLD_BROKEN = "hold-broken", Severity.INVALID
    ORDER_UNFINISHED = "order-unfinished", Severity.NOTE
    ERASURE_UNFINISHED = "erasure-unfinished", Severity.GAP
    SEALED_TO_ERASED = "sealed-to-erased", Severity.GAP

    # chunks
    CHUNK_MISSING = "chunk-missing", Severity.MISSING
    CHUNK_SIZE = "chunk-size", Severity.INVALID
    CHUNK_TRUNCATED = "chunk-truncated", Severity.INVALID
    CHUNK_APPENDED = "chunk-appended", Severity.INVALID
    CHUNK_ALTERED = "chunk-altered", Severity.INVALID
    CHUNK_SWAPPED = "chunk-swapped", Severity.INVALID
    CHUNK_MISPLACED = "chunk-misplaced", Severity.INVALID
    CHUNK_INSERTED = "chunk-inserted", Severity.INVALID
    CHUNK_UNREADABLE = "chunk-unreadable", Severity.INVALID
    CHUNK_GAP = "chunk-gap", Severity.GAP
    CHUNK_UNLISTED = "chunk-unlisted", Severity.GAP
    CHUNK_NOT_YET_LISTED = "chunk-not-yet-listed", Severity.GAP
    CHUNK_QUARANTINED = "chunk-quarantined", Severity.GAP
    CHUNK_PURGED = "chunk-purged", Severity.GAP
    CHUNK_EXPIRED = "chunk-expired", Severity.NOTE

    # wrapped keys
    KEY_MISSING = "key-missing", Severity.MISSING
    KEY_ALTERED = "key-altered", Severity.INVALID
    KEY_REWRAPPED = "key-rewrapped", Severity.NOTE
    KEY_NOT_LISTED = "key-not-listed", Severity.NOTE

    # other objects
    FOREIGN_OBJECT = "foreign-object", Severity.INVALID
    RESERVED_OBJECT = "reserved-object", Severity.NOTE

    # records
    RECORDS_DIFFER = "records-differ", Severity.INVALID
    RECORD_MISFILED = "record-misfiled", Severity.INVALID
    RECORD_ORDER = "record-order", Severity.INVALID
    RECORD_REPEATED = "record-repeated", Severity.INVALID
    POSITION_GAP = "position-gap", Severity.GAP
    RECORDS_DROPPED = "records-dropped", Severity.NOTE
    CHUNK_CLOSED = "chunk-closed", Severity.GAP


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. ``object`` is a key, a folder or a device."""

    code: Code
    object: str
    meaning: str

    @property
    def severity(self) -> Severity:
        """Tell how bad it is."""
        return self.code.severity

    @property
    def means(self) -> str:
        """Say what findings of this kind mean for the evidence."""
        return MEANS[self.code]


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one verification.

    ``chunks``, ``stored_bytes`` and ``records`` count what manifests list within the scope,
    ``read`` the chunks that were read, ``known`` those that an earlier run had found sound.
    ``expired`` and ``erased`` are gone by an admin's order, and not lost.
    ``trusted`` says that an admin's key was at hand; ``covered_until`` is the time of the newest
    checkpoint, of several tenants the earliest.
    """

    tenants: tuple[str, ...]
    depth: Depth
    trusted: bool
    manifests: int
    chunks: int
    stored_bytes: int
    records: int
    read: int
    known: int
    checkpoints: int
    covered_until: str | None
    expired: int
    erased: int
    findings: tuple[Finding, ...]

    def counts(self) -> dict[Severity, int]:
        """Give the number of findings of each severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity: found[severity] for severity in Severity}

    @property
    def exit_status(self) -> int:
        """0 complete and valid · 1 invalid or missing · 2 incomplete."""
        counts = self.counts()
        if counts[Severity.INVALID] or counts[Severity.MISSING]:
            return 1
        return 2 if counts[Severity.GAP] else 0

    def to_json(self) -> dict[str, Any]:
        """Give the report as values that any JSON library writes."""
        return {
            "tenants": list(self.tenants),
            "depth": self.depth.name.lower(),
            "trusted": self.trusted,
            "checkpoints": self.checkpoints,
            "covered_until": self.covered_until,
            "read": self.read,
            "known": self.known,
            "manifests": self.manifests,
            "chunks": self.chunks,
            "stored_bytes": self.stored_bytes,
            "records": self.records,
            "expired": self.expired,
            "erased": self.erased,
            "counts": {str(severity): count for severity, count in self.counts().items()},
            "exit_status": self.exit_status,
            "findings": [
                {
                    "code": str(finding.code),
                    "severity": str(finding.severity),
                    "object": finding.object,
                    "meaning": finding.meaning,
                    "means": finding.means,
                }
                for finding in self.findings
            ],
        }


def combined(reports: Sequence[Report]) -> Report:
    """Put the reports of several stores together; there must be one at least.

    What was asked for need not be in each of them, only in one.
    """
    chunks = sum(one.chunks for one in reports)
    read = sum(one.read + one.known for one in reports)
    return Report(
        tenants=tuple(tenant for one in reports for tenant in one.tenants),
        depth=reports[0].depth,
        trusted=all(one.trusted for one in reports),
        manifests=sum(one.manifests for one in reports),
        chunks=chunks,
        stored_bytes=sum(one.stored_bytes for one in reports),
        records=sum(one.records for one in reports),
        read=sum(one.read for one in reports),
        known=sum(one.known for one in reports),
        checkpoints=sum(one.checkpoints for one in reports),
        covered_until=weakest(one.covered_until for one in reports),
        expired=sum(one.expired for one in reports),
        erased=sum(one.erased for one in reports),
        findings=tuple(
            finding
            for one in reports
            for finding in one.findings
            if (finding.code is not Code.NOTHING_IN_SCOPE or not chunks)
            and (finding.code is not Code.NOTHING_READ or not read)
        ),
    )


def weakest(times: Iterable[str | None]) -> str | None:
    """Give the earliest of some times; ``None`` where one is not there, or none."""
    found = list(times)
    return None if None in found else min((one for one in found if one), default=None)
