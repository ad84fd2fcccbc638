"""Writing the files of one conversation back to disk.

Promise: every chunk is compared with its manifest before it is used; every stream of the
conversation is rebuilt before the first file is written; a file that is there already and
differs is not touched unless ``force`` is set. What is written survives a power cut.

Limit: one conversation is held in memory while it is rebuilt.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.archive.fetch import no_progress, read_records
from archiver.archive.parts import key_of
from archiver.archive.replay import replay
from archiver.archive.unseal import Unsealer
from archiver.assistants.names import file_parts
from archiver.durable import files
from archiver.errors import ArchiveError, NotArchived

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from archiver.archive.catalogue import Catalogue
    from archiver.archive.held import ArchivedConversation
    from archiver.archive.replay import RestoredFile
    from archiver.model.record import Record
    from archiver.stores.protocol import Store

__all__ = ["Restored", "WrittenFile", "restore"]


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One stream and where it lies now; ``unchanged`` where the same bytes lay there."""

    path: Path
    file: RestoredFile
    unchanged: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    ``gone`` are streams that had been deleted by the time that was asked for, and are
    therefore not written. Without a time, deleted files are written as they last were;
    their ``deleted_at`` says so. ``unreadable`` names manifests that could not be read: what
    only they list is missing here.
    """

    conversation: ArchivedConversation
    folder: Path
    written: tuple[WrittenFile, ...]
    gone: tuple[RestoredFile, ...]
    unreadable: tuple[str, ...]


async def restore(
    store: Store,
    catalogue: Catalogue,
    conversation: ArchivedConversation,
    *,
    to: Path,
    at: str | None = None,
    force: bool = False,
    identities: Sequence[str] = (),
    progress: Callable[[int, int], None] = no_progress,
) -> Restored:
    """Write the files to ``to/<assistant>/<conversation>/[<device>/]<stream>``.

    ``identities`` open what is sealed. ``at`` is RFC 3339, UTC, with milliseconds;
    ``progress`` is called with the chunks read and their number. Raises `NotArchived` where
    nothing had been observed at that time, `Damaged` where the archive is not whole,
    `ArchiveError` where a file is in the way.
    """
    folder = to.joinpath(*file_parts(conversation.assistant), *file_parts(conversation.id))
    unsealer = Unsealer(store, identities)
    rebuilt = await _rebuild(unsealer, store, conversation, at, progress)
    several = len(conversation.devices) > 1
    gone = tuple(file for file in rebuilt if at is not None and file.deleted_at is not None)
    planned = [
        _plan(folder, file, several=several, force=force) for file in rebuilt if file not in gone
    ]
    for written in planned:
        _write(written)
    return Restored(conversation, folder, tuple(planned), gone, catalogue.unreadable)


async def _rebuild(
    unsealer: Unsealer,
    store: Store,
    conversation: ArchivedConversation,
    at: str | None,
    progress: Callable[[int, int], None],
) -> list[RestoredFile]:
    logs: dict[str, list[Record]] = defaultdict(list)
    chunks = conversation.chunks
    reading = read_records(store, chunks, conversation, unsealer=unsealer, progress=progress)
    async with aclosing(reading) as records:
        async for record in records:
            logs[key_of(record)].append(record)
    first = min((one.observed_at for log in logs.values() for one in log), default=None)
    rebuilt = [replay(logs.pop(key), at) for key in sorted(logs)]
    found = [file for file in rebuilt if file is not None]
    if not found:
        raise NotArchived(
            f"nothing of conversation {conversation.id} had been observed at {at}",
            advice=f"The first look at it was at {first}; ask for that time or a later one.",
        )
    return sorted(found, key=lambda file: (file.device, file.stream))


def _plan(folder: Path, file: RestoredFile, *, several: bool, force: bool) -> WrittenFile:
    base = folder.joinpath(*file_parts(file.device)) if several else folder
    path = base.joinpath(*file_parts(file.stream))
    try:
        there = path.read_bytes()
    except FileNotFoundError:
        return WrittenFile(path, file, unchanged=False)
    except OSError as error:
        raise _in_the_way(path) from error
    if there != file.body and not force:
        raise ArchiveError(
            f"{path} is there already and differs",
            advice="Restore into an empty folder, or replace what is there with --force.",
        )
    return WrittenFile(path, file, unchanged=there == file.body)


def _write(written: WrittenFile) -> None:
    if written.unchanged:
        return
    try:
        files.make_private_folder(written.path.parent)
        files.replace(written.path, written.file.body)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise _in_the_way(written.path) from error


def _in_the_way(path: Path) -> ArchiveError:
    return ArchiveError(
        f"{path} cannot be written: something else is in the way",
        advice="Restore into an empty folder that you may write to.",
    )
