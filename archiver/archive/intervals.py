"""Whether a device spoke as often as it should, and whether its clock went forward. Pure."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from archiver.archive.findings import Code, Finding
from archiver.format.times import parse_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["judge_times"]

_JITTER = timedelta(minutes=5)
"""Clocks that are set by the network go back a little now and then."""


def judge_times(
    device: str, manifests: Sequence[tuple[str, str]], *, silence_days: float, as_of: str | None
) -> Iterator[Finding]:
    """Look at the keys and times of a device's manifests, in the order of their numbers.

    ``as_of`` is the time up to which the device should have spoken; ``None`` does not ask. A
    machine that is off says nothing, so ``silence_days`` is the tenant's to choose.
    """
    longest = timedelta(days=silence_days)
    times = [(key, parse_rfc3339(at)) for key, at in manifests]
    for (_, before), (key, at) in pairwise(times):
        if at < before - _JITTER:
            meaning = f"it was made {_long(before - at)} before the manifest that it follows"
            yield Finding(Code.CLOCK_BACKWARDS, key, meaning)
        elif at - before > longest:
            meaning = f"the device had said nothing for {_long(at - before)}"
            yield Finding(Code.SILENCE, key, meaning)
    if times and as_of is not None:
        silent = parse_rfc3339(as_of) - max(at for _, at in times)
        if silent > longest:
            meaning = f"it has said nothing for {_long(silent)}"
            yield Finding(Code.SILENCE, device, meaning)


def _long(span: timedelta) -> str:
    if span >= timedelta(days=2):
        return f"{span.days} days"
    return f"{span.total_seconds() / 3600:.1f} hours"
