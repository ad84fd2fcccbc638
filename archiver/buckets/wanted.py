"""What a bucket must enforce by itself, from the rules of all tenants that share it. Pure.

* Chunks alone lie under lifecycle and lock rules, each class of a tenant under its own prefix.
  Nothing is ever said of ``_keys/``, ``_manifests/``, ``_orders/`` and their like.
* The store removes at ``days + grace_days``, never before; replaced versions after another
  ``grace_days``, so that who overwrites or deletes without a lock is found out in time. A class
  without days is never removed.
* While a hold of a tenant is in force, nothing of that tenant is removed by age.
* Object Lock is enabled where a class asks for it. Its default is the weakest that all classes
  have in common; and none where a tenant seals, because wrapped keys would be locked with the
  rest, and a person's could not be erased. Each chunk brings its own lock anyway.
* On R2 a class with ``lock = "rule"`` gets a lock rule of its days, a hold one without an end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archiver.buckets.holds import expires, hold_rules
from archiver.buckets.remarks import remarks
from archiver.buckets.statements import NOBODY, Parties, bucket_statements
from archiver.buckets.values import (
    MINE,
    Bucket,
    Default,
    LifecycleRule,
    LockRule,
    Place,
    Unsupported,
)
from archiver.errors import BucketUnfit
from archiver.format.keys import tenant_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.buckets.holds import Holds
    from archiver.model.shipment import ClassTerms

__all__ = ["ABORT_DAYS", "Ask", "Share", "Wanted", "wanted"]

ABORT_DAYS: Final = 7
"""After how many days an upload that nobody finished is removed; R2's own default."""

_NO_EFFECT: Final = frozenset({"IgnorePublicAcls", "RestrictPublicBuckets"})
"""Public grants have no effect, whoever makes them."""

_REFUSED: Final = frozenset({"BlockPublicAcls", "BlockPublicPolicy"})
"""Public grants cannot even be made. On Amazon alone: with them on, Ceph 16 takes every put and
every grant for a public one, and refuses it."""

_DAY: Final = 86_400
_R2: Final = Unsupported("R2 has no such thing")
_FOLDER: Final = Unsupported("a folder keeps nothing by itself")
_MOST_RULES: Final = 1000


