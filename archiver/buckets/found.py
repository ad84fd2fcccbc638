"""What a bucket is like now, as its store says, in the values of what is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from archiver.buckets.rules import lifecycle_rule, lock_rule
from archiver.buckets.statements import said
from archiver.buckets.values import Bucket, Default, Unsupported

if TYPE_CHECKING:
    from archiver.stores.s3_bucket import S3Bucket

__all__ = ["Locks", "look"]

_DAYS_OF_A_YEAR = 365


class Locks(Protocol):
    """The lock rules of one R2 bucket (`archiver.buckets.cloudflare`)."""

    async def rules(self) -> list[dict[str, Any]]:
        """Give all of them."""
        ...

    async def put_rules(self, rules: list[dict[str, Any]]) -> None:
        """Replace all of them."""
        ...


async def look(bucket: S3Bucket, wanted: Bucket, locks: Locks | None = None) -> Bucket | None:
    """Read how a bucket is; ``None`` where there is none. Raise `StoreError`.

    What ``wanted`` calls unsupported is not asked for: R2 gives a dummy for some of it.
    """
    if not await bucket.exists():
        return None
    lock = await _unless(wanted.object_lock, bucket.object_lock)
    statements = await _unless(wanted.statements, bucket.policy)
    blocked = await _unless(wanted.public_block, bucket.public_block)
    versions = await _unless(wanted.versioning, bucket.versioning)
    encryption = await _unless(wanted.encryption, bucket.encryption)
    rules = await _unless(wanted.lifecycle, bucket.lifecycle)
    lock_rules = wanted.lock_rules
    if locks is not None and not isinstance(lock_rules, Unsupported):
        lock_rules = tuple(lock_rule(one) for one in await locks.rules())
    return Bucket(
        versioning=_is(versions, lambda value: value == "Enabled"),
        object_lock=_is(lock, bool),
        default=_is(lock, _default),
        public_block=_is(blocked, _switches),
        encryption=_is(encryption, lambda value: value or ""),
        statements=_is(statements, _statements),
        lifecycle=_is(rules, lambda value: tuple(lifecycle_rule(one) for one in value or ())),
        lock_rules=lock_rules,
    )


async def _unless(wanted: Any, ask: Any) -> Any:
    return wanted if isinstance(wanted, Unsupported) else await ask()


def _is(found: Any, read: Any) -> Any:
    return found if isinstance(found, Unsupported) else read(found)


def _switches(found: dict[str, bool] | None) -> frozenset[str]:
    return frozenset(name for name, on in (found or {}).items() if on)


def _default(found: dict[str, Any] | None) -> Default | None:
    rule = ((found or {}).get("Rule") or {}).get("DefaultRetention")
    if not rule:
        return None
    days = rule.get("Days") or rule.get("Years", 0) * _DAYS_OF_A_YEAR
    return Default(rule["Mode"].lower(), int(days))


def _statements(found: dict[str, Any] | None) -> tuple[Any, ...]:
    listed = (found or {}).get("Statement", [])
    return tuple(said(one) for one in (listed if isinstance(listed, list) else [listed]))
