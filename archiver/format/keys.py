"""Object keys, built and parsed in one place, both ways.

    <prefix>/tenant=<t>/class=<c>/subject=<s>/dt=<YYYY-MM-DD>/<device>-<seq>-<sha16>.jsonl.zst
    <prefix>/tenant=<t>/_manifests/<device>/<seq>-<sha16>.note
    <prefix>/tenant=<t>/_devices/<device>-<sha16>.note
    <prefix>/tenant=<t>/_registry/<seq>-<sha16>.note
    <prefix>/tenant=<t>/_checkpoints/<seq>-<sha16>.note
    <prefix>/tenant=<t>/_orders/<seq>-<sha16>.note
    <prefix>/tenant=<t>/_rollups/<first>-<sha16>.jsonl.zst
    <prefix>/tenant=<t>/_timestamps/<seq>-<sha16>.tsr
    <prefix>/tenant=<t>/_probe/<sha16>

A chunk that is sealed to somebody ends in ``.jsonl.zst.age``. A key is a pure function of what
it names: the same key means the same bytes, so a retry can only ever meet itself. ``seq`` and
``first`` have twelve digits, so that byte order is number order; those of chunks and manifests
begin at 1. Folders that start with ``_`` are skipped by Hive, Athena and Spark. Wrapped keys
have their own: `archiver.vault.layout`. A probe is random bytes by which ``archiver doctor`` and
``archiver credentials test`` see whether something arrives: no part of the archive, and it stays
where it may not be deleted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = [
    "NAME_PATTERN",
    "ChunkKey",
    "EnrolmentKey",
    "Key",
    "ManifestKey",
    "Series",
    "SeriesKey",
    "is_probe",
    "manifest_folder",
    "parse_key",
    "probe_key",
    "series_folder",
    "tenant_folder",
]

NAME_PATTERN = r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?"
"""Tenants and classes: lower case, because some stores and every Windows folder ignore case;
no ``=`` or ``/``, because they are parts of a Hive path; at most 64, because a key has 1,024
bytes in all."""

_DEVICE = r"[0-9a-f]{16}"
_SUBJECT = r"[0-9a-f]{32}"
_SHA = r"[0-9a-f]{16}"
_SEQ = r"(?!0{12})[0-9]{12}"
_TENANT = rf"(?:(?P<prefix>.+)/)?tenant=(?P<tenant>{NAME_PATTERN})"
_CHUNK = re.compile(
    rf"{_TENANT}/class=(?P<klass>{NAME_PATTERN})"
    rf"/subject=(?P<subject>{_SUBJECT})/dt=(?P<day>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})"
    rf"/(?P<device>{_DEVICE})-(?P<seq>{_SEQ})-(?P<sha>{_SHA})\.jsonl\.zst(?P<sealed>\.age)?"
)
_MANIFEST = re.compile(
    rf"{_TENANT}/_manifests/(?P<device>{_DEVICE})/(?P<seq>{_SEQ})-(?P<sha>{_SHA})\.note"
)
_ENROLMENT = re.compile(rf"{_TENANT}/_devices/(?P<device>{_DEVICE})-(?P<sha>{_SHA})\.note")
_SERIES = re.compile(
    rf"{_TENANT}/_(?:(?P<series>registry|checkpoints|orders)/(?P<seq>[0-9]{{12}})-(?P<sha>{_SHA})\.note"
    rf"|rollups/(?P<first>[0-9]{{12}})-(?P<packed>{_SHA})\.jsonl\.zst"
    rf"|timestamps/(?P<stamped>[0-9]{{12}})-(?P<token>{_SHA})\.tsr)"
)


@dataclass(frozen=True, slots=True)
class ChunkKey:
    """The name of a chunk. ``sha`` is the first 16 hex digits of its stored bytes' sha256.

    ``sealed`` says that the bytes are an age file.
    """

    prefix: str
    tenant: str
    klass: str
    subject: str
    day: str
    device: str
    seq: int
    sha: str
    sealed: bool = False

    def __str__(self) -> str:
        """Give the key as the store knows it."""
        age = ".age" if self.sealed else ""
        return (
            f"{tenant_folder(self.prefix, self.tenant)}class={self.klass}"
            f"/subject={self.subject}/dt={self.day}"
            f"/{self.device}-{self.seq:012d}-{self.sha}.jsonl.zst{age}"
        )


@dataclass(frozen=True, slots=True)
class ManifestKey:
    """The name of a manifest."""

    prefix: str
    tenant: str
    device: str
    seq: int
    sha: str

    def __str__(self) -> str:
        """Give the key as the store knows it."""
        folder = manifest_folder(self.prefix, self.tenant)
        return f"{folder}{self.device}/{self.seq:012d}-{self.sha}.note"


@dataclass(frozen=True, slots=True)
class EnrolmentKey:
    """The name under which a device publishes its public key."""

    prefix: str
    tenant: str
    device: str
    sha: str

    def __str__(self) -> str:
        """Give the key as the store knows it."""
        return f"{tenant_folder(self.prefix, self.tenant)}_devices/{self.device}-{self.sha}.note"


class Series(StrEnum):
    """What the admin's side writes, one after the other."""

    REGISTRY = "registry"
    CHECKPOINTS = "checkpoints"
    ORDERS = "orders"
    ROLLUPS = "rollups"
    TIMESTAMPS = "timestamps"


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """The name of one object of a series.

    A roll-up's ``seq`` is its first leaf's number, a timestamp's that of its checkpoint.
    """

    prefix: str
    tenant: str
    series: Series
    seq: int
    sha: str

    def __str__(self) -> str:
        """Give the key as the store knows it."""
        folder = series_folder(self.prefix, self.tenant, self.series)
        return f"{folder}{self.seq:012d}-{self.sha}.{_SUFFIXES.get(self.series, 'note')}"


