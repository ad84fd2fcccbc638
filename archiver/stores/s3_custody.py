"""What S3 keeps besides the newest bytes of a key: versions, delete markers, locks and holds.

Promises beyond those of `archiver.stores.custody`:

* an object is named exactly: a listing of versions matches by prefix, and what belongs to a
  longer key is never touched.
* ``destroy`` asks of every version how it is kept before it deletes the first, and goes from
  the oldest to what readers see, so that a crash between never brings an older state back. The
  permission to bypass governance is never used, whoever has it.
* a lock has run out when the server's clock says so, not this machine's.

R2 has neither versions nor locks of single objects (``S3Settings.object_lock``): there ``destroy``
is one DELETE, which a lock rule of the bucket refuses, and ``hold`` and ``reveal`` do nothing.

Needs ``s3:ListBucketVersions``, ``s3:GetObjectVersion``, ``s3:GetObjectRetention``,
``s3:GetObjectLegalHold``; to hold ``s3:PutObjectLegalHold``; to destroy
``s3:DeleteObject`` and ``s3:DeleteObjectVersion``.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from archiver.errors import StoreError
from archiver.model.answers import Answer
from archiver.model.shipment import Retain
from archiver.stores.custody import Kept
from archiver.stores.refusals import refuse, refuse_kept
from archiver.stores.s3_session import S3Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

__all__ = ["S3Custody", "plain_sha256"]

_UNVERSIONED: Final = "null"
"""The id of what was stored while the bucket had no versions."""


@dataclass(frozen=True, slots=True)
class _Version:
    """One line of a listing of versions."""

    id: str
    at: datetime
    newest: bool
    marker: bool


class S3Custody(S3Session):
    """The admin's verbs on a bucket."""

    @property
    def can_lock(self) -> bool:
        """Whether the service knows Object Lock; the bucket may still have been made without."""
        return self._settings.object_lock

    async def kept(self, key: str) -> Kept | None:
        """Ask how the newest version is kept."""
        if not self.can_lock:
            return await self._kept_unversioned(key)
        versions = await self._versions(key)
        newest = next((one for one in versions if not one.marker), None)
        if not newest:
            return None
        kept, _ = await self._look(key, newest, hidden=versions[0].marker)
        return kept

    async def hold(self, key: str, *, on: bool) -> None:
        """Set the legal hold of every version, the newest last: it speaks for them in ``kept``."""
        if not self.can_lock:
            return
        versions = [one for one in await self._versions(key) if not one.marker]
        if not versions:
            raise refuse(
                Answer.NOT_FOUND,
                f"{self.name}: there is no {key} to hold",
                code="NoSuchKey",
                status=404,
            )
        for one in reversed(versions):
            with self._translated("hold", key, on_object=True, locking=True):
                await self._client.put_object_legal_hold(
                    Bucket=self._settings.bucket,
                    Key=key,
                    VersionId=one.id,
                    LegalHold={"Status": "ON" if on else "OFF"},
                )

    async def reveal(self, key: str) -> None:
        """Remove the markers above the newest version, one after the other."""
        if not self.can_lock:
            return
        versions = await self._versions(key)
        while versions and versions[0].marker and not all(one.marker for one in versions):
            await self._remove(key, versions[0])
            versions = await self._versions(key)

    async def destroy(self, key: str) -> None:
        """Remove every version and marker, or nothing where one of them is protected."""
        if not self.can_lock:
            await self._destroy_unversioned(key)
            return
        versions = await self._versions(key)
        for one in versions:
            if not one.marker:
                kept, now = await self._look(key, one)
                if kept.held or (kept.retain and kept.retain.until > now):
                    raise refuse_kept(self.name, kept)
        for one in reversed(versions):
            await self._remove(key, one)

    async def remains(self, prefix: str) -> AsyncIterator[str]:
        """List versions and markers, or what R2 has of them: objects."""
        last, place = "", dict[str, str]()
        while True:
            with self._translated("list versions", prefix):
                ask = (
                    self._client.list_object_versions
                    if self.can_lock
                    else self._client.list_objects_v2
                )
                page = await ask(
                    Bucket=self._settings.bucket,
                    Prefix=prefix,
                    MaxKeys=self._settings.page,
                    **place,
                )
            kinds = ("Versions", "DeleteMarkers", "Contents")
            # Of one key all versions come together, and may go on in the next page.
            for key in sorted({one["Key"] for kind in kinds for one in page.get(kind, ())}):
                if key != last:
                    yield key
                last = key
            if not page.get("IsTruncated"):
                return
            place = _next_place(page)

    async def _kept_unversioned(self, key: str) -> Kept | None:
        try:
            with self._translated("head", key, on_object=True):
                reply = await self._client.head_object(Bucket=self._settings.bucket, Key=key)
                return _kept(key, reply)
        except StoreError as error:
            if error.refusal.answer is Answer.NOT_FOUND:
                return None
            raise

    async def _destroy_unversioned(self, key: str) -> None:
        with self._translated("destroy", key, on_object=True):
            await self._client.delete_object(Bucket=self._settings.bucket, Key=key)

    async def _versions(self, key: str) -> list[_Version]:
        """List the versions and markers of exactly one key, the newest first."""
        found: list[_Version] = []
        place: dict[str, str] = {}
        while True:
            with self._translated("list versions", key):
                page = await self._client.list_object_versions(
                    Bucket=self._settings.bucket,
                    Prefix=key,
                    MaxKeys=self._settings.page,
                    **place,
                )
            for kind, marker in (("Versions", False), ("DeleteMarkers", True)):
                found += (
                    _Version(one["VersionId"], one["LastModified"], one["IsLatest"], marker)
                    for one in page.get(kind, ())
                    if one["Key"] == key
                )
            # Of all keys with this prefix the key itself sorts first.
            if not page.get("IsTruncated") or page["NextKeyMarker"] != key:
                return sorted(found, key=lambda one: (one.newest, one.at), reverse=True)
            place = _next_place(page)

    async def _look(
        self, key: str, version: _Version, *, hidden: bool = False
    ) -> tuple[Kept, datetime]:
        """Ask how one version is kept, and what time it is where it is."""
        # A bucket that never had versions may not know the id that it lists (moto).
        plain = version.newest and version.id == _UNVERSIONED
        which = {} if plain else {"VersionId": version.id}
        with self._translated("head", key, on_object=True):
            reply = await self._client.head_object(
                Bucket=self._settings.bucket, Key=key, **which, **self._checksum_mode()
            )
            return _kept(key, reply, hidden=hidden), _server_time(reply)

    def _checksum_mode(self) -> dict[str, str]:
        return {"ChecksumMode": "ENABLED"} if self._settings.checksum_on_head else {}

    async def _remove(self, key: str, version: _Version) -> None:
        with self._translated("destroy", key, on_object=True):
            try:
                await self._client.delete_object(
                    Bucket=self._settings.bucket, Key=key, VersionId=version.id
                )
            except self._client.exceptions.ClientError as error:
                # S3 has no code of its own for it, and who may not look at locks meets it here.
                if "object lock" in error.response.get("Error", {}).get("Message", "").lower():
                    raise refuse_kept(self.name, Kept(key, 0, "")) from None
                raise


