"""``archiver purge``: the one command that drops what was never sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from archiver.cli.options import config_option, examples, state_option, yes_option
from archiver.cli.output import confirm, human_size, say

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["purge"]


@click.command(epilog=examples("archiver purge acme", "archiver purge acme --yes"))
@click.argument("tenant")
@config_option
@state_option
@yes_option
def purge(tenant: str, config: Path, state: Path, *, yes: bool) -> None:
    """Drop what was spooled and not sent for a tenant.

    Only for a tenant that is not enabled. What a store has already stays there; the
    assistants' own files are never touched.
    """
    from archiver.cli.session import session  # noqa: PLC0415 - --help needs none of it
    from archiver.sealing.purge import purge_tenant  # noqa: PLC0415

    with session(config, state, captures=False) as engine:
        if engine.rules and tenant in engine.rules.tenants:
            raise click.UsageError(f"{tenant} is enabled: disable it in the policy first.")
        if tenant not in engine.spool.tenants():
            raise click.UsageError(f"this machine holds nothing of a tenant {tenant!r}.")
        backlog = engine.spool.backlog(tenant)
        confirm(
            f"Drop {backlog.spooled_records} spooled records and {backlog.pending_chunks} sealed"
            f" chunks ({human_size(backlog.pending_bytes)}) of {tenant} that no store has?",
            yes=yes,
        )
        purge_tenant(engine.spool, tenant)
        say(f"Nothing of {tenant} waits on this machine any more.")
