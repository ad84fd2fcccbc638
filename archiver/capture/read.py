"""Reading one file, whatever its shape: one look becomes steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archiver.assistants.protocol import Shape
from archiver.capture import bytestream, document, settle
from archiver.capture.door import open_plain
from archiver.capture.observation import Observation, Unsettled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.capture.step import Step

__all__ = ["read"]


def read(look: Observation) -> Iterator[Step]:
    """Open the file and yield the steps of a look.

    Raises `Unsettled` where nothing (more) may be believed yet, `OSError` where the system
    refuses; the steps before it stand.
    """
    with open_plain(look.source.path) as file:
        if look.source.shape is not Shape.DOCUMENT:
            yield from bytestream.observe(file, look)
            return
        try:
            yield from document.observe(file, look)
        except document.NotADocument:
            if not settle.rubbish_settled(
                look.glance, look.patience, now_ns=look.now_ns, quiet_ns=look.quiet_ns
            ):
                raise Unsettled from None
            yield from bytestream.observe(file, _as_text(look))


def _as_text(look: Observation) -> Observation:
    """Look at a document that is none: what it holds is archived as it is."""
    return msgspec.structs.replace(
        look,
        source=msgspec.structs.replace(look.source, shape=Shape.TEXT, boundary=None),
        origin=msgspec.structs.replace(look.origin, shape=str(Shape.TEXT)),
    )
