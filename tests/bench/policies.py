"""The policy of a measured archiver, and where its things lie."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from measure import ARCHIVER, environment

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Place", "default", "nobody"]

default = {"default": True}
"""Claims every conversation."""

nobody = {"working_directories": ["/nonexistent/**"]}
"""Claims no conversation that there is."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a home, a state, a bucket and a policy in it."""

    folder: Path

    @property
    def home(self) -> Path:
        """The home that archiver sees."""
        return self.folder / "home"

    @property
    def state(self) -> Path:
        """Its spool."""
        return self.folder / "state"

    @property
    def bucket(self) -> Path:
        """Its store, where that is a folder."""
        return self.folder / "bucket"

    @property
    def policy(self) -> Path:
        """Its policy."""
        return self.folder / "policy.json"

    @property
    def env(self) -> dict[str, str]:
        """The environment of its processes."""
        return environment(self.home)

    def prepare(
        self,
        *,
        claims: dict[str, Any] | None = None,
        store: dict[str, Any] | None = None,
        schedule: dict[str, Any] | None = None,
        max_age_seconds: int = 3600,
    ) -> None:
        """Make the home and write the policy: one tenant, a folder as its store.

        ``quiet_seconds`` is 0, because every save of a replay is whole when it is looked at.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        tenant = {
            "id": "bench",
            "conversations": claims or default,
            "store": store or {"kind": "folder", "path": str(self.bucket)},
            "chunk": {"max_age_seconds": max_age_seconds},
            "identity": {
                "source": "fixed",
                "value": "dev@example.org",
                "subject_key": "a key for benchmarks only",
            },
        }
        policy = {
            "version": 1,
            "tenants": [tenant],
            "projects": ["~/projects/*"],
            "schedule": {"quiet_seconds": 0} if schedule is None else schedule,
        }
        self.policy.write_text(json.dumps(policy))

    def command(self, name: str, *more: str) -> tuple[str, ...]:
        """Give the command line of one of archiver's commands."""
        return (
            *ARCHIVER, name, "--config", str(self.policy), "--state", str(self.state), *more,
        )  # fmt: skip
