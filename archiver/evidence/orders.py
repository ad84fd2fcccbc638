"""What an admin ordered about stored conversations: hold, release, expire, erase.

An order is signed as a note, before anything is done that it speaks of: whoever finds a chunk
gone finds the order first, and whoever finds an order without its deed can complete it. The
orders of a tenant are one chain, each naming the one before by the SHA-256 of its stored bytes;
checkpoints name the newest, so that none can be taken away unseen.

* Chunks are named by device and runs of their numbers (`archiver.archive.runs`), which is what
  manifests give them for ever; a million of them need no more room than a thousand.
* A hold is in force from its order on until a release of its id. Nothing else ends it.
* An order says who asked and why in the words of the admin. It stands in clear in the archive:
  name no person in it but by role or matter.

The functions here are pure: they take the time and give a new order. What an order may say of
which chunk is decided in `archiver.retention`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from archiver.errors import NotSigned
from archiver.evidence import documents, note
from archiver.evidence.documents import Count, Device, Hash, Number, Subject, Tenant, Text, Time
from archiver.format.keys import NAME_PATTERN
from archiver.format.times import rfc3339
from archiver.model.record import FORMAT_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from archiver.evidence.note import Signer, VerifierKey

__all__ = [
    "MAX_BYTES",
    "Chunks",
    "Deed",
    "Erasure",
    "Expiry",
    "Hold",
    "Order",
    "Release",
    "Run",
    "decode",
    "follows",
    "in_force",
    "next_order",
    "opened",
    "sign",
]

MAX_BYTES: Final = 16 * 1024 * 1024
"""Largest order that is read. Whoever has more to say writes several."""

_WHAT: Final = "an order"

Day = Annotated[str, Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
Month = Annotated[str, Meta(pattern=r"\A[0-9]{4}-(?:0[1-9]|1[0-2])\Z")]
Class = Annotated[str, Meta(pattern=rf"\A{NAME_PATTERN}\Z")]
Name = Annotated[str, Meta(pattern=rf"\A{NAME_PATTERN}\Z")]
Run = tuple[Number, Number]
"""First and last number of chunks that follow each other."""


class Chunks(msgspec.Struct, frozen=True):
    """Chunks of one device: runs of their numbers, first and last, ascending and apart."""

    device: Device
    runs: tuple[Run, ...]

    def __post_init__(self) -> None:
        """Refuse runs that overlap or go backwards."""
        end = 0
        for first, last in self.runs:
            if not end < first <= last:
                raise ValueError("runs are not ascending")
            end = last


class Hold(msgspec.Struct, frozen=True, kw_only=True, tag="hold", tag_field="do"):
    """Nothing that matches may expire or be erased, whatever any rule says.

    ``id`` is the admin's word for it, given once. What is ``None`` matches everything; a hold
    with none of it holds the whole tenant. ``since`` and ``until`` are days (UTC, both included)
    of what was said. ``assistant`` and ``conversation`` go together; ``subject`` then is whose
    it is, because a sealed chunk does not show whose conversation it holds: all of that
    person's sealed chunks are held.
    """

    id: Name
    matter: Text
    reason: Text
    subject: Subject | None = None
    assistant: Text | None = None
    conversation: Text | None = None
    since: Day | None = None
    until: Day | None = None


class Release(msgspec.Struct, frozen=True, kw_only=True, tag="release", tag_field="do"):
    """The hold ``id`` ends. It does not come back; a new one has a new id."""

    id: Name
    reason: Text


class Expiry(msgspec.Struct, frozen=True, kw_only=True, tag="expiry", tag_field="do"):
    """The time of these chunks is over, by the policy's terms for their class.

    Each was due at the order's own time. ``count`` and ``stored_bytes`` are of all of them.
    """

    klass: Class
    days: Number
    policy: Hash | None
    chunks: tuple[Chunks, ...]
    count: Count
    stored_bytes: Count


class Erasure(msgspec.Struct, frozen=True, kw_only=True, tag="erasure", tag_field="do"):
    """What was said by one person in these months shall be readable by nobody.

    ``basis`` is the legal one, ``reason`` who asked and why. ``keys`` are the ids of the month
    keys that are destroyed, ``chunks`` those that become unreadable or are removed. ``None``
    months mean from the first, up to the last.
    """

    subject: Subject
    since: Month | None = None
    until: Month | None = None
    basis: Text
    reason: Text
    keys: tuple[Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")], ...]
    chunks: tuple[Chunks, ...]
    count: Count
    stored_bytes: Count


Deed = Hold | Release | Expiry | Erasure


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order of a tenant's chain. ``by`` is who gave it, as they name themselves."""

    v: int
    tenant: Tenant
    seq: Number
    previous: Hash | None
    created_at: Time
    by: Text
    deed: Deed

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        documents.moment(self.created_at)
        if (self.previous is None) != (self.seq == 1):
            raise ValueError("only the first order has no previous one")


def sign(order: Order, key: Signer) -> bytes:
    """Write the note that is stored."""
    return note.write(documents.encode(order, _WHAT, MAX_BYTES), key)


def decode(text: bytes) -> Order:
    """Read the text of a note whose signature is looked at elsewhere; raise `Damaged`."""
    return documents.decode(text, Order, _WHAT, MAX_BYTES)


def opened(body: bytes, admin: VerifierKey, tenant: str) -> Order:
    """Read a stored order of this tenant that this admin signed; raise `Damaged`, `NotSigned`."""
    order = decode(note.opened(body, admin))
    if order.tenant != tenant:
        raise NotSigned(
            f"an order was signed for the tenant {order.tenant}, not for {tenant}",
            advice="Put it back where it belongs, and restore this tenant's own from a replica.",
        )
    return order


def next_order(
    last: Order | None, last_sha256: str | None, deed: Deed, *, tenant: str, by: str, now: datetime
) -> Order:
    """Make the order after ``last``, whose stored bytes have this sha256; ``None`` at first."""
    return Order(
        v=FORMAT_VERSION,
        tenant=tenant,
        seq=last.seq + 1 if last else 1,
        previous=last_sha256,
        created_at=rfc3339(now),
        by=by,
        deed=deed,
    )


def follows(last: Order | None, last_sha256: str | None, this: Order) -> bool:
    """Tell whether ``this`` may stand after ``last``."""
    expected = (last.seq + 1 if last else 1, last_sha256)
    later = last is None or last.created_at <= this.created_at
    return (this.seq, this.previous) == expected and later


def in_force(orders: Iterable[Order]) -> dict[str, Hold]:
    """Give the holds that are in force after these orders, by id. The first of an id counts."""
    held: dict[str, Hold] = {}
    ended: set[str] = set()
    for order in orders:
        match order.deed:
            case Hold(id=name) as hold if name not in held and name not in ended:
                held[name] = hold
            case Release(id=name) if name in held:
                del held[name]
                ended.add(name)
            case _:
                pass
    return held
