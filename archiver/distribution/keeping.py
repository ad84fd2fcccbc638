"""What a machine keeps of the policy that it accepted, so that a restart forgets nothing.

Two files in the state folder:

* ``policy.accepted``: the signed file as it arrived. It is verified again whenever it is read.
* ``policy.accepted.json``: its number and hash, whose signature it was accepted for, and when it
  was last asked for at its address.

The bytes are written first: a process that is killed between the two leaves a newer policy than
the number says, which is right, and never an older one. What cannot be read counts as not there.
The state folder is the user's: who is that user can delete it, and then numbers count anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from archiver.durable import files
from archiver.evidence.documents import Hash, Number
from archiver.evidence.policies import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BODY", "MARK", "Kept", "Mark", "accept", "read", "remark"]

BODY: Final = "policy.accepted"
MARK: Final = "policy.accepted.json"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the accepted policy. ``by`` are the trusted keys that had signed it.

    ``etag`` is what ``url`` gave with exactly this policy. Times are RFC 3339.
    """

    v: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1
    number: Number
    sha256: Hash
    by: tuple[str, ...]
    accepted_at: str
    url: str | None = None
    etag: str | None = None
    fetched_at: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Both files, as far as they can be read."""

    body: bytes | None
    mark: Mark | None


def read(folder: Path) -> Kept:
    """Read what is kept."""
    body, mark = _bytes(folder / BODY), _bytes(folder / MARK)
    try:
        return Kept(body, msgspec.json.decode(mark or b"", type=Mark))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Kept(body, None)


def accept(folder: Path, body: bytes, mark: Mark) -> None:
    """Keep a policy, durably; raise `DiskFull` or `OSError`, and keep what was kept before."""
    files.make_private_folder(folder)
    files.replace(folder / BODY, body)
    files.reached("policy.kept")
    remark(folder, mark)


def remark(folder: Path, mark: Mark) -> None:
    """Keep what is known, and leave the bytes."""
    files.replace(folder / MARK, msgspec.json.encode(mark))


def _bytes(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except OSError:
        return None
    return body if len(body) <= MAX_BYTES else None
