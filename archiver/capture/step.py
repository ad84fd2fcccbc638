"""What one look at a file asks the spool to remember: a step is committed whole."""

from __future__ import annotations

import msgspec

from archiver.spool.values import Batch, StreamState

__all__ = ["Step"]


class Step(msgspec.Struct, frozen=True):
    """Records and the capture state that they lead to, for one transaction.

    ``keep`` first entries' marks stay (``None``: all); ``marks`` are those of the new ones,
    ``first`` and on, packed by `Mark.pack`.
    A state without ``glance`` says that the file holds more than is believed yet.
    """

    state: StreamState
    batches: tuple[Batch, ...]
    marks: bytes = b""
    first: int = 0
    keep: int | None = None
