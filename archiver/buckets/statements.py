"""The statements of a bucket policy: what archiver asks for, and what a found one says.

* `canonical` gives the same text for statements that mean the same: a list of one is that one,
  order does not count, actions ignore case, ``true`` is ``"true"``.
* Writers are denied by name (``--writer-arn``), or everybody but the admins (``--admin-arn``).
  Where neither is known, the statements about writers cannot be made, and whoever stands in the
  found ones is taken as who is meant.

Limits, measured on Ceph 16: actions are listed one by one, since it ignores ``NotAction``; it
does not know ``aws:PrincipalArn``, so there only ``--writer-arn`` works; it stores the demand for
conditional writes and the bounds of locks, and evaluates neither.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from archiver.buckets.values import SID, Statement
from archiver.errors import BucketUnfit

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "NOBODY",
    "WRITERS",
    "Parties",
    "bucket_statements",
    "canonical",
    "for_everybody",
    "partition",
    "policy_document",
    "said",
    "same_for_others",
]

WRITERS: Final = f"{SID}WritersOnlyWrite"
_LOCKS: Final = f"{SID}WritersLockNoLonger"
_ARN: Final = re.compile(
    r"arn:aws[a-z-]*:(?:iam|sts):[a-z0-9-]*:[A-Za-z0-9_-]*:[\w+=,.@/*-]{1,600}"
)
_LARGEST: Final = 20 * 1024
_VERSION: Final = "2012-10-17"

_DENIED: Final = (
    "s3:AbortMultipartUpload",
    "s3:BypassGovernanceRetention",
    "s3:Delete*",
    "s3:Get*",
    "s3:List*",
    "s3:PutBucket*",
    "s3:PutLifecycleConfiguration",
    "s3:PutObjectAcl",
    "s3:PutObjectLegalHold",
    "s3:PutObjectTagging",
    "s3:PutObjectVersion*",
    "s3:PutReplicationConfiguration",
    "s3:RestoreObject",
)


@dataclass(frozen=True, slots=True)
class Parties:
    """Who writes, or who else is exempt: ARNs of users and roles. Both empty: not known."""

    writers: tuple[str, ...] = ()
    admins: tuple[str, ...] = ()

    def check(self, *, amazon: bool) -> None:
        """Raise `BucketUnfit` where a statement about them would not do what it says."""
        for arn in (*self.writers, *self.admins):
            if not _ARN.fullmatch(arn):
                raise BucketUnfit(
                    f"{arn} is not the ARN of a user or role",
                    advice="Write it as arn:aws:iam::123456789012:role/archiver-writer.",
                )
        if self.admins and not amazon:
            raise BucketUnfit(
                "only Amazon's own S3 is known to tell principals by aws:PrincipalArn; elsewhere"
                " a policy with --admin-arn would deny nobody anything",
                advice="Name the writers instead: --writer-arn, once for each.",
            )

    @property
    def known(self) -> bool:
        """Tell whether statements about writers can be made."""
        return bool(self.writers or self.admins)


NOBODY: Final = Parties()
"""Neither is known."""


def bucket_statements(
    bucket: str, parties: Parties, *, tls: bool, longest_lock: int | None, region: str = ""
) -> tuple[Statement, ...]:
    """Give the statements that the bucket must have.

    ``tls``: whether it is reached by https. ``longest_lock`` is in days; ``None`` where no
    class has a lock, so that writers have no business with retention at all.
    """
    whole = f"arn:{partition(region)}:s3:::{bucket}"
    objects = f"{whole}/*"
    statements: list[dict[str, Any]] = []
    if tls:
        statements.append(
            {
                "Sid": f"{SID}OnlyTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [whole, objects],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        )
    statements.append(
        {
            "Sid": f"{SID}OnlyNewObjects",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": objects,
            # Parts of an upload are exempt: only its completion can carry the header.
            "Condition": {
                "Null": {"s3:if-none-match": "true"},
                "Bool": {"s3:ObjectCreationOperation": "true"},
            },
        }
    )
    actions = list(_DENIED) if longest_lock else [*_DENIED, "s3:PutObjectRetention"]
    statements.append(
        _against(parties, {"Sid": WRITERS, "Action": actions, "Resource": [whole, objects]})
    )
    if longest_lock:
        over = {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": longest_lock}}
        bound = {"Sid": _LOCKS, "Action": "s3:PutObjectRetention", "Resource": objects}
        statements.append(_against(parties, {**bound, "Condition": over}))
    return tuple(said(one) for one in statements)


def _against(parties: Parties, rest: dict[str, Any]) -> dict[str, Any]:
    """Deny it to the writers, or to all but the admins."""
    statement = {"Sid": rest["Sid"], "Effect": "Deny", "Principal": "*", **rest}
    if parties.writers:
        statement["Principal"] = {"AWS": list(parties.writers)}
    elif parties.admins:
        others = {"ArnNotLike": {"aws:PrincipalArn": list(parties.admins)}}
        statement["Condition"] = {**rest.get("Condition", {}), **others}
    return statement


def said(statement: dict[str, Any]) -> Statement:
    """Give a statement of a policy as a value."""
    text = json.dumps(statement)
    return Statement(str(statement.get("Sid", "")), canonical(statement), text)


def partition(region: str) -> str:
    """Give the part of AWS in whose ARNs a region's things are named."""
    starts = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((name for start, name in starts.items() if region.startswith(start)), "aws")


