"""What ``archiver credentials`` knows of tenants: the policy's, and those with kept keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from archiver.cli.session import load_policy
from archiver.credentials.keeping import kept
from archiver.daemon.keysource import expiry_here, keeps_keys, kept_for, source_of
from archiver.errors import PolicyError
from archiver.format.keys import NAME_PATTERN
from archiver.policy.document import FolderStore

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from archiver.credentials.keys import Expiry
    from archiver.policy.document import Tenant

__all__ = ["Line", "bucket_tenant", "check_tenant", "lines_of", "other_source"]


@dataclass(frozen=True, slots=True)
class Line:
    """One tenant's keys. ``key_id`` is masked; ``problem`` says what needs somebody."""

    tenant: str
    source: str
    key_id: str = ""
    expires_at: datetime | None = None
    problem: str = ""


def check_tenant(tenant: str) -> None:
    """Raise `click.UsageError` where this can be no tenant's id."""
    if not re.fullmatch(NAME_PATTERN, tenant):
        raise click.UsageError("A tenant's id has a-z, 0-9, '.', '_' and '-', as in the policy.")


def bucket_tenant(config: Path, tenant: str) -> Tenant:
    """Find a tenant whose store is a bucket; raise `PolicyError`, `click.UsageError`."""
    tenants = load_policy(config).policy.tenants
    found = next((one for one in tenants if one.id == tenant), None)
    if found is None:
        known = ", ".join(one.id for one in tenants) or "none at all"
        raise click.UsageError(f"No such tenant in {config}; it has {known}.")
    if isinstance(found.store, FolderStore):
        raise click.UsageError(
            f"The store of {tenant} is a folder: the operating system says who may read it."
        )
    return found


def other_source(config: Path, tenant: str) -> str:
    """Say why kept keys of a tenant are not used, empty where they are or nobody can say."""
    try:
        tenants = load_policy(config).policy.tenants
    except PolicyError:
        return ""
    found = next((one for one in tenants if one.id == tenant), None)
    if found is None:
        return f"The policy {config} has no tenant {tenant} yet."
    if not keeps_keys(found):
        return f"The policy names another source, which goes first: {source_of(found)}."
    return ""


def lines_of(config: Path, now: datetime) -> list[Line]:
    """Give the policy's tenants, then those that only have kept keys."""
    try:
        tenants: tuple[Tenant, ...] = load_policy(config).policy.tenants
    except PolicyError:
        tenants = ()
    lines = [_line(one, now) for one in tenants if not isinstance(one.store, FolderStore)]
    for one in kept():
        rules = next((tenant for tenant in tenants if tenant.id == one.tenant), None)
        if rules is None or not keeps_keys(rules):
            why = "not in the policy" if rules is None else "the policy names another source"
            at = one.expiry.at if one.expiry else None
            where = f"kept in the {one.where}; {why}"
            lines.append(Line(one.tenant, where, one.key_id, at, one.problem))
    return lines


def _line(tenant: Tenant, now: datetime) -> Line:
    found, expiry = kept_for(tenant), expiry_here(tenant)
    problem = found.problem if found else ""
    return Line(
        tenant.id,
        source_of(tenant),
        found.key_id if found else "",
        expiry.at if expiry else None,
        problem or _soon(expiry, now),
    )


def _soon(expiry: Expiry | None, now: datetime) -> str:
    if expiry is None or now < expiry.warn_at:
        return ""
    return "its keys have ended" if expiry.at <= now else "its keys end soon"
