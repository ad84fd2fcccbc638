"""``archiver keys export``: single months in clear, for somebody who shall read them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from archiver.cli.exits import ExitCode
from archiver.cli.monthkeys import month_option, subject_option, wanted_by
from archiver.cli.options import examples, yes_option
from archiver.cli.output import confirm, note
from archiver.cli.where import Where, archive_options

__all__ = ["export"]


@click.command(
    epilog=examples(
        "archiver keys export --identity officer.key --conversation 5b0c2f9e --to case-4711.key",
        "archiver keys export --identity officer.key --subject 0f1e2d3c4b5a69788796a5b4c3d2e1f0"
        " --month 2026-01 --to case-4711.key",
    )
)
@archive_options
@subject_option
@month_option
@click.option("--conversation", metavar="ID", help="Only keys of months that hold some of it.")
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    required=True,
    help="The identity file to write; never over another.",
)
@yes_option
def export(
    where: Where,
    subject: str | None,
    month: str | None,
    conversation: str | None,
    to: Path,
    *,
    yes: bool,
) -> int:
    """Write month keys in clear, for somebody who shall read these months and nothing else.

    The file serves `age -d -i` and archiver's own --identity. A key opens all that one device
    sealed for one person in one month, other conversations too; whoever has the file can read
    it for ever, also after an erasure.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.exporting import (  # noqa: PLC0415
        check_new,
        keys_to_export,
        opened_of,
        write_identities,
    )

    if not where.identities:
        raise click.UsageError("Only who can open a key can export it: give --identity FILE.")
    if not (subject or month or conversation):
        raise click.UsageError("Say which: --subject, --month or --conversation.")
    check_new(to)
    archives = Archives.of(where)
    held = asyncio.run(keys_to_export(archives, wanted_by(subject, month), conversation))
    opened = opened_of(held)
    people, months = len({one.name.subject for one in opened}), {one.name.month for one in opened}
    confirm(
        f"Whoever has {to} can read all that {people} persons said in {', '.join(sorted(months))}"
        f" ({len(opened)} keys), for ever, also after an erasure. Write it?",
        yes=yes,
    )
    write_identities(to, opened)
    note(f"{len(opened)} keys lie in {to}. Hand it over safely; remove it when it is done with.")
    if closed := len(held) - len(opened):
        note(f"{closed} keys that were asked for cannot be opened with this identity.")
    return archives.conclude((), ExitCode.ATTENTION if closed else ExitCode.DONE)
