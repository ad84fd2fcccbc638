"""``archiver verify``: whether an archive is whole and unaltered, and who says so."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archiver.cli.options import examples, json_option
from archiver.cli.output import print_json
from archiver.cli.times import day, last_moment
from archiver.cli.where import Where, archive_options

if TYPE_CHECKING:
    from archiver.archive.journal import Journal
    from archiver.archive.scope import Subset
    from archiver.archive.verify import Request

__all__ = ["verify"]


def _subset(_context: click.Context, _option: click.Parameter, text: str | None) -> Subset | None:
    from archiver.archive.scope import parse_subset  # noqa: PLC0415 - --help needs none of it

    try:
        return None if text is None else parse_subset(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command(
    epilog=examples(
        "archiver verify",
        "archiver verify --read-data --archive ./copy --admin-key acme.pub",
        "archiver verify --read-data --subset 3/30 --resume done.txt",
        "archiver verify --json | jq -r '.findings[] | [.severity, .code, .object] | @tsv'",
    )
)
@archive_options
@click.option(
    "--admin-key",
    "admin_keys",
    multiple=True,
    metavar="KEY",
    help="An admin's public key, or a file that holds it; else those in the policy.",
)
@click.option("--read-data", is_flag=True, help="Take the sha256 of every stored byte as well.")
@click.option("--read-records", is_flag=True, help="Look at every record as well.")
@click.option("--subset", callback=_subset, metavar="N/T|X%|SIZE", help="Read only a part.")
@click.option("--since", callback=day, metavar="DAY", help="Only chunks of this day and later.")
@click.option("--until", callback=day, metavar="DAY", help="Only chunks up to this day.")
@click.option("--device", metavar="ID", help="Only chunks of this device.")
@click.option("--conversation", metavar="ID", help="Only chunks that hold this conversation.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Skip the chunks that this file names as read and sound, and add those that are.",
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Chunks that are read at once.")
@click.option(
    "--as-of", callback=last_moment, metavar="TIME", help="When devices should have spoken last."
)
@click.option(
    "--silence-days",
    type=click.IntRange(1, 3650),
    metavar="N",
    help="Longest silence of a device that is not reported; else the policy's, or 31.",
)
@json_option
def verify(where: Where, *, resume: Path | None, as_json: bool, **said: Any) -> int:
    """Prove that the archive is complete and undamaged, and by whom.

    Without --read-data the manifests, their signatures, the checkpoints and the listing are
    compared: what is missing, added, cut, renumbered or rewritten is found. Exits with 1 where
    something is damaged or gone, with 2 where something is incomplete or nobody vouches for it,
    with 3 where a store could not be read.
    """
    from archiver.archive.journal import Journal  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.archives import Archives  # noqa: PLC0415
    from archiver.cli.reading import verification  # noqa: PLC0415
    from archiver.cli.report import print_report  # noqa: PLC0415

    archives = Archives.of(where)
    with contextlib.ExitStack() as stack:
        journal = stack.enter_context(Journal(resume)) if resume else None
        request = _request(journal, archives.identities, **said)
        work = verification(archives, request, conversation=said["conversation"])
        report = asyncio.run(work)
    if as_json:
        not_read = [str(error) for error in archives.failures]
        print_json({**report.to_json(), "not_read": not_read})
    else:
        print_report(report)
    return archives.conclude((), report.exit_status)


def _request(journal: Journal | None, identities: tuple[str, ...], **said: Any) -> Request:
    from archiver.archive.scope import Depth, Scope  # noqa: PLC0415 - --help needs none of it
    from archiver.archive.verify import Request  # noqa: PLC0415
    from archiver.cli.reading import trust_in  # noqa: PLC0415

    depth = Depth.LISTING
    if said["read_data"] or said["subset"] or journal:
        depth = Depth.BYTES
    return Request(
        trust=trust_in(said["admin_keys"]),
        depth=Depth.RECORDS if said["read_records"] else depth,
        scope=Scope(said["since"], said["until"], said["device"]),
        subset=said["subset"],
        silence_days=said["silence_days"],
        as_of=said["as_of"],
        identities=identities,
        journal=journal,
        jobs=said["jobs"],
    )
