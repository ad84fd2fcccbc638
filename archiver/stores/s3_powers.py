"""What keys can do to a bucket that a writer should not: each deed tried on a probe, or in vain.

Nothing but the probe is ever altered. Its deeds are an unconditional put of the very same bytes,
a plain delete, and a delete of its versions past a governance lock.

Whether keys may change the bucket's own rules is asked with a body that is neither JSON nor XML,
and is not the one that was signed: each alone makes a change impossible. Who may not is refused for
that, who may for the body (Ceph 16.2 looks at the right first). Ask only where the keys may not
even read the rules: a server that lets everybody in might look at nothing (moto takes any policy).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from archiver.stores.s3 import S3Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Deed", "S3Powers"]

_R2_SECONDS: Final = 1.1
_SIGNED: Final = b"archiver asks whether this is refused for the right"
_SENT: Final = b"archiver asks whether this is refused, and for what"


class Deed(StrEnum):
    """The bucket's own rules, which no writer needs to see or to change."""

    POLICY = "bucket policy"
    LIFECYCLE = "lifecycle"


@dataclass(frozen=True, slots=True)
class _Calls:
    """How rules are read, and how a change of them is asked for."""

    read: str
    change: str
    event: str
    arguments: Mapping[str, Any]


_CALLS: Final[Mapping[Deed, _Calls]] = {
    Deed.POLICY: _Calls(
        "get_bucket_policy", "put_bucket_policy", "PutBucketPolicy", {"Policy": "none"}
    ),
    Deed.LIFECYCLE: _Calls(
        "get_bucket_lifecycle_configuration",
        "put_bucket_lifecycle_configuration",
        "PutBucketLifecycleConfiguration",
        {"LifecycleConfiguration": {"Rules": [{"Status": "none", "Prefix": "_probe/"}]}},
    ),
}


class S3Powers(S3Store):
    """A bucket, opened to try what these keys can do. Every verb raises `StoreError`."""

    async def rest(self) -> None:
        """Wait until the same key may be written again: R2 takes one write of it a second."""
        await asyncio.sleep(_R2_SECONDS if self._settings.kind == "r2" else 0)

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

    async def read_rules(self, deed: Deed) -> None:
        """Read a bucket's rules."""
        with self._translated(f"read the {deed} of", self._settings.bucket):
            await getattr(self._client, _CALLS[deed].read)(Bucket=self._settings.bucket)

    async def ask_to_change(self, deed: Deed) -> None:
        """Ask for a change that no server can make. It always raises, and how tells all."""
        calls = _CALLS[deed]
        events = self._client.meta.events
        for event, handler in (("before-call", _spoil), ("before-send", _swap)):
            name = f"{event}.s3.{calls.event}"
            events.register(name, handler, unique_id=name)
        with self._translated(f"change the {deed} of", self._settings.bucket):
            await getattr(self._client, calls.change)(
                Bucket=self._settings.bucket, **calls.arguments
            )


def _spoil(params: dict[str, Any], **_event: object) -> None:
    """Sign, in place of rules, what nobody can read as any."""
    params["body"] = _SIGNED


def _swap(request: Any, **_event: object) -> None:
    """Send something else than was signed, as long."""
    request.body = _SENT
