"""What the reading commands ask of the archives, apart from how it is printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive.fetch import read_records
from archiver.archive.findings import Report
from archiver.archive.parts import key_of
from archiver.archive.transcript import Turn, turns
from archiver.archive.verify import verify
from archiver.cli.archives import bars
from archiver.errors import NotArchived

if TYPE_CHECKING:
    from archiver.archive.catalogue import Catalogue
    from archiver.archive.held import ArchivedConversation
    from archiver.cli.archives import Archives, Part
    from archiver.model.record import Record
    from archiver.stores.protocol import Store

__all__ = ["Transcript", "transcript", "verification"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation to read. ``observed_at`` holds each time at which it was looked at."""

    conversation: ArchivedConversation
    observed_at: tuple[str, ...]
    turns: tuple[Turn, ...]
    unreadable: tuple[str, ...]


async def transcript(archives: Archives, text: str, at: str | None) -> Transcript:
    """Read the one conversation that ``text`` names, as far as it was observed by ``at``."""

    async def work(store: Store, catalogue: Catalogue, row: ArchivedConversation) -> Transcript:
        with bars("chunks") as tell:
            records = [one async for one in read_records(store, row.chunks, row, progress=tell)]
        seen = sorted({record.observed_at for record in records})
        known = records if at is None else _known_at(records, at)
        if not known:
            raise NotArchived(
                f"nothing of conversation {row.id} had been observed at {at}",
                advice=f"It was observed from {seen[0]} to {seen[-1]}."
                if seen
                else "Its chunks hold nothing of it: run `archiver verify --read-data`.",
            )
        times = tuple(time for time in seen if at is None or time <= at)
        return Transcript(row, times, tuple(turns(known)), catalogue.unreadable)

    return await archives.with_conversation(text, work)


def _known_at(records: list[Record], at: str) -> list[Record]:
    """Give what each log held at a time; order is the log's, as clocks can be set back."""
    ends: dict[str, int] = {}
    for record in records:
        if record.observed_at <= at:
            key = key_of(record)
            ends[key] = max(record.position, ends.get(key, -1))
    return [record for record in records if record.position <= ends.get(key_of(record), -1)]


async def verification(archives: Archives, *, read_data: bool) -> Report:
    """Verify everything that is meant, as one report."""

    async def work(part: Part) -> Report:
        return await verify(
            part.store, part.prefix, part.tenants, read_data=read_data, progress=tell
        )

    with bars("objects") as tell:
        reports = await archives.each(work)
    if not reports:
        raise NotArchived(
            "no tenant of the policy is enabled or has anything in its store",
            advice="Enable a tenant, or name a folder with --archive.",
        )
    return Report(
        tenants=tuple(tenant for one in reports for tenant in one.tenants),
        read_data=read_data,
        manifests=sum(one.manifests for one in reports),
        chunks=sum(one.chunks for one in reports),
        stored_bytes=sum(one.stored_bytes for one in reports),
        records=sum(one.records for one in reports),
        findings=tuple(finding for one in reports for finding in one.findings),
    )
