"""What this machine signed last for a tenant, so that a store that forgets it is found out.

One small file for each tenant and store, in the admin's own folder. It also holds which
manifests the checkpoint covers, so that the next one reads no old roll-up; without the file
that is read anew, and a store that was set back looks like one that never had more. Another
file, for each tenant and key, keeps a copy from a checkpoint that contradicts the archive's own.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from archiver.archive.runs import Runs
from archiver.durable import files
from archiver.errors import HistoryChanged, StateError
from archiver.evidence.documents import Count, Hash, Number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from archiver.evidence.verifier import VerifierKey
    from archiver.witness.place import Place

__all__ = [
    "Elsewhere",
    "Head",
    "Mark",
    "Memory",
    "Signed",
    "check_key",
    "recall",
    "remember",
    "remember_key",
]

_VERSION: Final = 1


class Mark(msgspec.Struct, frozen=True):
    """A note of a chain: its number, and the sha256 (hex) of its stored bytes."""

    seq: Number
    sha256: Hash


class Signed(Mark, frozen=True):
    """A checkpoint, and the tree that it speaks of."""

    size: Count
    root: Hash


class Elsewhere(Mark, frozen=True):
    """The newest checkpoint that a key signed for a tenant, and in which store."""

    where: str


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What is covered of a device: the numbers, and the sha256 of the highest one."""

    runs: Runs = ()
    sha256: str = ""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What was signed last. ``heads`` belong to ``statement``."""

    v: Annotated[int, msgspec.Meta(ge=1, le=_VERSION)] = _VERSION
    registry: Mark | None = None
    statement: Signed | None = None
    orders: Mark | None = None
    heads: dict[str, Head] = {}

    def check(self, series: str, mark: Mark | None, there: Mapping[int, str]) -> None:
        """Raise `HistoryChanged` where a store no longer has what was signed.

        ``mark`` is one of the above, ``there`` the sha256 of each sound note by its number.
        """
        if mark is None or there.get(mark.seq) == mark.sha256:
            return
        if mark.seq in there:
            what = f"holds another {series} number {mark.seq} than this machine has seen"
        else:
            newest = max(there, default=0)
            what = f"ends with {series} number {newest}; this machine has seen number {mark.seq}"
        raise HistoryChanged(
            f"the store {what}: it was set back, or another copy was put in its place",
            advice="Nothing was signed. Restore what is missing from a replica or the copy, and"
            " find out who changed the store.",
        )


def recall(folder: Path, place: Place) -> Memory:
    """Read what is remembered, an empty memory where nothing is; raise `StateError`."""
    path = _path(folder, place)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Memory)
    except FileNotFoundError:
        return Memory()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StateError(
            f"what was signed last for {place.tenant} cannot be read from {path}",
            advice="Restore it from a copy. Without it, move it away: the store's own chain is"
            " then believed as it is.",
        ) from error


def remember(folder: Path, place: Place, memory: Memory) -> None:
    """Write it, durably."""
    files.make_private_folder(folder)
    files.replace(_path(folder, place), msgspec.json.encode(memory))


def _path(folder: Path, place: Place) -> Path:
    where = hashlib.sha256(f"{place.store.name}\0{place.prefix}".encode()).hexdigest()[:16]
    return folder / f"{place.tenant}-{where}.json"


def check_key(folder: Path, place: Place, key: VerifierKey, there: Mapping[int, str]) -> None:
    """Raise `HistoryChanged` where this key signed a history that is not the one here.

    ``there`` is the sha256 of each checkpoint here by its number. A copy that is behind would
    otherwise get a second checkpoint of a number: two statements of one admin that contradict.
    """
    path = _key_path(folder, place, key)
    try:
        last = msgspec.json.decode(path.read_bytes(), type=Elsewhere)
    except FileNotFoundError:
        return
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StateError(
            f"what {key.name} signed last for {place.tenant} cannot be read from {path}",
            advice="Restore it from a copy, or move it away.",
        ) from error
    if there.get(last.seq) != last.sha256:
        raise HistoryChanged(
            f"this key signed checkpoint number {last.seq} of {place.tenant} in {last.where},"
            f" which is not what {place.store.name} holds: another one would contradict it",
            advice="Nothing was signed. Sign for the archive that is in use, and bring a copy up"
            " to date by copying. For a history of its own give --another-history, each time.",
        )


def remember_key(folder: Path, place: Place, key: VerifierKey, mark: Mark) -> None:
    """Write down what this key signed last for a tenant, wherever that was."""
    last = Elsewhere(mark.seq, mark.sha256, place.store.name)
    files.make_private_folder(folder)
    files.replace(_key_path(folder, place, key), msgspec.json.encode(last))


def _key_path(folder: Path, place: Place, key: VerifierKey) -> Path:
    whose = hashlib.sha256(str(key).encode()).hexdigest()[:16]
    return folder / f"{place.tenant}-by-{whose}.json"
