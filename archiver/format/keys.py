"""Object keys, built and parsed in one place, both ways.

    <prefix>/tenant=<t>/class=<c>/subject=<s>/dt=<YYYY-MM-DD>/<device>-<seq>-<sha16>.jsonl.zst
    <prefix>/tenant=<t>/_manifests/<device>/<seq>-<sha16>.json

A key is a pure function of what it names: the same key means the same bytes, so a retry can
only ever meet itself. ``seq`` has twelve digits, so that byte order is number order.
Folders that start with ``_`` are skipped by Hive, Athena and Spark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "NAME_PATTERN",
    "ChunkKey",
    "ManifestKey",
    "manifest_folder",
    "parse_key",
    "tenant_folder",
]

NAME_PATTERN = r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?"
"""Tenants and classes: lower case, because some stores and every Windows folder ignore case;
no ``=`` or ``/``, because they are parts of a Hive path; at most 64, because a key has 1,024
bytes in all."""

_DEVICE = r"[0-9a-f]{16}"
_SUBJECT = r"[0-9a-f]{32}"
_SHA = r"[0-9a-f]{16}"
_CHUNK = re.compile(
    rf"(?:(?P<prefix>.+)/)?tenant=(?P<tenant>{NAME_PATTERN})/class=(?P<klass>{NAME_PATTERN})"
    rf"/subject=(?P<subject>{_SUBJECT})/dt=(?P<day>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})"
    rf"/(?P<device>{_DEVICE})-(?P<seq>[0-9]{{12}})-(?P<sha>{_SHA})\.jsonl\.zst"
)
_MANIFEST = re.compile(
    rf"(?:(?P<prefix>.+)/)?tenant=(?P<tenant>{NAME_PATTERN})/_manifests"
    rf"/(?P<device>{_DEVICE})/(?P<seq>[0-9]{{12}})-(?P<sha>{_SHA})\.json"
)


@dataclass(frozen=True, slots=True)
class ChunkKey:
    """The name of a chunk. ``sha`` is the first 16 hex digits of its stored bytes' sha256."""

    prefix: str
    tenant: str
    klass: str
    subject: str
    day: str
    device: str
    seq: int
    sha: str

    def __str__(self) -> str:
        """Give the key as the store knows it."""
        return (
            f"{tenant_folder(self.prefix, self.tenant)}class={self.klass}"
            f"/subject={self.subject}/dt={self.day}"
            f"/{self.device}-{self.seq:012d}-{self.sha}.jsonl.zst"
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
        return f"{folder}{self.device}/{self.seq:012d}-{self.sha}.json"


def tenant_folder(prefix: str, tenant: str) -> str:
    """Give the prefix of everything of one tenant, with its final ``/``."""
    return f"{prefix}/tenant={tenant}/" if prefix else f"tenant={tenant}/"


def manifest_folder(prefix: str, tenant: str) -> str:
    """Give the prefix of all manifests of one tenant, with its final ``/``."""
    return f"{tenant_folder(prefix, tenant)}_manifests/"


def parse_key(key: str) -> ChunkKey | ManifestKey | None:
    """Read a key back, or give ``None`` where it is not one of archiver's."""
    if match := _CHUNK.fullmatch(key):
        prefix, tenant, klass, subject, day, device, seq, sha = match.groups()
        return ChunkKey(prefix or "", tenant, klass, subject, day, device, int(seq), sha)
    if match := _MANIFEST.fullmatch(key):
        prefix, tenant, device, seq, sha = match.groups()
        return ManifestKey(prefix or "", tenant, device, int(seq), sha)
    return None
