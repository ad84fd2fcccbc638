"""The commands that read an archive back: ``ls``, ``show``, ``restore``, ``verify``.

They need no spool and take no lock, so they work beside a running daemon and on a machine
that never ran one.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archiver.cli.answers import (
    page,
    print_restored,
    print_rows,
    restored_json,
    rows_json,
    tell_lost,
    transcript_json,
)
from archiver.cli.exits import ExitCode
from archiver.cli.options import examples, json_option
from archiver.cli.output import print_json, say, visible
from archiver.cli.times import first_moment, last_moment
from archiver.cli.where import Where, archive_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archiver.errors import ArchiveError

__all__ = ["ls", "restore", "show"]

_at_option = click.option(
    "--at",
    callback=last_moment,
    metavar="TIME",
    help="As archiver had observed it at this time. A day alone means its end, in UTC.",
)


@click.command(
    epilog=examples(
        "archiver ls",
        "archiver ls --assistant claude-code --since 2026-01-01 --until 2026-01-31",
        "archiver ls --archive ./copy --json | jq -r '.conversations[].conversation'",
    )
)
@archive_options
@click.option("--assistant", metavar="NAME", help="Only this assistant's.")
@click.option(
    "--since", callback=first_moment, metavar="TIME", help="Only what goes on at or after this."
)
@click.option("--until", callback=last_moment, metavar="TIME", help="Only what began by this time.")
@json_option
def ls(
    where: Where, assistant: str | None, since: str | None, until: str | None, *, as_json: bool
) -> int:
    """List the conversations in the archive.

    Reads manifests only. Times are those of the oldest and the newest record, to the
    precision of the chunks that hold them.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it

    archives = Archives.of(where)
    catalogue = asyncio.run(archives.catalogue())
    rows = [
        row
        for row in catalogue.rows
        if assistant in (None, row.assistant)
        and (since is None or row.last_at >= since)
        and (until is None or row.first_at <= until)
    ]
    if as_json:
        print_json(
            {
                "conversations": rows_json(rows),
                "unreadable_manifests": catalogue.unreadable,
                "not_read": [str(error) for error in archives.failures],
            }
        )
    elif rows:
        print_rows(rows)
    else:
        say("No conversation fits." if catalogue.rows else "The archive has no conversation yet.")
    archives.tell_closed(catalogue)
    return archives.conclude(catalogue.unreadable)


@click.command(
    epilog=examples(
        "archiver show 5b0c2f9e    # the beginning of an id is enough",
        "archiver show 5b0c2f9e --at '2026-01-31 09:30'",
        "archiver show 5b0c2f9e --json | jq -r '.turns[] | select(.role==\"user\").text'",
    )
)
@click.argument("conversation")
@archive_options
@_at_option
@json_option
def show(conversation: str, where: Where, at: str | None, *, as_json: bool) -> int:
    """Print one conversation.

    CONVERSATION is an id as `archiver ls` shows it, or its beginning. Edits and deletions
    stand where they happened. At a terminal it is shown by your pager ($PAGER).
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.reading import transcript  # noqa: PLC0415

    archives = Archives.of(where)
    found = asyncio.run(transcript(archives, conversation, at))
    if as_json:
        print_json(transcript_json(found))
    elif sys.stdout.isatty():
        click.echo_via_pager(f"{visible(line)}\n" for line in page(found))
    else:
        for line in page(found):
            say(line)
    tell_lost(found.lost)
    return archives.conclude(found.unreadable, _code(found.lost))


@click.command(
    epilog=examples(
        "archiver restore 5b0c2f9e --to case-4711",
        "archiver restore 5b0c2f9e --at 2026-01-31 --to case-4711-before-the-edit",
    )
)
@click.argument("conversation")
@archive_options
@_at_option
@click.option(
    "--to",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    required=True,
    help="Write below this folder; it is made.",
)
@click.option("--force", is_flag=True, help="Replace files that are there and differ.")
@json_option
def restore(
    conversation: str, where: Where, at: str | None, to: Path, *, force: bool, as_json: bool
) -> int:
    """Give back the files of one conversation, byte for byte.

    CONVERSATION is an id as `archiver ls` shows it, or its beginning. JSON documents come
    back equal as JSON. A file whose earlier part expired or was erased is named and not
    written, and the exit code is 2.
    """
    from archiver.archive.restore import restore as write  # noqa: PLC0415 - --help needs none
    from archiver.cli.archives import Archives, bars  # noqa: PLC0415

    archives = Archives.of(where)
    with bars("chunks") as tell:
        done = asyncio.run(
            archives.with_conversation(
                conversation,
                lambda store, catalogue, row: write(
                    store,
                    catalogue,
                    row,
                    identities=archives.identities,
                    to=to,
                    at=at,
                    force=force,
                    progress=tell,
                ),
            )
        )
    if as_json:
        print_json(restored_json(done))
    else:
        print_restored(done)
    return archives.conclude(done.unreadable, _code((*done.lost, *done.cut)))


def _code(missing: Sequence[ArchiveError]) -> ExitCode:
    return ExitCode.INCOMPLETE if missing else ExitCode.DONE
