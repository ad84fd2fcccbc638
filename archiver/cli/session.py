"""What the commands that work on this machine's spool begin with: policy, lock, engine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from archiver.assistants.registry import ASSISTANTS
from archiver.cli.output import note
from archiver.daemon.engine import Engine
from archiver.daemon.machine import Machine
from archiver.daemon.opening import open_spool
from archiver.daemon.rules import Rules
from archiver.daemon.status import PolicyStatus, publish
from archiver.daemon.survey import survey
from archiver.durable import files, lock
from archiver.format.times import rfc3339
from archiver.policy.load import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.capture.readers import Readers
    from archiver.policy.load import LoadedPolicy

__all__ = ["KNOWN_ASSISTANTS", "load_policy", "session"]

KNOWN_ASSISTANTS = frozenset(assistant.name for assistant in ASSISTANTS)


def load_policy(config: Path) -> LoadedPolicy:
    """Read the policy; raise `PolicyError`."""
    return load(config, known_assistants=KNOWN_ASSISTANTS)


@contextlib.contextmanager
def session(
    config: Path,
    state: Path,
    machine: Machine | None = None,
    *,
    captures: bool = True,
    readers: Readers | None = None,
) -> Iterator[Engine]:
    """Hold the state folder and give an engine that acts for the policy.

    ``readers`` read beside its collector; left out, it reads alone.
    The status file is written at the end, whatever happened. Raises `PolicyError`,
    `AlreadyRunning`, `StateError`.
    """
    machine = machine or Machine.this()
    loaded = load_policy(config)
    rules = Rules.of(loaded.policy, loaded.fingerprint)
    for problem in rules.problems:
        note(problem)
    files.make_private_folder(state)
    with lock.hold(state):
        opened = open_spool(state, machine.clock)
        if opened.set_aside:
            note(
                f"The spool was damaged. It lies in {opened.set_aside} now; {opened.recovered}"
                " sealed chunks were taken over, everything else is captured anew."
            )
        with opened.spool:
            engine = Engine(opened.spool, machine, readers)
            engine.apply(rules)
            engine.signer.make_ready()
            try:
                yield engine
            finally:
                now = rfc3339(machine.clock())
                status = survey(
                    engine,
                    policy=PolicyStatus(
                        state="in force",
                        path=str(config),
                        fingerprint=loaded.fingerprint,
                        problems=rules.problems,
                    ),
                    last_pass_at=now if captures else None,
                    last_captured_at=engine.last_pass.captured,
                    set_aside=str(opened.set_aside) if opened.set_aside else None,
                )
                publish(status, state)
