"""What the shell of delivery asks of the spool, and nothing else.

The verbs are quick and synchronous. There is no state "in flight": a parcel is pending until
its receipt is durable, so a process that dies anywhere leaves nothing to repair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archiver.delivery.parcel import Parcel, Waiting
    from archiver.model.shipment import Receipt

__all__ = ["Outbox"]


@runtime_checkable
class Outbox(Protocol):
    """The pending parcels of every tenant, and what each tenant waits for."""

    def pending(self, tenant: str, limit: int) -> Sequence[Parcel]:
        """Give the oldest parcels, at most ``limit``, without receipt or quarantine.

        Every chunk comes before the manifests that list it. What must be stored before any
        chunk (a device's enrolment, wrapped keys) is given alone, until it is stored.
        """
        ...

    def deliver(self, parcel: Parcel, receipt: Receipt) -> None:
        """Keep the receipt; it is durable when this returns. The parcel is pending no more."""
        ...

    def discard(self, parcel: Parcel) -> None:
        """Remove the sealed file of a parcel whose receipt is durable.

        A file that cannot be removed now stays for the next start, and is no error.
        """
        ...

    def quarantine(self, parcel: Parcel, reason: str) -> None:
        """Set a parcel aside, durably, for a human. Its sealed file stays."""
        ...

    def waiting(self, tenant: str) -> Waiting | None:
        """Give what the tenant waits for, also after a restart."""
        ...

    def failures(self, tenant: str) -> int:
        """Give how many rounds in a row brought the tenant nothing but refusals."""
        ...

    def set_waiting(self, tenant: str, waiting: Waiting | None, failures: int) -> None:
        """Keep both for `waiting` and `failures`."""
        ...
