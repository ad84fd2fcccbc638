"""What to do next with a parcel, given what its store answered. Pure: no disk, network, time.

The answer to a put (`judge`):

* stored, and the store names no checksum or the parcel's own → receipt
* stored, but the store names another checksum → read back what it holds
* exists, locked → look (HEAD) and compare
* concurrent, busy, unreachable → this parcel again after a while
* corrupt → hash the sealed file again
* credentials, clock, configuration, full → the whole tenant waits in a named state
* not found is no answer to a put; a store that gives it is not configured rightly

The answer to the look, and to the read-back (`compare`):

* size and sha256 equal → receipt: it was there already
* size equal, the store knows no sha256 → read back and hash
* size or sha256 differs → quarantine: a proved conflict, and nothing is ever overwritten
* these credentials may not look → receipt, marked unverified: the hash in the key makes the
  same key mean the same bytes. Not after a put whose checksum differed: then quarantine
* not found: it vanished in between → this parcel again after a while
* everything else: this parcel again, or the tenant waits, as for a put

The sealed file (`rehash`): missing or different → quarantine; equal → this parcel again.

There is no limit of attempts anywhere: a parcel ends with a receipt or, proved, in quarantine.
An ETag is kept but not compared: only some configurations make it a hash of the bytes.
`archiver.delivery.waits` says how long a while is. Everywhere ``failures`` counts the tenant's
rounds in a row that brought nothing but refusals, and ``draw`` is a random number in [0, 1).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archiver.delivery.parcel import WaitReason
from archiver.delivery.steps import (
    Compare,
    Deliver,
    Ending,
    Quarantine,
    ReadBack,
    Rehash,
    Retry,
    Step,
    Wait,
)
from archiver.delivery.waits import wait_for
from archiver.model.answers import Answer, Found, Refusal, Stored
from archiver.model.shipment import Receipt

if TYPE_CHECKING:
    from archiver.delivery.parcel import Parcel

__all__ = ["compare", "examine", "judge", "rehash"]


def judge(
    parcel: Parcel, outcome: Stored | Refusal, *, now: datetime, failures: int, draw: float
) -> Step:
    """Give the step after a put."""
    if isinstance(outcome, Stored):
        if outcome.sha256 and outcome.sha256 != parcel.sha256:
            return ReadBack(suspect=True)
        return Deliver(_receipt(parcel, now, etag=outcome.etag))
    match outcome.answer:
        case Answer.EXISTS | Answer.LOCKED:
            return Compare()
        case Answer.CORRUPT:
            return Rehash(outcome)
    return _later(outcome, now=now, failures=failures, draw=draw)


def compare(
    parcel: Parcel,
    seen: Found | Refusal,
    *,
    now: datetime,
    failures: int,
    draw: float,
    suspect: bool = False,
) -> Step:
    """Give the step after a look at what the store holds under the parcel's key.

    ``suspect``: the look follows a put after which the store reported another checksum.
    """
    if isinstance(seen, Found):
        return _matched(parcel, seen, now, suspect=suspect)
    if seen.answer is Answer.CREDENTIALS:
        if suspect:
            return Quarantine("the store reported another checksum and may not be read")
        return Deliver(_receipt(parcel, now, verified=False))
    if seen.answer is Answer.NOT_FOUND:
        seen = Refusal(Answer.CONCURRENT, seen.code, seen.status)
    return _later(seen, now=now, failures=failures, draw=draw)


def examine(parcel: Parcel, actual: str | None) -> Quarantine | None:
    """Say what is wrong with a sealed file whose sha256 (hex) is ``actual``, if anything.

    ``None`` for ``actual`` means that there is no such file.
    """
    if actual is None:
        return Quarantine("the sealed file is missing")
    if actual != parcel.sha256:
        return Quarantine("the sealed file is not what was sealed: it was damaged here")
    return None


def rehash(
    parcel: Parcel,
    actual: str | None,
    refusal: Refusal,
    *,
    now: datetime,
    failures: int,
    draw: float,
) -> Ending:
    """Give the step after ``refusal`` led to a new hash of the sealed file: ``actual``, hex."""
    damage = examine(parcel, actual)
    return damage or Retry(wait_for(refusal, now=now, failures=failures, draw=draw))


def _matched(
    parcel: Parcel, found: Found, now: datetime, *, suspect: bool
) -> Deliver | ReadBack | Quarantine:
    if found.size != parcel.size:
        return Quarantine("the store holds an object of another size under this key")
    if not found.sha256:
        return ReadBack(suspect)
    if found.sha256 != parcel.sha256:
        return Quarantine("the store holds other bytes under this key")
    return Deliver(_receipt(parcel, now))


def _later(refusal: Refusal, *, now: datetime, failures: int, draw: float) -> Retry | Wait:
    waiting = wait_for(refusal, now=now, failures=failures, draw=draw)
    return Retry(waiting) if waiting.reason is WaitReason.TIME else Wait(waiting)


def _receipt(parcel: Parcel, now: datetime, *, etag: str = "", verified: bool = True) -> Receipt:
    at = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Receipt(parcel.key, parcel.sha256, etag=etag, at=at, verified=verified)
