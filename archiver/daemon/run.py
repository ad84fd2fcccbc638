"""The daemon: when the engine's verbs happen.

The scheduler decides when, never what: every job is idempotent and takes up where the spool
says, so a missed run costs nothing but time. Settings that matter, and why:

* ``misfire_grace_time=None``: APScheduler otherwise drops a run that is a second late, and
  after sleep every run is (https://github.com/agronholm/apscheduler/issues/481).
* ``coalesce=True, max_instances=1``: hours of missed runs are one run.
* no interval below ten seconds, and a memory job store: nothing is pickled.

A change of the policy is seen at the next tick, or, during a long pass, within a second or
so: the pass is broken off. A stop breaks off shipping and collecting, seals what is spooled,
and takes less than five seconds; what is not sent then is sent at the next start. A spool that
turns out to be damaged stops the daemon too: nothing is sealed from it any more, and `Daemon.run`
raises `SpoolDamaged`, so that the service manager starts the daemon anew.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from archiver.daemon.faults import Faults
from archiver.daemon.inforce import InForce
from archiver.daemon.refresh import Refresh
from archiver.daemon.status import publish
from archiver.daemon.survey import survey
from archiver.daemon.wake import Clocks, jumped
from archiver.errors import SpoolDamaged, StateError
from archiver.format.times import rfc3339
from archiver.policy.document import Schedule
from archiver.stores.footprint import give_back

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from archiver.daemon.engine import Engine
    from archiver.distribution.watch import Watch

__all__ = ["Daemon"]

log = logging.getLogger("archiver")

_STOP_SECONDS: Final = 4.0


class Daemon:
    """Runs one engine for the policy that ``watch`` finds."""

    def __init__(self, engine: Engine, watch: Watch, *, set_aside: str | None = None) -> None:
        self._engine = engine
        self._policy = InForce(engine, watch)
        self._set_aside = set_aside
        self._stopping = asyncio.Event()
        self._clocks = _clocks()
        self._faults = Faults()
        self._last_pass_at: str | None = None
        self._captured: dict[str, str] = {}
        self._collecting = asyncio.Lock()
        self._shipping: dict[str, asyncio.Task[None]] = {}
        self._waits: dict[str, str | None] = {}
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._refresh = Refresh(self._policy, self._scheduler, self._guarded)

    async def run(self) -> None:
        """Run until `stop` is called or the process is told to end.

        Raises `SpoolDamaged`, after an orderly end, where the spool cannot be used any more.
        """
        _on_signals(self.stop)
        self._policy.look()
        self._plan()
        self._scheduler.start()
        # Housekeeping comes last: after a large backlog it takes some seconds.
        for job in (self.tick, self.ship, self.housekeep):
            await self._guarded(job)
        try:
            await self._stopping.wait()
        finally:
            await self._end()
        if self._faults.fatal is not None:
            raise self._faults.fatal

    def stop(self) -> None:
        """Ask the daemon to end; it does within five seconds."""
        self._stopping.set()

    def _plan(self) -> None:
        rules = self._engine.rules
        schedule = rules.policy.schedule if rules else Schedule()
        for name, job, seconds in (
            ("tick", self.tick, schedule.collect_seconds),
            ("ship", self.ship, schedule.ship_seconds),
            ("housekeeping", self.housekeep, schedule.housekeeping_seconds),
        ):
            # Guarded here: the scheduler would log what a job raised, message and all.
            self._scheduler.add_job(
                self._guarded,
                "interval",
                args=(job,),
                seconds=seconds,
                id=name,
                name=name,
                replace_existing=True,
            )

    async def tick(self) -> None:
        """Look at the policy; collect; seal what is due; ship at once what was sealed."""
        woke = self._woke()
        changed = self._policy.look()
        if changed:
            await self._break_off_shipping()
            self._plan()
        await self._refresh.look(now=woke)
        async with self._collecting:
            done = await asyncio.to_thread(self._engine.collect, self._should_stop)
            sealed = await asyncio.to_thread(self._engine.seal, stop=self._stopping.is_set)
        self._last_pass_at = rfc3339(self._engine.machine.clock())
        self._captured |= done.captured
        if done.records or sealed or done.full:
            log.info(
                "collected %d records of %d conversations, sealed %d chunks%s",
                done.records,
                done.conversations,
                sealed,
                f"; capture stands still: {done.full}" if done.full else "",
            )
            give_back()
        if sealed or woke or changed:
            await self.ship(force=woke or changed)
        self._publish()

    async def ship(self, *, force: bool = False) -> None:
        """Begin shipping for every enabled tenant that is not being shipped already.

        Each tenant has a task of its own: none waits for another's store.
        """
        if self._stopping.is_set():
            return
        for tenant in self._engine.rules.tenants if self._engine.rules else ():
            if tenant not in self._shipping:
                task = asyncio.create_task(self._ship(tenant, force=force))
                self._shipping[tenant] = task
                task.add_done_callback(partial(self._shipped, tenant))

    async def _ship(self, tenant: str, *, force: bool) -> None:
        for one in await self._engine.ship(tenant, force=force):
            if one.delivered:
                log.info("tenant %s: shipped %d objects, %d bytes", tenant, one.delivered, one.size)
            if one.waiting and self._waits.get(tenant) != one.waiting.reason:
                reason, detail = one.waiting.reason, one.waiting.detail
                log.warning("tenant %s: shipping waits for %s: %s", tenant, reason, detail)
            self._waits[tenant] = one.waiting.reason if one.waiting else None

    def _shipped(self, tenant: str, task: asyncio.Task[None]) -> None:
        self._shipping.pop(tenant, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._note(error)
        self._publish()

    async def housekeep(self) -> None:
        """Give free space back to the file system, and hold the reserve."""
        await asyncio.to_thread(self._engine.keep_house, self._stopping.is_set)

    def _should_stop(self) -> bool:
        """Tell a long pass to end: the daemon stops, or the policy is another one now."""
        return self._stopping.is_set() or self._policy.changed()

    def _woke(self) -> bool:
        before, self._clocks = self._clocks, _clocks()
        return jumped(before, self._clocks)

    async def _break_off_shipping(self) -> None:
        tasks = tuple(self._shipping.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(self, job: Callable[[], Awaitable[None]]) -> None:
        """Run a job: what it raises is noted by its kind, and the next run comes, or the end."""
        try:
            await job()
        except Exception as error:  # noqa: BLE001 - a daemon goes on
            self._note(error)

    def _note(self, error: BaseException) -> None:
        if self._faults.note(error, rfc3339(self._engine.machine.clock())):
            self.stop()

    def _publish(self) -> None:
        try:
            status = survey(
                self._engine,
                policy=self._policy.status,
                last_pass_at=self._last_pass_at,
                last_captured_at=self._captured,
                set_aside=self._set_aside,
                faults=self._faults.last,
            )
            publish(status, self._engine.spool.folder)
        except SpoolDamaged as error:
            self._note(error)
        except (OSError, StateError) as error:
            log.warning("the status file was not written: %s", type(error).__name__)

    async def _end(self) -> None:
        self._scheduler.shutdown(wait=False)
        await self._refresh.break_off()
        await self._break_off_shipping()
        deadline = time.monotonic() + _STOP_SECONDS
        async with self._collecting:
            if self._faults.fatal is None:
                await self._guarded(partial(self._seal_all, deadline))
        self._publish()
        log.info("stopped")

    async def _seal_all(self, deadline: float) -> None:
        await asyncio.to_thread(
            self._engine.seal, everything=True, stop=lambda: time.monotonic() > deadline
        )


def _clocks() -> Clocks:
    return Clocks(time.time(), time.monotonic())


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGINT"):
        number = getattr(signal, name)
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows has no loop handlers
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
