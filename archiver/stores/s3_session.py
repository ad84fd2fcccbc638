"""One bucket, opened: a client, the store's name, and one way out for errors.

What the five verbs (`archiver.stores.s3`) and the admin's (`archiver.stores.s3_custody`) share.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

from archiver.errors import StoreError
from archiver.model.answers import Answer
from archiver.stores.footprint import give_back
from archiver.stores.refusals import refuse
from archiver.stores.s3_answers import ADVICE_BY_LOCK, refusal_of
from archiver.stores.s3_client import client_of
from archiver.stores.sources import forget_sessions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from archiver.stores.settings import S3Settings

__all__ = ["S3Session"]


class S3Session:
    """A bucket between opening and closing; see `archiver.stores.s3` for what it promises."""

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self.concurrency = settings.concurrency
        where = settings.endpoint or f"Amazon S3 in {settings.region}"
        self.name = f"{settings.kind}://{settings.bucket} at {where}"
        self._client: Any = None
        self._exits = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Load boto, read the credentials, make a client. No request is sent."""
        if remedy := self._settings.remedy():
            message = f"{self._settings.endpoint} is not for a store of kind {self._settings.kind}"
            raise refuse(Answer.CONFIGURATION, message, code="WrongKind", advice=remedy)
        with self._translated("open"):
            self._client = await self._exits.enter_async_context(client_of(self._settings))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection, forget the credentials, give memory back."""
        self._client = None
        await self._exits.aclose()
        give_back()

    @contextlib.contextmanager
    def _translated(
        self, verb: str, key: str = "", *, on_object: bool = False, locking: bool = False
    ) -> Iterator[None]:
        """Let nothing but `StoreError` out; what stops the program is no `Exception`.

        ``locking`` says that the request asked for a lock or a hold, so that the advice does too.
        """
        try:
            yield
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - the protocol's promise
            advice = ADVICE_BY_LOCK if locking else {}
            what = f"{self.name}: {verb} {key}"
            refusal = refusal_of(error, what, on_object=on_object, advice=advice)
            if refusal.refusal.answer is Answer.CREDENTIALS:
                forget_sessions(self._settings)
            # Not chained: botocore quotes parameters in its messages, and a body is one.
            raise refusal from None
