"""What `apply` does, in which order, and what of it can never be undone. Pure.

The order is such that a crash anywhere leaves a bucket that protects no less than before, and
that the next run completes:

1. the bucket; 2. a lifecycle that must remove less, because of a hold or a wrong rule;
3. public access block, encryption; 4. versioning; 5. Object Lock, lock rules; 6. the bucket
policy; 7. a lifecycle that may remove more, only when all that protects is in force.

Rules and statements of others are put back word for word. A step is there only where something
differs, so a second run has none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from archiver.buckets.compare import MODES
from archiver.buckets.compare_lifecycle import stale
from archiver.buckets.compare_locks import covered, ended_holds, kept_by
from archiver.buckets.values import SID, Default, LifecycleRule, LockRule, Statement, Unsupported
from archiver.errors import BucketUnfit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archiver.buckets.differences import Difference
    from archiver.buckets.values import Bucket
    from archiver.buckets.wanted import Wanted

__all__ = ["Do", "Step", "steps"]

Do = Literal[
    "create",
    "public block",
    "encryption",
    "versioning",
    "object lock",
    "lock rules",
    "policy",
    "lifecycle",
]

_MOST_RULES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request that changes the bucket. ``forever`` says what of it nobody can undo."""

    do: Do
    what: str
    forever: str = ""
    object_lock: bool = False
    switches: frozenset[str] = frozenset()
    default: Default | None = None
    lifecycle: tuple[LifecycleRule, ...] = ()
    statements: tuple[Statement, ...] = ()
    lock_rules: tuple[LockRule, ...] = ()


def steps(
    wanted: Wanted, found: Bucket | None, differences: tuple[Difference, ...]
) -> tuple[Step, ...]:
    """Give what is to be done; raise `BucketUnfit` where the store could not take it."""
    if found is None:
        lock = wanted.bucket.object_lock is True
        what = "make the bucket" + (", with Object Lock" if lock else "")
        return (Step(do="create", what=what, object_lock=lock, forever=_FOREVER * lock),)
    lifecycle = list(_lifecycle(wanted, found, differences))
    first = [one for one in lifecycle if _removes_less(one, found)]
    return (
        *first,
        *_switches(wanted.bucket, found),
        *_object_lock(wanted.bucket, found, differences),
        *_lock_rules(wanted, found, differences),
        *_policy(wanted, found, differences),
        *(one for one in lifecycle if one not in first),
    )


_FOREVER = "Object Lock cannot be disabled again on this bucket. "


def _switches(wanted: Bucket, found: Bucket) -> Iterator[Step]:
    asked, there = wanted.public_block, found.public_block
    if isinstance(asked, frozenset) and isinstance(there, frozenset) and not asked <= there:
        yield Step(do="public block", what="block public access", switches=asked | there)
    if wanted.encryption and found.encryption == "":
        yield Step(do="encryption", what="encrypt what is stored from now on")
    if wanted.versioning is True and found.versioning is False:
        yield Step(do="versioning", what="turn versioning on")


def _object_lock(
    wanted: Bucket, found: Bucket, differences: tuple[Difference, ...]
) -> Iterator[Step]:
    if isinstance(wanted.object_lock, Unsupported) or isinstance(found.object_lock, Unsupported):
        return
    default = None if isinstance(wanted.default, Unsupported) else wanted.default
    enable = wanted.object_lock and not found.object_lock
    if not enable and not any(
        one.aspect == "default lock" and one.kind != "stronger" for one in differences
    ):
        return
    there = None if isinstance(found.default, Unsupported) else found.default
    if default and there:  # never less of either than there is
        mode = max(default.mode, there.mode, key=MODES.index)
        default = Default(mode, max(default.days, there.days))
    forever = _FOREVER if enable else ""
    if there and not default:
        forever += (
            "What is stored from now on without a lock of its own gets none; it was"
            f" {_told(there)}."
        )
    if default and default.mode == "compliance":
        forever += (
            f"From now on nobody, not even the owner, can delete what is stored without a lock of"
            f" its own for {default.days} days."
        )
    yield Step(
        do="object lock",
        what=f"{'enable Object Lock; ' if enable else ''}default lock: {_told(default)}",
        default=default,
        forever=forever,
    )


def _told(default: Default | None) -> str:
    return f"{default.mode} for {default.days} days" if default else "none"


