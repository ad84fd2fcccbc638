"""The bucket itself, behind the S3 protocol: what an admin reads and sets of it, and no object.

Each function is one request. Its result is what the server said, as plain values of JSON; what
they mean is decided in `archiver.buckets`. Promises:

* a server that does not know a thing gives `Unsupported`, never an empty answer;
* what is not set gives ``None``;
* an answer that may pass (throttling, a cut connection) is asked for again a few times, with
  patience; then, as for everything else, `StoreError` says why and what to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from archiver.errors import StoreError
from archiver.model.answers import Answer
from archiver.stores.refusals import refuse
from archiver.stores.s3_advice import FINAL, advised
from archiver.stores.s3_answers import refusal_of
from archiver.stores.s3_client import client_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import TracebackType

    from archiver.stores.settings import S3Settings

__all__ = ["WAITS", "S3Bucket", "Unsupported"]

WAITS: Final = (0.5, 2.0, 8.0)
"""Seconds before an answer that may pass is asked for again."""

_PASSING: Final = frozenset({Answer.BUSY, Answer.UNREACHABLE, Answer.CONCURRENT})
_UNKNOWN: Final = frozenset({"NotImplemented", "MethodNotAllowed", "405", "501"})
_UNSET: Final = frozenset(
    {
        "ObjectLockConfigurationNotFoundError",
        "NoSuchLifecycleConfiguration",
        "NoSuchBucketPolicy",
        "NoSuchPublicAccessBlockConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)
_MINE: Final = frozenset({"BucketAlreadyOwnedByYou"})
_GONE: Final = frozenset({"NoSuchBucket", "404"})


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A store has no such thing, or keeps none of it. ``why`` is a short sentence."""

    why: str


