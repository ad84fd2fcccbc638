"""``archiver keys``: the keys of those who answer for an archive, and of those who may open it.

A private key is made where it is used, written to one file that only its user can read, and
shown nowhere. What is printed may be published.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from archiver.cli.monthexport import export
from archiver.cli.monthkeys import list_, rewrap
from archiver.cli.options import examples
from archiver.cli.output import note, say
from archiver.cli.passphrases import new_passphrase

__all__ = ["keys"]


@click.group(
    epilog=examples(
        "archiver keys generate officer --to officer.key",
        "archiver keys list --identity officer.key",
    )
)
def keys() -> None:
    """Make and look after the keys of admins and officers."""


keys.add_command(list_)
keys.add_command(rewrap)
keys.add_command(export)


@keys.group(
    epilog=examples(
        "archiver keys generate admin --name acme --to acme.key",
        "archiver keys generate officer --to officer.key",
    )
)
def generate() -> None:
    """Make a key."""


@generate.command(
    epilog=examples(
        "archiver keys generate admin --name acme --to acme.key",
        "archiver keys generate admin --name acme --to acme.key --passphrase",
    )
)
@click.option("--name", required=True, metavar="NAME", help="The tenant or the organisation.")
@click.option(
    "--to",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="Where the private key goes; the public one goes beside it, as FILE.pub.",
)
@click.option("--passphrase", "locked", is_flag=True, help="Ask for a passphrase that locks it.")
def admin(name: str, path: Path, *, locked: bool) -> None:
    """Make the Ed25519 key that approves devices and signs checkpoints.

    Keep it where no device and no bucket admin can read it: whoever has it can vouch for
    anything. The public key, which is printed, goes into every policy of the tenant.
    """
    from archiver.cli.exporting import check_new  # noqa: PLC0415 - --help needs none of it
    from archiver.durable import files  # noqa: PLC0415
    from archiver.evidence.keys import SigningKey, admin_key_name  # noqa: PLC0415

    try:
        key = SigningKey.generate(admin_key_name(name))
    except ValueError as error:
        raise click.UsageError(f"--name {name!r}: {error}.") from None
    public = path.with_name(f"{path.name}.pub")
    check_new(public)
    key.save(path, new_passphrase() if locked else None)
    files.write_new(public, f"{key.public}\n".encode())
    say(str(key.public))
    note("  → Put it into the policy of every device and of every admin:")
    note(f'     [tenants.evidence] admin_keys = ["{key.public}"]')


@generate.command(
    epilog=examples(
        "archiver keys generate officer --to officer.key",
        "archiver keys generate officer --to officer.key --passphrase",
    )
)
@click.option(
    "--to",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="Where the private key goes, as age-keygen writes it; never over another file.",
)
@click.option("--passphrase", "locked", is_flag=True, help="Ask for a passphrase that locks it.")
def officer(path: Path, *, locked: bool) -> None:
    """Make the age key of an officer, who can then open what devices seal.

    Keep a copy elsewhere: when every officer's key is lost, so is everything sealed to them.
    The recipient, which is printed, goes into the policy; list two officers at least.
    """
    from archiver.cli.exporting import check_new  # noqa: PLC0415 - --help needs none of it
    from archiver.durable import files  # noqa: PLC0415
    from archiver.vault.officers import generate as make  # noqa: PLC0415

    check_new(path)
    key = make(datetime.now(UTC), passphrase=new_passphrase() if locked else None)
    files.write_new(path, key.file)
    say(key.recipient)
    note("  → Put it into the policy of every device:")
    note(f'     [tenants.sealing] officers = ["{key.recipient}", …]')
