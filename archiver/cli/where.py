"""The options of the commands that read: which archive is meant."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from archiver.cli.options import config_option

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Where", "archive_options"]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Where:
    """What the command line says. ``archive``, where given, is read instead of the policy.

    ``identities`` are files with an officer's private keys.
    """

    config: Path
    archive: Path | None
    prefix: str | None
    tenant: str | None
    identities: tuple[Path, ...] = ()


def archive_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Add the options, found as ``where: Where``."""

    @functools.wraps(command)
    def with_where(
        *,
        config: Path,
        archive: Path | None,
        prefix: str | None,
        tenant: str | None,
        identity: tuple[Path, ...],
        **options: Any,
    ) -> Result:
        return command(where=Where(config, archive, prefix, tenant, identity), **options)

    added = (
        config_option,
        click.option(
            "--archive",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Read this folder (an archive, or a copy of one) instead of the policy's stores.",
        ),
        click.option(
            "--prefix", help="Where below --archive the tenant= folders lie, if it is not found."
        ),
        click.option("--tenant", metavar="ID", help="Only this tenant, instead of all."),
        click.option(
            "--identity",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            multiple=True,
            help="An officer's private key (age identity), to open what is sealed.",
        ),
    )
    for option in reversed(added):
        with_where = option(with_where)
    return with_where