def canonical(statement: dict[str, Any]) -> str:
    """Give the one text of all statements that mean the same; the Sid is left out."""
    rest = {key: value for key, value in statement.items() if key != "Sid"}
    if rest.get("Principal") == {"AWS": "*"}:
        rest["Principal"] = "*"
    for key in ("Action", "NotAction"):
        if key in rest:
            rest[key] = [one.lower() for one in _listed(rest[key])]
    return json.dumps(_plain(rest), sort_keys=True)


def same_for_others(wanted: Statement, found: Statement) -> bool:
    """Tell whether a found statement denies the same to whomever it names."""
    left, right = json.loads(wanted.text), json.loads(found.text)
    named = right.pop("Principal", None)
    left.pop("Principal", None)
    exempt = right.get("Condition", {}).pop("ArnNotLike", None)
    if not right.get("Condition", True):
        del right["Condition"]
    if left != right:
        return False
    if exempt is not None:
        return _some(exempt)
    return named != ["*"] and isinstance(named, dict) and bool(named.get("AWS"))


def _some(exempt: dict[str, Any]) -> bool:
    """Tell whether an exemption is of some principals, and not of everybody."""
    ((key, arns), *more) = exempt.items() if exempt else (("", []),)
    everybody = any(one == "*" or one.endswith(":*") for one in arns)
    return not more and key.lower() == "aws:principalarn" and bool(arns) and not everybody


def for_everybody(statement: Statement) -> bool:
    """Tell whether a statement lets everybody in, without a condition."""
    text = json.loads(statement.text)
    if text.get("Effect") != ["Allow"] or "Condition" in text:
        return False
    named = text.get("Principal")
    everybody = named == ["*"] or (isinstance(named, dict) and "*" in named.get("AWS", ()))
    return "NotPrincipal" in text or everybody


def policy_document(statements: Iterable[Statement]) -> dict[str, Any]:
    """Write statements as a bucket policy; raise `BucketUnfit` where it is too large for one."""
    document = {"Version": _VERSION, "Statement": [json.loads(one.raw) for one in statements]}
    if (size := len(json.dumps(document))) > _LARGEST:
        raise BucketUnfit(
            f"the bucket policy would have {size} bytes, and a store takes {_LARGEST}",
            advice="Name roles instead of many users with --writer-arn.",
        )
    return document


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return sorted({_word(one) for one in value})
    return [_word(value)]


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
