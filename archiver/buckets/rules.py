"""Lifecycle rules and lock rules as stores write them, to and from values. Pure.

S3 gives the same rule back in several forms: with a ``Filter`` or with the old ``Prefix``, with
defaults written out or left out. Here they become one value.
"""

from __future__ import annotations

import json
from typing import Any

from archiver.buckets.values import LifecycleRule, LockRule

__all__ = ["lifecycle_json", "lifecycle_rule", "lock_json", "lock_rule"]


def lifecycle_rule(found: dict[str, Any]) -> LifecycleRule:
    """Read one rule of ``GetBucketLifecycleConfiguration``."""
    rest = json.loads(json.dumps(found, default=str))
    raw = json.dumps(rest)
    prefix = _prefix(rest)
    expiration = rest.pop("Expiration", {})
    noncurrent = rest.pop("NoncurrentVersionExpiration", {})
    abort = rest.pop("AbortIncompleteMultipartUpload", {})
    days = expiration.get("Days")
    if "Date" in expiration:
        days, rest["Date"] = 0, expiration["Date"]
    if newer := noncurrent.get("NewerNoncurrentVersions"):
        rest["NewerNoncurrentVersions"] = newer
    return LifecycleRule(
        id=rest.pop("ID", ""),
        prefix=prefix,
        enabled=rest.pop("Status", "") == "Enabled",
        days=days,
        noncurrent=noncurrent.get("NoncurrentDays"),
        markers=expiration.get("ExpiredObjectDeleteMarker", False),
        abort=abort.get("DaysAfterInitiation"),
        other=json.dumps(rest, sort_keys=True) if rest else "",
        raw=raw,
    )


def _prefix(rest: dict[str, Any]) -> str:
    """Take the prefix out of a rule; what else it filters by stays."""
    old = rest.pop("Prefix", None)
    filtered = rest.pop("Filter", None) or {}
    both = filtered.get("And", filtered)
    prefix = both.pop("Prefix", old or "")
    if both:
        rest["Filter"] = both
    return str(prefix)


def lifecycle_json(rule: LifecycleRule) -> dict[str, Any]:
    """Write one rule as ``PutBucketLifecycleConfiguration`` takes it."""
    if rule.raw:
        kept: dict[str, Any] = json.loads(rule.raw)
        return kept
    said: dict[str, Any] = {
        "ID": rule.id,
        "Status": "Enabled" if rule.enabled else "Disabled",
        "Filter": {"Prefix": rule.prefix},
    }
    if rule.days is not None:
        said["Expiration"] = {"Days": rule.days}
    if rule.markers:
        said["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    if rule.noncurrent is not None:
        said["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule.noncurrent}
    if rule.abort is not None:
        said["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": rule.abort}
    return said


def lock_rule(found: dict[str, Any]) -> LockRule:
    """Read one lock rule of Cloudflare's API."""
    condition = found.get("condition")
    seconds: int | None = None
    until: str | None = None
    other = ""
    match condition:
        case {"type": "Age", "maxAgeSeconds": int(age)}:
            seconds = age
        case {"type": "Date", "date": str(date)}:
            until = date
        case {"type": "Indefinite"}:
            pass
        case _:
            other = json.dumps(condition, sort_keys=True)
    return LockRule(
        id=str(found.get("id", "")),
        prefix=str(found.get("prefix") or ""),
        enabled=found.get("enabled") is True,
        seconds=seconds,
        until=until,
        other=other,
        raw=json.dumps(found),
    )


def lock_json(rule: LockRule) -> dict[str, Any]:
    """Write one lock rule as Cloudflare's API takes it."""
    if rule.raw:
        kept: dict[str, Any] = {**json.loads(rule.raw), "id": rule.id}
        return kept
    condition: dict[str, Any] = {"type": "Indefinite"}
    if rule.seconds is not None:
        condition = {"type": "Age", "maxAgeSeconds": rule.seconds}
    elif rule.until is not None:
        condition = {"type": "Date", "date": rule.until}
    enabled = {"enabled": rule.enabled, "prefix": rule.prefix}
    return {"id": rule.id, **enabled, "condition": condition}
