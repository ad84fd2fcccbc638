"""The lock rules of an R2 bucket, through Cloudflare's own API: S3 has no word for them.

    GET, PUT https://api.cloudflare.com/client/v4/accounts/<account>/r2/buckets/<bucket>/lock

* A put replaces all rules, and the API has no condition for it: two admins who do so in the
  same second undo each other. `archiver bucket check` shows it.
* The token is an API token with "Workers R2 Storage Write". It goes to this address over TLS and
  nowhere else, follows no redirect, and stands in no error.
* What may pass (429, 5xx, no answer) is asked for again a few times, with patience.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote, urlsplit

from archiver.errors import BucketUnfit, StoreError
from archiver.model.answers import Answer
from archiver.stores.refusals import refuse
from archiver.stores.s3_bucket import WAITS

if TYPE_CHECKING:
    from types import TracebackType

    from archiver.buckets.values import Place

__all__ = ["API", "CloudflareLocks"]

API: Final = "https://api.cloudflare.com/client/v4"

_PASSING: Final = frozenset({Answer.BUSY, Answer.UNREACHABLE})
_OK: Final = 200
_RIGHTS_ADVICE: Final = (
    "Make an API token with the permission Workers R2 Storage Write for this account, and give it"
    " in CLOUDFLARE_API_TOKEN, or when you are asked for it."
)
_BUCKET_ADVICE: Final = (
    "Check `bucket`, `account_id` and `jurisdiction` in the policy: a bucket with a jurisdiction"
    " is found under that one only."
)


class CloudflareLocks:
    """The lock rules of one bucket; opened with ``async with``. ``token`` is secret."""

    def __init__(
        self, place: Place, token: str, *, api: str = API, waits: tuple[float, ...] = WAITS
    ) -> None:
        if urlsplit(api).scheme != "https" and urlsplit(api).hostname != "127.0.0.1":
            raise BucketUnfit(
                f"{api} is no https address, and the token would travel in clear",
                advice="Give an address that starts with https://.",
            )
        self._name = str(place)
        self._url = f"{api}/accounts/{quote(place.account)}/r2/buckets/{quote(place.name)}/lock"
        self._headers = {"Authorization": f"Bearer {token}"}
        if place.jurisdiction:
            self._headers["cf-r2-jurisdiction"] = place.jurisdiction
        self._waits = waits
        self._client: Any = None
        self._exits = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open a client. No request is sent."""
        import httpx  # noqa: PLC0415 - R2 with lock rules only

        client = httpx.AsyncClient(headers=self._headers, timeout=30, follow_redirects=False)
        self._client = await self._exits.enter_async_context(client)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the client."""
        self._client = None
        await self._exits.aclose()

    async def rules(self) -> list[dict[str, Any]]:
        """Give all lock rules; raise `StoreError`.

        What is not understood is an error and not "none": a put replaces all of them.
        """
        match await self._ask("GET"):
            case {"rules": [*rules]} if all(isinstance(one, dict) for one in rules):
                return rules
            case {**result} if result.get("rules") is None:
                return []
        advice = "Nothing was changed. Look for a newer archiver, or set the rules by hand."
        raise self._refused(Answer.CONFIGURATION, "what is not understood", _OK, advice)

    async def put_rules(self, rules: list[dict[str, Any]]) -> None:
        """Replace all lock rules; raise `StoreError`."""
        await self._ask("PUT", {"rules": rules})

    async def _ask(self, method: str, body: dict[str, Any] | None = None) -> Any:
        for wait in self._waits:
            try:
                return await self._once(method, body)
            except StoreError as error:
                if error.refusal.answer not in _PASSING:
                    raise
            await asyncio.sleep(wait)
        return await self._once(method, body)

    async def _once(self, method: str, body: dict[str, Any] | None) -> Any:
        import httpx  # noqa: PLC0415 - loaded already

        try:
            reply = await self._client.request(method, self._url, json=body)
        except (httpx.HTTPError, OSError) as error:
            raise self._refused(Answer.UNREACHABLE, type(error).__name__, 0) from None
        try:
            said = reply.json()
        except ValueError:
            said = None
        if not isinstance(said, dict):
            said = {}
        if reply.status_code == _OK and said.get("success") is True:
            return said.get("result")
        raise self._judged(reply.status_code, said)

    def _judged(self, status: int, said: dict[str, Any]) -> StoreError:
        """Make the error of a refusal. Its message is Cloudflare's, so only codes are told."""
        match said:
            case {"errors": [{"code": int(code)}, *_]}:
                told = str(code)
            case _:
                told = str(status)
        by_status = {
            401: (Answer.CREDENTIALS, _RIGHTS_ADVICE),
            403: (Answer.CREDENTIALS, _RIGHTS_ADVICE),
            404: (Answer.CONFIGURATION, _BUCKET_ADVICE),
            429: (Answer.BUSY, "Cloudflare allows few requests a minute: try again later."),
        }
        unknown = Answer.BUSY if status >= 500 or not said else Answer.CONFIGURATION  # noqa: PLR2004
        answer, advice = by_status.get(status, (unknown, ""))
        if status == 400:  # noqa: PLR2004 - what Cloudflare says to a malformed token, too
            advice = f"Cloudflare does not take the request. {_RIGHTS_ADVICE}"
        return self._refused(answer, told, status, advice)

    def _refused(self, answer: Answer, code: str, status: int, advice: str = "") -> StoreError:
        message = f"{self._name}: lock rules: Cloudflare's API says {code}"
        return refuse(answer, message, code=code, advice=advice, status=status)
