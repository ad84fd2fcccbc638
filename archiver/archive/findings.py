"""What a verification can find, as values.

Every finding has a code that a program may rely on, the object that it is about, and a
sentence for a human. A new check adds a member to `Code` and, where it happens, a `Finding`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

__all__ = ["Code", "Finding", "Report", "Severity"]


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
    MANIFEST_ALTERED = "manifest-altered", Severity.INVALID
    MANIFEST_MISPLACED = "manifest-misplaced", Severity.INVALID
    MANIFEST_MISSING = "manifest-missing", Severity.MISSING
    MANIFEST_CHAIN = "manifest-chain", Severity.INVALID
    MANIFEST_FORK = "manifest-fork", Severity.INVALID
    LISTING_INVALID = "listing-invalid", Severity.INVALID
    SEQUENCE_REUSED = "sequence-reused", Severity.INVALID
    CHUNK_MISSING = "chunk-missing", Severity.MISSING
    CHUNK_SIZE = "chunk-size", Severity.INVALID
    CHUNK_ALTERED = "chunk-altered", Severity.INVALID
    CHUNK_SWAPPED = "chunk-swapped", Severity.INVALID
    CHUNK_INSERTED = "chunk-inserted", Severity.INVALID
    CHUNK_UNREADABLE = "chunk-unreadable", Severity.INVALID
    CHUNK_GAP = "chunk-gap", Severity.GAP
    CHUNK_UNLISTED = "chunk-unlisted", Severity.GAP
    CHUNK_QUARANTINED = "chunk-quarantined", Severity.GAP
    CHUNK_NOT_YET_LISTED = "chunk-not-yet-listed", Severity.NOTE
    FOREIGN_OBJECT = "foreign-object", Severity.INVALID
    RESERVED_OBJECT = "reserved-object", Severity.NOTE
    RECORDS_DIFFER = "records-differ", Severity.INVALID
    RECORD_MISFILED = "record-misfiled", Severity.INVALID
    RECORD_ORDER = "record-order", Severity.INVALID
    RECORD_REPEATED = "record-repeated", Severity.INVALID
    POSITION_GAP = "position-gap", Severity.GAP


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


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one verification.

    ``chunks`` and ``stored_bytes`` count what manifests list, ``records`` what they list or,
    with ``read_data``, what was read.
    """

    tenants: tuple[str, ...]
    read_data: bool
    manifests: int
    chunks: int
    stored_bytes: int
    records: int
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
            "read_data": self.read_data,
            "manifests": self.manifests,
            "chunks": self.chunks,
            "stored_bytes": self.stored_bytes,
            "records": self.records,
            "counts": {str(severity): count for severity, count in self.counts().items()},
            "exit_status": self.exit_status,
            "findings": [
                {
                    "code": str(finding.code),
                    "severity": str(finding.severity),
                    "object": finding.object,
                    "meaning": finding.meaning,
                }
                for finding in self.findings
            ],
        }
