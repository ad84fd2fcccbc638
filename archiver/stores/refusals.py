"""How every store says no: one way to build the error, one advice per kind of answer."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from archiver.errors import StoreError
from archiver.model.answers import Answer, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from archiver.stores.custody import Kept

__all__ = ["ADVICE", "check_body", "refuse", "refuse_kept", "refuse_lock"]

_WAITS: Final = "archiver tries again by itself and loses nothing meanwhile."

ADVICE: Final[Mapping[Answer, str]] = {
    Answer.EXISTS: "Compare what is stored with what was to be stored; nothing was overwritten.",
    Answer.CONCURRENT: f"Another write of the same object is under way; {_WAITS}",
    Answer.BUSY: f"The store asks for patience; {_WAITS}",
    Answer.UNREACHABLE: f"Check network, proxy and the store's address; {_WAITS}",
    Answer.CORRUPT: "The bytes changed between sealing and storing; nothing was stored.",
    Answer.CREDENTIALS: "Check the credentials that the policy names for this store, and what "
    "they may do: s3:PutObject to ship, s3:GetObject and s3:ListBucket to read.",
    Answer.CLOCK: "Set this machine's clock; the store allows 15 minutes of difference.",
    Answer.LOCKED: "A lock rule protects the object; nothing was overwritten.",
    Answer.CONFIGURATION: "Correct the store in the policy: bucket, region, endpoint or kind.",
    Answer.FULL: f"Make room in the store or raise its quota; {_WAITS}",
    Answer.NOT_FOUND: "Look with `archiver ls` for what is stored.",
}
"""What to do next where nothing better is known."""


def refuse(
    answer: Answer,
    message: str,
    *,
    code: str,
    advice: str = "",
    status: int = 0,
    server_time: datetime | None = None,
) -> StoreError:
    """Build the error that carries ``answer``; the caller raises it.

    ``code`` is the store's own word; ``advice`` defaults to that of the answer.
    """
    return StoreError(
        message,
        advice=advice or ADVICE[answer],
        refusal=Refusal(answer=answer, code=code, status=status, server_time=server_time),
    )


def refuse_lock(name: str) -> StoreError:
    """Build the error of a store that keeps no locks, asked to keep one; the caller raises it."""
    return refuse(
        Answer.CONFIGURATION,
        f"{name} cannot lock objects, and nothing was stored",
        code="NoObjectLock",
        advice='Set `lock = "none"` for the retention classes of this tenant (or "rule" on R2),'
        " or use a bucket with Object Lock.",
    )


def refuse_kept(name: str, kept: Kept) -> StoreError:
    """Build the error of a store that keeps an object against its removal; the caller raises it."""
    why, advice = "is protected by a lock", "Remove it when its lock has run out."
    if kept.held:
        why = "is under a legal hold"
        advice = "Release the hold first, with `archiver hold release`."
    elif kept.retain:
        mode, until = kept.retain.mode, kept.retain.until.isoformat(timespec="seconds")
        why, advice = f"is locked ({mode}) until {until}", "Remove it then."
    return refuse(
        Answer.LOCKED,
        f"{name}: {kept.key} {why}, and nothing of it was removed",
        code="ObjectLocked",
        advice=advice,
        status=403,
    )


def check_body(key: str, body: bytes, sha256: str) -> None:
    """Raise `StoreError` (CORRUPT) where ``body`` is not what was sealed.

    Every store calls this before it stores a byte, since not every server compares: moto
    accepts any checksum. About 0.5 ms per MiB.
    """
    if hashlib.sha256(body).hexdigest() != sha256:
        raise refuse(
            Answer.CORRUPT,
            f"the bytes to be stored as {key} do not have the sha256 of when they were sealed",
            code="BadDigest",
        )
