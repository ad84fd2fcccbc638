"""Narrow, expiring keys for devices, and in words what they are limited to and what not."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from archiver.buckets.statements import partition
from archiver.cli.keytest import locks
from archiver.cli.output import note
from archiver.credentials import r2
from archiver.credentials.documents import (
    session_policy,
    text_of,
    writer_policy,
    writer_prefixes,
)
from archiver.credentials.formats import as_ini, as_json
from archiver.credentials.refusals import refused
from archiver.daemon.rules import settings_of
from archiver.durable import files
from archiver.policy.answers import problem
from archiver.policy.document import FolderStore, R2Store, S3Store
from archiver.stores.s3_client import connect
from archiver.stores.settings import Role, S3Settings
from archiver.stores.sources import base_of
from archiver.stores.sts import session_for

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from archiver.credentials.keys import Keys
    from archiver.policy.document import Tenant

__all__ = ["Issued", "Request", "issue_keys", "written"]

_LONGEST_SESSION: Final = 12
_SESSION_LETTERS: Final = 2048


@dataclass(frozen=True, slots=True)
class Request:
    """For whom, and for how many hours. ``device`` of ``None``: for all of the tenant."""

    device: str | None
    subject: str | None
    hours: int
    role_arn: str | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """Keys; or ``None`` and the document that limits others. ``limits`` in words."""

    keys: Keys | None
    document: str
    limits: tuple[str, ...]


async def issue_keys(tenant: Tenant, asked: Request, now: datetime) -> Issued:
    """Issue keys as narrow as the store can; raise `StoreError`, `click.UsageError`."""
    _check(asked)
    store, settings = tenant.store, settings_of(tenant)
    assert isinstance(settings, S3Settings)  # noqa: S101 - its caller looked
    assert not isinstance(store, FolderStore)  # noqa: S101
    classes = tuple(one.klass for one in tenant.retention.terms)
    prefixes = writer_prefixes(
        store.prefix, tenant.id, classes=classes, subject=asked.subject, device=asked.device
    )
    told = _limits(asked, store, classes)
    if isinstance(store, R2Store):
        return Issued(await _signed(settings, store, prefixes, asked, now), "", told)
    settings = _with_role(settings, store, asked)
    if settings.role is None:
        document = writer_policy(
            store.bucket,
            store.prefix,
            tenant.id,
            prefixes=prefixes,
            locks=locks(tenant),
            partition=partition(settings.region),
        )
        said = (
            "This store makes no expiring keys without a role: role_arn in the policy, --role-arn.",
            "Attach this document to the user whose keys the device gets.",
            'Where the store does not know s3:if-none-match (Ceph 16), leave "NeverOverwrite" out.',
        )
        return Issued(None, text_of(document), said)
    named = settings.role.arn.split(":")[1]
    text = text_of(session_policy(store.bucket, prefixes, locks=locks(tenant), partition=named))
    if len(text) > _SESSION_LETTERS:
        raise click.UsageError(
            f"The session's policy has {len(text):,} characters, and STS takes 2,048: give the"
            " tenant fewer retention classes, or a shorter prefix."
        )
    name = f"archiver-{tenant.id}-{asked.device or 'all'}"
    keys = await session_for(settings, await base_of(settings), name, text, connect)
    return Issued(keys, text, told)


def _check(asked: Request) -> None:
    if asked.device is not None and not re.fullmatch(r"[0-9a-f]{16}", asked.device):
        raise click.UsageError(
            "A device's id has 16 of 0-9 and a-f: `archiver device key` shows it."
        )
    if asked.subject is not None and not re.fullmatch(r"[0-9a-f]{32}", asked.subject):
        raise click.UsageError(
            "A subject's pseudonym has 32 of 0-9 and a-f: `archiver ls` shows it."
        )


def _with_role(settings: S3Settings, store: S3Store, asked: Request) -> S3Settings:
    """Give settings whose role is the one to issue from, for as long as was asked."""
    arn = asked.role_arn or store.role_arn
    if arn is None:
        return settings
    if problem("role_arn", arn):
        raise click.UsageError(f"--role-arn: {problem('role_arn', arn)}.")
    if asked.hours > _LONGEST_SESSION:
        raise click.UsageError(
            "A session of a role lasts 12 hours at most: give --hours 12 or less."
        )
    role = Role(arn, store.external_id, asked.hours * 3600, None, store.sts_endpoint)
    return replace(settings, role=role)


async def _signed(
    settings: S3Settings, store: R2Store, prefixes: tuple[str, ...], asked: Request, now: datetime
) -> Keys:
    parent = await base_of(settings)
    if parent is None:
        raise refused(
            "no key id and secret of an R2 API token are at hand to sign with",
            code="NoParent",
            advice="Keep the token's with `archiver credentials set`, or name them in"
            " credentials_file; a profile is not read for this.",
        )
    return r2.temporary_keys(
        parent,
        account_id=store.account_id,
        endpoint=settings.endpoint or "",
        bucket=store.bucket,
        prefixes=prefixes,
        now=now,
        lifetime=timedelta(hours=asked.hours),
    )


def _limits(asked: Request, store: S3Store | R2Store, classes: tuple[str, ...]) -> tuple[str, ...]:
    whose = "one subject" if asked.subject else "every subject of the tenant"
    papers = "this device's" if asked.device else "any device's"
    limited = (
        f"Limited to: chunks of {whose} (class {', '.join(classes)}),"
        f" {papers} manifests and enrolment."
    )
    told = [
        limited,
        f"For {asked.hours} h, and PutObject alone.",
        "Not limited: to one device's chunks, since their keys name the device last"
        + ("." if asked.subject else "; --subject limits them to one person's."),
    ]
    if isinstance(store, R2Store):
        told.append(
            "R2 cannot demand If-None-Match: these keys can overwrite what no lock rule protects."
            " They end at once when the parent token is revoked."
        )
    return tuple(told)


def written(keys: Keys, to: Path | None, *, json: bool) -> None:
    """Write keys into a new file that only its user may read, or to standard output."""
    text = as_json(keys) if json else as_ini(keys)
    if to is None:
        click.echo(text, nl=False)
        return
    try:
        files.write_new(to, text.encode())
    except FileExistsError:
        raise click.UsageError(f"{to} exists, and keys are not written over anything.") from None
    note(f"Written to {to}, for you alone. Hand it over, then delete it:")
    note(f"  archiver credentials set TENANT < {to}")
