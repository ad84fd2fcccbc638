"""When what was seen of a file may be believed. Pure.

Appends are believed at once: they only add. Everything that would take something back (a
file that shrank, a prefix that changed, a document that does not parse) is believed once
the file has settled, because assistants rewrite files in place and a look can fall between
the truncation and the write. Nothing is lost by waiting: what was captured stays captured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from archiver.spool.values import Glance

__all__ = [
    "DELETED_AFTER_LOOKS",
    "Patience",
    "idle_ns",
    "rubbish_settled",
    "settled",
    "tail_settled",
]

DELETED_AFTER_LOOKS: Final = 3
"""A file is called deleted when this many looks in a row did not find it: renaming a
replacement into place leaves a moment without the name."""

_SAME_LOOKS: Final = 3
_RUBBISH_FACTOR: Final = 6
_AT_LAST_FACTOR: Final = 30
_TAIL_FACTOR: Final = 60


class Patience(msgspec.Struct, frozen=True, gc=False):
    """How long a file has been waited for.

    ``same_looks`` looks in a row gave the same glance; the first look that was not believed
    was ``waited_ns`` ago.
    """

    same_looks: int = 1
    waited_ns: int = 0


def idle_ns(glance: Glance, now_ns: int) -> int:
    """Tell how long nobody wrote to the file; negative where its times lie in the future."""
    return now_ns - max(glance.modified, glance.changed)


def settled(glance: Glance, patience: Patience, *, now_ns: int, quiet_ns: int) -> bool:
    """Tell whether a shrunken or changed file may be believed.

    A time in the future (a clock that was set back) says nothing, so repeated equal looks
    decide. A file that never rests is believed at last.
    """
    idle = idle_ns(glance, now_ns)
    if idle < 0:
        return patience.same_looks >= _SAME_LOOKS or quiet_ns == 0
    return idle >= quiet_ns or patience.waited_ns >= _AT_LAST_FACTOR * quiet_ns


def tail_settled(glance: Glance, patience: Patience, *, now_ns: int, quiet_ns: int) -> bool:
    """Tell whether the end of a file is its end, though no newline says so.

    Where the file's times lie in the future, the time counts that it has been waited for.
    """
    idle = idle_ns(glance, now_ns)
    return (patience.waited_ns if idle < 0 else idle) >= _TAIL_FACTOR * quiet_ns


def rubbish_settled(glance: Glance, patience: Patience, *, now_ns: int, quiet_ns: int) -> bool:
    """Tell whether a document that does not parse is not just being written."""
    return settled(glance, patience, now_ns=now_ns, quiet_ns=_RUBBISH_FACTOR * quiet_ns)
