"""``archiver sources``: what lies on this machine, for which tenant, and why (not)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from archiver.cli.options import config_option, examples, json_option
from archiver.cli.output import human_size, note, print_json, print_table, say

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.capture.find import Sighting

__all__ = ["sources"]


@click.command(
    epilog=examples("archiver sources", "archiver sources --all", "archiver sources --json")
)
@config_option
@click.option("--all", "everything", is_flag=True, help="List conversations, not only sums.")
@json_option
def sources(config: Path, *, everything: bool, as_json: bool) -> None:
    """List what was found here, and whether it is captured.

    Reads names and working directories only; works beside a running daemon.
    """
    from archiver.cli.session import load_policy  # noqa: PLC0415 - --help needs none of it
    from archiver.daemon.machine import Machine  # noqa: PLC0415
    from archiver.daemon.rules import Rules  # noqa: PLC0415
    from archiver.daemon.sources import look_around  # noqa: PLC0415

    found = look_around(Rules.of(load_policy(config).policy), Machine.this())
    if as_json:
        rows = [_facts(one) for one in found.sightings]
        print_json({"conversations": rows, "refused": found.refused})
        return
    if everything:
        columns = ("assistant", "conversation", "tenant", "files", "size", "why")
        print_table(columns, [_row(one) for one in found.sightings])
    else:
        print_table(("assistant", "tenant", "conversations", "size", "why"), found.sums())
    if not found.sightings:
        say("No conversation of a known assistant was found on this machine.")
    for path, code in sorted(found.refused.items()):
        note(f"cannot look into {path}: {code}")


def _facts(one: Sighting) -> dict[str, object]:
    return {
        "assistant": one.assistant,
        "conversation": one.conversation,
        "tenant": one.owner.tenant.id if one.owner.tenant else None,
        "class": one.owner.klass or None,
        "captured": one.owner.tenant is not None,
        "reason": one.owner.reason,
        "files": one.files,
        "bytes": one.size,
    }


def _row(one: Sighting) -> tuple[str, ...]:
    from archiver.daemon.sources import shown  # noqa: PLC0415 - --help needs none of it

    return (
        one.assistant,
        one.conversation,
        shown(one.owner),
        str(one.files),
        human_size(one.size),
        one.owner.reason,
    )
