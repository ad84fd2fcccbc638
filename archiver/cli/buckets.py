"""The buckets of a policy as the commands meet them: which, with whose keys, under which holds."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

import click

from archiver.archive.signers import Trust
from archiver.buckets.apply import Hands
from archiver.buckets.cloudflare import API, CloudflareLocks
from archiver.buckets.statements import NOBODY, Parties
from archiver.buckets.values import Place
from archiver.buckets.wanted import Ask, Share, Wanted, wanted
from archiver.cli.session import load_policy
from archiver.daemon.rules import settings_of
from archiver.errors import BucketUnfit, StoreError
from archiver.evidence.verifier import VerifierKey
from archiver.format.keys import Series
from archiver.model.answers import Answer
from archiver.policy.document import FolderStore, R2Store
from archiver.stores.opening import open_store
from archiver.stores.s3_bucket import S3Bucket
from archiver.stores.settings import S3Settings
from archiver.witness.chains import follow_statements
from archiver.witness.memory import Memory
from archiver.witness.orders import check_orders, read_orders
from archiver.witness.place import Place as Archive

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from archiver.evidence.orders import Hold
    from archiver.policy.document import Tenant

__all__ = ["Mine", "Options", "buckets_of", "each", "share_of"]

Result = TypeVar("Result")

_TOKEN: Final = "CLOUDFLARE_API_TOKEN"  # noqa: S105 - the name of a variable
_API: Final = "ARCHIVER_CLOUDFLARE_API"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. Keys that are not named are the policy's own."""

    config: Path
    tenant: str | None = None
    profile: str | None = None
    credentials_file: Path | None = None
    parties: Parties = NOBODY


@dataclass(frozen=True, slots=True)
class Mine:
    """One bucket, the tenants that share it, and how it is reached (a folder: not at all)."""

    place: Place
    tenants: tuple[Tenant, ...]
    settings: S3Settings | None
    parties: Parties

    @property
    def shares(self) -> tuple[Share, ...]:
        """Give each tenant's part of it."""
        return tuple(share_of(one) for one in self.tenants)


def share_of(tenant: Tenant) -> Share:
    """Give a tenant's part of its bucket."""
    retention = tenant.retention
    return Share(
        tenant.id,
        tenant.store.prefix,
        retention.terms,
        retention.grace_days,
        sealed=bool(tenant.sealing.officers),
    )


def buckets_of(options: Options) -> tuple[Mine, ...]:
    """Give the buckets that are meant; disabled tenants count, since their data is there.

    Raise `PolicyError`, `BucketUnfit` and `click.UsageError`.
    """
    tenants = load_policy(options.config).policy.tenants
    found: dict[Place, list[Tenant]] = {}
    for one in tenants:
        found.setdefault(_place(one), []).append(one)
    chosen = [
        (place, tuple(shared))
        for place, shared in found.items()
        if options.tenant in (None, *(one.id for one in shared))
    ]
    if not chosen:
        known = ", ".join(tenant.id for tenant in tenants) or "none at all"
        raise click.UsageError(f"No such tenant in {options.config}; it has {known}.")
    for place, _ in chosen:
        if place.kind == "s3":
            options.parties.check(amazon=place.amazon)
    return tuple(
        Mine(place, shared, _settings(shared[0], options), options.parties)
        for place, shared in chosen
    )


def _place(tenant: Tenant) -> Place:
    store = tenant.store
    if isinstance(store, FolderStore):
        return Place("folder", str(store.path))
    if isinstance(store, R2Store):
        where = store.jurisdiction or ""
        return Place("r2", store.bucket, store.endpoint or "", store.account_id, where)
    return Place("s3", store.bucket, store.endpoint or "")


def _settings(tenant: Tenant, options: Options) -> S3Settings | None:
    settings = settings_of(tenant)
    if not isinstance(settings, S3Settings):
        return None
    if options.profile or options.credentials_file:
        return replace(
            settings,
            profile=options.profile,
            credentials_file=options.credentials_file,
            credential_process=(),
            role=None,
        )
    return settings


async def each(
    mine: tuple[Mine, ...], work: Callable[[Mine, Wanted, Hands | None], Awaitable[Result]]
) -> list[Result]:
    """Give what ``work`` makes of each bucket; a folder comes without hands."""
    results = []
    for one in mine:
        if one.settings is None:
            results.append(await work(one, wanted(_ask(one, {})), None))
            continue
        async with S3Bucket(one.settings) as store:
            holds = await _holds(one, one.settings) if await store.exists() else {}
            asked = wanted(_ask(one, holds))
            async with _locks_of(one.place, asked) as locks:
                results.append(await work(one, asked, Hands(store, locks)))
    return results


@contextlib.asynccontextmanager
async def _locks_of(place: Place, asked: Wanted) -> AsyncIterator[CloudflareLocks | None]:
    """Open what keeps the lock rules of R2, where there is a word to say about any."""
    if place.kind != "r2" or not (asked.bucket.lock_rules or os.environ.get(_TOKEN)):
        yield None
        return
    api = os.environ.get(_API, API)
    async with CloudflareLocks(place, _token(place), api=api) as locks:
        yield locks


def _ask(mine: Mine, holds: dict[str, tuple[Hold, ...] | None]) -> Ask:
    region = mine.settings.region if mine.settings else ""
    return Ask(
        place=mine.place, shares=mine.shares, holds=holds, parties=mine.parties, region=region
    )


def _token(place: Place) -> str:
    if token := os.environ.get(_TOKEN, "").strip():
        return token
    if sys.stdin.isatty():
        return str(click.prompt(f"Cloudflare API token for {place}", hide_input=True, err=True))
    raise BucketUnfit(
        f"the lock rules of {place} are kept by Cloudflare's own API, and no token for it was"
        " given",
        advice=f"Set {_TOKEN} to an API token with the permission Workers R2 Storage Write.",
    )


async def _holds(mine: Mine, settings: S3Settings) -> dict[str, tuple[Hold, ...] | None]:
    """Read the holds in force of each tenant; ``None`` where these keys may not read them.

    Where the policy names no admin nobody could give an order that counts.
    """
    found: dict[str, tuple[Hold, ...] | None] = {}
    async with open_store(settings) as store:
        for tenant in mine.tenants:
            trust = Trust(tuple(_keys(tenant)))
            try:
                place = Archive(store, tenant.store.prefix, tenant.id)
                orders = await read_orders(place, trust, Memory())
                signed = await place.series(Series.CHECKPOINTS)
                # An order that is gone must not look like the end of a hold.
                check_orders(follow_statements(signed, trust, tenant.id), orders)
            except StoreError as error:
                if error.refusal.answer is not Answer.CREDENTIALS:
                    raise
                found[tenant.id] = None
            else:
                found[tenant.id] = tuple(orders.holds.values())
    return found


def _keys(tenant: Tenant) -> Iterator[VerifierKey]:
    return (VerifierKey.parse(text) for text in tenant.evidence.admin_keys)
