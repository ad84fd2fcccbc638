"""What `MemoryStore` remembers, and how it goes wrong as its plan says.

A bucket is two tables: the objects that readers see, and the older or hidden versions of each
key. A test may write into the first one behind the store's back.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from archiver.model.answers import Answer
from archiver.stores.faults import FaultPlan, Hang, LoseAnswer, Refuse, Slow
from archiver.stores.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from archiver.errors import StoreError
    from archiver.model.shipment import Retain
    from archiver.stores.faults import Effect, Fault, Verb

__all__ = ["Call", "MemorySession", "Object", "cut", "end"]


@dataclass(frozen=True, slots=True)
class Call:
    """One line of the log: a verb and its key (of a list: its prefix)."""

    verb: Verb
    key: str


@dataclass(frozen=True, slots=True)
class Object:
    """One version of what is stored under a key."""

    body: bytes
    metadata: Mapping[str, str]
    retain: Retain | None = None
    held: bool = False


def _utc() -> datetime:
    return datetime.now(UTC)


class MemorySession:
    """A bucket in memory. ``clock`` gives seconds and matters to the R2 personality only.

    ``object_lock`` says whether the bucket was made with Object Lock, and so with versions;
    locks run out by ``now``, the server's clock. R2 has neither.
    """

    name = "memory"

    def __init__(
        self,
        plan: FaultPlan | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _utc,
        object_lock: bool = True,
    ) -> None:
        self.plan = plan or FaultPlan()
        self.objects: dict[str, Object] = {}
        self.older: dict[str, list[Object]] = {}
        self.calls: list[Call] = []
        self.concurrency = 2 if self.plan.personality == "r2" else 4
        self.can_lock = object_lock and self.plan.personality == "s3"
        self._clock = clock
        self._now = now
        self._written: dict[str, float] = {}
        self._matches: Counter[Fault] = Counter()

    async def __aenter__(self) -> Self:
        """Open; there is nothing to do."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close; the objects stay."""

    async def _begin(self, verb: Verb, key: str) -> tuple[Effect, ...]:
        """Log the call, wait and refuse as planned; give the effects that are left to do."""
        self.calls.append(Call(verb, key))
        effects = self._effects(verb, key)
        for effect in effects:
            if isinstance(effect, Slow):
                await asyncio.sleep(effect.seconds)
            elif isinstance(effect, Hang):
                await asyncio.get_running_loop().create_future()
            elif isinstance(effect, Refuse):
                raise refuse(
                    effect.answer,
                    f"memory: {verb} {key}: {effect.code}",
                    code=effect.code,
                    status=effect.status,
                    server_time=effect.server_time,
                )
        await asyncio.sleep(0)  # every other store lets others run here too
        return effects

    def _effects(self, verb: Verb, key: str) -> tuple[Effect, ...]:
        effects = []
        for fault in self.plan.faults:
            if fault.verb == verb and (fault.key is None or fault.key(key)):
                self._matches[fault] += 1
                if fault.nth in (None, self._matches[fault]):
                    effects.append(fault.effect)
        return tuple(effects)


def end(verb: Verb, key: str, effects: tuple[Effect, ...]) -> None:
    """Lose the answer to what was done, where that is planned."""
    if LoseAnswer() in effects:
        raise cut(verb, key)


def cut(verb: Verb, key: str) -> StoreError:
    """Build the error of a connection that broke; the caller raises it."""
    code = "ConnectionClosedError"
    return refuse(Answer.UNREACHABLE, f"memory: {verb} {key}: {code}", code=code)
