"""When the policy's address is asked: at the start, at its interval, and after sleep.

It is asked beside everything else: capture and shipping wait for no answer, and a stop breaks
it off. What it gave is looked at by the next tick, or by a long pass within a second or so.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    from archiver.daemon.inforce import InForce

__all__ = ["Refresh"]

_JOB: Final = "policy"


class Refresh:
    """Asks for ``policy`` when it is time; ``guarded`` runs a job and notes what it raises."""

    def __init__(
        self,
        policy: InForce,
        scheduler: AsyncIOScheduler,
        guarded: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]],
    ) -> None:
        self._policy = policy
        self._scheduler = scheduler
        self._guarded = guarded
        self._seconds: int | None = None
        self._task: asyncio.Future[None] | None = None

    async def look(self, *, now: bool = False) -> None:
        """Take over the interval that counts now; ask where that is new, or where ``now`` says."""
        seconds = self._policy.refresh_seconds
        if seconds != self._seconds:
            self._seconds = seconds
            self._plan()
            now = True
        if now:
            await self.ask()

    async def ask(self) -> None:
        """Begin to ask, where there is an address that is not being asked already."""
        if self._seconds is not None and self._task is None:
            self._task = asyncio.ensure_future(self._guarded(self._policy.ask))
            self._task.add_done_callback(self._asked)

    async def break_off(self) -> None:
        """Ask no more."""
        self._seconds = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _asked(self, _task: asyncio.Future[None]) -> None:
        self._task = None

    def _plan(self) -> None:
        if self._seconds is None:
            self._scheduler.remove_job(_JOB)
            return
        self._scheduler.add_job(
            self._guarded,
            "interval",
            args=(self.ask,),
            seconds=self._seconds,
            # Machines that are all switched on at nine must not all ask at ten.
            jitter=self._seconds // 10,
            id=_JOB,
            name=_JOB,
            replace_existing=True,
        )
