"""Looking around without capturing: for ``archiver sources`` and ``doctor``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.assistants.registry import ASSISTANTS
from archiver.assistants.tree import DiskTree
from archiver.capture.find import Finder
from archiver.daemon.engine import owners_of, places_of

if TYPE_CHECKING:
    from archiver.capture.find import Sighting
    from archiver.capture.owner import Owner
    from archiver.daemon.machine import Machine
    from archiver.daemon.rules import Rules

__all__ = ["Surroundings", "look_around", "shown"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was found. ``refused`` maps paths to the operating system's word for it."""

    sightings: tuple[Sighting, ...]
    refused: dict[str, str]

    def sums(self) -> list[tuple[str, str, str, str, str]]:
        """Give one row per assistant, tenant (and class, where it has several) and reason."""
        counts: Counter[tuple[str, str, str]] = Counter()
        sizes: Counter[tuple[str, str, str]] = Counter()
        for one in self.sightings:
            row = (one.assistant, shown(one.owner), one.owner.reason)
            counts[row] += 1
            sizes[row] += one.size
        return [
            (assistant, tenant, str(count), f"{sizes[assistant, tenant, why]:,} bytes", why)
            for (assistant, tenant, why), count in sorted(counts.items())
        ]


def shown(owner: Owner) -> str:
    """Name the tenant of a conversation, and its retention class where the tenant has several."""
    if owner.tenant is None:
        return "-"
    return (
        f"{owner.tenant.id} ({owner.klass})" if owner.tenant.retention.classes else owner.tenant.id
    )


def look_around(rules: Rules, machine: Machine) -> Surroundings:
    """Find every conversation on the machine and its owner under a policy."""
    tree = DiskTree()
    finder = Finder(ASSISTANTS, tree, owners_of(rules, machine), places_of(rules, machine, tree))
    found = tuple(finder.survey(machine.clock()))
    refused = {ascii(str(path))[1:-1]: code for path, code in tree.refused.items()}
    return Surroundings(found, refused)
