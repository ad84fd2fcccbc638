"""Holds in force, and what each means for a whole bucket.

Where it is not known whether holds are in force, they are taken to be: nothing that removes is
turned on, and nothing that keeps is taken away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.buckets.values import MINE, LockRule
from archiver.format.keys import tenant_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from archiver.evidence.orders import Hold

    Holds = Mapping[str, "tuple[Hold, ...] | None"]

__all__ = ["HOLD", "expires", "hold_rules"]

HOLD = f"{MINE}hold/"
"""What the id of every lock rule that stands for a hold starts with."""


def expires(holds: Holds, tenant: str) -> bool | None:
    """Tell whether the store may remove things of a tenant by age; ``None`` if nobody knows."""
    found = holds.get(tenant, ())
    return None if found is None else not found


def hold_rules(
    holds: Holds, prefix: str, tenant: str, classes: Iterable[str]
) -> Iterator[LockRule]:
    """Yield the lock rules of R2 for a tenant's holds: in doubt, more is held than was asked.

    A hold of one person covers that person's chunks of every class that the policy names; any
    other covers all chunks of the tenant. Times are not looked at: a chunk's day is when it was
    observed, a hold's is when it was said. ``_keys/`` lies under none.
    """
    folder = tenant_folder(prefix, tenant)
    for hold in holds.get(tenant) or ():
        name = f"{HOLD}{tenant}/{hold.id}"
        if hold.subject is None:
            yield LockRule(id=name, prefix=f"{folder}class=")
            continue
        for klass in classes:
            under = f"{folder}class={klass}/subject={hold.subject}/"
            yield LockRule(id=f"{name}/{klass}", prefix=under)
