"""``archiver hold``: what a matter needs stays, whatever any rule says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archiver.cli import orders
from archiver.cli.admin import admin_of, key_option, store_options
from archiver.cli.exits import ExitCode
from archiver.cli.options import examples, json_option, yes_option
from archiver.cli.output import human_size, print_json, print_table
from archiver.cli.times import shown

if TYPE_CHECKING:
    from archiver.cli.holdlist import Row
    from archiver.cli.where import Where

__all__ = ["hold"]


@click.group(
    epilog=examples(
        "archiver hold list",
        "archiver hold release case-4711 --tenant acme --reason closed --by Legal",
    )
)
def hold() -> None:
    """Keep what a matter needs, whatever any rule says."""


@hold.command(
    epilog=examples(
        "archiver hold add --tenant acme --id case-4711 --matter 4711 --reason 'claim of a client'"
        " --by Legal --user dev@acme.example --since 2026-01-01 --admin-key acme.key",
        "archiver hold add --tenant acme --id audit-26 --matter audit --reason 'yearly audit'"
        " --by Legal --admin-key acme.key --yes",
    )
)
@click.option("--id", "name", required=True, callback=orders.name, metavar="ID", help="Its name.")
@orders.text_option("--matter", "The matter that needs it, as counsel calls it.")
@orders.text_option("--reason", "Why; stands in the order, in clear: name no person in it.")
@orders.by_option
@click.option("--subject", callback=orders.subject, metavar="S", help="Of this person only.")
@click.option("--user", callback=orders.text, metavar="NAME", help="The same, by name or e-mail.")
@click.option(
    "--conversation",
    callback=orders.text,
    metavar="C",
    help="Of this conversation only, or the start of it.",
)
@click.option(
    "--identity",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    multiple=True,
    help="An officer's private key, to find a conversation in what is sealed.",
)
@click.option("--since", callback=orders.day, metavar="DAY", help="What was said from this day on.")
@click.option("--until", callback=orders.day, metavar="DAY", help="And up to this day.")
@click.option("--also-empty", is_flag=True, help="Also where nothing matches yet.")
@store_options
@key_option
@yes_option
@json_option
def add(where: Where, admin_key: Path, state: Path, *, as_json: bool, **said: Any) -> int:
    """Hold what matches now and what arrives later.

    Says first what it would hold, then signs the order, then holds: nothing that matches expires
    or is erased from then on. In S3 with Object Lock each chunk gets a legal hold. Of a
    conversation that is sealed, everything of that person is held from its first day on.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.holds import add_in  # noqa: PLC0415
    from archiver.cli.passphrases import identities_in  # noqa: PLC0415

    orders.one_tenant(where)
    orders.span(said["since"], said["until"])
    if said["subject"] and said["user"]:
        raise click.UsageError("--subject and --user say the same: give one of them.")
    admin, archives = admin_of(admin_key, state), Archives.of(where)
    archives.identities = identities_in(said.pop("identity"))
    done = add_in(archives, admin, said)
    if as_json:
        print_json(done)
    return archives.conclude(())


@hold.command(
    "list",
    epilog=examples("archiver hold list", "archiver hold list --all --json | jq ."),
)
@store_options
@click.option("--all", "everything", is_flag=True, help="Those that were released as well.")
@click.option("--matter", metavar="M", help="Only those of this matter.")
@click.option(
    "--admin-key",
    "admin_keys",
    multiple=True,
    metavar="KEY",
    help="An admin's public key, or a file that holds it; else those in the policy.",
)
@json_option
def list_(
    where: Where,
    admin_keys: tuple[str, ...],
    *,
    everything: bool,
    matter: str | None,
    as_json: bool,
) -> int:
    """List the holds that are in force, and what they cover now."""
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.holdlist import listed  # noqa: PLC0415

    archives = Archives.of(where)
    rows = listed(archives, admin_keys, everything=everything)
    rows = [row for row in rows if matter in (None, row.matter)]
    if as_json:
        print_json(rows)
    else:
        columns = ("tenant", "id", "matter", "of", "ordered", "by", "state", "chunks", "stored")
        print_table(columns, [_cells(row) for row in rows])
    return archives.conclude(())


@hold.command(
    epilog=examples(
        "archiver hold release case-4711 --tenant acme --reason closed --by Legal"
        " --admin-key acme.key",
        "archiver hold release --matter 4711 --tenant acme --reason closed --by Legal",
    )
)
@click.argument("name", metavar="[ID]", required=False, callback=orders.name)
@click.option("--matter", metavar="M", help="Every hold in force of this matter, instead of one.")
@orders.text_option("--reason", "Why; stands in the order, in clear.")
@orders.by_option
@store_options
@key_option
@yes_option
@json_option
def release(where: Where, admin_key: Path, state: Path, *, as_json: bool, **said: Any) -> int:
    """End a hold, or all of a matter, and let go of what no other holds.

    What its retention has long ended then expires with the next `archiver retention apply`. A
    hold that was released does not come back.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.holds import release_in  # noqa: PLC0415

    orders.one_tenant(where)
    if (said["name"] is None) == (said["matter"] is None):
        raise click.UsageError("Say which hold: its ID, or --matter for all of a matter.")
    admin, archives = admin_of(admin_key, state), Archives.of(where)
    done = release_in(archives, admin, said)
    if as_json:
        print_json(done)
    return archives.conclude(())


@hold.command(epilog=examples("archiver hold apply --admin-key acme.key"))
@store_options
@key_option
@json_option
def apply(where: Where, admin_key: Path, state: Path, *, as_json: bool) -> int:
    """Hold what arrived since, and let go of what no hold in force covers.

    Run it daily, after `archiver checkpoint`. It signs nothing, may be broken off at any point
    and repeated at any time. `archiver retention apply` does it too.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.holds import apply_in  # noqa: PLC0415

    admin, archives = admin_of(admin_key, state), Archives.of(where)
    done = apply_in(archives, admin)
    if as_json:
        print_json([{"tenant": tenant, **vars_of} for tenant, vars_of in done])
    return archives.conclude((), ExitCode.DONE)


def _cells(row: Row) -> tuple[str, ...]:
    state = "in force" if row.released_at is None else f"released {shown(row.released_at)}"
    known = row.released_at is None
    return (
        row.tenant,
        row.id,
        row.matter,
        row.of,
        shown(row.ordered_at),
        row.by,
        state,
        str(row.chunks) if known else "",
        human_size(row.stored_bytes) if known else "",
    )
