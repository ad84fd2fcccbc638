"""``archiver policy import-cline``: from Cline's prompt uploads to a policy."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from archiver.cli.options import examples, json_option, yes_option
from archiver.cli.output import confirm, note, print_json, say
from archiver.errors import PolicyUnreadable

if TYPE_CHECKING:
    from archiver.policy.cline import Uploading
    from archiver.policy.cline_fates import Fate

__all__ = ["import_cline"]

_LARGEST: Final = 16 * 1024 * 1024
"""Bytes. The configuration holds rules and workflows as well."""


@click.command(
    "import-cline",
    epilog=examples(
        "archiver policy import-cline remote_config_acme.json --tenant acme",
        "archiver policy import-cline - --tenant acme --to policy.toml < remote_config_acme.json",
    ),
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--tenant", required=True, metavar="ID", help="What the archive calls it.")
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    show_default="the user's policy.toml",
    help="Write the policy there.",
)
@click.option("--prefix", default="", metavar="TEXT", help="What every key starts with.")
@click.option(
    "--subject-key-file", metavar="FILE", help="Where the secret behind pseudonyms is, or is made."
)
@click.option("--leave-keys", is_flag=True, help="Do not keep the keys to the bucket.")
@json_option
@yes_option
def import_cline(
    *,
    file: Path,
    tenant: str,
    to: Path | None,
    prefix: str,
    subject_key_file: str | None,
    leave_keys: bool,
    as_json: bool,
    yes: bool,
) -> None:
    """Make a policy of the remote configuration that Cline has.

    FILE is the configuration as Cline keeps it (remote_config_ORGANISATION.json, or the SDK's
    bundle.json), or - for standard input. The keys to the bucket go where `archiver
    credentials set` keeps keys; they are never shown, and never in the policy.
    """
    from archiver.cli.drafting import (  # noqa: PLC0415 - --help needs none of it
        default_key_file,
        doctor_for,
        prepared,
        put,
        usual_place,
        with_tilde,
    )
    from archiver.policy.cline import parse  # noqa: PLC0415
    from archiver.policy.cline_fates import drafted, fates  # noqa: PLC0415

    uploading = parse(_read(file))
    key_file = subject_key_file or with_tilde(default_key_file(tenant))
    draft = drafted(uploading, tenant, key_file, datetime.now(UTC).date(), prefix)
    place = to or usual_place()
    found = fates(uploading, draft)
    policy = prepared(draft, place, yes=yes)
    kept = None if leave_keys else _keep(tenant, uploading, yes=yes)
    put(policy, quiet=as_json)
    _warn(tenant)
    if as_json:
        settings = [fate._asdict() for fate in found]
        print_json({"policy": place, "tenant": tenant, "keys": kept, "settings": settings})
        return
    _tell(found, kept, tenant)
    say(doctor_for(place))


def _read(file: Path) -> str:
    stream = sys.stdin.buffer if str(file) == "-" else None
    try:
        if stream is None:
            with file.open("rb") as opened:
                body = opened.read(_LARGEST + 1)
        else:
            body = stream.read(_LARGEST + 1)
        text = body.decode("utf-8-sig")
    except OSError as error:
        raise PolicyUnreadable(
            f"{file} cannot be read: {error.strerror}",
            advice="Name Cline's remote_config_<organisation>.json, or - for standard input.",
        ) from None
    except UnicodeDecodeError:
        raise PolicyUnreadable(f"{file} is not UTF-8", advice="Save it as UTF-8.") from None
    if len(body) > _LARGEST:
        raise PolicyUnreadable(
            f"{file} is larger than {_LARGEST} bytes", advice="Name the configuration itself."
        )
    return text


def _keep(tenant: str, uploading: Uploading, *, yes: bool) -> str:
    """Keep the keys; give the place. Raise `StoreError` where they can be none."""
    from archiver.credentials.keeping import keep  # noqa: PLC0415 - --help needs none
    from archiver.credentials.keys import Keys  # noqa: PLC0415
    from archiver.credentials.places import path_of  # noqa: PLC0415

    if path_of(tenant).exists():
        confirm(f"Credentials of {tenant} are kept here already. Replace them?", yes=yes)
    return keep(tenant, Keys(uploading.key_id, uploading.secret))


def _tell(found: tuple[Fate, ...], kept: str | None, tenant: str) -> None:
    if kept:
        say(f"{kept}: the keys to the bucket, for {tenant}")
    headings = {
        "taken over": "Taken over:",
        "better": "Done in a better way:",
        "none": "Without an equal here:",
    }
    for becomes, heading in headings.items():
        some = [fate for fate in found if fate.becomes == becomes]
        if some:
            say(f"\n{heading}")
        for fate in some:
            say(f"  {fate.setting}: {fate.means}")
    say()
    note("Next:")
    say(f"archiver credentials {'test' if kept else 'set'} {tenant}")


def _warn(tenant: str) -> None:
    note(
        "  ! These keys lay on every developer's machine, in plain text, and one copy in project"
        " folders. Whoever has them may read and overwrite what Cline uploaded: make new ones"
        f" that may only write, give them to `archiver credentials set {tenant}`, and withdraw"
        " the old ones. Then delete promptUploading from the remote configuration."
    )
    note("  ! Every conversation with Cline is taken. [tenants.conversations] narrows that.")