def _next_place(page: Mapping[str, Any]) -> dict[str, str]:
    """Say where the next page of a listing begins."""
    if "NextContinuationToken" in page:
        return {"ContinuationToken": page["NextContinuationToken"]}
    place = {"KeyMarker": page["NextKeyMarker"]}
    if page.get("NextVersionIdMarker"):
        place["VersionIdMarker"] = page["NextVersionIdMarker"]
    return place


def plain_sha256(reply: Mapping[str, Any]) -> str:
    """Give the store's checksum as hex; empty if it has none or one of a multipart object."""
    text = reply.get("ChecksumSHA256", "")
    if "-" in text or reply.get("ChecksumType") == "COMPOSITE":
        return ""
    return base64.b64decode(text).hex()


def _kept(key: str, reply: Mapping[str, Any], *, hidden: bool = False) -> Kept:
    retain, mode = None, reply.get("ObjectLockMode")
    if mode:
        until = reply["ObjectLockRetainUntilDate"].astimezone(UTC)
        # A mode that nobody knows yet is taken for the harder one.
        retain = Retain("governance" if mode == "GOVERNANCE" else "compliance", until)
    return Kept(
        key,
        reply["ContentLength"],
        plain_sha256(reply) or reply["Metadata"].get("sha256", ""),
        retain,
        held=reply.get("ObjectLockLegalHoldStatus") == "ON",
        hidden=hidden,
    )


def _server_time(reply: Mapping[str, Any]) -> datetime:
    try:
        return parsedate_to_datetime(reply["ResponseMetadata"]["HTTPHeaders"]["date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)
