"""What the commands of an admin share: which archives, whose key, and where it is remembered."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from archiver.cli.options import config_option, state_option
from archiver.cli.where import Where
from archiver.errors import NotArchived, UnusableKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from archiver.archive.signers import Trust
    from archiver.cli.archives import Archives, Part
    from archiver.evidence.keys import SigningKey
    from archiver.evidence.verifier import VerifierKey
    from archiver.witness.register import Desk

__all__ = [
    "MEMORY",
    "Admin",
    "admin_of",
    "check_found",
    "key_option",
    "public_half",
    "public_key",
    "store_options",
    "text_of",
    "trust_of",
]

Result = TypeVar("Result")

MEMORY: Final = "admin"
"""The folder, below the state folder, of what this machine signed as an admin."""

_LOCKED: Final = b"ENCRYPTED PRIVATE KEY"


def store_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Add the options that say which stores are meant: found as ``where: Where``."""

    @functools.wraps(command)
    def with_where(
        *, config: Path, archive: Path | None, prefix: str | None, tenant: str | None, **said: Any
    ) -> Result:
        return command(where=Where(config, archive, prefix, tenant), **said)

    added = (
        config_option,
        click.option(
            "--archive",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Work on the archive in this folder instead of the policy's stores.",
        ),
        click.option("--prefix", help="Where below --archive the tenant= folders lie."),
        click.option("--tenant", metavar="ID", help="Only this tenant, instead of all."),
    )
    for option in reversed(added):
        with_where = option(with_where)
    return with_where


def key_option(
    command: Callable[..., Result] | None = None, *, required: bool = True
) -> Callable[..., Any]:
    """Add the options of who signs: found as ``admin_key: Path`` and ``state: Path``."""
    if command is None:
        return functools.partial(key_option, required=required)
    add = click.option(
        "--admin-key",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="ARCHIVER_ADMIN_KEY",
        show_envvar=True,
        required=required,
        metavar="FILE",
        help="The admin's private key; its public one lies beside it, as FILE.pub.",
    )
    return add(state_option(command))


@dataclass(frozen=True, slots=True)
class Admin:
    """Who signs, and the folder in which this machine remembers what was signed."""

    key: SigningKey
    memory: Path

    def desk(self, part: Part, tenant: str) -> Desk:
        """Give the place of one tenant to sign at.

        Raise `UnusableKey` where the tenant's policy trusts other admins only.
        """
        from archiver.archive.signers import Trust  # noqa: PLC0415 - --help needs none of it
        from archiver.witness.place import Place  # noqa: PLC0415
        from archiver.witness.register import Desk  # noqa: PLC0415

        others = trust_of(part, ())
        keys = others.admins if others else ()
        if part.rules is not None and self.key.public not in keys:
            raise UnusableKey(
                f"the policy of {tenant} does not name the key {self.key.public}",
                advice="Put it into evidence.admin_keys of the tenant, for every reader of the"
                " archive; or use a key that stands there.",
            )
        trust = Trust(tuple(dict.fromkeys((self.key.public, *keys))))
        place = Place(part.store, part.prefix, tenant)
        return Desk(place, trust, self.key, self.memory)


def admin_of(path: Path, state: Path) -> Admin:
    """Load an admin's key, asking for its passphrase if it has one; raise `UnusableKey`."""
    from archiver.cli.passphrases import passphrase_of  # noqa: PLC0415 - --help needs none of it
    from archiver.evidence.keys import SigningKey  # noqa: PLC0415

    public = public_half(path)
    try:
        locked = _LOCKED in path.read_bytes()
    except OSError as error:
        raise UnusableKey(
            f"the key {path} cannot be read: {error.strerror}",
            advice="Name the file that `archiver keys generate admin` made.",
        ) from error
    key = SigningKey.load(path, public.name, passphrase_of(str(path)) if locked else None)
    if key.public != public:
        raise UnusableKey(
            f"{path}.pub is not the public half of {path}",
            advice="Put the two files of one key beside each other.",
        )
    return Admin(key, state / MEMORY)


def public_half(path: Path) -> VerifierKey:
    """Read the public key that lies beside a private one; raise `UnusableKey`, `Damaged`."""
    beside = path.with_name(f"{path.name}.pub")
    if not beside.is_file():
        raise UnusableKey(
            f"the public half {beside} of the key cannot be read",
            advice="Name the file that `archiver keys generate admin` made; FILE.pub belongs"
            " beside it.",
        )
    return public_key(text_of(beside), str(beside))


def text_of(path: Path) -> str:
    """Read a short text that a person made; raise `UnusableKey`."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UnusableKey(
            f"{path} cannot be read: {error.strerror}", advice="Name a file that you may read."
        ) from error
    except UnicodeDecodeError as error:
        raise UnusableKey(
            f"{path} is no text in UTF-8",
            advice="Name another file, or save it as UTF-8 (PowerShell's > writes UTF-16).",
        ) from error


def public_key(text: str, where: str) -> VerifierKey:
    """Read an admin's public key, from ``where`` for humans; raise `UnusableKey`, `Damaged`."""
    from archiver.evidence.verifier import VerifierKey  # noqa: PLC0415 - --help needs none of it

    if "PRIVATE KEY" in text:
        raise UnusableKey(
            f"{where} holds a private key; to check a signature, the public one is needed",
            advice=f"Name {where}.pub, and show the private key to nobody.",
        )
    key = VerifierKey.parse(text.strip())
    if key.name.startswith("device/"):
        raise UnusableKey(
            f"{where}: this is a device's key, and no admin's",
            advice="Give the line that `archiver keys generate admin` printed.",
        )
    return key


def check_found(archives: Archives, tenants: Sequence[object]) -> None:
    """Raise `NotArchived` where no tenant was found to work for: that is no success."""
    if not tenants and not archives.failures:
        raise NotArchived(
            "no tenant was found there, so nothing was done",
            advice="Correct --archive or --prefix (where below it the tenant= folders lie), or"
            " enable a tenant in the policy.",
        )


def trust_of(part: Part, keys: tuple[str, ...]) -> Trust | None:
    """Give whom to believe: the public ``keys`` that were named, else the policy's."""
    from archiver.archive.signers import Trust  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.reading import trust_in  # noqa: PLC0415
    from archiver.evidence.verifier import VerifierKey  # noqa: PLC0415

    if keys:
        return trust_in(keys)
    named = part.rules.evidence.admin_keys if part.rules else ()
    return Trust(tuple(VerifierKey.parse(text) for text in named)) if named else None
