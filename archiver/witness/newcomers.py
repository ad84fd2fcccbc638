"""Which of a device's new manifests a checkpoint may cover. Pure.

1. Its bytes are those that its key says, and a key that the registry approves for its device
   and for its own time signed it.
2. That key is not revoked by now: of a revoked one nothing but its own word would say that it
   signed before, and a checkpoint must not lend its weight to that.
3. It is the only sound one of its number, and names the one before it where that is known.

What is left out is told, with a reason, and looked at again the next time. A number that is
missing holds nothing up: what follows is covered, and the missing one when it comes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from archiver.archive.catalogue import open_manifest
from archiver.archive.runs import joined, newest
from archiver.errors import Damaged
from archiver.evidence import note
from archiver.evidence.documents import moment
from archiver.evidence.leaves import Leaf
from archiver.evidence.note import Outcome
from archiver.evidence.standing import Standing
from archiver.witness.chains import sha256_of
from archiver.witness.memory import Head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archiver.evidence.standing import Roster
    from archiver.evidence.verifier import VerifierKey
    from archiver.format.keys import ManifestKey

__all__ = ["MAX_GAP", "Chosen", "LeftOut", "Newcomer", "Reason", "choose", "too_large"]

_MAX_BYTES: Final = 32 * 1024 * 1024
"""Largest manifest that goes into a roll-up: as a JSON string it may be twice as long."""

MAX_GAP: Final = 10_000
"""Numbers in a row that may be missing: years of shipments. What lies behind more is no number
that a device reached, and would make its true next ones look old."""

_EVER: Final = datetime.max.replace(tzinfo=UTC)


class Reason(StrEnum):
    """Why something is not covered; ``status`` is what it adds to the exit code."""

    status: int

    def __new__(cls, value: str, status: int) -> Self:
        """Make a member that is a string and has a status."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.status = status
        return member

    ALTERED = "altered", 1
    """Its bytes or its contents are not those of its key."""

    FORGED = "forged", 1
    """No key that is known of its device signed it."""

    FORKED = "forked", 1
    """Another one has its number, or it does not follow the one before."""

    FAR = "far", 1
    """Its number is far beyond any that its device has reached."""

    REVOKED = "revoked", 1
    """It says itself that it was made after its key was revoked."""

    WAITING = "waiting", 2
    """Its device's key is not approved, or not yet."""

    GAP = "gap", 2
    """It should be there, and is not."""

    TOO_LARGE = "too-large", 2
    """No roll-up can hold it."""

    EARLY = "early", 0
    """It was made before the time from which the admin approved its key."""

    UNPROVEN = "unproven", 0
    """Its key is revoked, and nothing proves that it is older than that."""


_UNSIGNED: Final = (Reason.ALTERED, Reason.FORGED, Reason.FAR, Reason.TOO_LARGE)
"""What anybody could have put there: it does not show how far a device came."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not covered: the key of a manifest, or a device."""

    reason: Reason
    object: str
    meaning: str


class Newcomer(NamedTuple):
    """A manifest to be covered."""

    key: ManifestKey
    body: bytes
    leaf: Leaf


@dataclass(slots=True)
class Chosen:
    """What is covered from now on of one device, and what is not."""

    head: Head
    newcomers: list[Newcomer] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


class _Sound(NamedTuple):
    newcomer: Newcomer
    previous: str | None


def choose(
    head: Head,
    found: Sequence[tuple[ManifestKey, bytes]],
    roster: Roster,
    published: Sequence[VerifierKey] = (),
) -> Chosen:
    """Choose from a device's manifests that are not covered, in the order of their keys.

    ``head`` is what is covered; ``published`` are keys that the device says are its own.
    """
    chosen = Chosen(head)
    reached = newest(head.runs)
    for seq, same in groupby(found, key=lambda one: one[0].seq):
        sound, near = [], 0
        for key, body in same:
            judged = (
                _judge(key, body, roster, published)
                if seq <= reached + 1 + MAX_GAP
                else LeftOut(Reason.FAR, str(key), f"number {reached} is the last before it")
            )
            if isinstance(judged, LeftOut):
                chosen.left_out.append(judged)
                signed = judged.reason not in _UNSIGNED
            else:
                signed = True
                sound.append(judged)
            if signed:
                near = seq
        reached = max(reached, near)
        if len(sound) == 1 and _follows(chosen.head, seq, sound[0].previous):
            newcomer = sound[0].newcomer
            chosen.newcomers.append(newcomer)
            chosen.head = _with(chosen.head, newcomer.leaf)
        elif sound:
            one = len(sound) == 1
            what = "it does not name the one before it" if one else "another has its number"
            names = [str(each.newcomer.key) for each in sound]
            chosen.left_out += [LeftOut(Reason.FORKED, name, what) for name in names]
    return chosen


def too_large(key: ManifestKey, size: int) -> LeftOut | None:
    """Leave a manifest out that has more bytes than a roll-up can hold."""
    if size <= _MAX_BYTES:
        return None
    return LeftOut(Reason.TOO_LARGE, str(key), f"it has {size} bytes")


def _with(head: Head, leaf: Leaf) -> Head:
    is_newest = leaf.seq > newest(head.runs)
    return Head(joined(head.runs, leaf.seq), leaf.sha256 if is_newest else head.sha256)


def _follows(head: Head, seq: int, previous: str | None) -> bool:
    """Hold a manifest to the one before it, where that is known."""
    if seq == 1 or previous is None:
        return seq == 1 and previous is None
    return newest(head.runs) != seq - 1 or previous == head.sha256


def _judge(
    key: ManifestKey, body: bytes, roster: Roster, published: Sequence[VerifierKey]
) -> _Sound | LeftOut:
    where = str(key)
    try:
        manifest, signed = open_manifest(key, body)
    except Damaged as error:
        return LeftOut(Reason.ALTERED, where, f"{error}")
    if left_out := too_large(key, len(body)):
        return left_out
    for one in (*roster.keys(key.device), *published):
        match note.signed_by(signed, one):
            case Outcome.WRONG:
                return LeftOut(Reason.FORGED, where, "its signature is not its text's")
            case Outcome.VALID:
                left_out = _standing(key, one, manifest.created_at, roster)
                leaf = Leaf(key.device, key.seq, sha256_of(body))
                return left_out or _Sound(Newcomer(key, body, leaf), manifest.previous)
            case Outcome.ABSENT:
                continue
    return LeftOut(Reason.FORGED, where, "no key that is known of its device signed it")


def _standing(key: ManifestKey, signer: VerifierKey, at: str, roster: Roster) -> LeftOut | None:
    where = str(key)
    match roster.standing(key.device, signer, moment(at)):
        case Standing.APPROVED:
            if roster.standing(key.device, signer, _EVER) is not Standing.REVOKED:
                return None
            meaning = "its key is revoked, and nothing proves that it was signed before that"
            return LeftOut(Reason.UNPROVEN, where, meaning)
        case Standing.REVOKED:
            return LeftOut(Reason.REVOKED, where, "it was signed after its key had been revoked")
        case Standing.NOT_YET:
            meaning = "it was made before the time from which its key is approved"
            return LeftOut(Reason.EARLY, where, meaning)
        case _:
            return LeftOut(Reason.WAITING, where, "no admin has approved the key that signed it")
