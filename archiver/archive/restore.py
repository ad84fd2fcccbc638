"""Writing the files of one conversation back to disk.

Promise: every chunk is compared with its manifest before it is used; every stream of the
conversation is rebuilt before the first file is written, or named as one that cannot be, because
its earlier part expired, was erased or was lost; a file that is there already and
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
from archiver.errors import ArchiveError, LogGap, NotArchived

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
    only they list is missing here. ``lost`` says which chunks are not there or can be opened by
    nobody any more, and ``cut`` why a stream could not be rebuilt without them: it expired in
    part, was erased, or was lost.
    """

    conversation: ArchivedConversation
    folder: Path
    written: tuple[WrittenFile, ...]
    gone: tuple[RestoredFile, ...]
    unreadable: tuple[str, ...]
    lost: tuple[ArchiveError, ...] = ()
    cut: tuple[LogGap, ...] = ()


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
    lost: list[ArchiveError] = []
    cut: list[LogGap] = []
    logs = await _logs(unsealer, store, conversation, progress, lost)
    rebuilt = _rebuilt(logs, conversation, at, lost, cut)
    several = len(conversation.devices) > 1
    gone = tuple(file for file in rebuilt if at is not None and file.deleted_at is not None)
    planned = [
        _plan(folder, file, several=several, force=force) for file in rebuilt if file not in gone
    ]
    for written in planned:
        _write(written)
    return Restored(
        conversation, folder, tuple(planned), gone, catalogue.unreadable, tuple(lost), tuple(cut)
    )


async def _logs(
    unsealer: Unsealer,
    store: Store,
    conversation: ArchivedConversation,
    progress: Callable[[int, int], None],
    lost: list[ArchiveError],
) -> dict[str, list[Record]]:
    logs: dict[str, list[Record]] = defaultdict(list)
    reading = read_records(
        store, conversation.chunks, conversation, unsealer=unsealer, progress=progress, lost=lost
    )
    async with aclosing(reading) as records:
        async for record in records:
            logs[key_of(record)].append(record)
    return logs


def _rebuilt(
    logs: dict[str, list[Record]],
    conversation: ArchivedConversation,
    at: str | None,
    lost: list[ArchiveError],
    cut: list[LogGap],
) -> list[RestoredFile]:
    """Replay every log that can be; raise where none can, or nothing had been observed."""
    first = min((one.observed_at for log in logs.values() for one in log), default=None)
    found: list[RestoredFile] = []
    for key in sorted(logs):
        try:
            file = replay(logs.pop(key), at)
        except LogGap as error:
            cut.append(error)
        else:
            found += [file] if file is not None else []
    if found:
        return sorted(found, key=lambda file: (file.device, file.stream))
    if cut or lost:
        raise (cut or lost)[0]
    raise NotArchived(
        f"nothing of conversation {conversation.id} had been observed at {at}",
        advice=f"The first look at it was at {first}; ask for that time or a later one.",
    )


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
