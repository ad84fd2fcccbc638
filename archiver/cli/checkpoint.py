"""``archiver checkpoint``: fix what an archive holds, so that nobody can change it unseen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archiver.cli.admin import admin_of, key_option, store_options
from archiver.cli.exits import ExitCode
from archiver.cli.options import examples, json_option
from archiver.cli.output import note, print_json, print_table, say
from archiver.cli.times import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archiver.cli.archives import Archives
    from archiver.cli.checkpoints import Row
    from archiver.cli.where import Where
    from archiver.witness.checkpoint import Outcome

__all__ = ["checkpoint"]

_TOLD = 20


@click.command(
    epilog=examples(
        "archiver checkpoint --admin-key acme.key",
        "archiver checkpoint --admin-key acme.key --copy-to /mnt/other/checkpoints",
        "archiver checkpoint --show",
        "archiver checkpoint --admin-key acme.key --json | jq '.[].size'",
    )
)
@store_options
@key_option(required=False)
@click.option("--force", is_flag=True, help="Sign also where nothing is new since the last day.")
@click.option(
    "--another-history",
    is_flag=True,
    help="Sign although this key signed other checkpoints of this tenant elsewhere.",
)
@click.option(
    "--copy-to",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep the checkpoints in this folder too, where nobody can change both.",
)
@click.option(
    "--timestamp",
    "url",
    metavar="URL",
    help="Have an RFC 3161 authority there timestamp it (needs the extra `anchor`).",
)
@click.option(
    "--timestamp-ca",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="The authority's root certificate, PEM. Nothing is stored that it does not verify.",
)
@click.option("--show", is_flag=True, help="Sign nothing; list the checkpoints that are there.")
@json_option
def checkpoint(
    where: Where, admin_key: Path | None, state: Path, *, show: bool, as_json: bool, **said: Any
) -> int:
    """Sign for everything that the archive holds now.

    Run it daily, from cron or a timer. It covers the manifests that are new, if a device signed
    them whose key an admin approved. Without news it signs once a day. Nothing is signed where
    the store holds less, or other, than what was signed before. Exits with 1 where something is
    forged or forked, with 2 where something waits for approval or is missing, with 3 where
    nothing could be signed.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.checkpoints import listed, signed  # noqa: PLC0415

    if said["url"] and not said["timestamp_ca"]:
        raise click.UsageError("--timestamp needs --timestamp-ca: an answer is checked.")
    archives = Archives.of(where)
    if show:
        rows = listed(archives, admin_key, said["timestamp_ca"])
        return _show(archives, rows, as_json=as_json)
    if admin_key is None:
        raise click.UsageError("Missing option '--admin-key'.")
    outcomes = signed(archives, admin_of(admin_key, state), **said)
    if as_json:
        print_json([_json(tenant, one) for tenant, one in outcomes])
    else:
        for tenant, one in outcomes:
            _tell(tenant, one)
    statuses = {one.exit_status for _, one in outcomes}
    return archives.conclude((), 1 if 1 in statuses else max(statuses, default=0))


def _show(archives: Archives, rows: Sequence[Row], *, as_json: bool) -> int:
    if as_json:
        print_json(rows)
    else:
        cells = [
            (
                row.tenant,
                str(row.seq),
                shown(row.created_at),
                str(row.size),
                row.root,
                row.timestamp,
            )
            for row in rows
        ]
        print_table(("tenant", "number", "made", "manifests", "root", "timestamped"), cells)
    wrong = any(row.timestamp_wrong for row in rows)
    return archives.conclude((), ExitCode.ATTENTION if wrong else ExitCode.DONE)


def _json(tenant: str, one: Outcome) -> dict[str, Any]:
    this = one.statement
    return {
        "tenant": tenant,
        "signed": one.signed,
        "seq": this.seq,
        "size": this.size,
        "root": this.root,
        "created_at": this.created_at,
        "key": str(one.key),
        "added": one.added,
        "believed": one.believed,
        "checkpoint": this.checkpoint,
        "left_out": [
            {"reason": str(left.reason), "object": left.object, "meaning": left.meaning}
            for left in one.left_out
        ],
        "exit_status": one.exit_status,
    }


def _tell(tenant: str, one: Outcome) -> None:
    this = one.statement
    if one.believed:
        note(
            f"{tenant}: {one.believed} checkpoints were there that this machine did not know;"
            " they are sound, and were taken as they are."
        )
    if one.signed:
        say(
            f"{tenant}: checkpoint {this.seq} covers {this.size} manifests, {one.added} of them"
            f" new. Root {this.root}"
        )
    else:
        say(f"{tenant}: nothing is new since checkpoint {this.seq} of {this.created_at}.")
    for left in one.left_out[:_TOLD]:
        note(f"{tenant}: not covered ({left.reason}): {left.object}: {left.meaning}")
    if (more := len(one.left_out) - _TOLD) and more > 0:
        note(f"{tenant}: and {more} more; --json lists them all.")
