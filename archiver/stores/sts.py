"""Sessions of a role, made by AWS's Security Token Service or one that speaks its protocol.

No boto here: ``connect`` gives a client (`archiver.stores.s3_client.connect`).
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from archiver.credentials.keys import Keys
from archiver.credentials.refusals import refused
from archiver.errors import StoreError
from archiver.stores.s3_answers import refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from archiver.stores.settings import Role, S3Settings

__all__ = ["Connect", "assumed", "session_for"]

_TRUST: Final = (
    "Let the role trust who asks for it (its trust policy, and the external id if it names one),"
    " and let those credentials do sts:AssumeRole; or correct role_arn in the policy."
)
_ADVICE: Final = {
    "AccessDenied": _TRUST,
    "InvalidIdentityToken": _TRUST,
    "ExpiredTokenException": "Let the identity provider write a new token: this one has ended.",
    "ValidationError": "The role allows no session that long, or role_arn or external_id is none"
    " that STS takes: correct them in the policy.",
}


class Connect(Protocol):
    """Makes a client of a service of AWS, to be entered."""

    def __call__(
        self,
        service: str,
        settings: S3Settings,
        keys: Keys | None,
        *,
        endpoint: str | None,
        signed: bool = True,
        **config: Any,
    ) -> contextlib.AbstractAsyncContextManager[Any]:
        """Connect with ``keys``, ``None``: with what the SDK finds."""
        ...


async def assumed(settings: S3Settings, base: Keys | None, connect: Connect) -> Keys:
    """Take on the role of ``settings`` with ``base``, or with the token of a web identity.

    Raise `StoreError`.
    """
    role = settings.role
    assert role is not None  # noqa: S101 - its caller looked
    asked = _asked(role, f"archiver-{settings.tenant or settings.bucket}")
    if role.token_file is None:
        return await _assume(settings, base, role, asked, connect)
    asked["WebIdentityToken"] = _token_in(role.token_file)
    began = datetime.now(UTC)
    with _translated(role):
        client = connect("sts", settings, None, endpoint=role.endpoint, signed=False)
        async with client as sts:
            return _keys_in(await sts.assume_role_with_web_identity(**asked), began)


async def session_for(
    settings: S3Settings, keys: Keys | None, name: str, document: str, connect: Connect
) -> Keys:
    """Make a session of the role that may do no more than ``document`` says, for somebody else.

    ``keys`` ask for it. Raise `StoreError`.
    """
    role = settings.role
    assert role is not None  # noqa: S101 - its caller looked
    asked = {**_asked(role, name), "Policy": document}
    return await _assume(settings, keys, role, asked, connect)


def _asked(role: Role, name: str) -> dict[str, Any]:
    return {
        "RoleArn": role.arn,
        "RoleSessionName": name[:64],
        "DurationSeconds": role.seconds,
    }


async def _assume(
    settings: S3Settings, keys: Keys | None, role: Role, asked: dict[str, Any], connect: Connect
) -> Keys:
    if role.external_id:
        asked["ExternalId"] = role.external_id
    began = datetime.now(UTC)
    with _translated(role):
        async with connect("sts", settings, keys, endpoint=role.endpoint) as sts:
            return _keys_in(await sts.assume_role(**asked), began)


@contextlib.contextmanager
def _translated(role: Role) -> Iterator[None]:
    try:
        yield
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - as a store's own verbs
        what = f"the role {role.arn} at {role.endpoint or 'Amazon STS'}"
        raise refusal_of(error, what, on_object=False, advice=_ADVICE) from None


def _keys_in(reply: Mapping[str, Any], began: datetime) -> Keys:
    given = reply["Credentials"]
    return Keys(
        given["AccessKeyId"],
        given["SecretAccessKey"],
        given["SessionToken"],
        expires_at=given["Expiration"],
        issued_at=began,
    )


def _token_in(path: Path) -> str:
    """Read the token of a web identity, which its provider writes anew again and again."""
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        problem = error.strerror
    except UnicodeDecodeError:
        problem = "it is no text"
    raise refused(
        f"the token {path} of the web identity cannot be read: {problem}",
        code="WebIdentityToken",
        advice="Correct web_identity_token_file in the policy, or let its provider write it.",
    )
