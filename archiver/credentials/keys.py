"""One set of keys to a store, and when it ends.

Keys that are known to end are refused from that moment on without a request, and warned about
before: three days ahead, or a tenth of their lifetime where that is known and shorter. Limit:
the token of AWS does not tell its end; it is known where who gave the keys told it as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from archiver.credentials.refusals import refused
from archiver.credentials.tokens import span_of

__all__ = ["Expiry", "Keys", "check", "check_current", "expiry_of"]

_EARLIEST_WARNING: Final = timedelta(days=3)
_SHOWN: Final = 4
_MOST: Final = {"key id": 128, "secret": 1024, "session token": 16_384}


@dataclass(frozen=True, slots=True)
class Keys:
    """One set of keys. ``repr`` shows none of it.

    ``expires_at`` and ``issued_at`` are aware times, ``None`` where nobody told them.
    """

    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(repr=False, default=None)
    expires_at: datetime | None = field(repr=False, default=None)
    issued_at: datetime | None = field(repr=False, default=None)

    @property
    def masked(self) -> str:
        """The last four characters of the key id, for humans to tell keys apart."""
        return f"…{self.key_id[-_SHOWN:]}" if len(self.key_id) > 2 * _SHOWN else "…"


@dataclass(frozen=True, slots=True)
class Expiry:
    """When keys end, and from when on that is worth a word."""

    at: datetime
    warn_at: datetime


def expiry_of(keys: Keys) -> Expiry | None:
    """Tell when keys end: by what was said of them, else by their token; ``None``: unknown."""
    issued, at = keys.issued_at, keys.expires_at
    if at is None:
        if (span := span_of(keys.token)) is None:
            return None
        issued, at = span
    lead = _EARLIEST_WARNING
    if issued is not None:
        lead = min(lead, max((at - issued) / 10, timedelta()))
    lead = min(lead, at - datetime.min.replace(tzinfo=UTC))
    return Expiry(at, at - lead)


def check_current(keys: Keys, now: datetime, *, remedy: str) -> None:
    """Raise `StoreError` (CREDENTIALS) where the keys have ended; ``remedy`` says what to do."""
    expiry = expiry_of(keys)
    if expiry is not None and expiry.at <= now:
        raise refused(
            f"these credentials expired on {expiry.at:%Y-%m-%d %H:%M} UTC",
            code="ExpiredCredentials",
            advice=remedy,
        )


def check(keys: Keys) -> Keys:
    """Give the keys back, or raise `StoreError` (CREDENTIALS) where they can be none."""
    parts = {"key id": keys.key_id, "secret": keys.secret, "session token": keys.token or "-"}
    for name, text in parts.items():
        if not re.fullmatch(rf"[!-~]{{1,{_MOST[name]}}}", text):
            raise refused(
                f"the {name} is empty, too long, or holds a space or a character beyond ASCII",
                code="NoKeys",
                advice="Copy key id, secret and, for temporary keys, the session token anew.",
            )
    return keys
