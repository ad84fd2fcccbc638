"""``archiver sync``: one complete pass, for a person, a cron table or a script."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from archiver.cli.exits import ExitCode
from archiver.cli.options import config_option, examples, json_option, state_option
from archiver.cli.output import human_size, note, print_json, say, steps

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.daemon.engine import Engine
    from archiver.daemon.once import Outcome

__all__ = ["sync"]


@click.command(
    epilog=examples("archiver sync --config policy.toml", "archiver sync --json | jq .due")
)
@config_option
@state_option
@json_option
def sync(config: Path, state: Path, *, as_json: bool) -> int:
    """Make one complete pass: collect, seal, ship.

    Exits with 1 while anything is due that no store has confirmed.
    """
    from archiver.capture.reader_pool import ReaderPool  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.session import session  # noqa: PLC0415
    from archiver.daemon.once import once  # noqa: PLC0415

    # Sealing runs beside the collecting and needs the interpreter for microseconds; by default
    # each of them waits 5 ms for its turn.
    sys.setswitchinterval(0.0005)
    readers = ReaderPool()
    with session(config, state, readers=readers) as engine, steps("collect, seal, ship") as show:
        outcome = asyncio.run(
            once(
                engine,
                lambda at: show(
                    f"{at.conversations} conversations, {at.chunks} chunks sealed,"
                    f" {at.delivered} objects shipped"
                ),
            )
        )
        waits = _waits(engine)
        problems = engine.rules.problems if engine.rules else ()
    if as_json:
        print_json({"outcome": outcome, "waiting": waits, "problems": problems})
    else:
        _tell(outcome, waits)
    incomplete = outcome.due or outcome.quarantined or outcome.collected.full or problems
    return ExitCode.ATTENTION if incomplete else ExitCode.DONE


def _waits(engine: Engine) -> dict[str, dict[str, str]]:
    found = {}
    for tenant in engine.rules.tenants if engine.rules else ():
        if waiting := engine.outbox.waiting(tenant):
            found[tenant] = {
                "reason": str(waiting.reason),
                "code": waiting.code,
                "detail": waiting.detail,
                "advice": waiting.advice,
            }
    return found


def _tell(outcome: Outcome, waits: dict[str, dict[str, str]]) -> None:
    done = outcome.collected
    say(
        f"{done.conversations} conversations looked at, {done.unclaimed} of them not any"
        f" tenant's; {done.records} new records."
    )
    say(
        f"{outcome.sealed} chunks sealed, {outcome.delivered} objects"
        f" ({human_size(outcome.delivered_bytes)}) shipped."
    )
    for path, code in sorted(done.refused.items()):
        note(f"cannot read {path}: {code}")
    if done.unsettled:
        note(f"{done.unsettled} files were still being written; the next pass takes the rest.")
    if done.undecided:
        note(
            f"{done.undecided} conversations wait: where they were held is not known yet, and so"
            " not whose they are; a later pass asks again."
        )
    if done.full:
        note(f"capture stopped: {done.full}. The files stay where they are.")
    for tenant, waiting in waits.items():
        note(f"tenant {tenant} waits for {waiting['reason']}: {waiting['detail']}")
        note(f"  → {waiting['advice']}")
    if outcome.due:
        note(f"{outcome.due} things are due and not shipped yet.")
