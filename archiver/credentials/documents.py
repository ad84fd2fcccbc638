"""Policy documents in AWS's language that say what a writer may do: put new objects, no more.

Pure: names in, a document out. `writer_policy` limits a user or a role (as an identity policy);
with a ``principal`` it is a bucket policy. `session_policy` limits a session of a role.

Limits, so that nobody reads more into it than it says:

* A chunk's key begins with tenant, class and subject; its device stands only in the name of
  the object. So chunks can be limited to a tenant, or to one subject of it, and not to one
  device; what only a device signs (manifests, its enrolment) can.
* ``conditional`` demands ``If-None-Match`` with each put (S3 knows ``s3:if-none-match`` since
  2024). Ceph 16.2 does not, and would refuse every put: there only versions keep what lies
  below an overwrite.
"""

from __future__ import annotations

import json
from os.path import commonprefix
from typing import TYPE_CHECKING, Any, Final

from archiver.format.keys import tenant_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["arn_of", "session_policy", "text_of", "writer_policy", "writer_prefixes"]


_LOCK: Final = "s3:PutObjectRetention"

_DENIED: Final = (
    "s3:Bypass*",
    "s3:Delete*",
    "s3:Get*",
    "s3:List*",
    "s3:PutBucket*",
    "s3:PutLifecycle*",
    "s3:PutObjectAcl",
    "s3:PutObjectLegalHold",
    "s3:PutObjectTagging",
    "s3:PutObjectVersion*",
)
"""Named one by one as well: Ceph 16.2 stores ``NotAction`` and does not look at it."""


def _lockable(start: str) -> bool:
    """Tell whether what lies below a prefix may carry a lock: chunks, and the probe."""
    return "/class=" in start or start.endswith("/_probe/")


def arn_of(bucket: str, below: str = "", *, partition: str = "aws") -> str:
    """Name a bucket, or what lies ``below`` it.

    >>> arn_of("b", "tenant=acme/*")
    'arn:aws:s3:::b/tenant=acme/*'
    """
    return f"arn:{partition}:s3:::{bucket}/{below}" if below else f"arn:{partition}:s3:::{bucket}"


def writer_prefixes(
    prefix: str,
    tenant: str,
    *,
    classes: Sequence[str] = (),
    subject: str | None = None,
    device: str | None = None,
) -> tuple[str, ...]:
    """Give what every key that a device writes begins with; nothing that an admin signs does.

    ``classes`` are the retention classes that it may write to; none: all. ``subject`` limits
    chunks and month keys to one subject, ``device`` manifests and enrolment to one device.

    >>> writer_prefixes("", "acme", device="0123456789abcdef")[1]
    'tenant=acme/_manifests/0123456789abcdef/'
    """
    whose = f"subject={subject}/" if subject else ""
    if subject and not classes:
        raise ValueError("a subject lies below its classes: name them")
    below = [f"class={one}/{whose}" for one in classes] or ["class="]
    below.append(f"_manifests/{device}/" if device else "_manifests/")
    below.append(f"_devices/{device}-" if device else "_devices/")
    below += [f"_keys/{whose}", "_probe/"]
    folder = tenant_folder(prefix, tenant)
    return tuple(folder + one for one in below)


def writer_policy(
    bucket: str,
    prefix: str,
    tenant: str,
    *,
    prefixes: Sequence[str] = (),
    locks: bool = False,
    conditional: bool = True,
    principal: Mapping[str, Any] | None = None,
    partition: str = "aws",
) -> dict[str, Any]:
    """Give what lets its holder put new objects of a tenant, and denies everything else.

    ``prefixes`` narrows that down; left out, they are all that `writer_prefixes` gives.
    ``locks``: the put of a chunk may carry a lock, which S3 grants as ``s3:PutObjectRetention``;
    that of a wrapped key may not, which could not be erased then.
    """
    whom = {"Principal": dict(principal)} if principal is not None else {}
    starts = prefixes or writer_prefixes(prefix, tenant)

    def named(some: Iterable[str]) -> list[str]:
        return [arn_of(bucket, f"{one}*", partition=partition) for one in some]

    everything = [arn_of(bucket, one, partition=partition) for one in ("", "*")]
    granted = ["s3:PutObject", *([_LOCK] if locks else [])]
    unconditional = {"Null": {"s3:if-none-match": "true"}}
    statements: list[dict[str, Any]] = [
        {
            "Sid": "PutNewObjects",
            "Effect": "Allow",
            "Action": ["s3:PutObject"],
            "Resource": named(starts),
        },
        {"Sid": "NothingElse", "Effect": "Deny", "NotAction": granted, "Resource": everything},
        {"Sid": "NotThese", "Effect": "Deny", "Action": list(_DENIED), "Resource": everything},
    ]
    if locks:
        allowed = named(filter(_lockable, starts))
        others = named(one for one in starts if not _lockable(one))
        lock = {"Action": [_LOCK]}
        statements += [
            {"Sid": "LockChunks", "Effect": "Allow", **lock, "Resource": allowed},
            {"Sid": "LockNothingElse", "Effect": "Deny", **lock, "Resource": others},
        ]
    if conditional:
        statements.append(
            {
                "Sid": "NeverOverwrite",
                "Effect": "Deny",
                "Action": ["s3:PutObject"],
                "Resource": everything,
                "Condition": unconditional,
            }
        )
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": one["Sid"], "Effect": one["Effect"], **whom, **one} for one in statements
        ],
    }


def session_policy(
    bucket: str, prefixes: Sequence[str], *, locks: bool = False, partition: str = "aws"
) -> dict[str, Any]:
    """Give the policy of a session: what it does not allow is denied, so it is short.

    A session can do what its role may and this allows; STS takes 2,048 characters.
    """
    below = [arn_of(bucket, f"{one}*", partition=partition) for one in prefixes]
    demanded = {"Null": {"s3:if-none-match": "false"}}
    statements: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": below,
            "Condition": demanded,
        }
    ]
    if locks:
        classes = [one for one in prefixes if "/class=" in one]
        probes = [one for one in prefixes if _lockable(one) and one not in classes]
        # One resource for all classes, to be short.
        starts = [commonprefix(classes), *probes]  # noqa: RUF071 - letters are meant
        named = [arn_of(bucket, f"{one}*", partition=partition) for one in starts]
        statements.append({"Effect": "Allow", "Action": _LOCK, "Resource": named})
    return {"Version": "2012-10-17", "Statement": statements}


def text_of(document: Mapping[str, Any]) -> str:
    """Write a document as compactly as it can be: a session's may have 2,048 characters."""
    return json.dumps(document, separators=(",", ":"))
