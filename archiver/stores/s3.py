"""Amazon S3, Cloudflare R2 and every server that speaks their protocol, through aioboto3.

boto is loaded only when a store is entered (`archiver.stores.s3_client`): about 40 MiB and half a
second that ``status``, ``--help`` and an idle daemon never pay.

The PUT is the one form that S3, S3 with Object Lock and R2 all take: a bytes body, an
explicit SHA-256 of the whole, ``If-None-Match: *``, no trailer and no CRC32. The sha256 is
kept in the object's metadata too, because not every server gives its checksum back.

Promises beyond the protocol's:

* one request per call: the retries of botocore and of aiohttp are off, since the delivery
  rules retry and a silent second PUT turns success into a 412.
* connections and credentials live no longer than the ``async with`` block.
* where objects go is decided by the settings alone: endpoints in the environment or in
  ``~/.aws/config`` are ignored, and redirects are not followed. Proxies and CA bundles of
  the environment are honoured.
* a success without an ETag is no success: captive portals say 200 as well.

Limits: ``delete`` looks before it deletes, since S3 deletes what is not there without a
word, so it needs the right to read.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from archiver.model.answers import Answer, Found, Listed, Stored
from archiver.stores.refusals import check_body, refuse, refuse_lock
from archiver.stores.s3_answers import ADVICE_BY_CODE
from archiver.stores.s3_custody import S3Custody, plain_sha256

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from archiver.model.shipment import Retain

__all__ = ["S3Store"]


class S3Store(S3Custody):
    """One bucket. See the module for what it promises."""

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        sha256: str,
        metadata: Mapping[str, str],
        retain: Retain | None = None,
    ) -> Stored:
        """Store one object with one PUT."""
        check_body(key, body, sha256)
        more: dict[str, Any] = {}
        if self._settings.checksum_algorithm_header:
            more["ChecksumAlgorithm"] = "SHA256"
        if retain:
            if not self._settings.object_lock:
                raise refuse_lock(self.name)
            more["ObjectLockMode"] = retain.mode.upper()
            more["ObjectLockRetainUntilDate"] = retain.until
        with self._translated("put", key, locking=retain is not None):
            reply = await self._client.put_object(
                Bucket=self._settings.bucket,
                Key=key,
                Body=body,
                IfNoneMatch="*",
                ChecksumSHA256=base64.b64encode(bytes.fromhex(sha256)).decode(),
                Metadata={**metadata, "sha256": sha256},
                **more,
            )
        if not reply.get("ETag"):
            raise refuse(
                Answer.UNREACHABLE,
                f"{self.name}: put {key}: success without an ETag",
                code="MissingETag",
                advice=ADVICE_BY_CODE["MissingETag"],
                status=200,
            )
        version = reply.get("VersionId", "")
        return Stored(etag=reply["ETag"], sha256=plain_sha256(reply), version=version)

    async def head(self, key: str) -> Found:
        """Ask for size, metadata and, where the store keeps one, its own checksum."""
        mode = {"ChecksumMode": "ENABLED"} if self._settings.checksum_on_head else {}
        with self._translated("head", key, on_object=True):
            reply = await self._client.head_object(Bucket=self._settings.bucket, Key=key, **mode)
            metadata = reply["Metadata"]
            sha256 = plain_sha256(reply) or metadata.get("sha256", "")
            return Found(key, reply["ContentLength"], sha256, metadata)

    async def get(self, key: str) -> bytes:
        """Fetch one object whole."""
        with self._translated("get", key, on_object=True):
            reply = await self._client.get_object(Bucket=self._settings.bucket, Key=key)
            async with reply["Body"] as stream:
                return bytes(await stream.read())

    async def list(self, prefix: str, *, after: str = "") -> AsyncIterator[Listed]:
        """List one page per request."""
        place: dict[str, str] = {"StartAfter": after} if after else {}
        while True:
            with self._translated("list", prefix):
                page = await self._client.list_objects_v2(
                    Bucket=self._settings.bucket,
                    Prefix=prefix,
                    MaxKeys=self._settings.page,
                    **place,
                )
            for entry in page.get("Contents", ()):
                yield Listed(entry["Key"], entry["Size"])
            if not page.get("IsTruncated"):
                return
            place = {"ContinuationToken": page["NextContinuationToken"]}

    async def delete(self, key: str) -> None:
        """Remove one object that is there."""
        await self.head(key)
        with self._translated("delete", key, on_object=True):
            await self._client.delete_object(Bucket=self._settings.bucket, Key=key)