_PROBE = re.compile(rf"{_TENANT}/_probe/(?P<sha>{_SHA})")

_SUFFIXES: Final = {Series.ROLLUPS: "jsonl.zst", Series.TIMESTAMPS: "tsr"}

Key = ChunkKey | ManifestKey | EnrolmentKey | SeriesKey


def tenant_folder(prefix: str, tenant: str) -> str:
    """Give the prefix of everything of one tenant, with its final ``/``."""
    return f"{prefix}/tenant={tenant}/" if prefix else f"tenant={tenant}/"


def manifest_folder(prefix: str, tenant: str) -> str:
    """Give the prefix of all manifests of one tenant, with its final ``/``."""
    return f"{tenant_folder(prefix, tenant)}_manifests/"


def series_folder(prefix: str, tenant: str, series: Series) -> str:
    """Give the prefix of all objects of one series, with its final ``/``."""
    return f"{tenant_folder(prefix, tenant)}_{series}/"


def probe_key(prefix: str, tenant: str, sha: str) -> str:
    """Name a probe by the first 16 hex digits of its sha256."""
    return f"{tenant_folder(prefix, tenant)}_probe/{sha}"


def is_probe(key: str) -> bool:
    """Tell whether a key is that of a probe."""
    return _PROBE.fullmatch(key) is not None


def parse_key(key: str) -> Key | None:
    """Read a key back, or give ``None`` where it is not one of archiver's."""
    if match := _CHUNK.fullmatch(key):
        prefix, tenant, klass, subject, day, device, seq, sha, age = match.groups()
        return ChunkKey(
            prefix or "", tenant, klass, subject, day, device, int(seq), sha, sealed=bool(age)
        )
    if match := _MANIFEST.fullmatch(key):
        prefix, tenant, device, seq, sha = match.groups()
        return ManifestKey(prefix or "", tenant, device, int(seq), sha)
    if match := _ENROLMENT.fullmatch(key):
        prefix, tenant, device, sha = match.groups()
        return EnrolmentKey(prefix or "", tenant, device, sha)
    if match := _SERIES.fullmatch(key):
        prefix, tenant, series, seq, sha, first, packed, stamped, token = match.groups()
        if stamped:
            return SeriesKey(prefix or "", tenant, Series.TIMESTAMPS, int(stamped), token)
        kind = Series(series) if series else Series.ROLLUPS
        return SeriesKey(prefix or "", tenant, kind, int(seq or first), sha or packed)
    return None
