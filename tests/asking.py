"""What is asked of a bucket, in short: the values that tests of buckets begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archiver.buckets.statements import Parties
from archiver.buckets.values import Place
from archiver.buckets.wanted import Ask, Share, Wanted, wanted
from archiver.evidence.orders import Hold
from archiver.model.shipment import ClassTerms

if TYPE_CHECKING:
    from archiver.model.shipment import LockMode

__all__ = ["HOLD", "SUBJECT", "WRITER", "ask", "share", "terms"]

WRITER = "arn:aws:iam::123456789012:role/archiver-writer"
SUBJECT = "ab" * 16
HOLD = Hold(id="case-1", matter="synthetic", reason="synthetic")


def terms(klass: str = "standard", days: int | None = 180, lock: LockMode = "none") -> ClassTerms:
    """Give the terms of a class."""
    return ClassTerms(klass, days, lock)


def share(*classes: ClassTerms, tenant: str = "acme", **said: Any) -> Share:
    """Give a tenant's part of a bucket."""
    return Share(tenant, said.pop("prefix", "ai"), classes or (terms(),), **said)


def ask(*shares: Share, kind: str = "s3", **said: Any) -> Wanted:
    """Decide what a bucket of these tenants must be like."""
    place = said.pop("place", Place(kind, "conversations"))  # type: ignore[arg-type]
    said.setdefault("holds", {})
    said.setdefault("parties", Parties(writers=(WRITER,)))
    return wanted(Ask(place=place, shares=shares or (share(),), **said))
