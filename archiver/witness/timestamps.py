"""A time from outside for each checkpoint: that it existed then, whoever signed it.

The admin and the owner of the bucket together could write another history with other dates; an
authority that saw the checkpoint's hash at its own time takes no part in that. What it answered
is checked before it is stored.
"""

from __future__ import annotations

import asyncio
import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archiver.errors import ArchiverError, EvidenceError
from archiver.evidence import stamp
from archiver.format.keys import Series, series_folder
from archiver.witness.place import put_once

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.format.keys import SeriesKey
    from archiver.witness.place import Place

__all__ = ["Authority", "stamped", "times_of"]

_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Authority:
    """Whom to ask, and the root certificates (PEM) under which it signs."""

    url: str
    roots: bytes


async def stamped(place: Place, key: SeriesKey, body: bytes, authority: Authority) -> bool:
    """Have a checkpoint timestamped, unless it is; tell whether it was asked for now.

    Raise `EvidenceError` or `Damaged` where no valid answer came: the checkpoint stands all the
    same, and the next run asks again.
    """
    stem = f"{series_folder(place.prefix, place.tenant, Series.TIMESTAMPS)}{key.seq:012d}-"
    if [listed async for listed in place.store.list(stem)]:
        return False
    asked = stamp.query(body)
    answer = await asyncio.to_thread(_post, authority.url, asked.body)
    stamp.checked(answer, body, authority.roots, nonce=asked.nonce)
    name = place.key(Series.TIMESTAMPS, key.seq, answer)
    await put_once(place.store, str(name), answer)
    return True


async def times_of(
    place: Place, statements: dict[int, bytes], roots: bytes
) -> dict[int, datetime | ArchiverError]:
    """Check every timestamp: when each checkpoint was seen, or what is wrong with it.

    ``statements`` are stored bytes by number.
    """
    found: dict[int, datetime | ArchiverError] = {}
    for key, answer in await place.series(Series.TIMESTAMPS):
        try:
            found[key.seq] = stamp.checked(answer, statements.get(key.seq, b""), roots)
        except ArchiverError as error:
            found.setdefault(key.seq, error)
    return found


def _post(url: str, body: bytes) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise _unanswered(url, "its address is not http or https")
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        request = urllib.request.Request(url, body, headers)  # noqa: S310 - checked above
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - same
            read: bytes = answer.read(stamp.MAX_BYTES + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _unanswered(url, str(error)) from error
    return read


def _unanswered(url: str, why: str) -> EvidenceError:
    return EvidenceError(
        f"the timestamp authority at {url} gave no answer: {why}",
        advice="The checkpoint is signed and stored. Give the command again: it asks once more.",
    )
