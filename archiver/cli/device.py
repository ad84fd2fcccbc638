"""``archiver device``: which machines count as whose, on the device's side and on the admin's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from archiver.cli.admin import admin_of, key_option, store_options
from archiver.cli.exits import ExitCode
from archiver.cli.options import config_option, examples, json_option, state_option, yes_option
from archiver.cli.output import note, print_json, print_table, say
from archiver.cli.times import first_moment, shown

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.cli.devices import Listing
    from archiver.cli.where import Where
    from archiver.witness.devices import Device

__all__ = ["device"]

_MAX_REASON: Final = 1000


def _reason(_context: click.Context, _option: click.Parameter, text: str) -> str:
    if len(text) > _MAX_REASON:
        raise click.BadParameter(f"has {len(text)} characters; a registry holds {_MAX_REASON:,}")
    return text


@click.group(epilog=examples("archiver device list", "archiver device approve --all"))
def device() -> None:
    """Let devices ask to be known, and approve or revoke their keys."""


@device.command(epilog=examples("archiver device key", "archiver device key --json | jq ."))
@state_option
@json_option
def key(state: Path, *, as_json: bool) -> None:
    """Show the public key of this machine, for an admin to compare."""
    from archiver.cli.devices import own_keys  # noqa: PLC0415 - --help needs none of it
    from archiver.witness.devices import fingerprint  # noqa: PLC0415

    found = own_keys(state)
    if as_json:
        print_json([{"key": str(one), "fingerprint": fingerprint(one)} for one in found])
        return
    for one in found:
        say(f"{one.name.partition('/')[2]}  {fingerprint(one)}")
        say(str(one))
    if not found:
        note(f"No key was made yet in {state}: that is done at the first start.")


@device.command(epilog=examples("archiver device enrol", "archiver device enrol --tenant acme"))
@config_option
@state_option
@click.option("--tenant", metavar="ID", help="Only to this tenant, instead of all.")
def enrol(config: Path, state: Path, tenant: str | None) -> int:
    """Publish the public key of this machine again, and ship it.

    The daemon does so once by itself, with its first manifest. Exits with 1 where the key could
    not be shipped yet; it then goes with the next shipment.
    """
    from archiver.cli.devices import enrol_here  # noqa: PLC0415 - --help needs none of it
    from archiver.witness.devices import fingerprint  # noqa: PLC0415

    public, shipped = enrol_here(config, state, tenant)
    for name, waiting in shipped.items():
        note(f"{name}: not shipped yet: {waiting}" if waiting else f"{name}: published.")
    say(f"{public.name.partition('/')[2]}  {fingerprint(public)}")
    say(str(public))
    return ExitCode.ATTENTION if any(shipped.values()) else ExitCode.DONE


@device.command(
    "list",
    epilog=examples(
        "archiver device list",
        "archiver device list --json | jq -r '.[] | select(.state == \"waiting\") | .device'",
    ),
)
@store_options
@click.option(
    "--admin-key",
    "admin_keys",
    multiple=True,
    metavar="KEY",
    help="An admin's public key, or a file that holds it; else those in the policy.",
)
@json_option
def list_(where: Where, admin_keys: tuple[str, ...], *, as_json: bool) -> int:
    """List the devices that published a key, and what the registry says of each.

    Anybody who may write to the store can publish a key for any device: compare the fingerprint
    with what `archiver device key` shows on that machine.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.devices import listings  # noqa: PLC0415

    archives = Archives.of(where)
    found = listings(archives, admin_keys)
    if as_json:
        print_json([_json(one, row) for one in found for row in one.rows])
    else:
        rows = [_cells(one, row) for one in found for row in one.rows]
        print_table(("tenant", "device", "state", "since", "subject", "fingerprint", ""), rows)
    for one in found:
        if not one.trusted:
            note(f"{one.tenant}: no admin's public key is known, so no approval is believed.")
        for unsound in one.unsound:
            note(f"{one.tenant}: not signed by the key that it publishes: {unsound}")
    return archives.conclude(())


@device.command(
    epilog=examples(
        "archiver device approve 00c0ffee00c0ffee --admin-key acme.key",
        "archiver device approve --all --admin-key acme.key --yes",
    )
)
@click.argument("devices", nargs=-1, metavar="[DEVICE]...")
@click.option("--all", "everyone", is_flag=True, help="Every device that waits with one key.")
@click.option("--key", "which", metavar="FINGERPRINT", help="Which of the keys of one device.")
@click.option(
    "--valid-from",
    callback=first_moment,
    metavar="TIME",
    help="Since when it counts; else since the device first used it.",
)
@store_options
@key_option
@yes_option
def approve(
    where: Where, admin_key: Path, state: Path, devices: tuple[str, ...], **said: Any
) -> int:
    """Trust the keys of devices, by a registry that the admin signs.

    A key counts from where the device first used it, so that what it shipped before it was
    approved is vouched for as well. With --valid-from only what is newer counts; the rest stays
    reported by `archiver verify`, and no checkpoint covers it.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.devices import approve_in  # noqa: PLC0415

    if bool(devices) == said["everyone"]:
        raise click.UsageError("Name devices, or give --all.")
    if said["which"] and len(devices) != 1:
        raise click.UsageError("--key belongs to one device.")
    admin, archives = admin_of(admin_key, state), Archives.of(where)
    approved = approve_in(archives, admin, devices, **said)
    return archives.conclude((), ExitCode.DONE if approved else ExitCode.ATTENTION)


@device.command(
    epilog=examples(
        'archiver device revoke 00c0ffee00c0ffee --reason "stolen" --admin-key acme.key',
    )
)
@click.argument("name", metavar="DEVICE")
@click.option(
    "--reason",
    required=True,
    callback=_reason,
    metavar="TEXT",
    help="Why, in at most 1,000 characters; stands in the registry.",
)
@click.option(
    "--at",
    callback=first_moment,
    metavar="TIME",
    help="From when on it counts no more; else from now. For a key stolen before.",
)
@store_options
@key_option
@yes_option
def revoke(where: Where, admin_key: Path, state: Path, name: str, **said: Any) -> int:
    """Trust the key of a device no more.

    What a checkpoint covers stays valid. Of what none covers nobody can tell any more when it
    was signed: run `archiver checkpoint` first, if the device is only retired.
    """
    from archiver.cli.archives import Archives  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.devices import revoke_in  # noqa: PLC0415

    admin, archives = admin_of(admin_key, state), Archives.of(where)
    revoke_in(archives, admin, name, **said)
    return archives.conclude(())


def _json(one: Listing, row: Device) -> dict[str, Any]:
    return {
        "tenant": one.tenant,
        "device": row.device,
        "state": str(row.state),
        "subject": row.subject,
        "since": row.since,
        "key": str(row.key),
        "key_id": row.key.key_id.hex(),
        "fingerprint": row.fingerprint,
        "software": row.software,
        "valid_from": row.valid_from,
        "revoked_at": row.revoked_at,
        "reason": row.reason,
        "published": row.published,
        "other_key": row.other_key,
    }


def _cells(one: Listing, row: Device) -> tuple[str, ...]:
    remark = row.reason or ""
    if row.other_key:
        remark = "another key of this device is approved"
    elif not row.published:
        remark = "its enrolment is not in the store"
    since = shown(row.since) if row.since else "-"
    subject = row.subject or "-"
    return (one.tenant, row.device, str(row.state), since, subject, row.fingerprint, remark)
