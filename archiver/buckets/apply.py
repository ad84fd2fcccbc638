"""The steps, done one after the other: each is one request, and any of them may be the last.

Nothing is remembered between runs: what is left to do is read off the bucket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.buckets.compare import compare
from archiver.buckets.found import look
from archiver.buckets.rules import lifecycle_json, lock_json
from archiver.buckets.statements import policy_document
from archiver.buckets.steps import steps

if TYPE_CHECKING:
    from archiver.buckets.differences import Difference
    from archiver.buckets.found import Locks
    from archiver.buckets.steps import Step
    from archiver.buckets.values import Bucket
    from archiver.buckets.wanted import Wanted
    from archiver.stores.s3_bucket import S3Bucket

__all__ = ["Hands", "Plan", "perform", "plan"]


@dataclass(frozen=True, slots=True)
class Hands:
    """What reaches the bucket: its store, and on R2 where its lock rules are kept."""

    store: S3Bucket
    locks: Locks | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A bucket as it is, what differs, and what `apply` would do about it."""

    wanted: Wanted
    found: Bucket | None
    differences: tuple[Difference, ...]
    steps: tuple[Step, ...]


async def plan(wanted: Wanted, hands: Hands) -> Plan:
    """Look at a bucket and change nothing; raise `StoreError`, `BucketUnfit`."""
    found = await look(hands.store, wanted.bucket, hands.locks)
    differences = compare(wanted, found)
    return Plan(wanted, found, differences, steps(wanted, found, differences))


async def perform(step: Step, hands: Hands) -> None:
    """Do one step; raise `StoreError`."""
    store = hands.store
    match step.do:
        case "create":
            await store.create(object_lock=step.object_lock)
        case "public block":
            await store.put_public_block(step.switches)
        case "encryption":
            await store.put_encryption()
        case "versioning":
            await store.put_versioning()
        case "object lock" if step.default:
            await store.put_object_lock(step.default.mode.upper(), step.default.days)
        case "object lock":
            await store.put_object_lock()
        case "policy":
            await store.put_policy(policy_document(step.statements))
        case "lifecycle":
            await store.put_lifecycle([lifecycle_json(one) for one in step.lifecycle])
        case "lock rules" if hands.locks:
            await hands.locks.put_rules([lock_json(one) for one in step.lock_rules])
        case _:
            raise AssertionError(step.do)
