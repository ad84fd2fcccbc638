"""The part of boto's endpoint data that an S3 client reads.

botocore parses 1.2 MB of addresses of three hundred services into dictionaries for each
session; that, and the holes that it leaves, are 13 MiB of a daemon's memory (70 MiB against
57 after five sessions, Linux, Python 3.11). Here the services that are not asked are skipped
while parsing; what is left is botocore's own, word for word.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["only_what_s3_needs"]


class _Services(msgspec.Struct, omit_defaults=True, rename={"portal": "portal.sso"}):
    """S3, and what the sources of credentials ask."""

    s3: Any = None
    sts: Any = None
    sso: Any = None
    oidc: Any = None
    portal: Any = None


class _Partition(msgspec.Struct, rename="camel"):
    defaults: Any
    dns_suffix: str
    partition: str
    partition_name: str
    region_regex: str
    regions: Any
    services: _Services


class _Endpoints(msgspec.Struct):
    partitions: list[_Partition]
    version: int


def only_what_s3_needs(document: bytes) -> dict[str, Any]:
    """Read ``endpoints.json``; raise `msgspec.MsgspecError` where it has another shape."""
    parsed = msgspec.json.decode(document, type=_Endpoints)
    kept: dict[str, Any] = msgspec.to_builtins(parsed)
    return kept
