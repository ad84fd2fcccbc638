"""What keys can do to a bucket that a writer should not: each deed tried on a probe, or in vain.

Nothing but the probe is ever altered. Its deeds are an unconditional put of the very same bytes,
a plain delete, and a delete of its versions past a governance lock. Whether the keys may change
the bucket's own rules is asked with a body that is neither JSON nor XML: who may not is refused
for that, who may for the body (on Ceph 16.2 and moto the right is looked at first, and AWS says so
of itself).
"""

from __future__ import annotations

import base64
import hashlib
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from archiver.stores.s3 import S3Store

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Deed", "S3Powers"]

_NO_RULES: Final = b"archiver asks whether this is refused, and for what"
"""Sent in the place of rules. What it stands in for would be refused as well."""


class Deed(StrEnum):
    """What is asked for in vain: changes of a bucket's rules."""

    POLICY = "change the bucket policy"
    LIFECYCLE = "change the lifecycle"


_OPERATIONS: Final[dict[Deed, tuple[str, str, dict[str, Any]]]] = {
    Deed.POLICY: ("PutBucketPolicy", "put_bucket_policy", {"Policy": "{}"}),
    Deed.LIFECYCLE: (
        "PutBucketLifecycleConfiguration",
        "put_bucket_lifecycle_configuration",
        {"LifecycleConfiguration": {"Rules": [{"Status": "none", "Prefix": "_probe/"}]}},
    ),
}


class S3Powers(S3Store):
    """A bucket, opened to try what these keys can do. Every verb raises `StoreError`."""

    async def overwrite(self, key: str, body: bytes) -> str:
        """Put without a condition; give the version that it made, if the bucket has any."""
        with self._translated("overwrite", key):
            reply = await self._client.put_object(
                Bucket=self._settings.bucket,
                Key=key,
                Body=body,
                ChecksumSHA256=base64.b64encode(hashlib.sha256(body).digest()).decode(),
            )
        return str(reply.get("VersionId", ""))

    async def remove(self, key: str) -> str:
        """Delete without looking; give the delete marker's version, where it left one."""
        with self._translated("delete", key, on_object=True):
            reply = await self._client.delete_object(Bucket=self._settings.bucket, Key=key)
        return str(reply.get("VersionId", "")) if reply.get("DeleteMarker") else ""

    async def remove_versions(self, key: str, versions: Sequence[str]) -> None:
        """Delete versions for good, past a governance lock where the keys may do that."""
        past: dict[str, Any] = (
            {"BypassGovernanceRetention": True} if self._settings.object_lock else {}
        )
        for version in versions:
            with self._translated("delete a version of", key, on_object=True):
                await self._client.delete_object(
                    Bucket=self._settings.bucket, Key=key, VersionId=version, **past
                )

    async def ask(self, deed: Deed) -> None:
        """Ask for a change that no server can make. It always raises, and how tells all."""
        operation, method, arguments = _OPERATIONS[deed]
        event = f"before-call.s3.{operation}"
        self._client.meta.events.register(event, _spoil, unique_id=event)
        with self._translated(f"{deed} of", self._settings.bucket):
            await getattr(self._client, method)(Bucket=self._settings.bucket, **arguments)


def _spoil(params: dict[str, Any], **_event: object) -> None:
    """Put in place of the rules what nobody can read as any."""
    params["body"] = _NO_RULES
