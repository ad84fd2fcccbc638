"""The numbers of a policy that bound work and room: how often, how large, how old, how full.

Seconds and bytes say so in their names.
"""

# Annotations are evaluated here, because pydantic builds its validators from them.
from typing import Annotated

from pydantic import Field

from archiver.policy.fields import Section

__all__ = ["ChunkRules", "Schedule", "SpoolLimits"]

_KIB = 1024
_MIB = 1024 * _KIB
_GIB = 1024 * _MIB
_DAY = 86_400


class ChunkRules(Section):
    """When a chunk is sealed, and how hard it is packed."""

    max_bytes: Annotated[int, Field(ge=_MIB, le=8 * _MIB)] = 8 * _MIB
    """Raw size at which it is sealed, in bytes. One very long entry may exceed it, never 8 MiB."""

    max_age_seconds: Annotated[int, Field(ge=1, le=7 * _DAY)] = 3600
    """Age of its oldest record at which it is sealed, in seconds."""

    level: Annotated[int, Field(ge=1, le=19)] = 3
    """Of zstd."""


class Schedule(Section):
    """How often the daemon does what, in seconds."""

    collect_seconds: Annotated[int, Field(ge=10, le=_DAY)] = 30
    """Between two looks at the assistants' files."""

    ship_seconds: Annotated[int, Field(ge=1, le=_DAY)] = 60
    """Between two looks at what is due to be shipped."""

    housekeeping_seconds: Annotated[int, Field(ge=60, le=7 * _DAY)] = 3600
    """Between two looks at what can be tidied up."""

    quiet_seconds: Annotated[int, Field(ge=0, le=3600)] = 10
    """How long a file must have been left alone before a read of it is believed to be whole."""

    bandwidth_bytes_per_second: Annotated[int, Field(ge=_KIB)] | None = None
    """Left out: no limit."""


class SpoolLimits(Section):
    """How much of this machine's disk may be used."""

    max_bytes: Annotated[int, Field(ge=_MIB, le=1024 * _GIB)] = 4 * _GIB
    """Size of the spool at which capture stops, in bytes. What it holds is never evicted."""

    free_floor_bytes: Annotated[int, Field(ge=64 * _MIB, le=1024 * _GIB)] = 512 * _MIB
    """Free bytes of the disk below which capture stops. Room is asked for every half second, so
    a smaller floor than 64 MiB would be passed before it is seen, and the disk filled."""
