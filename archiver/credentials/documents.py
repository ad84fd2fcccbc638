"""Policy documents in AWS's language that say what a writer may do: put new objects, no more.

Pure: names in, a document out. The same document limits a user (as an identity policy), a role
(as its permissions) and a session (as the policy of AssumeRole, which can only take away); with
a ``principal`` it is a part of a bucket policy.

Limits, so that nobody reads more into it than it says:

* A chunk's key begins with tenant, class and subject; its device stands only in the name of
  the object. So keys can be limited to a tenant, or to one subject of it, and not to one
  device of a subject.
* ``conditional`` demands ``If-None-Match`` with each put (S3 knows ``s3:if-none-match`` since
  2024). Ceph 16.2 does not, and would refuse every put: there only versions keep what lies
  below an overwrite.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from archiver.format.keys import tenant_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["arn_of", "text_of", "writer_policy", "writer_prefixes"]


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
    subject: str | None = None,
    classes: Sequence[str] = (),
    device: str | None = None,
) -> tuple[str, ...]:
    """Give what every key that a writer may put begins with.

    Without a ``subject``: all of the tenant. With one: its chunks and month keys in the named
    retention classes, and the manifests and the enrolment of ``device`` (``None``: of all).
    """
    folder = tenant_folder(prefix, tenant)
    if subject is None:
        return (folder,)
    manifests = f"_manifests/{device}/" if device else "_manifests/"
    enrolment = f"_devices/{device}-" if device else "_devices/"
    below = [f"class={one}/subject={subject}/" for one in classes]
    below += [f"_keys/subject={subject}/", manifests, enrolment, "_probe/"]
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
) -> dict[str, Any]:
    """Give what lets its holder put new objects of a tenant, and denies everything else.

    ``prefixes`` narrows that down (see `writer_prefixes`). ``locks``: the put may carry a lock,
    which S3 grants as ``s3:PutObjectRetention``.
    """
    whom = {"Principal": dict(principal)} if principal is not None else {}
    below = [arn_of(bucket, f"{one}*") for one in prefixes or (tenant_folder(prefix, tenant),)]
    everything = [arn_of(bucket), arn_of(bucket, "*")]
    granted = ["s3:PutObject", *(["s3:PutObjectRetention"] if locks else [])]
    unconditional = {"Null": {"s3:if-none-match": "true"}}
    statements: list[dict[str, Any]] = [
        {"Sid": "PutNewObjects", "Effect": "Allow", "Action": granted, "Resource": below},
        {"Sid": "NothingElse", "Effect": "Deny", "NotAction": granted, "Resource": everything},
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


def text_of(document: Mapping[str, Any]) -> str:
    """Write a document as compactly as it can be: a session's may have 2,048 characters."""
    return json.dumps(document, separators=(",", ":"))
