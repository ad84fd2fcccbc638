"""How large an object may be, by its kind, before it is asked for.

Whoever may write to a bucket can put any number of bytes under any name. A listing tells how
many; what is larger than archiver would write is refused or left out, and never read.
"""

from __future__ import annotations

from typing import Final

from archiver.evidence import enrolment, note, orders, stamp, statement
from archiver.format.keys import Series

__all__ = ["ENROLMENT", "SERIES"]

_SIGNATURES: Final = 64 * 1024
"""What signatures add to a text, in bytes."""

ENROLMENT: Final = enrolment.MAX_BYTES + _SIGNATURES

SERIES: Final = {
    Series.REGISTRY: note.MAX_NOTE_BYTES,
    Series.CHECKPOINTS: statement.MAX_BYTES + _SIGNATURES,
    Series.ORDERS: orders.MAX_BYTES + _SIGNATURES,
    Series.TIMESTAMPS: stamp.MAX_BYTES,
}
"""Bytes of an object of a series; roll-ups are read as a statement says."""
