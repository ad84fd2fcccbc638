"""Who reads the files of a pass: the collector alone, or others beside it.

Only reading may be given away: a look goes out, its steps come back. Finding files, knowing
their owners, the order of things and every write stay with the collector, so what a reader
does not give back was not captured, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from archiver.capture.observation import Observation
    from archiver.capture.step import Step

__all__ = ["Alone", "Answer", "Readers", "Reading"]

Place = tuple[str, str, str, str]


class Reading(NamedTuple):
    """What a reader found: steps, and what ended them before their time, if anything did."""

    steps: Sequence[Step]
    error: Exception | None = None

    def replay(self) -> Iterator[Step]:
        """Yield and raise what the reader did."""
        yield from self.steps
        if self.error is not None:
            raise self.error


class Answer(NamedTuple):
    """A look that was given away, and what came of it; ``None``: read it yourself."""

    look: Observation
    reading: Reading | None


class Readers(Protocol):
    """Reads files beside the collector, which asks from one thread only.

    Every look that was given comes back once, from `ready` or `rest`, unless `close` came
    first. Nothing raises.
    """

    def takes(self, look: Observation) -> bool:
        """Tell whether this look may be given away."""
        ...

    def give(self, look: Observation) -> None:
        """Give a look away."""
        ...

    def holds(self, place: Place) -> bool:
        """Tell whether a look at this stream is still out."""
        ...

    def ready(self) -> Iterator[Answer]:
        """Yield what is done; wait only where too much is out."""
        ...

    def rest(self) -> Iterator[Answer]:
        """Yield everything that is still out, as it gets done."""
        ...

    def close(self) -> None:
        """Forget what is still out, at the end of a pass."""
        ...


class Alone:
    """Nobody else reads."""

    def takes(self, look: Observation) -> bool:  # noqa: ARG002 - the protocol's
        """Take nothing."""
        return False

    def give(self, look: Observation) -> None:
        """Refuse: nothing was taken."""
        raise NotImplementedError

    def holds(self, place: Place) -> bool:  # noqa: ARG002 - the protocol's
        """Hold nothing."""
        return False

    def ready(self) -> Iterator[Answer]:
        """Give nothing."""
        return iter(())

    def rest(self) -> Iterator[Answer]:
        """Give nothing."""
        return iter(())

    def close(self) -> None:
        """Do nothing."""
