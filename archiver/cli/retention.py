"""``archiver retention``: what is due, when, and that it goes; nothing else ever does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from archiver.cli import orders
from archiver.cli.admin import admin_of, key_option, store_options
from archiver.cli.options import examples, json_option, yes_option
from archiver.cli.output import print_json
from archiver.cli.times import last_moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from archiver.cli.where import Where

__all__ = ["retention"]


@click.group(
    epilog=examples(
        "archiver retention plan",
        "archiver retention apply --admin-key acme.key --yes",
    )
)
def retention() -> None:
    """Show what is due to expire, let it expire, and report on it.

    Days count from when a chunk was shipped, by the manifest that lists it and by the checkpoints;
    never from what a transcript says. The terms are those of the policy (--config), also for an
    --archive.
    """


def _keys_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--admin-key",
        "admin_keys",
        multiple=True,
        metavar="KEY",
        help="An admin's public key, or a file that holds it; else those in the policy.",
    )(command)


@retention.command(
    epilog=examples(
        "archiver retention plan",
        "archiver retention plan --tenant acme --as-of 2027-12-31",
        "archiver retention plan --json | jq '.[].groups'",
    )
)
@store_options
@click.option(
    "--as-of",
    callback=last_moment,
    metavar="DATE",
    help="What would be due at the end of that day, instead of now.",
)
@_keys_option
@json_option
def plan(where: Where, as_of: str | None, admin_keys: tuple[str, ...], *, as_json: bool) -> int:
    """Show what would expire, when, and what stays, and why.

    Reads the manifests that checkpoints cover, and changes nothing.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.retentionrules import Rules  # noqa: PLC0415
    from archiver.cli.retentions import planned  # noqa: PLC0415
    from archiver.cli.retentiontables import plan_json, show_plan  # noqa: PLC0415

    rules, archives = Rules.of(where), Archives.of(where)
    plans = planned(archives, rules, admin_keys, as_of)
    if as_json:
        print_json([plan_json(tenant, this) for tenant, this, _ in plans])
    else:
        show_plan([(tenant, this) for tenant, this, _ in plans])
    return archives.conclude(())


@retention.command(
    epilog=examples(
        "archiver retention apply --admin-key acme.key",
        "archiver retention apply --admin-key acme.key --by 'records office' --yes",
        "archiver retention apply --admin-key acme.key --record-only --yes",
    )
)
@store_options
@key_option
@click.option(
    "--by",
    callback=orders.text,
    metavar="NAME",
    show_default="the name of the admin's key",
    help="Who orders it; stands in the order, in clear.",
)
@click.option(
    "--record-only", is_flag=True, help="Sign the orders; leave it to the store's lifecycle to act."
)
@click.option(
    "--accept-shortened",
    is_flag=True,
    help="Also what is due only because the policy was shortened since it was shipped.",
)
@yes_option
@json_option
def apply(where: Where, admin_key: Path, state: Path, *, as_json: bool, **said: Any) -> int:
    """Let expire what is due: signed first, then removed, all versions.

    Completes first what an earlier run left undone. Looks at each chunk that is due: what is
    locked, held or altered stays, and is told. Says counts and asks. At last it does what
    `archiver hold apply` does. Run it daily, after `archiver checkpoint`. Exits with 1 where
    something stays that somebody must look at, with 2 where something waits.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.retentionrules import Rules  # noqa: PLC0415
    from archiver.cli.retentions import apply_in  # noqa: PLC0415

    rules, admin, archives = Rules.of(where), admin_of(admin_key, state), Archives.of(where)
    done = apply_in(archives, rules, admin, said)
    if as_json:
        print_json(done)
    statuses = {one.exit_status for one in done}
    return archives.conclude((), 1 if 1 in statuses else max(statuses, default=0))


@retention.command(
    epilog=examples(
        "archiver retention report",
        "archiver retention report --tenant acme --json > acme-retention.json",
    )
)
@store_options
@_keys_option
@json_option
def report(where: Where, admin_keys: tuple[str, ...], *, as_json: bool) -> int:
    """Report on terms, what is there, what went by which order, and what is held.

    For an auditor: all of it is signed, and `archiver verify` proves it.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.retentionrules import Rules  # noqa: PLC0415
    from archiver.cli.retentions import reported  # noqa: PLC0415
    from archiver.cli.retentiontables import show_report  # noqa: PLC0415

    rules, archives = Rules.of(where), Archives.of(where)
    reports = reported(archives, rules, admin_keys)
    if as_json:
        print_json(reports)
    else:
        show_report(reports)
    return archives.conclude(())
