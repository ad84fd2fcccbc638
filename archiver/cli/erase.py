"""``archiver erase``: the right to erasure, for one person of one tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from archiver.cli import orders
from archiver.cli.admin import admin_of, key_option, store_options
from archiver.cli.exits import ExitCode
from archiver.cli.options import examples, json_option, yes_option
from archiver.cli.output import print_json

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.cli.where import Where

__all__ = ["erase"]


@click.command(
    epilog=examples(
        "archiver erase --tenant acme --user dev@acme.example --basis 'GDPR Art. 17(1)(b)'"
        " --reason 'request 26-017' --by DPO --admin-key acme.key",
        "archiver erase 0f1e2d3c4b5a69788796a5b4c3d2e1f0 --tenant acme --since 2026-01"
        " --until 2026-03 --basis 'GDPR Art. 17(1)(a)' --reason 'request 26-018' --by DPO"
        " --admin-key acme.key",
        "archiver erase --continue --tenant acme --admin-key acme.key",
    )
)
@click.argument("subject", required=False, callback=orders.subject)
@click.option("--user", callback=orders.text, metavar="NAME", help="SUBJECT, by name or e-mail.")
@click.option("--since", callback=orders.month, metavar="YYYY-MM", help="From this month on.")
@click.option("--until", callback=orders.month, metavar="YYYY-MM", help="Up to this month.")
@click.option("--basis", callback=orders.text, metavar="TEXT", help="The legal basis.")
@click.option(
    "--reason",
    callback=orders.text,
    metavar="TEXT",
    help="Who asked and why; stands in the order, in clear: name no person in it.",
)
@click.option("--by", callback=orders.text, metavar="NAME", help="Who orders it.")
@click.option(
    "--continue", "resume", is_flag=True, help="Complete what was ordered, order nothing."
)
@store_options
@key_option
@yes_option
@json_option
def erase(where: Where, admin_key: Path, state: Path, *, as_json: bool, **said: Any) -> int:
    """Make one person's months unreadable, for everybody.

    SUBJECT is the pseudonym in the keys. Destroys the keys of these months, all versions, and
    removes the chunks where no lock keeps them; what stays is noise. Refused whole under a hold
    or a compliance lock, or where no checkpoint covers something. Says first what it means, and
    signs the order before anything is done. Completes first what an earlier run left undone.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.erasures import erase_in, resume_in  # noqa: PLC0415

    orders.one_tenant(where)
    orders.span(said["since"], said["until"])
    resume = said.pop("resume")
    _check(resume, said)
    admin, archives = admin_of(admin_key, state), Archives.of(where)
    done = resume_in(archives, admin) if resume else erase_in(archives, admin, said)
    if as_json:
        print_json(done)
    whole = all(one.complete for one in done)
    return archives.conclude((), ExitCode.DONE if whole else ExitCode.ATTENTION)


def _check(resume: bool, said: dict[str, Any]) -> None:  # noqa: FBT001 - a flag of click's
    given = [name for name in ("subject", "user", "since", "until") if said[name]]
    if resume and given:
        raise click.UsageError("--continue completes every erasure of the tenant: name nobody.")
    if resume:
        return
    if bool(said["subject"]) == bool(said["user"]):
        raise click.UsageError("Name whom to erase: SUBJECT, or --user NAME.")
    for name in ("basis", "reason", "by"):
        if said[name] is None:
            raise click.UsageError(f"Missing option '--{name}': it stands in the order.")
