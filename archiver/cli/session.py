"""What the commands that work on this machine's spool begin with: policy, lock, engine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from archiver.assistants.registry import ASSISTANTS
from archiver.cli.options import chosen_state, named_policy, policy_folders
from archiver.cli.output import note
from archiver.daemon.engine import Engine
from archiver.daemon.inforce import policy_status
from archiver.daemon.machine import Machine, utc_now
from archiver.daemon.opening import open_spool
from archiver.daemon.rules import Rules
from archiver.daemon.status import publish
from archiver.daemon.survey import survey
from archiver.distribution.current import look, required
from archiver.distribution.standing import Standing
from archiver.distribution.watch import Watch
from archiver.durable import files, lock
from archiver.format.times import rfc3339
from archiver.policy.load import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archiver.capture.readers import Readers
    from archiver.policy.load import LoadedPolicy

__all__ = ["KNOWN_ASSISTANTS", "load_policy", "policy_watch", "session"]

KNOWN_ASSISTANTS = frozenset(assistant.name for assistant in ASSISTANTS)


def policy_watch(config: Path, state: Path, *, keeps: bool, apart: bool = False) -> Watch:
    """Give what finds the policy in force on this machine, ``config`` or another.

    ``keeps`` belongs to who holds the lock of ``state``, ``apart`` to who must stay small.
    """
    return Watch(
        policy_folders(),
        state,
        known_assistants=KNOWN_ASSISTANTS,
        clock=utc_now,
        config=named_policy(config),
        keeps=keeps,
        apart=apart,
    )


def load_policy(config: Path, state: Path | None = None) -> LoadedPolicy:
    """Give the policy in force on this machine; raise `PolicyError`.

    That is ``config``, unless a source.toml says that only a signed one counts. Writes nothing.
    """
    watch = policy_watch(config, state or chosen_state(), keeps=False)
    if not watch.pinned:
        return load(config, known_assistants=KNOWN_ASSISTANTS)
    return required(look(watch, utc_now()))


@contextlib.contextmanager
def session(
    config: Path,
    state: Path,
    machine: Machine | None = None,
    *,
    captures: bool = True,
    readers: Readers | None = None,
    own: bool = False,
) -> Iterator[Engine]:
    """Hold the state folder and give an engine that acts for the policy.

    ``readers`` read beside its collector; left out, it reads alone. ``own`` says that ``config``
    is archiver's own (the quickstart's), and not this machine's policy.
    The status file is written at the end, whatever happened. Raises `PolicyError`,
    `AlreadyRunning`, `StateError`.
    """
    machine = machine or Machine.this()
    pinned = not own and policy_watch(config, state, keeps=False).pinned
    plain = None if pinned else load(config, known_assistants=KNOWN_ASSISTANTS)
    files.make_private_folder(state)
    with lock.hold(state):
        # Only now: what another archiver has just accepted must be known.
        watch = policy_watch(config, state, keeps=True)
        found = look(watch, utc_now(), ask_again=True) if pinned else Standing(plain)
        loaded = required(found)
        rules = Rules.of(loaded.policy, loaded.fingerprint)
        about = policy_status(found, rules.problems)
        for problem in about.problems:
            note(problem)
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
                    policy=about,
                    last_pass_at=now if captures else None,
                    last_captured_at=engine.last_pass.captured,
                    set_aside=str(opened.set_aside) if opened.set_aside else None,
                )
                publish(status, state)
