"""The options of the commands that look after buckets."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from archiver.cli.options import config_option

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["bucket_options"]

Result = TypeVar("Result")


def bucket_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Add the options, found as ``options``: see `archiver.cli.buckets.Options`."""

    @functools.wraps(command)
    def with_options(
        *,
        config: Path,
        tenant: str | None,
        profile: str | None,
        credentials_file: Path | None,
        writer_arn: tuple[str, ...],
        admin_arn: tuple[str, ...],
        **said: Any,
    ) -> Result:
        from archiver.buckets.statements import Parties  # noqa: PLC0415 - --help needs none of it
        from archiver.cli.buckets import Options  # noqa: PLC0415

        parties = Parties(writer_arn, admin_arn)
        options = Options(config, tenant, profile, credentials_file, parties)
        return command(options=options, **said)

    added = (
        config_option,
        click.option("--tenant", metavar="ID", help="Only the bucket of this tenant."),
        click.option("--profile", help="An AWS profile of an admin, instead of the policy's keys."),
        click.option(
            "--credentials-file",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="A file with an admin's keys, instead of the policy's.",
        ),
        click.option(
            "--writer-arn",
            multiple=True,
            metavar="ARN",
            help="Who writes: a user or role whom the bucket policy denies everything but that.",
        ),
        click.option(
            "--admin-arn",
            multiple=True,
            metavar="ARN",
            help="Or: who does not only write; everybody else is denied (Amazon only).",
        ),
    )
    for option in reversed(added):
        with_options = option(with_options)
    return with_options
