"""Lock rules of R2, held against what they must be: pure. See `archiver.buckets.compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.buckets.differences import Difference
from archiver.buckets.holds import HOLD
from archiver.buckets.values import Unsupported, mine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.buckets.values import Bucket, LockRule
    from archiver.buckets.wanted import Wanted

__all__ = ["covered", "ended_holds", "kept_by", "lock_differences"]

_DAY = 86_400


def lock_differences(wanted: Wanted, found: Bucket) -> Iterator[Difference]:
    """Yield what differs in the lock rules."""
    asked, there = wanted.bucket.lock_rules, found.lock_rules
    if isinstance(asked, Unsupported) or isinstance(there, Unsupported):
        return
    for rule in asked:
        same = next((one for one in there if one.id == rule.id), None)
        if kept_by(rule, there, asked):
            if same and not rule.indefinite and _longer(same, rule):
                yield Difference(
                    _aspect(rule),
                    _told(rule),
                    _told(same),
                    "stronger",
                    "The policy has become shorter; what is locked stays so.",
                )
            continue
        why = "Held chunks can be deleted." if rule.indefinite else "Chunks can be deleted early."
        yield Difference(_aspect(rule), _told(rule), _told(same), "weaker", why)
    ids = {rule.id for rule in asked}
    gone = ended_holds(wanted, there)
    for one in there:
        if one in gone:
            why = "The hold has ended; what it held cannot expire before the rule goes."
            yield Difference(_aspect(one), "none", _told(one), "different", why)
        elif mine(one, wanted.folders) and one.id not in ids and not one.id.startswith(HOLD):
            why = "No class asks for this lock any more; what is locked stays so."
            yield Difference(_aspect(one), "none", _told(one), "stronger", why)
        elif not mine(one, wanted.folders) and one.enabled and _on_keys(one, wanted.folders):
            why = "Wrapped keys are locked with the rest: a person's cannot be erased meanwhile."
            remedy = "archiver leaves rules of others alone: narrow this one to chunks yourself."
            yield Difference(_aspect(one), "none", _told(one), "different", why, remedy)


def ended_holds(wanted: Wanted, there: tuple[LockRule, ...]) -> tuple[LockRule, ...]:
    """Give rules of ours for holds that are no longer in force; none where nobody knows."""
    asked = wanted.bucket.lock_rules
    if not wanted.holds_known or isinstance(asked, Unsupported):
        return ()
    ids = {rule.id for rule in asked}
    return tuple(
        one
        for one in there
        if mine(one, wanted.folders) and one.id.startswith(HOLD) and one.id not in ids
    )


def kept_by(
    rule: LockRule, there: tuple[LockRule, ...], asked: tuple[LockRule, ...]
) -> tuple[LockRule, ...]:
    """Give the found rules that keep everything that one asks for, at least as long.

    A rule for a hold goes when the hold ends, so it never stands in for the lock of a class.
    """
    holds = {one.id for one in asked if one.indefinite} if rule.indefinite else frozenset()
    return tuple(
        one
        for one in there
        if (not one.id.startswith(HOLD) or one.id in holds) and _keeps(one, rule)
    )


def covered(old: LockRule, new: LockRule) -> bool:
    """Tell whether nothing is unlocked where ``new`` takes the place of ``old``."""
    return not old.enabled or (not old.other and old.until is None and _keeps(new, old))


def _keeps(found: LockRule, asked: LockRule) -> bool:
    if not found.enabled or found.other or not asked.prefix.startswith(found.prefix):
        return False
    return found.indefinite or (asked.seconds is not None and (found.seconds or 0) >= asked.seconds)


def _longer(found: LockRule, asked: LockRule) -> bool:
    return found.indefinite or (found.seconds or 0) > (asked.seconds or 0)


def _on_keys(rule: LockRule, folders: tuple[str, ...]) -> bool:
    return any(
        f"{one}_keys/".startswith(rule.prefix) or rule.prefix.startswith(f"{one}_keys/")
        for one in folders
    )


def _aspect(rule: LockRule) -> str:
    return f"lock rule: {rule.id}"


def _told(rule: LockRule | None) -> str:
    if rule is None:
        return "none"
    if rule.other:
        term = "a condition that archiver does not know,"
    elif rule.seconds is not None:
        term = f"{rule.seconds / _DAY:g} days"
    else:
        term = f"until {rule.until}" if rule.until else "without an end"
    return f"{term} below {rule.prefix or 'everything'}{'' if rule.enabled else ', switched off'}"
