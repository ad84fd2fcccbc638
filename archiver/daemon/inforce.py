"""The policy in force: looked for again and again, put in force when it is another one."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from archiver.daemon.rules import Rules
from archiver.daemon.status import PolicyStatus
from archiver.policy.watch import Changed, Gone, Refused, Same

if TYPE_CHECKING:
    from archiver.daemon.engine import Engine
    from archiver.policy.load import LoadedPolicy
    from archiver.policy.watch import Watch

__all__ = ["InForce"]

log = logging.getLogger("archiver")

_LOOK_SECONDS: Final = 1.0


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

    def _look(self) -> bool:
        self._looked = time.monotonic()
        outcome = self._watch.check()
        match outcome:
            case Same():
                return False
            case Gone():
                return self._nobody()
            case Refused(problems=problems):
                self._refuse(problems)
                return False
            case Changed(loaded=loaded):
                self._apply(loaded)
                return True

    def _nobody(self) -> bool:
        changed = self._engine.rules is not None
        self._engine.apply(None)
        self.status = PolicyStatus(state="gone")
        if changed:
            log.warning("there is no policy any more: nothing is captured or shipped")
        return changed

    def _apply(self, loaded: LoadedPolicy) -> None:
        rules = Rules.of(loaded.policy, loaded.fingerprint)
        self._engine.apply(rules)
        self.status = PolicyStatus(
            state="in force",
            path=str(loaded.path),
            fingerprint=loaded.fingerprint,
            problems=rules.problems,
        )
        log.info("policy %s is in force", loaded.fingerprint[:12])
        for problem in rules.problems:
            log.error("%s", problem)

    def _refuse(self, problems: tuple[str, ...]) -> None:
        if self.status.problems != problems:
            for problem in problems:
                log.error("the policy is refused: %s", problem)
        self.status = PolicyStatus(
            state="refused",
            path=self.status.path,
            fingerprint=self.status.fingerprint,
            problems=problems,
        )
