"""Whom this machine trusts to say its policy, and where that comes from: ``source.toml``.

    keys = ["admin/acme+7c3f0b1d+AZ..."]                        # as `archiver keys` prints them
    url = "https://config.example.com/archiver/policy.signed"  # optional
    refresh_seconds = 3600                                     # optional

Where this file stands, only a policy that one of ``keys`` signed counts, wherever it comes
from. The machine's own binds every user: it is the one file that must come by a trusted way.
"""

import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from archiver.policy.fields import PublicKey, Section, wrong
from archiver.policy.load import validated
from archiver.policy.reading import parsed, read

__all__ = ["Source", "load_source"]

_DAY: Final = 86_400
_LOOPBACK: Final = re.compile(r"localhost|127(?:\.[0-9]{1,3}){3}|::1")


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not re.fullmatch(r"[!-~]{1,2048}", value) or not parts.path.strip("/"):
        raise wrong("must be an address as https://host/policy.signed")
    if parts.username is not None or parts.query or parts.fragment:
        # It is shown in `status` and in logs.
        raise wrong("must not hold a user, a password or a query: addresses are not secret")
    if parts.scheme != "https" and not (parts.scheme == "http" and _LOOPBACK.fullmatch(host)):
        raise wrong("must start with https:// (http:// for this machine itself only)")
    return value


def _some(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise wrong("needs one public key or more, as `archiver keys generate admin` prints it")
    return value


class Source(Section):
    """Trust, and a place."""

    keys: Annotated[tuple[PublicKey, ...], AfterValidator(_some)]
    """Public keys of admins. A signature of one of them is enough."""

    url: Annotated[str, AfterValidator(_address)] | None = None
    """Where the policy is fetched from, and from nowhere else; left out: from files."""

    refresh_seconds: Annotated[int, Field(ge=60, le=_DAY)] = 3600
    """How often it is asked for."""


def load_source(path: Path) -> Source:
    """Read the file; raise `PolicyUnreadable` and `PolicyInvalid`."""
    return validated(path, parsed(path, read(path)), Source, "source of policies")
