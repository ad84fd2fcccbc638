"""The verbs of the daemon, without their timetable: apply, collect, seal, ship.

One engine lives as long as its process and holds the spool. Verbs may run side by side:
collecting and sealing in threads, shipping on the event loop. Every verb takes up where the
spool says it was left, so it may be broken off at any point and called again.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import time
from functools import partial
from typing import TYPE_CHECKING

from archiver.assistants.protocol import Places
from archiver.assistants.registry import ASSISTANTS
from archiver.assistants.tree import DiskTree
from archiver.capture.collect import Collector, Pass
from archiver.capture.find import Finder
from archiver.capture.owner import Owners
from archiver.capture.readers import Alone
from archiver.daemon.outbox import SpoolOutbox
from archiver.daemon.paperwork import write_papers
from archiver.daemon.projects import project_folders
from archiver.daemon.rules import store_of
from archiver.delivery.pace import Pace
from archiver.delivery.ship import Shipped, Shipper
from archiver.errors import DiskFull
from archiver.evidence.device import DeviceSigner
from archiver.format.times import rfc3339
from archiver.policy.whereabouts import Git
from archiver.sealing.expire import expire
from archiver.sealing.seal import Sealer
from archiver.spool import reserve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from archiver.assistants.protocol import Tree
    from archiver.capture.readers import Readers
    from archiver.daemon.machine import Machine
    from archiver.daemon.rules import Rules
    from archiver.model.shipment import ClassTerms
    from archiver.spool.spool import Spool
    from archiver.stores.protocol import Store

__all__ = ["Engine", "owners_of", "places_of"]

_ROOM_SECONDS = 0.5
_HANDS = 2
"""Chunks that are packed at once where others read beside: in the foreground, never the daemon."""


def owners_of(rules: Rules, machine: Machine) -> Owners:
    """Give what tells the owners of conversations under a policy."""
    return Owners(
        rules.policy,
        Git(),
        home=machine.home,
        platform=machine.platform,
        os_user=machine.os_user,
        quiet_ns=int(rules.policy.schedule.quiet_seconds * 1e9),
    )


def places_of(rules: Rules, machine: Machine, tree: Tree) -> Callable[[Sequence[Path]], Places]:
    """Give what tells, from the folders worked in, where to look."""

    def places(worked_in: Sequence[Path]) -> Places:
        folders = project_folders(rules.policy, tree, machine.home, worked_in)
        return Places(machine.home, machine.platform, machine.environ, folders)

    return places


class Engine:
    """Acts for the policy that was applied last; before that, for nobody."""

    def __init__(
        self,
        spool: Spool,
        machine: Machine,
        readers: Readers | None = None,
        signer: DeviceSigner | None = None,
    ) -> None:
        self.spool = spool
        self.machine = machine
        self.signer = signer or DeviceSigner(spool.folder, spool.device)
        self.tree = DiskTree()
        self.rules: Rules | None = None
        self.collector: Collector | None = None
        self.sealer = Sealer(spool, machine.clock, hands=_HANDS if readers else 1)
        self.outbox = SpoolOutbox(spool, terms=self._terms, clock=machine.clock)
        self.last_pass = Pass()
        self._readers = readers or Alone()
        self._shipper: Shipper | None = None
        self._room_known: tuple[float, str | None] = (-_ROOM_SECONDS, None)

    def apply(self, rules: Rules | None) -> None:
        """Act for this policy from now on; ``None`` enables nobody."""
        self.rules = rules
        if rules is None:
            self.collector = self._shipper = None
            return
        schedule = rules.policy.schedule
        places = places_of(rules, self.machine, self.tree)
        self.collector = Collector(
            self.spool,
            Finder(ASSISTANTS, self.tree, owners_of(rules, self.machine), places),
            clock=self.machine.clock,
            quiet_seconds=schedule.quiet_seconds,
            room=partial(self._room, rules),
            enabled=rules.tenants.__contains__,
            readers=self._readers,
        )
        limit = schedule.bandwidth_bytes_per_second
        self._shipper = Shipper(
            self.outbox,
            partial(self._store, rules),
            clock=self.machine.clock,
            draw=random.random,
            pace=Pace(limit) if limit else None,
        )
        for tenant in rules.tenants:
            self.spool.ensure_tenant(tenant, rfc3339(self.machine.clock()))

    def _terms(self, tenant: str, klass: str) -> ClassTerms | None:
        rules = self.rules.tenants.get(tenant) if self.rules else None
        return rules.retention.of(klass) if rules else None

    def _expire(self, rules: Rules) -> None:
        """Give up what is older than its retention. Never beside a pass of the collector."""
        with contextlib.suppress(DiskFull):
            for name, tenant in rules.tenants.items():
                expire(self.spool, name, tenant.retention.terms, self.machine.clock())

    def _store(self, rules: Rules, tenant: str) -> Store:
        return store_of(rules.tenants[tenant])

    def _room(self, rules: Rules) -> str | None:
        """Say why nothing more may be spooled, or ``None``.

        Asked for every file, so the answer stands for a moment.
        """
        asked = time.monotonic()
        if asked - self._room_known[0] >= _ROOM_SECONDS:
            self._room_known = (asked, self._room_now(rules))
        return self._room_known[1]

    def _room_now(self, rules: Rules) -> str | None:
        limits = rules.policy.spool
        if shutil.disk_usage(self.spool.folder).free < limits.free_floor_bytes:
            return f"the disk has less than {limits.free_floor_bytes} bytes free"
        if self.spool.used_bytes() >= limits.max_bytes:
            return f"the spool holds {limits.max_bytes} bytes that are not sent yet"
        return None

    def collect(self, stop: Callable[[], bool] = lambda: False) -> Pass:
        """Make one pass over the conversations of this machine. Blocks; run it in a thread."""
        collector = self.collector
        if collector is None:
            return Pass()
        if self.rules:
            self._expire(self.rules)
        # What another policy allows is not known here: its own pass finds out.
        self.last_pass = collector.collect(lambda: stop() or self.collector is not collector)
        return self.last_pass

    def seal(self, *, everything: bool = False, stop: Callable[[], bool] = lambda: False) -> int:
        """Seal what is due; give the count. Blocks; run it in a thread.

        On a full disk it ends early: what is spooled stays spooled.
        """
        count, rules = 0, self.rules
        if rules is None:
            return 0
        try:
            for name, chunk in rules.chunks.items():
                count += self.sealer.seal(name, chunk, everything=everything, stop=stop)
        except DiskFull as error:
            self.last_pass.full = str(error)
        return count

    async def ship(
        self, tenant: str, *, force: bool = False, manifests: bool = True
    ) -> list[Shipped]:
        """Ship an enabled tenant's chunks, then the manifests that list them.

        ``manifests`` is false where more chunks are about to follow. ``force`` asks the store
        again even before a waiting state is over.
        """
        shipper, rules = self._shipper, self.rules
        if shipper is None or rules is None or tenant not in rules.tenants:
            return []
        shipped = [await shipper.ship(tenant, force=force)]
        if manifests and await asyncio.to_thread(
            write_papers, self.spool, rules, tenant, self.machine, self.signer
        ):
            shipped.append(await shipper.ship(tenant, force=force))
        return shipped

    def keep_house(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Give free pages back to the file system, and hold the reserve again, if there is room.

        Blocks for some seconds where much is free; run it in a thread.
        """
        with contextlib.suppress(DiskFull):
            self.spool.give_space_back(stop=stop)
            reserve.hold(self.spool.folder)
