"""What an admin does about a bucket's no: another than the device, for whom a store's advice is."""

from __future__ import annotations

from typing import Final

from archiver.errors import StoreError
from archiver.model.answers import Answer

__all__ = ["FINAL", "advised"]

_ADMIN_ADVICE: Final = (
    "These credentials may not do that: name an admin's with --profile or --credentials-file."
    " `archiver bucket policy admin` prints what they need."
)
_ADVICE: Final = {
    "InvalidBucketState": "This server sets Object Lock only when a bucket is made: make a new"
    " one with `archiver bucket apply --create`, and have the policy name it.",
    "BucketAlreadyExists": "Somebody else has a bucket of that name: choose another.",
    "MalformedPolicy": "A principal in it may not exist: check --writer-arn and --admin-arn.",
    "InvalidArgument": "The server does not take it: look for what it supports.",
}
FINAL: Final = frozenset(_ADVICE)
"""Codes that no second try changes."""


def advised(error: StoreError) -> StoreError:
    """Say what an admin does about it, who is not the one that a device's advice is for."""
    refusal = error.refusal
    advice = _ADVICE.get(refusal.code, "")
    if refusal.code in ("AccessDenied", "403"):
        advice = _ADMIN_ADVICE
    elif refusal.answer is Answer.BUSY:
        advice = "The store asks for patience: try again in a few minutes; what was done stays."
    return StoreError(str(error), advice=advice or error.advice, refusal=refusal)
