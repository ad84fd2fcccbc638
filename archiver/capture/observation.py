"""One look at one file: what is known before its first byte is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from archiver.assistants.protocol import Facts, Source
from archiver.capture import settle
from archiver.capture.settle import Patience
from archiver.format.lines import Origin
from archiver.spool.values import Glance, Mark, StreamState

if TYPE_CHECKING:
    from archiver.capture.owner import Owner

__all__ = ["Observation", "Unsettled", "no_marks", "origin_of"]


class Unsettled(Exception):
    """What the file holds now is not believed yet."""


def no_marks() -> tuple[Mark, ...]:
    """Give the marks of a stream of which nothing was captured."""
    return ()


class Observation(msgspec.Struct, frozen=True):
    """Everything that one look needs besides the file itself."""

    source: Source
    origin: Origin
    state: StreamState
    glance: Glance
    patience: Patience
    observed_at: str
    now_ns: int
    quiet_ns: int
    describe: Callable[[str, bytes], Facts]
    marks: Callable[[], Iterable[Mark]]

    def believed(self) -> bool:
        """Tell whether something may be taken back."""
        return settle.settled(
            self.glance, self.patience, now_ns=self.now_ns, quiet_ns=self.quiet_ns
        )

    def facts(self, entry: bytes) -> Facts:
        """Ask the adapter; whatever it raises, capture goes on without metadata."""
        try:
            return self.describe(self.source.stream, entry)
        except Exception:  # noqa: BLE001 - metadata must never stop capture
            return Facts()


def origin_of(state: StreamState, owner: Owner, *, device: str, shape: str) -> Origin:
    """Give what all records of a look at a stream share."""
    assert owner.tenant is not None  # noqa: S101 - nobody's files are not looked at
    return Origin(
        tenant=state.tenant,
        klass=owner.klass,
        user=owner.user,
        subject=owner.subject,
        device=device,
        assistant=state.assistant,
        conversation=state.conversation,
        stream=state.stream,
        shape=shape,
        cwd=owner.cwd,
        git_remote=owner.git_remote,
    )
