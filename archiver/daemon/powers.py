"""What a tenant's keys can do in its bucket, beside what they should.

A device's keys should put new objects (locked, where the policy locks) and do nothing else. The
probe takes the way of a chunk; then everything else is tried on it (`archiver.stores.s3_powers`).

* A second put in a bucket that keeps versions destroys nothing: the first version stays. It is
  said, and is no excess; without versions it is. Ceph 16.2 ignores ``If-None-Match`` where a
  bucket keeps versions, and knows no policy that demands it.
* What could not be found out is said to be unknown, and counts for nothing.
* The probe is removed as far as these keys can: else it stays, and ``stays`` names it. Under a
  lock, or a default retention of the bucket, that is until the lock has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from archiver.daemon.probe import Probe
from archiver.errors import StoreError
from archiver.model.answers import Answer
from archiver.model.shipment import Retain
from archiver.stores.s3_powers import Deed

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from datetime import datetime

    from archiver.model.answers import Refusal
    from archiver.stores.s3_powers import S3Powers

__all__ = ["Power", "Report", "examine_keys"]

_LOCK: Final = timedelta(minutes=1)
_NO_ANSWER: Final = (Answer.UNREACHABLE, Answer.BUSY, Answer.CLOCK)

_FOR_THE_BODY: Final = ("Malformed", "Invalid", "XAmzContent", "BadDigest")
_BELOW: Final = "the first version stays below it"

Can = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Power:
    """One thing that keys can do, or cannot, and whether that is right for a device."""

    name: str
    can: Can
    right: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that was tried. ``stays`` is the key of a probe that could not be removed."""

    store: str
    powers: tuple[Power, ...]
    stays: str = ""

    @property
    def just_right(self) -> bool:
        """Whether the keys do what a device needs, and no more."""
        return all(power.right for power in self.powers)


async def examine_keys(
    store: S3Powers, tenant: str, *, prefix: str, locks: bool, now: datetime
) -> Report:
    """Try everything; raise `StoreError` where the store gives no answer at all.

    ``locks``: the policy locks chunks as they are put, so the probe is locked for a minute.
    """
    probe = Probe.of(tenant, prefix=prefix)
    retain = Retain("governance", now + _LOCK) if locks else None
    written, versions = await _write(store, probe, retain)
    powers = list(written)
    stays = ""
    if powers[0].can == "yes":
        more, stays = await _on_probe(store, probe, versions)
        powers += more
    powers.insert(len(written) + 1, await _list(store, probe.key.rpartition("_probe/")[0]))
    for deed in Deed:
        powers += await _rules(store, deed)
    return Report(store.name, tuple(powers), stays)


async def _write(
    store: S3Powers, probe: Probe, retain: Retain | None
) -> tuple[list[Power], list[str]]:
    """Put the probe, locked and else unlocked; give the versions that it made."""
    refused = None
    try:
        stored = await probe.put(store, retain=retain)
    except StoreError as error:
        _raise_without_answer(error)
        refused = error
        if retain is None:
            return [_unwritten(error)], []
        try:
            stored = await probe.put(store)
        except StoreError as again:
            return [_unwritten(again)], []
    powers = [Power("put", "yes", right=True)]
    if retain is not None:
        note = "" if refused is None else f"{refused.refusal.code}: {refused.advice}"
        powers.append(Power("lock", "no" if refused else "yes", right=not refused, note=note))
    twice, more = await _again(store, probe, stored.version)
    return [*powers, twice], [stored.version, *more]


def _unwritten(error: StoreError) -> Power:
    return Power("put", "no", right=False, note=f"{error} → {error.advice}")


async def _again(store: S3Powers, probe: Probe, version: str) -> tuple[Power, list[str]]:
    """Put the same once more, which the condition forbids; give the version if one was made."""
    name = "put over it with If-None-Match"
    await store.rest()
    try:
        stored = await probe.put(store)
    except StoreError as error:
        _raise_without_answer(error)
        kept = error.refusal.answer in (Answer.EXISTS, Answer.LOCKED, Answer.CONCURRENT)
        return Power(name, "no", right=kept, note="" if kept else error.refusal.code), []
    note = _BELOW if version else "this store ignores the condition: use another"
    return Power(name, "yes", right=bool(version), note=note), [stored.version]


async def _on_probe(store: S3Powers, probe: Probe, versions: list[str]) -> tuple[list[Power], str]:
    powers = [await _tried("read", store.get(probe.key))]
    kept = bool(versions[0])
    await store.rest()
    try:
        versions = [*versions, await store.overwrite(probe.key, probe.body)]
        note = _BELOW if kept else "nothing keeps what was there"
        powers.append(Power("overwrite", "yes", right=kept, note=note))
    except StoreError as error:
        powers.append(_denied("overwrite", error))
    marker, gone = "", False
    await store.rest()
    try:
        marker = await store.remove(probe.key)
        gone = not marker
        note = "a delete marker hides it" if marker else ""
        powers.append(Power("delete", "yes", right=False, note=note))
    except StoreError as error:
        powers.append(_denied("delete", error))
    made = [one for one in (marker, *reversed(versions)) if one and one != "null"]
    if made:
        erased = await _tried(
            "delete versions, locked or not", store.remove_versions(probe.key, made)
        )
        powers.append(erased)
        gone = erased.can == "yes"
    return powers, "" if gone else probe.key


async def _list(store: S3Powers, folder: str) -> Power:
    async def first() -> None:
        async for _listed in store.list(folder):
            return

    return await _tried("list", first())


async def _rules(store: S3Powers, deed: Deed) -> list[Power]:
    """Tell whether the bucket's rules can be read and, where not, whether they can be changed."""
    read, change = f"read the {deed}", f"change the {deed}"
    seen = await _tried(read, store.read_rules(deed))
    if seen.can == "unknown" and seen.note.startswith("NoSuch"):
        seen = Power(read, "yes", right=False, note="there is none")
    if seen.can != "no":
        return [seen, Power(change, "unknown", right=True, note="not asked: it is read")]
    asked = await _tried(change, store.ask_to_change(deed))
    if asked.can == "unknown" and asked.note.startswith(_FOR_THE_BODY):
        asked = Power(change, "yes", right=False)
    return [seen, asked]


async def _tried(name: str, deed: Awaitable[object]) -> Power:
    try:
        await deed
    except StoreError as error:
        return _denied(name, error)
    return Power(name, "yes", right=False)


def _denied(name: str, error: StoreError) -> Power:
    _raise_without_answer(error)
    refusal = error.refusal
    if _says_no(refusal):
        return Power(name, "no", right=True)
    return Power(name, "unknown", right=True, note=refusal.code)


def _says_no(refusal: Refusal) -> bool:
    return refusal.answer in (Answer.CREDENTIALS, Answer.LOCKED)


def _raise_without_answer(error: StoreError) -> None:
    if error.refusal.answer in _NO_ANSWER:
        raise error
