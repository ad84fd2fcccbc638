"""The next step of a parcel, as frozen values.

`Deliver`, `Retry`, `Wait` and `Quarantine` end an attempt; the others ask for one look more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from archiver.delivery.parcel import Waiting
    from archiver.model.answers import Refusal
    from archiver.model.shipment import Receipt

__all__ = [
    "Compare",
    "Deliver",
    "Ending",
    "Quarantine",
    "ReadBack",
    "Rehash",
    "Retry",
    "Step",
    "Wait",
]


@dataclass(frozen=True, slots=True)
class Deliver:
    """The store has these bytes: keep the receipt, then drop the sealed file."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Compare:
    """Something is stored under the key: HEAD it, then `compare`."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """GET the object and hash it, then `compare`; ``suspect`` after a checksum that differed."""

    suspect: bool = False


@dataclass(frozen=True, slots=True)
class Rehash:
    """Other bytes arrived than were sealed: hash the sealed file, then `rehash`."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Retry:
    """This parcel again at ``waiting.until``; others of the tenant may go on."""

    waiting: Waiting


@dataclass(frozen=True, slots=True)
class Wait:
    """No parcel of this tenant before ``waiting.until``."""

    waiting: Waiting


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A human must look. The sealed file stays, the store is left as it is."""

    reason: str


Ending: TypeAlias = Deliver | Retry | Wait | Quarantine
"""The steps that end an attempt."""

Step: TypeAlias = Ending | Compare | ReadBack | Rehash
