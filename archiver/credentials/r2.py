"""Temporary keys to a bucket on Cloudflare R2, signed here instead of asked for.

After Cloudflare's documentation ("Temporary credentials", "Authenticate against R2 with
temporary credentials"): a JWT, signed with HS256 and the parent's secret, says for which bucket,
operations and prefixes, and until when. The parent's key id serves again; the temporary secret is
the hex sha256 of the JWT, the session token the base64 of ``jwt/`` and the JWT.

* ``actions`` are what these keys may do: ``PutObject`` alone lets nobody read, list or delete. The
  documentation demands ``scope`` or ``actions``; both limit, and no ``scope`` is narrower than
  read and write, so it is left out.
* Temporary keys can do no more than their parent, and end at once when that is revoked.

Limits: R2 takes ``If-None-Match`` and cannot demand it, so such keys can overwrite what a lock
rule does not protect. Not tried against Cloudflare itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from archiver.credentials.keys import Keys
from archiver.credentials.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

__all__ = ["LONGEST_HOURS", "temporary_keys"]

LONGEST_HOURS: Final = 168
"""What Cloudflare's own API allows at most, seven days."""


def temporary_keys(
    parent: Keys,
    *,
    account_id: str,
    endpoint: str,
    bucket: str,
    prefixes: Sequence[str],
    now: datetime,
    lifetime: timedelta,
    actions: Sequence[str] = ("PutObject",),
) -> Keys:
    """Sign keys that may do ``actions`` below ``prefixes`` of one bucket until ``lifetime`` ends.

    ``endpoint`` is the address at which they will be used: R2 compares its host. Raise
    `StoreError` (CREDENTIALS) where the parent is temporary itself.
    """
    if parent.token:
        raise refused(
            "temporary credentials cannot sign others",
            code="TemporaryParent",
            advice="Use key id and secret of an R2 API token with object read and write.",
        )
    issued = int(now.timestamp())
    ends = issued + int(lifetime.total_seconds())
    claims = {
        "bucket": bucket,
        "actions": [*actions],
        "paths": {"prefixPaths": [*prefixes], "objectPaths": []},
        "sub": account_id,
        "iss": parent.key_id,
        "aud": urlsplit(endpoint).netloc,
        "iat": issued,
        "exp": ends,
    }
    signed = _signed(claims, parent.secret)
    return Keys(
        parent.key_id,
        hashlib.sha256(signed.encode()).hexdigest(),
        base64.b64encode(b"jwt/" + signed.encode()).decode(),
        expires_at=datetime.fromtimestamp(ends, UTC),
        issued_at=datetime.fromtimestamp(issued, UTC),
    )


def _signed(claims: dict[str, Any], secret: str) -> str:
    """Write a JWT, as RFC 7519 and RFC 7515 have it."""
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    text = ".".join(_base64url(json.dumps(one, separators=(",", ":")).encode()) for one in parts)
    mark = hmac.digest(secret.encode(), text.encode(), "sha256")
    return f"{text}.{_base64url(mark)}"


def _base64url(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()
