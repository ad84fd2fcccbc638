"""What the admin's side asks of a store besides the five verbs: locks, holds, and real deletion.

Devices never use it. Promise of every implementation, checked by one contract suite:

* ``destroy`` leaves no version of the object and no delete marker, or it raises; an object that
  a lock or a hold protects is refused with `Answer.LOCKED`, and nothing of it is lost;
* ``hold`` takes effect before it returns, and lasts until it is taken off again;
* where ``can_lock`` is false the store knows neither holds nor markers: ``hold`` and ``reveal``
  do nothing, because the signed order is the authority and every deed of archiver asks that;
* ``kept`` tells what the store itself says, never what archiver remembers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from archiver.model.answers import Answer
from archiver.stores.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from archiver.model.shipment import Retain
    from archiver.stores.protocol import Store

__all__ = ["Custody", "Kept", "custody_of"]


@dataclass(frozen=True, slots=True)
class Kept:
    """How a store keeps one object.

    ``size`` in bytes and ``sha256`` (hex, or empty where it knows none) are of the current
    version. ``hidden`` says that a delete marker lies above it, so that readers see nothing.
    ``retain`` is the lock, ``held`` whether a legal hold is on it.
    """

    key: str
    size: int
    sha256: str
    retain: Retain | None = None
    held: bool = False
    hidden: bool = False


@runtime_checkable
class Custody(Protocol):
    """A store, opened, in the hands of an admin."""

    can_lock: bool
    """Whether the store keeps locks and holds by itself, object by object."""

    async def kept(self, key: str) -> Kept | None:
        """Tell how the newest version is kept; ``None`` where there is none."""
        ...

    async def hold(self, key: str, *, on: bool) -> None:
        """Put a legal hold on every version of an object, or take it off.

        NOT_FOUND where there is none; CONFIGURATION where the bucket was made without locks.
        """
        ...

    async def reveal(self, key: str) -> None:
        """Take delete markers away that lie above the newest version; none is no error."""
        ...

    async def destroy(self, key: str) -> None:
        """Remove every version and marker of an object; nothing there is no error."""
        ...

    def remains(self, prefix: str) -> AsyncIterator[str]:
        """Yield each key that starts with ``prefix`` and of which any version or marker is left.

        In no order, each once; also those that readers do not see.
        """
        ...


def custody_of(store: Store) -> Custody:
    """Give a store, opened, as the admin sees it; every store of archiver can do it."""
    if not isinstance(store, Custody):
        raise refuse(
            Answer.CONFIGURATION,
            f"{store.name} can neither keep nor destroy",
            code="NoCustody",
            advice="Use a store of kind s3, r2 or folder.",
        )
    return store
