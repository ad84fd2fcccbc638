"""Finding conversations and their owners; nothing is read for capture here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from archiver.capture.door import glance
from archiver.capture.owner import Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from archiver.assistants.protocol import Assistant, Conversation, Places, Tree
    from archiver.capture.owner import Owners
    from archiver.spool.values import Glance

__all__ = ["Finder", "Sighting"]


class Sighting(msgspec.Struct, frozen=True):
    """A conversation that was found, and what becomes of it. ``size`` in bytes."""

    assistant: str
    conversation: str
    files: int
    size: int
    owner: Owner


class Finder:
    """Finds conversations for one policy.

    ``places`` is asked again for every assistant, because some keep their files where
    conversations of others were held.
    """

    def __init__(
        self,
        assistants: Sequence[Assistant],
        tree: Tree,
        owners: Owners,
        places: Callable[[Sequence[Path]], Places],
    ) -> None:
        self._assistants = assistants
        self._tree = tree
        self._owners = owners
        self._places = places

    def conversations(self) -> Iterator[tuple[Assistant, Conversation]]:
        """Yield every conversation on the machine, as its adapter finds it."""
        for assistant in self._assistants:
            places = self._places(self._owners.working_directories())
            for conversation in assistant.conversations(places, self._tree):
                yield assistant, conversation

    def owner(
        self, assistant: Assistant, conversation: Conversation, look: Glance, now: datetime
    ) -> Owner:
        """Tell whose a conversation is; ``look`` is the look of its main file."""
        return self._owners.of(assistant, conversation, self._tree, look, now)

    def survey(self, now: datetime) -> Iterator[Sighting]:
        """Yield every conversation that has a file, with its owner."""
        for assistant, conversation in self.conversations():
            looks = [look for source in conversation.sources if (look := _look(source.path))]
            if looks:
                owner = self.owner(assistant, conversation, looks[0], now)
                size = sum(look.size for look in looks)
                yield Sighting(assistant.name, conversation.id, len(looks), size, owner)


def _look(path: Path) -> Glance | None:
    try:
        return glance(path)
    except OSError:
        return None
