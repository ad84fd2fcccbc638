"""Policies in AWS's language for those who hold credentials: writer, officer, admin. Pure.

* A **writer** puts new objects of its tenant and nothing else (`archiver.credentials.documents`).
* An **officer** reads a tenant's archive and writes wrapped keys (`archiver keys rewrap`).
* An **admin** reads everything, signs, holds, expires, erases, and sets the bucket up. No one is
  given the right to bypass a governance lock: whoever must, is given it for that one day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archiver.buckets.statements import partition
from archiver.credentials.documents import arn_of, writer_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archiver.buckets.wanted import Share
    from archiver.model.shipment import ClassTerms

__all__ = ["admin_document", "officer_document", "writer_document"]

_VERSION = "2012-10-17"
_SIGNED = ("_registry/", "_checkpoints/", "_orders/", "_rollups/", "_timestamps/", "_keys/")
_SET_UP = (
    "BucketObjectLockConfiguration",
    "BucketPolicy",
    "BucketPublicAccessBlock",
    "BucketVersioning",
    "EncryptionConfiguration",
    "LifecycleConfiguration",
)


def writer_document(bucket: str, share: Share, region: str = "") -> dict[str, Any]:
    """Give what a device of this tenant may do."""
    locks = any(_locked(one) for one in share.terms)
    named = partition(region)
    return writer_policy(bucket, share.prefix, share.tenant, locks=locks, partition=named)


def officer_document(bucket: str, shares: Sequence[Share], region: str = "") -> dict[str, Any]:
    """Give what an officer of these tenants may do."""
    return _document(
        *_reading(bucket, shares, region),
        _allow("WriteWraps", ["s3:PutObject"], _below(bucket, shares, ("_keys/",), region)),
    )


def admin_document(bucket: str, shares: Sequence[Share], region: str = "") -> dict[str, Any]:
    """Give what an admin of these tenants may do, and whoever sets the bucket up."""
    everything = _below(bucket, shares, ("",), region)
    whole = [arn_of(bucket, partition=partition(region))]
    custody = [
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetObjectLegalHold",
        "s3:GetObjectRetention",
        "s3:PutObjectLegalHold",
    ]
    set_up = [f"s3:{verb}{name}" for name in _SET_UP for verb in ("Get", "Put")]
    return _document(
        *_reading(bucket, shares, region),
        _allow("Sign", ["s3:PutObject"], _below(bucket, shares, _SIGNED, region)),
        _allow("HoldExpireErase", custody, everything),
        _allow("SetUp", ["s3:CreateBucket", "s3:DeleteBucketPolicy", *set_up], whole),
        _deny("NeverBypass", ["s3:BypassGovernanceRetention"], everything),
    )


def _reading(bucket: str, shares: Sequence[Share], region: str) -> tuple[dict[str, Any], ...]:
    whole = [arn_of(bucket, partition=partition(region))]
    prefixes = [f"{share.folder}*" for share in shares]
    listing = _allow("List", ["s3:ListBucket", "s3:ListBucketVersions"], whole)
    listing["Condition"] = {"StringLike": {"s3:prefix": prefixes}}
    reading = ["s3:GetObject", "s3:GetObjectVersion"]
    return (
        _allow("Find", ["s3:GetBucketLocation"], whole),
        listing,
        _allow("Read", reading, _below(bucket, shares, ("",), region)),
    )


def _below(bucket: str, shares: Sequence[Share], folders: Sequence[str], region: str) -> list[str]:
    named = partition(region)
    return [
        arn_of(bucket, f"{share.folder}{folder}*", partition=named)
        for share in shares
        for folder in folders
    ]


def _locked(terms: ClassTerms) -> bool:
    return terms.lock in ("governance", "compliance")


def _document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": _VERSION, "Statement": list(statements)}


def _allow(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _deny(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {**_allow(sid, actions, resources), "Effect": "Deny"}
