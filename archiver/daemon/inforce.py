"""The policy in force: looked for again and again, put in force when it is another one.

Where it comes from an address, `InForce.ask` asks that in a process of its own, which nothing
here waits for.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from archiver.daemon.rules import Rules
from archiver.daemon.status import PolicyStatus
from archiver.errors import PolicyUnreachable

if TYPE_CHECKING:
    from archiver.daemon.engine import Engine
    from archiver.distribution.standing import Standing
    from archiver.distribution.watch import Watch
    from archiver.policy.load import LoadedPolicy

__all__ = ["InForce", "policy_status"]

log = logging.getLogger("archiver")

_LOOK_SECONDS: Final = 1.0


def policy_status(found: Standing, problems: tuple[str, ...]) -> PolicyStatus:
    """Say what was found; ``problems`` are what this machine has with a policy in force."""
    signed = found.signed
    told = tuple(line for one in found.refusals for line in one.problems)
    state = "refused" if told else "in force" if found.loaded else "gone"
    return PolicyStatus(
        state=state,
        path=str(found.loaded.path) if found.loaded else None,
        fingerprint=found.loaded.fingerprint if found.loaded else None,
        problems=told + problems,
        refused=tuple(str(one.reason) for one in found.refusals),
        advice=next((one.advice for one in found.refusals), None),
        pinned=found.pinned,
        number=signed.signed.number if signed else None,
        signed_by=signed.names if signed else (),
        expires_at=signed.signed.expires_at if signed else None,
        source=found.source,
        fetched_at=found.fetched_at,
        unreachable=found.unreachable,
    )


class InForce:
    """Keeps an engine at the policy that ``watch`` finds; ``status`` tells which that is."""

    def __init__(self, engine: Engine, watch: Watch) -> None:
        self.status = PolicyStatus(state="gone")
        self._engine = engine
        self._watch = watch
        self._looked = 0.0
        self._changed = False

    def look(self) -> bool:
        """Put the policy in force that stands now.

        Tells whether that, or a `changed` since the last look, changed anything.
        """
        changed = self._look() or self._changed
        self._changed = False
        return changed

    def changed(self) -> bool:
        """Tell a long pass whether another policy is in force now; looks at most every second."""
        if not self._changed and time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._changed = self._look()
        return self._changed

    @property
    def refresh_seconds(self) -> int | None:
        """How often an address is to be asked, if the policy comes from one."""
        asking = self._watch.asking
        return asking.seconds if asking else None

    async def ask(self) -> None:
        """Ask the address, if there is one; the next look puts in force what it gave."""
        asking = self._watch.asking
        if asking is None:
            return
        from archiver.distribution.apart import fetch_apart  # noqa: PLC0415 - most have none

        try:
            self._watch.take(asking.url, await fetch_apart(asking.url, asking.etag))
        except PolicyUnreachable as error:
            if self.status.unreachable is None:
                log.warning("%s; what is in force stays", error)
            self._watch.take(asking.url, error)

    def _look(self) -> bool:
        self._looked = time.monotonic()
        found = self._watch.check()
        if found.changed:
            self._apply(found.loaded)
        rules = self._engine.rules
        status = policy_status(found, rules.problems if rules else ())
        for line in status.problems:
            if line not in self.status.problems:
                log.error("policy: %s", line)
        self.status = status
        return found.changed

    def _apply(self, loaded: LoadedPolicy | None) -> None:
        if loaded is None:
            self._engine.apply(None)
            log.warning("there is no policy any more: nothing is captured or shipped")
            return
        self._engine.apply(Rules.of(loaded.policy, loaded.fingerprint))
        log.info("policy %s is in force", loaded.fingerprint[:12])