@dataclass(frozen=True, slots=True)
class Share:
    """One tenant's part of a bucket. ``sealed`` says whether the policy names officers."""

    tenant: str
    prefix: str
    terms: tuple[ClassTerms, ...]
    grace_days: int = 30
    sealed: bool = False

    @property
    def folder(self) -> str:
        """Give the prefix of everything of the tenant."""
        return tenant_folder(self.prefix, self.tenant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One bucket, and everything that decides what it must do.

    ``holds`` gives those in force by tenant; ``None`` where they could not be read.
    """

    place: Place
    shares: tuple[Share, ...]
    holds: Holds
    parties: Parties = NOBODY
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a bucket must be like. ``remarks`` say plainly what its store cannot do."""

    place: Place
    bucket: Bucket
    folders: tuple[str, ...]
    parties: Parties
    holds_known: bool
    remarks: tuple[str, ...] = ()


def wanted(ask: Ask) -> Wanted:
    """Decide what a bucket must be like; raise `BucketUnfit` where its store never could be."""
    build = {"s3": _s3, "r2": _r2, "folder": _folder}[ask.place.kind]
    _check_terms(ask)
    return Wanted(
        place=ask.place,
        bucket=build(ask),
        folders=tuple(share.folder for share in ask.shares),
        parties=ask.parties,
        holds_known=all(ask.holds.get(share.tenant, ()) is not None for share in ask.shares),
        remarks=tuple(remarks(ask)),
    )


def _check_terms(ask: Ask) -> None:
    fits = {"s3": "governance compliance none", "r2": "rule none", "folder": "none"}
    for share in ask.shares:
        for terms in share.terms:
            if terms.lock not in fits[ask.place.kind].split():
                raise BucketUnfit(
                    f"{share.tenant}: class {terms.klass} asks for lock = {terms.lock!r}, which"
                    f" a store of kind {ask.place.kind} cannot keep",
                    advice=f"Set `lock` in its retention to one of: {fits[ask.place.kind]}.",
                )


def _s3(ask: Ask) -> Bucket:
    locked = [days for _, terms in _classes(ask) if (days := _locked_days(terms))]
    return Bucket(
        versioning=True,
        object_lock=bool(locked),
        default=_default(ask),
        public_block=_NO_EFFECT | _REFUSED if ask.place.amazon else _NO_EFFECT,
        encryption="AES256",
        statements=bucket_statements(
            ask.place.name,
            ask.parties,
            tls=not ask.place.endpoint.startswith("http:"),
            longest_lock=max(locked, default=None),
            region=ask.region,
        ),
        lifecycle=tuple(_lifecycle(ask)),
        lock_rules=Unsupported("S3 has Object Lock instead"),
    )


def _r2(ask: Ask) -> Bucket:
    rules = tuple(_lock_rules(ask))
    if len(rules) > _MOST_RULES:
        raise BucketUnfit(
            f"{ask.place} would need {len(rules)} lock rules, and R2 keeps {_MOST_RULES}",
            advice="Hold whole tenants instead of many persons, or share the bucket less.",
        )
    return Bucket(
        versioning=_R2,
        object_lock=_R2,
        default=_R2,
        public_block=Unsupported("R2 buckets are private unless a domain is bound to them"),
        encryption=Unsupported("R2 encrypts everything by itself"),
        statements=_R2,
        lifecycle=tuple(_lifecycle(ask)),
        lock_rules=rules,
    )


def _folder(ask: Ask) -> Bucket:  # noqa: ARG001 - one signature for all kinds
    none = _FOLDER
    return Bucket(
        versioning=none,
        object_lock=none,
        default=none,
        public_block=none,
        encryption=none,
        statements=none,
        lifecycle=none,
        lock_rules=none,
    )


def _classes(ask: Ask) -> Iterator[tuple[Share, ClassTerms]]:
    return ((share, terms) for share in ask.shares for terms in share.terms)


def _locked_days(terms: ClassTerms) -> int | None:
    return terms.days if terms.lock in ("governance", "compliance") else None


def _default(ask: Ask) -> Default | None:
    terms = [one for _, one in _classes(ask)]
    days = [_locked_days(one) for one in terms]
    if not days or None in days or any(share.sealed for share in ask.shares):
        return None
    hard = all(one.lock == "compliance" for one in terms)
    return Default("compliance" if hard else "governance", min(one for one in days if one))


def _lifecycle(ask: Ask) -> Iterator[LifecycleRule]:
    versioned = ask.place.kind == "s3"
    for share, terms in _classes(ask):
        if terms.days is None:
            continue
        name = f"{MINE}{share.tenant}/{terms.klass}"
        under = f"{share.folder}class={terms.klass}/"
        yield LifecycleRule(
            id=f"{name}/expire",
            prefix=under,
            enabled=expires(ask.holds, share.tenant),
            days=terms.days + share.grace_days,
            noncurrent=share.grace_days if versioned else None,
        )
        if versioned:
            # Its own rule: S3 takes no days beside it.
            yield LifecycleRule(id=f"{name}/markers", prefix=under, markers=True)
    yield LifecycleRule(id=f"{MINE}uploads", prefix="", abort=ABORT_DAYS)


def _lock_rules(ask: Ask) -> Iterator[LockRule]:
    for share in ask.shares:
        for terms in share.terms:
            if terms.lock == "rule" and terms.days:
                yield LockRule(
                    id=f"{MINE}{share.tenant}/{terms.klass}",
                    prefix=f"{share.folder}class={terms.klass}/",
                    seconds=terms.days * _DAY,
                )
        names = [terms.klass for terms in share.terms]
        yield from hold_rules(ask.holds, share.prefix, share.tenant, names)
