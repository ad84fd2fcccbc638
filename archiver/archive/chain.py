"""The manifests of one device, in the order of their numbers: whether they are one chain. Pure.

1. They are numbered from 1 without a gap; each names the sha256 of the one before, the first
   names none.
2. Where one is missing or not believed, its successor's word about it is not judged: one
   damage, one finding.
3. The collector's counts never fall, and what is listed was captured before.
4. Between two manifests the clock goes forward, and not further than the tenant's window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from archiver.archive.findings import Code, Finding
from archiver.archive.intervals import JITTER, spoken
from archiver.evidence.documents import moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from archiver.archive.admission import Admitted
    from archiver.model.shipment import RecordCounts

__all__ = ["Chain", "numbers"]


class _Link(NamedTuple):
    seq: int
    sha256: str
    believed: bool


class Chain:
    """Takes in one device's manifests in the order of their keys, and keeps few of them.

    ``folder`` names them all in findings. ``broken`` says that something of the chain is
    missing, not believed or contradicts itself, ``forked`` that there are two of it. ``newest``
    is the highest number seen, ``last_at`` the time of the last one if that is believed,
    ``counts`` what the last one that is believed said.
    """

    def __init__(self, folder: str, *, silence: timedelta) -> None:
        self._folder = folder
        self._silence = silence
        self._waiting: list[Admitted] = []
        self._before: list[_Link] = []
        self.forked = False
        self._listed = 0
        self._miscounted = False
        self.broken = False
        self.newest = 0
        self.last_at: datetime | None = None
        self.counts: RecordCounts | None = None

    def add(self, one: Admitted) -> Iterator[Finding]:
        """Take in the next; yield what is wrong with those before it."""
        if self._waiting and self._waiting[0].key.seq != one.key.seq:
            yield from self._judge()
        self._waiting.append(one)

    def close(self) -> Iterator[Finding]:
        """Yield what is wrong with the last ones."""
        if self._waiting:
            yield from self._judge()

    def _judge(self) -> Iterator[Finding]:
        """Judge the manifests of one number, of which there should be one."""
        same, self._waiting = self._waiting, []
        seq = same[0].key.seq
        believed = [one for one in same if one.manifest is not None]
        gap = seq != self.newest + 1
        if gap or not believed:
            self.broken, self.last_at = True, None
        if gap:
            meaning = f"{numbers(self.newest + 1, seq - 1)} not there"
            yield Finding(Code.MANIFEST_MISSING, self._folder, meaning)
        if len(believed) > 1 and not self.forked:
            self.forked = True
            meaning = f"{len(believed) - 1} more have the same number"
            yield Finding(Code.MANIFEST_FORK, str(believed[0].key), meaning)
        elif len(believed) == 1 and not gap and not self._follows(believed[0]):
            self.broken = True
            meaning = "it does not name the manifest before it"
            yield Finding(Code.MANIFEST_CHAIN, str(believed[0].key), meaning)
        for one in believed:
            yield from self._judge_words(one)
        self._before = [_Link(seq, one.sha256, one.manifest is not None) for one in same]
        self.newest = seq

    def _follows(self, one: Admitted) -> bool:
        assert one.manifest is not None  # noqa: S101 - only what is believed is asked about
        if not self._before:
            return one.manifest.previous is None
        known = [link.sha256 for link in self._before if link.believed]
        return not known or one.manifest.previous in known

    def _judge_words(self, one: Admitted) -> Iterator[Finding]:
        """Judge what a manifest says of its time and of the collector's counts."""
        manifest = one.manifest
        assert manifest is not None  # noqa: S101 - only what is believed is asked about
        at = moment(manifest.created_at)
        if self.last_at is not None:
            if self.last_at - at > JITTER:
                meaning = f"it was made {spoken(self.last_at - at)} before the one that it follows"
                yield Finding(Code.CLOCK_BACKWARDS, str(one.key), meaning)
            elif at - self.last_at > self._silence:
                meaning = f"the device had said nothing for {spoken(at - self.last_at)}"
                yield Finding(Code.SILENCE, str(one.key), meaning)
        self.last_at = at
        before, self.counts = self.counts, manifest.records
        own = f"/{one.key.device}-"
        self._listed += sum(entry.records for entry in manifest.chunks if own in entry.key)
        if not self.forked and not self._miscounted:
            yield from self._judge_counts(one, before, manifest.records)

    def _judge_counts(
        self, one: Admitted, before: RecordCounts | None, now: RecordCounts
    ) -> Iterator[Finding]:
        kept = now.captured - now.dropped
        if self._listed > kept:
            meaning = f"it says that {kept} records were captured, and {self._listed} are listed"
        elif before and (now.captured < before.captured or now.dropped < before.dropped):
            meaning = "it counts fewer records than the manifest before it"
        else:
            return
        self._miscounted = True
        yield Finding(Code.COUNT_WRONG, str(one.key), meaning)


def numbers(first: int, last: int) -> str:
    """Name numbers in a sentence that goes on with what is the matter with them.

    >>> numbers(3, 5)
    'numbers 3 to 5 are'
    """
    return f"number {first} is" if first == last else f"numbers {first} to {last} are"
