"""The options that say for whom keys are issued, and for how long."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["for_whom"]


def for_whom(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options that say for whom and for how long: found as ``asked: Request``."""

    @functools.wraps(command)
    def with_request(
        *,
        device: str | None,
        all_devices: bool,
        subject: str | None,
        hours: int,
        role_arn: str | None,
        **said: Any,
    ) -> int:
        from archiver.cli.issuing import Request  # noqa: PLC0415 - --help needs none of it

        if bool(device) == all_devices:
            raise click.UsageError("Say for whom: --device ID or --all-devices.")
        return command(asked=Request(device, subject, hours, role_arn), **said)

    for option in (
        click.option("--role-arn", metavar="ARN", help="The role to issue from."),
        click.option(
            "--hours", type=click.IntRange(1, 168), required=True, help="How long they hold."
        ),
        click.option("--subject", metavar="PSEUDONYM", help="Only for the chunks of this subject."),
        click.option("--all-devices", is_flag=True, help="For any device of the tenant."),
        click.option("--device", metavar="ID", help="For this device: 16 of 0-9 and a-f."),
    ):
        with_request = option(with_request)
    return with_request
