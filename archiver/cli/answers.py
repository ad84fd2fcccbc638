"""What an archive gives back, in words and tables and as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archiver.cli.output import human_size, note, print_table, say
from archiver.cli.times import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from archiver.archive.held import ArchivedConversation
    from archiver.archive.restore import Restored, WrittenFile
    from archiver.cli.reading import Transcript
    from archiver.errors import ArchiveError

__all__ = [
    "page",
    "print_restored",
    "print_rows",
    "restored_json",
    "rows_json",
    "tell_lost",
    "transcript_json",
]


def print_rows(rows: Sequence[ArchivedConversation]) -> None:
    """Print the table of ``archiver ls``."""
    print_table(
        ("tenant", "assistant", "conversation", "first", "last", "records", "devices", "size"),
        [
            (
                row.tenant,
                row.assistant,
                row.id,
                shown(row.first_at),
                shown(row.last_at),
                str(row.records),
                str(len(row.devices)),
                human_size(row.stored_bytes),
            )
            for row in rows
        ],
    )


def _name_json(row: ArchivedConversation) -> dict[str, Any]:
    return {"tenant": row.tenant, "assistant": row.assistant, "conversation": row.id}


def rows_json(rows: Sequence[ArchivedConversation]) -> list[dict[str, Any]]:
    """Give the rows of ``archiver ls`` as values."""
    return [
        {
            **_name_json(row),
            "first_at": row.first_at,
            "last_at": row.last_at,
            "records": row.records,
            "devices": row.devices,
            "stored_bytes": row.stored_bytes,
        }
        for row in rows
    ]


def transcript_json(found: Transcript) -> dict[str, Any]:
    """Give a transcript as values."""
    return {
        **_name_json(found.conversation),
        "observed_at": found.observed_at,
        "turns": found.turns,
        "unreadable_manifests": found.unreadable,
        "not_there": [str(error) for error in found.lost],
    }


def page(found: Transcript) -> Iterator[str]:
    """Yield the lines of a transcript. What a terminal would obey is spelled out already."""
    row, seen = found.conversation, found.observed_at
    yield f"{row.assistant} {row.id} of tenant {row.tenant}"
    yield f"observed from {seen[0]} to {seen[-1]}; below are the source's own times, if it has any"
    before = None
    for turn in found.turns:
        if before != (before := (turn.device, turn.stream)):
            yield f"\n═══ {turn.stream} (device {turn.device})"
        said = (turn.at, turn.role, turn.model, ", ".join(turn.tools))
        yield f"\n─── {' · '.join(part for part in said if part)}"
        if turn.note:
            yield f"[{turn.note}]"
        if turn.text:
            yield turn.text


def tell_lost(lost: Sequence[ArchiveError]) -> None:
    """Say that chunks of a conversation are not there or closed for ever."""
    if lost:
        note(
            f"{len(lost)} of its chunks are not there or can be opened by nobody any more:"
            " expired, erased or lost. `archiver verify` tells which."
        )


def restored_json(done: Restored) -> dict[str, Any]:
    """Give what a restore did as values."""
    return {
        **_name_json(done.conversation),
        "folder": str(done.folder),
        "written": [
            {
                "path": str(one.path),
                "stream": one.file.stream,
                "device": one.file.device,
                "shape": one.file.shape,
                "bytes": len(one.file.body),
                "observed_at": one.file.observed_at,
                "deleted_at": one.file.deleted_at,
                "unfinished": one.file.unfinished,
                "unchanged": one.unchanged,
            }
            for one in done.written
        ],
        "gone": [
            {"stream": file.stream, "device": file.device, "deleted_at": file.deleted_at}
            for file in done.gone
        ],
        "unreadable_manifests": done.unreadable,
        "not_there": [str(error) for error in (*done.lost, *done.cut)],
    }


def print_restored(done: Restored) -> None:
    """Print what was written, and what was not and why."""
    for one in done.written:
        said = "; ".join(_remarks(one))
        say(f"{one.path} ({human_size(len(one.file.body))}){f': {said}' if said else ''}")
    for file in done.gone:
        when = shown(file.deleted_at or file.observed_at)
        note(f"not written: {file.stream}, which its user had deleted; seen to be gone at {when}")
    for error in done.cut:
        note(f"not written: {error}")
    tell_lost(done.lost)
    row = done.conversation
    note(f"{len(done.written)} files of {row.assistant} {row.id} lie in {done.folder}")


def _remarks(one: WrittenFile) -> Iterator[str]:
    if one.unchanged:
        yield "lay there already, the same"
    if one.file.shape == "document":
        yield "equal as JSON"
    if one.file.deleted_at:
        gone = shown(one.file.deleted_at)
        yield f"as it was before its user deleted it; seen to be gone at {gone}"
    if one.file.unfinished:
        yield "the state before the last: that one is not all shipped yet"
