"""What a session token tells of its own end.

R2's temporary tokens are ``base64("jwt/" + <signed JWT>)``, whose claims ``iat`` and ``exp``
say from when to when it holds, in seconds since 1970 (Cloudflare, "Temporary credentials").
Tokens of AWS tell nothing to who holds them. Nothing is verified here: only the store can.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime

__all__ = ["span_of"]


def span_of(token: str | None) -> tuple[datetime | None, datetime] | None:
    """Read when a token was issued and when it ends; ``None`` where it does not tell."""
    try:
        text = base64.b64decode(token or "", validate=True).decode("ascii")
        kind, _, signed = text.partition("/")
        if kind != "jwt":
            return None
        body = signed.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        issued, ends = claims.get("iat"), claims["exp"]
        return (
            datetime.fromtimestamp(issued, UTC) if issued is not None else None,
            datetime.fromtimestamp(ends, UTC),
        )
    except (
        binascii.Error,
        UnicodeDecodeError,
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        OSError,
    ):
        return None
