"""The trial of a tenant's keys, from its rules to what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.daemon.powers import Power, Report, examine_keys
from archiver.daemon.rules import settings_of
from archiver.errors import StoreError
from archiver.stores.s3_powers import S3Powers
from archiver.stores.settings import S3Settings

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.policy.document import Tenant

__all__ = ["locks", "tried"]


def locks(tenant: Tenant) -> bool:
    """Tell whether a class of the tenant is locked as it is put."""
    return any(one.lock in ("governance", "compliance") for one in tenant.retention.terms)


async def tried(tenant: Tenant, now: datetime) -> Report:
    """Open the tenant's bucket as shipping does, and try everything."""
    settings = settings_of(tenant)
    assert isinstance(settings, S3Settings)  # noqa: S101 - its caller looked
    store = S3Powers(settings)
    try:
        async with store:
            return await examine_keys(
                store, tenant.id, prefix=tenant.store.prefix, locks=locks(tenant), now=now
            )
    except StoreError as error:
        note = f"{error} → {error.advice}"
        return Report(store.name, (Power("put", "no", right=False, note=note),))
