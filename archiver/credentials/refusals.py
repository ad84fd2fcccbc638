"""How credentials are refused: the same error as a store's no, so that shipping waits for them."""

from __future__ import annotations

from archiver.errors import StoreError
from archiver.model.answers import Answer, Refusal

__all__ = ["refused"]


def refused(message: str, *, code: str, advice: str) -> StoreError:
    """Build the error of credentials that cannot be used; the caller raises it.

    The refusal carries both texts, for a status that shows why shipping waits; so neither may
    hold a secret. Raise it outside of an ``except`` block whose error may quote one.
    """
    refusal = Refusal(Answer.CREDENTIALS, code, detail=message, advice=advice)
    return StoreError(message, advice=advice, refusal=refusal)
