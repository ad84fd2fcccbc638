"""``archiver checkpoint``: fix what an archive holds, so that nobody can change it unseen."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archiver.cli.admin import admin_of, key_option, store_options
from archiver.cli.options import examples, json_option
from archiver.cli.output import note, print_json, say
from archiver.errors import ArchiverError

if TYPE_CHECKING:
    from archiver.cli.admin import Admin
    from archiver.cli.archives import Archives, Part
    from archiver.cli.where import Where
    from archiver.witness.checkpoint import Outcome

__all__ = ["checkpoint"]

_TOLD = 20


@click.command(
    epilog=examples(
        "archiver checkpoint --admin-key acme.key",
        "archiver checkpoint --admin-key acme.key --copy-to /mnt/other/checkpoints",
        "archiver checkpoint --admin-key acme.key --json | jq '.[].size'",
    )
)
@store_options
@key_option
@click.option("--force", is_flag=True, help="Sign also where nothing is new since the last day.")
@click.option(
    "--copy-to",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep the checkpoints in this folder too, where nobody can change both.",
)
@json_option
def checkpoint(
    where: Where, admin_key: Path, state: Path, *, force: bool, copy_to: Path | None, as_json: bool
) -> int:
    """Sign for everything that the archive holds now.

    Run it daily, from cron or a timer. It covers the manifests that are new, if a device signed
    them whose key an admin approved. Without news it signs once a day. Nothing is signed where
    the store holds less, or other, than what was signed before. Exits with 1 where something is
    forged or forked, with 2 where something waits for approval or is missing, with 3 where
    nothing could be signed.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.durable import files, lock  # noqa: PLC0415

    admin = admin_of(admin_key, state)
    archives = Archives.of(where)
    files.make_private_folder(admin.memory)
    with lock.hold(admin.memory):
        outcomes = asyncio.run(_all(archives, admin, force=force, copy_to=copy_to))
    if as_json:
        print_json([_json(tenant, one) for tenant, one in outcomes])
    else:
        for tenant, one in outcomes:
            _tell(tenant, one)
    statuses = {one.exit_status for _, one in outcomes}
    return archives.conclude((), 1 if 1 in statuses else max(statuses, default=0))


async def _all(
    archives: Archives, admin: Admin, *, force: bool, copy_to: Path | None
) -> list[tuple[str, Outcome]]:
    from archiver.cli.archives import bars  # noqa: PLC0415 - --help needs none of it
    from archiver.stores.opening import open_store  # noqa: PLC0415
    from archiver.stores.settings import FolderSettings  # noqa: PLC0415
    from archiver.witness.checkpoint import checkpoint as run  # noqa: PLC0415
    from archiver.witness.place import Place  # noqa: PLC0415

    async def work(part: Part) -> list[tuple[str, Outcome]]:
        done = []
        async with contextlib.AsyncExitStack() as stack:
            copy = None
            if copy_to:
                copy = await stack.enter_async_context(open_store(FolderSettings(copy_to)))
            for tenant in part.tenants:
                second = Place(copy, "", tenant) if copy else None
                now = datetime.now(UTC)
                try:
                    desk = admin.desk(part, tenant)
                    with bars("devices") as tell:
                        one = await run(desk, now, force=force, copy=second, progress=tell)
                except ArchiverError as error:
                    archives.failures.append(error)  # the other tenants must not wait for it
                else:
                    done.append((tenant, one))
        return done

    return [one for found in await archives.each(work) for one in found]


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
