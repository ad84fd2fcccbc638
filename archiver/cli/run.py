"""``archiver run``: the daemon, in the foreground; a service manager keeps it."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

import click

from archiver.cli.options import config_option, examples, state_option

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run"]


@click.command(
    epilog=examples(
        "archiver run --config /etc/archiver/policy.toml",
        "archiver service install    # let the operating system run it",
    )
)
@config_option
@state_option
def run(config: Path, state: Path) -> None:
    """Run the daemon until it is told to stop.

    It needs no policy to start: without one it captures nothing and waits. Logs go to
    stderr and hold counts and reasons, never content.
    """
    from archiver.cli.session import policy_watch  # noqa: PLC0415 - --help needs none
    from archiver.daemon.engine import Engine  # noqa: PLC0415
    from archiver.daemon.machine import Machine  # noqa: PLC0415
    from archiver.daemon.opening import open_spool  # noqa: PLC0415
    from archiver.daemon.run import Daemon  # noqa: PLC0415
    from archiver.durable import files, lock  # noqa: PLC0415
    from archiver.evidence.device import DeviceSigner, sign_apart  # noqa: PLC0415

    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    machine = Machine.this()
    files.make_private_folder(state)
    with lock.hold(state):
        opened = open_spool(state, machine.clock)
        if opened.set_aside:
            logging.getLogger("archiver").error(
                "the spool was damaged and lies in quarantine; %d sealed chunks were taken over",
                opened.recovered,
            )
        with opened.spool:

            async def serve() -> None:
                # Where the usual place is meant, a policy that an admin puts there later counts.
                watch = policy_watch(config, state, keeps=True, apart=True)
                aside = str(opened.set_aside) if opened.set_aside else None
                spool = opened.spool
                signer = DeviceSigner(spool.folder, spool.device, apart=sign_apart)
                signer.make_ready()
                engine = Engine(spool, machine, signer=signer)
                await Daemon(engine, watch, set_aside=aside).run()

            asyncio.run(serve())
