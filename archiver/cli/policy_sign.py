"""``archiver policy sign`` and ``validate``: what an admin does before a policy is delivered."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from archiver.cli.exits import ExitCode
from archiver.cli.options import examples, json_option
from archiver.cli.output import note, print_json, say

if TYPE_CHECKING:
    from archiver.cli.signing import Signed

__all__ = ["sign", "validate"]

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command(
    epilog=examples(
        "archiver policy sign policy.toml --admin-key acme.key --to policy.signed",
        "archiver policy sign policy.toml --admin-key acme.key --to policy.signed --expires-in 90",
    )
)
@click.argument("file", type=_FILE)
@click.option(
    "--admin-key",
    "keys",
    type=_FILE,
    envvar="ARCHIVER_ADMIN_KEY",
    show_envvar=True,
    required=True,
    multiple=True,
    metavar="FILE",
    help="An admin's private key; its public one lies beside it, as FILE.pub. May be repeated.",
)
@click.option("--to", type=_FILE, required=True, metavar="FILE", help="Write the signed policy.")
@click.option(
    "--number",
    type=click.IntRange(1, 10**12 - 1),
    metavar="N",
    show_default="one more than that of the file that is replaced",
    help="Machines take growing numbers only.",
)
@click.option(
    "--expires-in",
    type=click.IntRange(1, 36_500),
    metavar="DAYS",
    show_default="never",
    help="Let no machine take it for new after so many days.",
)
@json_option
def sign(
    *,
    file: Path,
    keys: tuple[Path, ...],
    to: Path,
    number: int | None,
    expires_in: int | None,
    as_json: bool,
) -> None:
    """Sign a policy, for machines that trust the admin's key.

    It is checked first. What is written is one file, to be delivered whole, beside or below a
    source.toml that names the public key.
    """
    from archiver.cli.signing import signed_file  # noqa: PLC0415 - --help needs none of it

    life = timedelta(days=expires_in) if expires_in else None
    made = signed_file(file, keys, to, number=number, life=life)
    if as_json:
        print_json(made)
        return
    _tell(made)


def _tell(made: Signed) -> None:
    ends = f"good until {made.expires_at[:10]}" if made.expires_at else "without an end"
    say(f"{made.path}: number {made.number}, {ends}, signed by {', '.join(made.signed_by)}")
    say(f"  enabled: {', '.join(made.enabled) or 'no tenant, so nothing is captured'}")
    say(f"  fingerprint of the policy: {made.fingerprint}")
    if made.previous is None:
        note("  If machines have a policy already, sign with a --number that is above theirs.")
    if made.secrets:
        note(
            f"  It holds the subject_key of {', '.join(made.secrets)} for everybody to read who"
            " gets the file: subject_key_file keeps it apart."
        )
    say("Machines take it where their source.toml says:")
    quoted = ", ".join(f'"{key}"' for key in made.keys)
    say(f"  keys = [{quoted}]")


@click.command(
    epilog=examples(
        "archiver policy validate policy.toml",
        "archiver policy validate policy.signed --admin-key-public acme.key.pub",
    )
)
@click.argument("file", type=_FILE, required=False)
@click.option(
    "--admin-key-public",
    "keys",
    multiple=True,
    metavar="KEY",
    help="An admin's public key, or a file that holds it, for a signed policy; else those of"
    " source.toml count. May be repeated.",
)
@json_option
def validate(*, file: Path | None, keys: tuple[str, ...], as_json: bool) -> int:
    """Check a policy, and explain each error.

    Without FILE it is the one that stands where this machine looks for it. Exits with 78 where
    it is not valid, or not signed as it should be.
    """
    from archiver.cli.signing import usual_file, validated_file  # noqa: PLC0415 - --help needs none
    from archiver.errors import PolicyError, PolicyInvalid  # noqa: PLC0415

    path = file or usual_file()
    try:
        found = validated_file(path, keys)
    except PolicyError as error:
        if not as_json:
            raise
        problems = error.problems if isinstance(error, PolicyInvalid) else (str(error),)
        print_json({"file": path, "valid": False, "problems": problems, "advice": error.advice})
        return ExitCode.POLICY
    if as_json:
        print_json({"file": path, "valid": True, "problems": [], "policy": found})
        return ExitCode.DONE
    say(f"{path}: valid; enabled: {', '.join(found.enabled) or 'no tenant'}")
    if found.number is not None:
        ends = f"good until {found.expires_at[:10]}" if found.expires_at else "without an end"
        say(f"  number {found.number}, {ends}, signed by {', '.join(found.signed_by)}")
    return ExitCode.DONE
