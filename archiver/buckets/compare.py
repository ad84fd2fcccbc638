"""A bucket as it is, held against what it must be: pure, and the one judge of "weaker".

Rules, so that the same bucket is always judged the same:

* less protection, earlier removal, no removal at the end of the days, and removal of what is held
  are weaker; more protection is stronger, and left alone;
* rules of others are kept and never counted for ours, unless they do the very same; those that
  remove chunks before their time, or evidence at all, are reported as loss of data;
* a lock rule of R2 is never shortened or removed: what is locked stays so; only the rule of a
  hold goes when the hold has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.buckets.compare_lifecycle import lifecycle_differences
from archiver.buckets.compare_locks import lock_differences
from archiver.buckets.differences import Difference
from archiver.buckets.statements import for_everybody, same_for_others
from archiver.buckets.values import SID, Default, Statement, Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archiver.buckets.values import Bucket
    from archiver.buckets.wanted import Wanted

__all__ = ["MODES", "compare", "weakened"]

MODES = ("governance", "compliance")
"""Weaker first."""


def compare(wanted: Wanted, found: Bucket | None) -> tuple[Difference, ...]:
    """Give every difference, those that matter most first."""
    if found is None:
        missing = Difference(
            "bucket",
            "there",
            "not there",
            "weaker",
            "Nothing can be stored.",
            "Make it with `archiver bucket apply --create`, or correct `bucket` in the policy.",
        )
        return (missing,)
    differences = (
        *_versioning(wanted.bucket, found),
        *_object_lock(wanted.bucket, found),
        *_default(wanted.bucket, found),
        *lock_differences(wanted, found),
        *_statements(wanted, found),
        *_public(wanted.bucket, found),
        *_encryption(wanted.bucket, found),
        *lifecycle_differences(wanted, found),
    )
    order = ("weaker", "different", "cannot", "stronger")
    return tuple(sorted(differences, key=lambda one: order.index(one.kind)))


def weakened(differences: tuple[Difference, ...]) -> bool:
    """Tell whether something that the policy promises is not in force."""
    return any(one.kind == "weaker" for one in differences)


def _versioning(wanted: Bucket, found: Bucket) -> Iterator[Difference]:
    if wanted.versioning is True and found.versioning is not True:
        yield Difference(
            "versioning",
            "on",
            _told(found.versioning),
            "weaker",
            "What is overwritten or deleted is gone at once.",
            _elsewhere(found.versioning),
        )


def _object_lock(wanted: Bucket, found: Bucket) -> Iterator[Difference]:
    if wanted.object_lock is True and found.object_lock is not True:
        yield Difference(
            "object lock",
            "enabled",
            _told(found.object_lock),
            "weaker",
            "Chunks cannot be locked, so they are refused or can be deleted before their time.",
            _elsewhere(found.object_lock),
        )
    elif wanted.object_lock is False and found.object_lock is True:
        yield Difference(
            "object lock",
            "not needed",
            "enabled",
            "stronger",
            "No class of the policy asks for a lock; it cannot be disabled, and does no harm.",
        )


def _default(wanted: Bucket, found: Bucket) -> Iterator[Difference]:
    asked, there = wanted.default, found.default
    if asked == there or isinstance(asked, Unsupported) or isinstance(there, Unsupported):
        return
    if wanted.object_lock is True and found.object_lock is not True:
        return  # said already
    shown = (_default_told(asked), _default_told(there))
    if asked is None:
        yield Difference(
            "default lock",
            *shown,
            "different",
            "Wrapped keys and evidence would be locked with the chunks, and a person's keys could"
            " not be erased; or a class would be locked for longer than it stays.",
        )
    elif there and MODES.index(there.mode) >= MODES.index(asked.mode) and there.days >= asked.days:
        why = "What comes without a lock of its own is locked harder or longer than any class."
        yield Difference("default lock", *shown, "stronger", why)
    else:
        why = "What a writer stores without a lock of its own can be deleted before its time."
        yield Difference("default lock", *shown, "weaker", why)


def _statements(wanted: Wanted, found: Bucket) -> Iterator[Difference]:
    asked, there = wanted.bucket.statements, found.statements
    if isinstance(asked, Unsupported):
        return
    if isinstance(there, Unsupported):
        why = "Nothing keeps a writer's credentials from reading and deleting."
        yield Difference("bucket policy", "ours", there.why, "weaker", why, _elsewhere(there))
        return
    for one in asked:
        yield from _statement(one, there, known=wanted.parties.known)
    ours = {one.sid for one in asked}
    for other in there:
        mine = other.sid.startswith(SID)
        if for_everybody(other) and other.sid not in ours:
            yield _public_statement(other, found, mine=mine)
        elif mine and other.sid not in ours:
            why = "It is archiver's by its name, and says nothing that the policy asks for."
            yield Difference(f"bucket policy: {other.sid}", "none", "there", "different", why)


def _public_statement(other: Statement, found: Bucket, *, mine: bool) -> Difference:
    block = found.public_block
    open_to_all = isinstance(block, Unsupported) or "RestrictPublicBuckets" not in block
    why = "It lets everybody in, who could read every conversation or write others."
    return Difference(
        f"bucket policy: {other.sid or 'a statement without a name'}",
        "none",
        "there",
        "weaker" if open_to_all else "different",
        why if open_to_all else f"{why} The public access block alone keeps it from that.",
        "" if mine else "archiver leaves statements of others alone: remove this one yourself.",
    )


def _statement(
    one: Statement, there: tuple[Statement, ...], *, known: bool
) -> Iterator[Difference]:
    mine = [other for other in there if other.sid == one.sid]
    about_writers = one.sid.startswith(f"{SID}Writers")
    if any(other.text == one.text for other in there):
        if known or not about_writers:
            return
    elif about_writers and not known and any(same_for_others(one, other) for other in mine):
        return
    remedy = ""
    if about_writers and not known:
        remedy = "Say who writes: --writer-arn ARN for each, or --admin-arn ARN for all others."
    found = "another one of that name" if mine else "none"
    yield Difference(
        f"bucket policy: {one.sid}", "there", found, "weaker", _WHY[_kind(one.sid)], remedy
    )


_WHY = {
    "OnlyTls": "Keys and conversations could travel in clear.",
    "OnlyNewObjects": "Credentials that may write could overwrite what is there.",
    "WritersOnlyWrite": "A device's credentials could read, delete or unlock.",
    "WritersLockNoLonger": "A device's credentials could lock things for longer than any class.",
}


def _kind(sid: str) -> str:
    return sid.removeprefix(SID)


def _public(wanted: Bucket, found: Bucket) -> Iterator[Difference]:
    asked, there = wanted.public_block, found.public_block
    if isinstance(asked, Unsupported):
        return
    if isinstance(there, Unsupported):
        why = "The store must keep its buckets private by itself."
        yield Difference("public access block", "on", there.why, "cannot", why)
    elif not asked <= there:
        why = "A single wrong grant could show every conversation to the world."
        shown = (", ".join(sorted(asked)), ", ".join(sorted(there)) or "off")
        yield Difference("public access block", *shown, "weaker", why)


def _encryption(wanted: Bucket, found: Bucket) -> Iterator[Difference]:
    asked, there = wanted.encryption, found.encryption
    if isinstance(asked, Unsupported) or asked == there:
        return
    if isinstance(there, Unsupported):
        why = "Whether disks are encrypted is for whoever runs the server to say."
        yield Difference("encryption", asked, there.why, "cannot", why)
    elif there:
        why = "Keys of your own; readers need the right to use them."
        yield Difference("encryption", asked, there, "stronger", why)
    else:
        why = "Objects lie on the store's disks in clear."
        yield Difference("encryption", asked, "none", "weaker", why)


def _told(found: object) -> str:
    if isinstance(found, Unsupported):
        return found.why
    return "on" if found is True else "off"


def _elsewhere(found: object) -> str:
    if isinstance(found, Unsupported):
        return "This store cannot do it: choose another, or ask less of it in the policy."
    return ""


def _default_told(default: Default | None) -> str:
    return f"{default.mode}, {default.days} days" if default else "none"
