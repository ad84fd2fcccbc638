"""The one place that loads boto: a client as the PUT recipe needs it, for one settings value.

One request per call, no redirects, no other endpoint than the policy's, no retries, no trailers.
Connections and credentials live no longer than the context that is given; sessions of a role are
held by `archiver.credentials.sessions`.
"""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec

from archiver.stores.s3_endpoints import only_what_s3_needs
from archiver.stores.sources import keys_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from archiver.credentials.keys import Keys
    from archiver.stores.settings import S3Settings

__all__ = ["client_of", "connect"]


@contextlib.asynccontextmanager
async def client_of(settings: S3Settings) -> AsyncIterator[Any]:
    """Open the client of the PUT recipe, with credentials that are read anew."""
    keys = await keys_of(settings, connect)
    client = connect(
        "s3",
        settings,
        keys,
        endpoint=settings.endpoint,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=settings.concurrency,
        s3={"addressing_style": "path" if settings.path_style else "auto"},
        signature_version="s3v4",
    )
    async with client as opened:
        yield opened


def connect(
    service: str,
    settings: S3Settings,
    keys: Keys | None,
    *,
    endpoint: str | None,
    signed: bool = True,
    **config: Any,
) -> contextlib.AbstractAsyncContextManager[Any]:
    """Make a client, to be entered. This is where boto is loaded.

    ``keys`` of ``None`` are what the SDK finds in the profile of ``settings``, or by itself; who
    sends what is not ``signed`` needs none.
    """
    import aioboto3  # noqa: PLC0415 - 40 MiB and half a second
    from aiobotocore.config import AioConfig  # noqa: PLC0415
    from botocore import UNSIGNED  # noqa: PLC0415

    if not signed:
        config["signature_version"] = UNSIGNED
    options: dict[str, Any] = {}
    if keys is not None:
        options = {
            "aws_access_key_id": keys.key_id,
            "aws_secret_access_key": keys.secret,
            "aws_session_token": keys.token,
        }
    session = _session(settings.profile, alone=keys is not None or not signed)
    client: contextlib.AbstractAsyncContextManager[Any] = aioboto3.Session(
        botocore_session=session
    ).client(
        service,
        region_name=settings.region,
        endpoint_url=endpoint,
        config=AioConfig(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=settings.connect_seconds,
            read_timeout=settings.read_seconds,
            ignore_configured_endpoint_urls=True,
            http_session_cls=_direct_session(),
            **config,
        ),
        **options,
    )
    return client


def _session(profile: str | None, *, alone: bool) -> Any:
    """Give a session of the SDK; ``alone``: whatever stands in ~/.aws or the environment."""
    from aiobotocore.session import AioSession  # noqa: PLC0415
    from botocore.handlers import add_expect_header  # noqa: PLC0415

    if alone:
        # With keys of our own, a broken ~/.aws or an AWS_PROFILE of the shell is no concern.
        isolated = {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
        }
        session = AioSession(session_vars=isolated)
    else:
        session = AioSession(profile=profile)
    session.register_component("data_loader", _lean_loader())
    # `Expect: 100-continue` costs a round trip per put, and hangs behind a proxy that does
    # not know it: aiohttp waits for the go-ahead without end.
    session.unregister("before-call.s3", add_expect_header)
    session.register("before-call.s3", _stay)
    return session


def _direct_session() -> type:
    """Give the class of an HTTP session that sends one request per call, to one address.

    aiohttp repeats a PUT whose connection broke, and follows redirects; it would carry the
    bytes of a conversation wherever a 307 points. It can be told neither by botocore's
    configuration, hence the subclass (and a private name: aioboto3's pin holds it still).
    """
    from aiobotocore.httpsession import AIOHTTPSession  # noqa: PLC0415

    class DirectSession(AIOHTTPSession):  # type: ignore[misc]  # untyped
        async def _get_session(self, proxy_url: str | None) -> SimpleNamespace:
            session = await super()._get_session(proxy_url)
            session._retry_connection = False  # noqa: SLF001
            return SimpleNamespace(request=partial(session.request, allow_redirects=False))

    return DirectSession


def _lean_loader() -> Any:
    """Give a loader of botocore's data that skips the endpoints of other services."""
    from botocore.loaders import Loader  # noqa: PLC0415

    class LeanLoader(Loader):  # type: ignore[misc, unused-ignore]  # untyped
        def load_data_with_path(self, name: str) -> tuple[Any, str]:
            if name == "endpoints":
                for folder in self.search_paths:
                    path = Path(folder, "endpoints.json")
                    with contextlib.suppress(OSError, msgspec.MsgspecError):
                        return only_what_s3_needs(path.read_bytes()), str(path)
            found: tuple[Any, str] = super().load_data_with_path(name)
            return found

        def load_data(self, name: str) -> Any:
            return self.load_data_with_path(name)[0]

    return LeanLoader()


def _stay(context: dict[str, Any], **_event: object) -> None:
    """Keep botocore from looking for the bucket in other regions.

    It asks with ``HeadBucket``, and again for the answer to that: a server that says 301 to
    everything gets a request storm that ends in a `RecursionError`.
    """
    context.setdefault("s3_redirect", {})["redirected"] = True
