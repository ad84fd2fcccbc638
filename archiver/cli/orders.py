"""What commands that give orders share: their words, checked before anything is read."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from archiver.cli.output import visible
from archiver.errors import UnusableKey
from archiver.format.keys import NAME_PATTERN

if TYPE_CHECKING:
    from collections.abc import Callable

    from archiver.archive.signers import Trust
    from archiver.cli.archives import Part
    from archiver.cli.where import Where

__all__ = [
    "by_option",
    "day",
    "month",
    "name",
    "one_tenant",
    "span",
    "subject",
    "subject_of",
    "text",
    "text_option",
    "trusted",
]

Result = TypeVar("Result")

_LONGEST: Final = 1000


def text(_context: click.Context, _option: click.Parameter, said: str | None) -> str | None:
    """Take a text that an order can hold, and that every list shows as it is."""
    if said is not None and not said.strip():
        raise click.BadParameter("says nothing")
    if said is not None and (visible(said) != said or "\n" in said):
        raise click.BadParameter("holds what is no text on one line: it could not be shown again")
    if said is not None and len(said) > _LONGEST:
        raise click.BadParameter(f"has {len(said)} characters; an order holds {_LONGEST:,}")
    return said


def name(_context: click.Context, _option: click.Parameter, said: str | None) -> str | None:
    """Take the id of a hold."""
    if said is not None and not re.fullmatch(NAME_PATTERN, said):
        raise click.BadParameter("is 1 to 64 of a-z 0-9 . _ -, first and last a letter or digit")
    return said


def subject(_context: click.Context, _option: click.Parameter, said: str | None) -> str | None:
    """Take a pseudonym."""
    if said is not None and not re.fullmatch(r"[0-9a-f]{32}", said):
        raise click.BadParameter(
            "a subject is 32 hex digits, as in keys; give a name or e-mail with --user"
        )
    return said


def day(_context: click.Context, _option: click.Parameter, said: str | None) -> str | None:
    """Take a day."""
    if said is not None and not (re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", said) and _real(said)):
        raise click.BadParameter("a day is YYYY-MM-DD")
    return said


def month(_context: click.Context, _option: click.Parameter, said: str | None) -> str | None:
    """Take a month."""
    if said is not None and not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", said):
        raise click.BadParameter("a month is YYYY-MM")
    return said


def _real(said: str) -> bool:
    try:
        date.fromisoformat(said)
    except ValueError:
        return False
    return True


def span(since: str | None, until: str | None) -> None:
    """Raise `click.UsageError` where it ends before it begins."""
    if since and until and until < since:
        raise click.UsageError("--until is before --since, so nothing lies between them.")


def text_option(
    flag: str, meaning: str
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Add an option whose text stands in the order."""
    return click.option(flag, required=True, callback=text, metavar="TEXT", help=meaning)


def by_option(command: Callable[..., Result]) -> Callable[..., Result]:
    """Add ``--by``."""
    meaning = "Who orders it; stands in the order, in clear."
    return click.option("--by", required=True, callback=text, metavar="NAME", help=meaning)(command)


def one_tenant(where: Where) -> str:
    """Give the tenant; raise `click.UsageError` where none is named."""
    if where.tenant is None:
        raise click.UsageError("Missing option '--tenant': an order is for one tenant.")
    return where.tenant


def subject_of(part: Part, tenant: str, said: dict[str, Any]) -> str | None:
    """Give the pseudonym that ``--subject`` or ``--user`` means.

    Raise `click.UsageError` where no policy is at hand, `PolicyError` for a subject key that
    cannot be used.
    """
    if said.get("user") is None:
        return said.get("subject")
    if part.rules is None:
        raise click.UsageError(
            "--user needs the tenant's subject key, and so a policy: leave --archive out, or give"
            " --subject."
        )
    from archiver.policy import identity  # noqa: PLC0415 - --help needs none of it

    return identity.subject(identity.subject_key(part.rules), tenant, said["user"])


def trusted(part: Part, keys: tuple[str, ...]) -> Trust:
    """Give whom to believe; raise `UnusableKey` where nobody is."""
    from archiver.cli.admin import trust_of  # noqa: PLC0415 - --help needs none of it

    if (trust := trust_of(part, keys)) is None:
        raise UnusableKey(
            "no admin's public key is known, so no order can be believed",
            advice="Name evidence.admin_keys in the policy, or give --admin-key.",
        )
    return trust
