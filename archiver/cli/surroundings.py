"""What lies on this machine, as a first policy needs to know it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from archiver.cli.output import steps
from archiver.daemon.machine import Machine
from archiver.daemon.rules import Rules
from archiver.daemon.sources import look_around
from archiver.policy.document import Policy
from archiver.policy.suggest import Seen, Suggestion, suggestion
from archiver.policy.whereabouts import git_remotes

__all__ = ["seen_here"]

_MOST = 200
"""Folders that git is asked about: those with the most conversations."""


def seen_here(machine: Machine | None = None) -> Suggestion:
    """Find the conversations of this machine, and group them; nothing of them is read."""
    machine = machine or Machine.this()
    nobody = Policy(version=1, tenants=())
    with steps("looking at what lies on this machine"):
        found = look_around(Rules.of(nobody), machine)
        folders = Counter(one.owner.cwd for one in found.sightings if one.owner.cwd)
        seen = [
            Seen(Path(folder).as_posix(), count, git_remotes(folder) or ())
            for folder, count in folders.most_common(_MOST)
        ]
    return suggestion(seen, machine.home.as_posix())
