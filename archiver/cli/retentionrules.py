"""The rules by which ``archiver retention`` judges: those of the policy, also for a copy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from archiver.cli.session import load_policy
from archiver.errors import PolicyInvalid

if TYPE_CHECKING:
    from archiver.cli.archives import Part
    from archiver.cli.where import Where
    from archiver.policy.document import Tenant

__all__ = ["Rules"]


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy's tenants by id, and the sha256 (hex) of the document."""

    tenants: dict[str, Tenant]
    sha256: str
    name: str

    @classmethod
    def of(cls, where: Where) -> Rules:
        """Read the policy that is in force; raise `PolicyError`."""
        loaded = load_policy(where.config)
        tenants = {one.id: one for one in loaded.policy.tenants}
        return cls(tenants, loaded.fingerprint, str(where.config))

    def tenant(self, name: str) -> Tenant:
        """Give a tenant's rules; raise `PolicyInvalid`."""
        if name not in self.tenants:
            raise PolicyInvalid(
                f"{self.name} does not name the tenant {name}, so nobody knows how long its"
                " conversations stay",
                advice="Name the policy with --config, or other tenants with --tenant.",
            )
        return self.tenants[name]

    def part(self, part: Part, name: str) -> Part:
        """Give a part with this tenant's rules, also where a folder is read without a policy."""
        return replace(part, rules=part.rules or self.tenant(name))
