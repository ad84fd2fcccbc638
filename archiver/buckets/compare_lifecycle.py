"""Lifecycle rules, held against what they must be: pure. See `archiver.buckets.compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from archiver.buckets.differences import Difference
from archiver.buckets.values import Unsupported, mine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.buckets.values import Bucket, LifecycleRule
    from archiver.buckets.wanted import Wanted

__all__ = ["lifecycle_differences", "stale"]

_Verdict = tuple[Literal["weaker", "different"], str]

_BY_HAND: Final = "archiver leaves rules of others alone: change or remove this one yourself."
_LOSS: Final = "Loss of data: it removes chunks before the policy's days and grace are over."
_MORE: Final = "Loss of data: it removes chunks that are to stay, or manifests and keys."
_STAYS: Final = "Nothing removes these chunks at their end: they stay longer than promised."
_COSTS: Final = "Parts of uploads and old markers stay, and cost."
_UNSEEN: Final = "Loss of data: what is overwritten or deleted goes before it is noticed."
_HELD: Final = "A hold is in force, and the store would remove what is held."


def lifecycle_differences(wanted: Wanted, found: Bucket) -> Iterator[Difference]:
    """Yield what differs in the lifecycle."""
    asked, there = wanted.bucket.lifecycle, found.lifecycle
    if isinstance(asked, Unsupported):
        return
    if isinstance(there, Unsupported):
        why = "Nothing goes by itself: run `archiver retention apply`."
        yield Difference("lifecycle", "rules", there.why, "cannot", why)
        return
    for rule in asked:
        yield from _rule(rule, there)
    for rule in stale(wanted, there):
        kind: Literal["weaker", "different"] = (
            "weaker" if rule.enabled and _removes(rule) else "different"
        )
        why = "No class of the policy asks for it: what it removes is lost."
        yield Difference(_aspect(rule), "none", _told(rule), kind, why)
    for rule in there:
        if not mine(rule, wanted.folders) and rule.enabled:
            yield from _foreign(rule, wanted.folders, asked)


def stale(wanted: Wanted, there: tuple[LifecycleRule, ...]) -> tuple[LifecycleRule, ...]:
    """Give rules of ours that nothing asks for any more."""
    asked = wanted.bucket.lifecycle
    ids = set() if isinstance(asked, Unsupported) else {rule.id for rule in asked}
    return tuple(one for one in there if mine(one, wanted.folders) and one.id not in ids)


def _rule(asked: LifecycleRule, there: tuple[LifecycleRule, ...]) -> Iterator[Difference]:
    states = (True, False) if asked.enabled is None else (asked.enabled,)
    fits = [one for one in there for state in states if _does(one) == (state, *_does(asked)[1:])]
    same = next((one for one in there if one.id == asked.id), None)
    if same in fits or (same is None and fits):
        return
    if same is None:
        if asked.enabled:
            kind: Literal["weaker", "different"] = "different"
            why = _COSTS
            if asked.days is not None:
                kind, why = "weaker", _STAYS
            yield Difference(_aspect(asked), _told(asked), "none", kind, why)
        return
    verdict, why = _judged(asked, same)
    yield Difference(_aspect(asked), _told(asked), _told(same), verdict, why)


def _judged(asked: LifecycleRule, same: LifecycleRule) -> _Verdict:
    """Judge a rule of ours that was changed: the first line that fits."""
    there, kept = same.days, same.noncurrent
    verdicts: tuple[tuple[object, _Verdict], ...] = (
        (asked.enabled is False and same.enabled, ("weaker", _HELD)),
        (asked.days is None and same.enabled and _removes(same), ("weaker", _MORE)),
        (asked.days is None, ("different", _COSTS)),
        (
            same.prefix != asked.prefix or same.other,
            ("weaker", "It is about other objects than this class."),
        ),
        (there is not None and there < (asked.days or 0), ("weaker", _LOSS)),
        (kept is not None and kept < (asked.noncurrent or 0), ("weaker", _UNSEEN)),
        (asked.enabled and (not same.enabled or there != asked.days), ("weaker", _STAYS)),
        (
            asked.noncurrent and kept is None,
            ("weaker", "Expired chunks are hidden and never removed."),
        ),
    )
    otherwise: _Verdict = ("different", "What was replaced is kept for longer than asked.")
    return next((verdict for fits, verdict in verdicts if fits), otherwise)


def _foreign(
    rule: LifecycleRule, folders: tuple[str, ...], asked: tuple[LifecycleRule, ...]
) -> Iterator[Difference]:
    """Report a rule of others that removes what is ours too early."""
    if not _removes(rule):
        return
    touched = [one for one in folders if one.startswith(rule.prefix) or rule.prefix.startswith(one)]
    if not touched:
        return
    for one in asked:
        if one.days is not None and rule.prefix.startswith(one.prefix):
            late = rule.days is None or (one.enabled and rule.days >= one.days)
            if late and (rule.noncurrent is None or rule.noncurrent >= (one.noncurrent or 0)):
                return
    chunks = any(rule.prefix.startswith(f"{one}class=") for one in touched)
    why = _LOSS if chunks else _MORE
    yield Difference(_aspect(rule), "none", _told(rule), "weaker", why, _BY_HAND)


def _removes(rule: LifecycleRule) -> bool:
    return rule.days is not None or rule.noncurrent is not None


def _does(rule: LifecycleRule) -> tuple[object, ...]:
    """Give everything about a rule but its name."""
    effects = (rule.days, rule.noncurrent, rule.markers, rule.abort, rule.other)
    return (rule.enabled, rule.prefix, *effects)


def _aspect(rule: LifecycleRule) -> str:
    return f"lifecycle: {rule.id or rule.prefix or 'a rule without a name'}"


def _told(rule: LifecycleRule) -> str:
    parts = []
    if rule.days is not None:
        parts.append(f"remove after {rule.days} days" if rule.days else "remove on a date")
    if rule.noncurrent is not None:
        parts.append(f"replaced versions after {rule.noncurrent}")
    if rule.markers:
        parts.append("remove markers that hide nothing")
    if rule.abort is not None:
        parts.append(f"abort uploads after {rule.abort} days")
    if rule.other:
        parts.append("and more")
    off = {False: ", switched off", None: ", on or off"}.get(rule.enabled, "")
    return f"{'; '.join(parts) or 'nothing'} below {rule.prefix or 'everything'}{off}"
