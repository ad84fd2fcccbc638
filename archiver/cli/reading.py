"""What the reading commands ask of the archives, apart from how it is printed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from archiver.archive.fetch import read_records
from archiver.archive.findings import Code, Finding, Report, combined
from archiver.archive.parts import key_of
from archiver.archive.signers import Trust
from archiver.archive.transcript import Turn, turns
from archiver.archive.unseal import Unsealer
from archiver.archive.verify import Request, verify
from archiver.cli.admin import public_key, text_of
from archiver.cli.archives import bars
from archiver.errors import NotArchived, UnusableKey
from archiver.evidence.verifier import VerifierKey
from archiver.format.times import rfc3339

if TYPE_CHECKING:
    from archiver.archive.catalogue import Catalogue
    from archiver.archive.held import ArchivedConversation
    from archiver.cli.archives import Archives, Part
    from archiver.errors import ArchiveError
    from archiver.model.record import Record
    from archiver.stores.protocol import Store

__all__ = ["Transcript", "transcript", "trust_in", "verification"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation to read. ``observed_at`` holds each time at which it was looked at.

    ``lost`` says which of its chunks are not there, or can be opened by nobody any more.
    """

    conversation: ArchivedConversation
    observed_at: tuple[str, ...]
    turns: tuple[Turn, ...]
    unreadable: tuple[str, ...]
    lost: tuple[ArchiveError, ...] = ()


async def transcript(archives: Archives, text: str, at: str | None) -> Transcript:
    """Read the one conversation that ``text`` names, as far as it was observed by ``at``."""

    async def work(store: Store, catalogue: Catalogue, row: ArchivedConversation) -> Transcript:
        lost: list[ArchiveError] = []
        with bars("chunks") as tell:
            unsealer = Unsealer(store, archives.identities)
            reading = read_records(
                store, row.chunks, row, unsealer=unsealer, progress=tell, lost=lost
            )
            records = [one async for one in reading]
        if lost and not records:
            raise lost[0]
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
        return Transcript(row, times, tuple(turns(known)), catalogue.unreadable, tuple(lost))

    return await archives.with_conversation(text, work)


def _known_at(records: list[Record], at: str) -> list[Record]:
    """Give what each log held at a time; order is the log's, as clocks can be set back."""
    ends: dict[str, int] = {}
    for record in records:
        if record.observed_at <= at:
            key = key_of(record)
            ends[key] = max(record.position, ends.get(key, -1))
    return [record for record in records if record.position <= ends.get(key_of(record), -1)]


async def verification(archives: Archives, request: Request, *, conversation: str | None) -> Report:
    """Verify everything that is meant, as one report.

    Whom to believe is in the request, or else in each tenant's policy. Where it is in neither,
    that is a finding: a signature of a stranger proves nothing.
    """
    chunks = await _chunks_of(archives, conversation) if conversation else None

    async def work(part: Part) -> Report:
        asked = _for(part, request)
        if chunks is not None:
            asked = replace(asked, scope=replace(asked.scope, chunks=chunks))
        report = await verify(part.store, part.prefix, part.tenants, asked, progress=tell)
        if asked.trust is not None or not report.manifests:
            return report
        meaning = (
            "no admin's public key was given (--admin-key, or evidence.admin_keys in the"
            " policy): nobody vouches for the devices that signed"
        )
        unknown = Finding(Code.REGISTRY_MISSING, part.prefix or part.store.name, meaning)
        return replace(report, findings=(*report.findings, unknown))

    with bars("objects") as tell:
        reports = await archives.each(work)
    if not reports:
        raise NotArchived(
            "no tenant of the policy is enabled or has anything in its store",
            advice="Enable a tenant, or name a folder with --archive.",
        )
    return combined(reports)


def trust_in(keys: tuple[str, ...]) -> Trust | None:
    """Read admins' public keys, each a text or the name of a file that holds one."""
    found = []
    for text in keys:
        path = Path(text)
        try:
            is_file = path.is_file()  # first: a folder's name may hold a plus, too
        except (OSError, ValueError):  # no name that a file can have
            is_file = False
        if "+" not in text and not is_file:
            raise UnusableKey(
                f"{text} is neither a public key nor a file",
                advice="Give name+id+key as `archiver keys generate admin` prints it.",
            )
        found.append(public_key(text_of(path) if is_file else text, text))
    return Trust(tuple(found)) if found else None


def _for(part: Part, request: Request) -> Request:
    """Fill in what the tenant's policy says and the command line does not."""
    if part.rules is None:
        return request
    evidence = part.rules.evidence
    trust = request.trust
    if trust is None and evidence.admin_keys:
        trust = Trust(tuple(VerifierKey.parse(text) for text in evidence.admin_keys))
    # A store that is in use must speak up to now; a copy, up to its newest checkpoint.
    as_of = request.as_of or rfc3339(datetime.now(UTC))
    silence = request.silence_days or evidence.silence_days
    pause = evidence.checkpoint_days
    return replace(request, trust=trust, silence_days=silence, pause_days=pause, as_of=as_of)


async def _chunks_of(archives: Archives, conversation: str) -> frozenset[str]:
    catalogue = await archives.catalogue()
    return frozenset(chunk.key for chunk in archives.find(catalogue, conversation).chunks)