def _lock_rules(
    wanted: Wanted, found: Bucket, differences: tuple[Difference, ...]
) -> Iterator[Step]:
    asked, there = wanted.bucket.lock_rules, found.lock_rules
    if isinstance(asked, Unsupported) or isinstance(there, Unsupported):
        return
    if not any(_ours(one, "lock rule") for one in differences):
        return
    new = [rule for rule in asked if not kept_by(rule, there, asked)]
    ids = {rule.id for rule in new}
    gone = ended_holds(wanted, there)
    kept = [one for one in there if one not in gone and one.id not in ids]
    taken = ids | {one.id for one in kept}
    # What another rule under our name locks stays locked: it goes on under a name of its own.
    replaced = (one for one in there if one not in gone and one.id in ids)
    kept += [
        replace(one, id=_free(f"before/{one.id}", taken))
        for one in replaced
        if not any(covered(one, rule) for rule in new)
    ]
    rules = (*kept, *new)
    if len(rules) > _MOST_RULES:
        raise BucketUnfit(
            f"{wanted.place} would have {len(rules)} lock rules, and R2 keeps {_MOST_RULES}",
            advice="Hold whole tenants instead of many persons, or share the bucket less.",
        )
    what = f"lock rules: {len(new)} set, {len(gone)} of ended holds removed"
    yield Step(do="lock rules", what=what, lock_rules=rules)


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"before/{name}"
    return name


def _policy(wanted: Wanted, found: Bucket, differences: tuple[Difference, ...]) -> Iterator[Step]:
    asked, there = wanted.bucket.statements, found.statements
    if isinstance(asked, Unsupported) or isinstance(there, Unsupported):
        return
    if not any(_ours(one, "bucket policy") for one in differences):
        return
    about_writers = f"{SID}Writers"
    # Without names they would bind everybody, the admin too: they stay as they are.
    known = wanted.parties.known
    new = [one for one in asked if known or not one.sid.startswith(about_writers)]
    kept = [
        one
        for one in there
        if not one.sid.startswith(SID) or (not known and one.sid.startswith(about_writers))
    ]
    what = f"bucket policy: {len(new)} statements of ours, {len(kept)} kept as they are"
    yield Step(do="policy", what=what, statements=(*kept, *new))


def _lifecycle(
    wanted: Wanted, found: Bucket, differences: tuple[Difference, ...]
) -> Iterator[Step]:
    asked, there = wanted.bucket.lifecycle, found.lifecycle
    if isinstance(asked, Unsupported) or isinstance(there, Unsupported):
        return
    if not any(_ours(one, "lifecycle") for one in differences):
        return
    before = {one.id: one for one in there}
    gone = {one.id for one in stale(wanted, there)} | {one.id for one in asked}
    new = [
        rule
        if rule.enabled is not None
        else replace(rule, enabled=bool(rule.id in before and before[rule.id].enabled))
        for rule in asked
    ]
    kept = [one for one in there if one.id not in gone]
    what = f"lifecycle: {len(new)} rules of ours, {len(kept)} kept as they are"
    sooner = [f"{one.days} days below {one.prefix}" for one in _sooner(new, there)]
    forever = f"The store then removes for good what is older than {', '.join(sooner)}."
    yield Step(
        do="lifecycle",
        what=what,
        lifecycle=(*kept, *new),
        forever=forever if sooner else "",
    )


def _removes_less(step: Step, found: Bucket) -> bool:
    """Tell whether nothing is removed by the new rules that was not by the old ones."""
    if isinstance(found.lifecycle, Unsupported):
        return False
    return not _sooner(step.lifecycle, found.lifecycle)


def _sooner(
    new: Iterable[LifecycleRule], there: tuple[LifecycleRule, ...]
) -> tuple[LifecycleRule, ...]:
    """Give the rules that remove what none of before did, or before it did."""
    old = {one.prefix: one for one in there if one.enabled and one.days is not None}
    return tuple(
        one
        for one in new
        if one.enabled
        and one.days is not None
        and not (
            (was := old.get(one.prefix))
            and _no_earlier(one.days, was.days)
            and _no_earlier(one.noncurrent, was.noncurrent)
        )
    )


def _no_earlier(new: int | None, old: int | None) -> bool:
    return new is None or (old is not None and old <= new)


def _ours(difference: Difference, aspect: str) -> bool:
    """Tell whether `apply` does something about a difference."""
    mends = difference.kind in ("weaker", "different") and not difference.remedy
    return mends and difference.aspect.startswith(aspect)
