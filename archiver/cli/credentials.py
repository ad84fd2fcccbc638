"""``archiver credentials``: a tenant's keys on this machine, what they can do, and new ones."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archiver.cli.exits import ExitCode
from archiver.cli.options import config_option, examples, json_option, yes_option
from archiver.cli.output import confirm, note, print_json, print_table, say, steps
from archiver.cli.whom import for_whom

if TYPE_CHECKING:
    from archiver.cli.issuing import Request
    from archiver.cli.keylist import Line
    from archiver.credentials.keeping import Where
    from archiver.daemon.powers import Report

__all__ = ["credentials"]

_WORDS = {"yes": "yes", "no": "no", "unknown": "?"}


@click.group(
    epilog=examples(
        "archiver credentials set acme",
        "archiver credentials test acme",
        "archiver credentials issue acme --all-devices --hours 24 --to keys.ini",
    )
)
def credentials() -> None:
    """Keep the keys of stores, try them, and issue narrow ones."""


@credentials.command(
    "set",
    epilog=examples(
        "archiver credentials set acme",
        "archiver credentials set acme < keys.ini",
        "aws sts get-session-token | archiver credentials set acme",
    ),
)
@click.argument("tenant")
@config_option
@click.option(
    "--expires-at",
    metavar="TIME",
    help="When the keys end, as 2026-01-31T09:30:00Z; left out, as the keys themselves tell.",
)
@click.option(
    "--in",
    "where",
    type=click.Choice(["keyring", "file"]),
    help="Where to keep them; left out, in the keyring where there is one.",
)
def set_(tenant: str, config: Path, expires_at: str | None, where: Where | None) -> None:
    """Keep the keys of a tenant's store on this machine, instead of earlier ones.

    Asks for them, unseen, or reads them from standard input: AWS's JSON, an INI file, or lines
    with key id, secret and session token. A running archiver takes them up by itself.
    """
    from archiver.cli.keylist import check_tenant, other_source  # noqa: PLC0415
    from archiver.cli.secretin import keys_handed_over  # noqa: PLC0415
    from archiver.credentials.keeping import keep  # noqa: PLC0415 - --help needs none of it
    from archiver.credentials.keys import expiry_of  # noqa: PLC0415

    check_tenant(tenant)
    ends = _moment(expires_at) if expires_at else None
    keys = keys_handed_over()
    now = datetime.now(UTC)
    if ends:
        keys = dataclasses.replace(keys, expires_at=ends)
    if keys.expires_at and not keys.issued_at:
        keys = dataclasses.replace(keys, issued_at=now)
    expiry = expiry_of(keys)
    place = keep(tenant, keys, where=where)
    until = f", until {expiry.at:%Y-%m-%d %H:%M} UTC" if expiry else ""
    say(f"{tenant}: keys {keys.masked} are kept in the {place}{until}.")
    if expiry and expiry.at <= now:
        note("  → They have ended already: nothing is shipped with them.")
    if other := other_source(config, tenant):
        note(f"  → {other}")


@credentials.command(
    "list", epilog=examples("archiver credentials list", "archiver credentials list --json | jq .")
)
@config_option
@json_option
def list_(config: Path, *, as_json: bool) -> int:
    """Show where each tenant's keys come from, and when they end. No secret is shown.

    Exits with 1 where some have ended, end soon, or cannot be used.
    """
    from archiver.cli.keylist import lines_of  # noqa: PLC0415 - --help needs none of it

    now = datetime.now(UTC)
    lines = lines_of(config, now)
    if as_json:
        print_json(lines)
    elif lines:
        print_table(
            ("tenant", "source", "key", "ends"),
            [(one.tenant, one.source, one.key_id or "-", _ends(one)) for one in lines],
        )
    else:
        note("No tenant has credentials here: keep some with `archiver credentials set`.")
    for one in lines:
        if one.problem and not as_json:
            note(f"{one.tenant}: {one.problem}")
    return ExitCode.ATTENTION if any(one.problem for one in lines) else ExitCode.DONE


def _ends(line: Line) -> str:
    return f"{line.expires_at:%Y-%m-%d %H:%M} UTC" if line.expires_at else "-"


@credentials.command(epilog=examples("archiver credentials remove acme"))
@click.argument("tenant")
@yes_option
def remove(tenant: str, *, yes: bool) -> int:
    """Forget the keys that are kept for a tenant on this machine.

    They stay valid at the store until they are revoked there.
    """
    from archiver.cli.keylist import check_tenant  # noqa: PLC0415 - --help needs none of it
    from archiver.credentials.keeping import forget, look  # noqa: PLC0415

    check_tenant(tenant)
    found = look(tenant)
    if found is None:
        note(f"No keys are kept for {tenant}.")
        return ExitCode.ATTENTION
    confirm(f"Forget the keys {found.key_id} of {tenant} (in the {found.where})?", yes=yes)
    forget(tenant)
    say(f"{tenant}: forgotten here. Revoke them at the store if nobody is to use them again.")
    return ExitCode.DONE


@credentials.command(
    epilog=examples("archiver credentials test acme", "archiver credentials test acme --json")
)
@click.argument("tenant")
@config_option
@json_option
def test(tenant: str, config: Path, *, as_json: bool) -> int:
    """Try what a tenant's keys can do: put new objects, and nothing else, is right for a device.

    Puts a probe of 1 KiB the way chunks go, then tries everything else on it; nothing but the
    probe is touched. Exits with 0 where the keys are just right, with 1 where they can do too
    much or too little.
    """
    from archiver.cli.keylist import bucket_tenant  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.keytest import tried  # noqa: PLC0415

    rules = bucket_tenant(config, tenant)
    with steps("trying"):
        report = asyncio.run(tried(rules, datetime.now(UTC)))
    if as_json:
        print_json({"tenant": tenant, "just_right": report.just_right, **_fields(report)})
    else:
        _tell(tenant, report)
    return ExitCode.DONE if report.just_right else ExitCode.ATTENTION


def _fields(report: Report) -> dict[str, object]:
    return {"store": report.store, "powers": report.powers, "stays": report.stays}


def _tell(tenant: str, report: Report) -> None:
    print_table(
        ("", "these keys can", "", "note"),
        [
            ("ok" if one.right else "WRONG", one.name, _WORDS[one.can], one.note)
            for one in report.powers
        ],
    )
    wrong = [one for one in report.powers if not one.right]
    if report.stays:
        note(f"The probe {report.stays} stays: these keys may not delete it, or a lock keeps it.")
    if not wrong:
        say(f"{tenant}: just right for a device at {report.store}.")
        return
    if much := [one.name for one in wrong if one.can == "yes"]:
        say(f"{tenant}: too much for a device: {', '.join(much)}.")
        note("  → `archiver credentials issue` makes narrow ones or prints the policy to attach.")
    if little := [one.name for one in wrong if one.can != "yes"]:
        say(f"{tenant}: too little, or not what the store should answer: {', '.join(little)}.")


@credentials.command(
    epilog=examples(
        "archiver credentials issue acme --device 0123456789abcdef --hours 24 --to keys.ini",
        "archiver credentials issue acme --all-devices --hours 12 --json",
    )
)
@click.argument("tenant")
@config_option
@for_whom
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write them into a new file that only you may read; left out, to standard output.",
)
@json_option
def issue(
    tenant: str,
    config: Path,
    asked: Request,
    to: Path | None,
    *,
    as_json: bool,
) -> int:
    """Make keys for a device that can put new objects of one tenant for some hours, and no more.

    Signed with the credentials of this machine's policy: on R2 with key id and secret of an API
    token, on S3 by a session of a role. Where the store can do neither, the policy document to
    attach to a user is printed, and the exit code is 1. `archiver credentials set` reads the
    output.
    """
    from archiver.cli.issuing import issue_keys, written  # noqa: PLC0415
    from archiver.cli.keylist import bucket_tenant  # noqa: PLC0415 - --help needs none of it

    rules = bucket_tenant(config, tenant)
    issued = asyncio.run(issue_keys(rules, asked, datetime.now(UTC)))
    for line in issued.limits:
        note(line)
    if issued.keys is None:
        say(issued.document)
        return ExitCode.ATTENTION
    written(issued.keys, to, json=as_json)
    return ExitCode.DONE


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            "must be a time as 2026-01-31T09:30:00Z", param_hint="--expires-at"
        ) from None