class S3Bucket:
    """One bucket, in the hands of who may set it up; opened with ``async with``."""

    def __init__(self, settings: S3Settings, *, waits: tuple[float, ...] = WAITS) -> None:
        self._settings = settings
        self._waits = waits
        self.name = settings.bucket
        self._client: Any = None
        self._exits = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Make the client. No request is sent."""
        if remedy := self._settings.remedy():
            message = f"{self._settings.endpoint} is not for a store of kind {self._settings.kind}"
            raise refuse(Answer.CONFIGURATION, message, code="WrongKind", advice=remedy)
        try:
            self._client = await self._exits.enter_async_context(client_of(self._settings))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - nothing but `StoreError` leaves a store
            raise refusal_of(error, f"{self.name}: open", on_object=False) from None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection and forget the credentials."""
        self._client = None
        await self._exits.aclose()

    async def exists(self) -> bool:
        """Tell whether there is such a bucket that these credentials may look at."""
        try:
            # Not HeadBucket, which needs the right to list everything.
            await self._ask("get_bucket_location")
        except StoreError as error:
            if error.refusal.code in _GONE:
                return False
            raise
        return True

    async def create(self, *, object_lock: bool) -> None:
        """Make the bucket; one that is ours already is no error."""
        more: dict[str, Any] = {"ObjectLockEnabledForBucket": True} if object_lock else {}
        region = self._settings.region
        if region not in ("us-east-1", "auto") and not self._settings.endpoint:
            more["CreateBucketConfiguration"] = {"LocationConstraint": region}
        try:
            await self._ask("create_bucket", **more)
        except StoreError as error:
            if error.refusal.code not in _MINE:
                raise

    async def versioning(self) -> str | Unsupported:
        """Give ``Enabled``, ``Suspended`` or an empty text."""
        got = await self._get("get_bucket_versioning")
        return got if isinstance(got, Unsupported) else str((got or {}).get("Status", ""))

    async def put_versioning(self) -> None:
        """Turn versioning on."""
        await self._ask("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})

    async def object_lock(self) -> dict[str, Any] | Unsupported | None:
        """Give the Object Lock configuration."""
        got: dict[str, Any] | Unsupported | None = await self._get(
            "get_object_lock_configuration", "ObjectLockConfiguration"
        )
        return got

    async def put_object_lock(self, mode: str = "", days: int = 0) -> None:
        """Enable Object Lock, with this default (``GOVERNANCE``, ``COMPLIANCE``) or none."""
        said: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
        if mode:
            said["Rule"] = {"DefaultRetention": {"Mode": mode, "Days": days}}
        await self._ask("put_object_lock_configuration", ObjectLockConfiguration=said)

    async def lifecycle(self) -> list[dict[str, Any]] | Unsupported | None:
        """Give the lifecycle rules."""
        got: list[dict[str, Any]] | Unsupported | None = await self._get(
            "get_bucket_lifecycle_configuration", "Rules"
        )
        return got

    async def put_lifecycle(self, rules: list[dict[str, Any]]) -> None:
        """Replace all lifecycle rules by these."""
        if not rules:
            await self._ask("delete_bucket_lifecycle")
            return
        said = {"Rules": rules}
        await self._ask("put_bucket_lifecycle_configuration", LifecycleConfiguration=said)

    async def policy(self) -> dict[str, Any] | Unsupported | None:
        """Give the bucket policy."""
        got = await self._get("get_bucket_policy", "Policy")
        if got is None or isinstance(got, Unsupported):
            return got
        try:
            read = json.loads(got)
        except ValueError:
            read = None
        if not isinstance(read, dict):
            raise refuse(
                Answer.CONFIGURATION,
                f"{self.name}: its bucket policy is no JSON object",
                code="MalformedPolicy",
                advice="Look at it with the store's own tools; nothing was changed.",
            )
        return read

    async def put_policy(self, policy: dict[str, Any]) -> None:
        """Replace the bucket policy by this one."""
        await self._ask("put_bucket_policy", Policy=json.dumps(policy))

    async def public_block(self) -> dict[str, bool] | Unsupported | None:
        """Give the four switches of the public access block."""
        got: dict[str, bool] | Unsupported | None = await self._get(
            "get_public_access_block", "PublicAccessBlockConfiguration"
        )
        return got

    async def put_public_block(self, switches: Collection[str]) -> None:
        """Turn these switches on, and the others off."""
        names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
        said = {name: name in switches for name in (*names, "RestrictPublicBuckets")}
        await self._ask("put_public_access_block", PublicAccessBlockConfiguration=said)

    async def encryption(self) -> str | Unsupported | None:
        """Give the algorithm that objects are encrypted with by default."""
        got = await self._get("get_bucket_encryption", "ServerSideEncryptionConfiguration")
        if got is None or isinstance(got, Unsupported):
            return got
        if not (rules := got.get("Rules")):
            # Ceph 16 answers so whatever was asked of it, and refuses the put.
            return Unsupported("the server keeps no default encryption")
        applied = rules[0].get("ApplyServerSideEncryptionByDefault", {})
        return str(applied.get("SSEAlgorithm", ""))

    async def put_encryption(self) -> None:
        """Have the store encrypt what comes without a word on it, with keys of its own."""
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        said = {"Rules": [rule]}
        await self._ask("put_bucket_encryption", ServerSideEncryptionConfiguration=said)

    async def _get(self, verb: str, part: str = "") -> Any:
        try:
            reply = await self._ask(verb)
        except StoreError as error:
            if error.refusal.code in _UNKNOWN:
                return Unsupported("the server does not know it")
            if error.refusal.code in _UNSET:
                return None
            raise
        return reply.get(part) if part else reply

    async def _ask(self, verb: str, **said: Any) -> dict[str, Any]:
        for wait in self._waits:
            try:
                return await self._once(verb, said)
            except StoreError as error:
                final = error.refusal.code in FINAL or error.refusal.code in _MINE
                if final or error.refusal.answer not in _PASSING:
                    raise
                await asyncio.sleep(wait)
        return await self._once(verb, said)

    async def _once(self, verb: str, said: dict[str, Any]) -> dict[str, Any]:
        try:
            reply: dict[str, Any] = await getattr(self._client, verb)(Bucket=self.name, **said)
        except Exception as error:  # noqa: BLE001 - nothing but `StoreError` leaves a store
            # Not chained: botocore quotes parameters in its messages.
            found = refusal_of(error, f"{self.name}: {verb}", on_object=False)
            raise advised(found) from None
        return reply
