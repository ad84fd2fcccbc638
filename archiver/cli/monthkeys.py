"""``archiver keys list`` and ``rewrap``: the month keys in the vault, for officers."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archiver.cli.exits import ExitCode
from archiver.cli.options import examples, json_option
from archiver.cli.output import note, print_json, print_table, progress, say
from archiver.cli.where import Where, archive_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from archiver.cli.archives import Part
    from archiver.cli.vault import HeldKey, Rewrapped
    from archiver.vault.months import KeyName

__all__ = ["list_", "month_option", "rewrap", "subject_option", "wanted_by"]


def _month(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
        raise click.BadParameter("a month is YYYY-MM")
    return text


subject_option = click.option("--subject", metavar="ID", help="Only this person's keys.")
month_option = click.option("--month", callback=_month, metavar="YYYY-MM", help="Only this month.")


def wanted_by(subject: str | None, month: str | None) -> Callable[[KeyName], bool]:
    """Give what tells whether a key is of that person and month; ``None`` is any."""
    return lambda name: subject in (None, name.subject) and month in (None, name.month)


@click.command(
    "list",
    epilog=examples(
        "archiver keys list",
        "archiver keys list --identity officer.key --month 2026-01",
        "archiver keys list --json | jq -r '.keys[] | select(.current | not).key_id'",
    ),
)
@archive_options
@subject_option
@month_option
@json_option
def list_(where: Where, subject: str | None, month: str | None, *, as_json: bool) -> int:
    """List the month keys in the vault, and for which officers each is wrapped.

    With --identity each is tried. An officers id stands for a set of officers; a policy's own
    set is marked with a star.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.vault import held_keys, try_all  # noqa: PLC0415

    archives = Archives.of(where)

    async def work(part: Part) -> list[tuple[HeldKey, str | None]]:
        held = await held_keys(part, wanted_by(subject, month))
        if archives.identities:
            with progress("keys", len(held)) as tell:
                tries = try_all(part.store, held, archives.identities, tell)
                held = [one async for one in tries]
        return [(one, _policys(part)) for one in held]

    found = [row for rows in asyncio.run(archives.each(work)) for row in rows]
    damaged = [key for one, _ in found for key in one.damaged]
    if as_json:
        keys = [_key_json(one, current) for one, current in found]
        print_json(
            {"keys": keys, "damaged": damaged, "not_read": list(map(str, archives.failures))}
        )
    else:
        _print_keys(found)
    for key in damaged:
        note(f"This wrap is not what its name says: {key}")
    return archives.conclude((), ExitCode.ATTENTION if damaged else ExitCode.DONE)


def _policys(part: Part) -> str | None:
    """Give the id of the officers in the policy; ``None`` where there are none."""
    from archiver.vault.age import check_recipients  # noqa: PLC0415 - --help needs none of it
    from archiver.vault.months import officers_id  # noqa: PLC0415

    officers = part.rules.sealing.officers if part.rules else ()
    return officers_id(check_recipients(officers)) if officers else None


def _key_json(held: HeldKey, current: str | None) -> dict[str, Any]:
    name = held.name
    return {
        "tenant": name.tenant,
        "subject": name.subject,
        "month": name.month,
        "device": name.device,
        "key_id": name.key_id,
        "officers": [one.officers for one in held.wraps],
        "wraps": [str(one) for one in held.wraps],
        "current": None if current is None else held.is_for(current),
        "access": held.access,
    }


def _print_keys(found: list[tuple[HeldKey, str | None]]) -> None:
    if not found:
        say("The vault has no month key that fits.")
        return
    print_table(
        ("tenant", "subject", "month", "device", "key", "wraps", "officers", "access"),
        [
            (
                one.name.tenant,
                one.name.subject,
                one.name.month,
                one.name.device,
                one.name.key_id,
                str(len(one.wraps)),
                " ".join(
                    f"{wrap.officers}{'*' if wrap.officers == current else ''}"
                    for wrap in one.wraps
                ),
                one.access,
            )
            for one, current in found
        ],
    )
    left = sum(current is not None and not one.is_for(current) for one, current in found)
    if left:
        note(f"{left} keys are not wrapped for the officers that the policy lists now.")
        note("  → One who can open them adds that: archiver keys rewrap --identity FILE")


@click.command(
    epilog=examples(
        "archiver keys rewrap --identity officer.key",
        "archiver keys rewrap --identity officer.key --officers-file officers.txt --archive ./copy",
    )
)
@archive_options
@click.option(
    "--officers-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Their recipients, one in a line, instead of the policy's.",
)
@subject_option
@month_option
@json_option
def rewrap(
    where: Where,
    officers_file: Path | None,
    subject: str | None,
    month: str | None,
    *,
    as_json: bool,
) -> int:
    """Wrap the month keys to the officers of today, beside the wraps that are there.

    For an officer who joined or left: devices use new keys by themselves, this is for the old
    ones. Needs an officer who can open them and may write to the store. Nothing is deleted: who
    left keeps access to old months until the old wraps are destroyed. May be repeated.
    """
    from archiver.cli.admin import text_of  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.archives import Archives  # noqa: PLC0415
    from archiver.cli.vault import Rewrapped, held_keys, rewrap_all  # noqa: PLC0415
    from archiver.vault.officers import parse_recipients  # noqa: PLC0415

    if not where.identities:
        raise click.UsageError("Only who can open a key can wrap it anew: give --identity FILE.")
    given = parse_recipients(text_of(officers_file)) if officers_file else None
    archives = Archives.of(where)

    async def work(part: Part) -> Rewrapped:
        officers = given or _officers_of(part)
        held = await held_keys(part, wanted_by(subject, month))
        with progress("keys", len(held)) as tell:
            return await rewrap_all(part.store, held, archives.identities, officers, tell)

    total = Rewrapped.none()
    for one in asyncio.run(archives.each(work)):
        total.add(one)
    if as_json:
        print_json({**asdict(total), "not_read": list(map(str, archives.failures))})
    else:
        _tell_rewrapped(total)
    incomplete = total.closed or total.damaged
    return archives.conclude((), ExitCode.ATTENTION if incomplete else ExitCode.DONE)


def _officers_of(part: Part) -> tuple[str, ...]:
    from archiver.errors import UnusableKey  # noqa: PLC0415 - --help needs none of it
    from archiver.vault.age import check_recipients  # noqa: PLC0415

    officers = part.rules.sealing.officers if part.rules else ()
    if not officers:
        raise UnusableKey(
            f"no policy lists officers for {', '.join(part.tenants)}",
            advice="Give their recipients with --officers-file FILE.",
        )
    return check_recipients(officers)


def _tell_rewrapped(done: Rewrapped) -> None:
    say(f"{len(done.added)} keys wrapped anew, {len(done.had)} were wrapped for them already.")
    for name in done.closed:
        note(f"not for this officer: key {name.key_id} (subject {name.subject}, {name.month})")
    for key in done.damaged:
        note(f"This wrap is not what its name says: {key}")
    if done.before:
        note(f"{len(done.before)} wraps for other officers stay. Who is in them keeps access until")
        note("they are destroyed, every version and copy; --json lists them.")
