"""Wrapped keys and roll-ups: small objects that others list, held to what those say.

Where data is read, they are read too; else their sizes are compared. What stands under the
name of a registry, checkpoint or roll-up must also have the hash in that name, so that without
any key of an admin at least chance and clumsy hands are seen.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from archiver.archive.findings import Code, Finding
from archiver.archive.scope import Depth
from archiver.format.keys import Series, SeriesKey
from archiver.vault.layout import VaultKey, parse_vault_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from collections.abc import Set as AbstractSet

    from archiver.archive.coverage import Coverage
    from archiver.archive.objects import AnyKey, Objects
    from archiver.archive.request import Request
    from archiver.evidence.statement import RollupEntry
    from archiver.model.answers import Listed
    from archiver.model.shipment import KeyEntry

__all__ = ["StoredPapers"]

_MOST: Final = 64 * 1024 * 1024
_CODES: Final = {
    Series.REGISTRY: Code.REGISTRY_INVALID,
    Series.CHECKPOINTS: Code.CHECKPOINT_INVALID,
    Series.ORDERS: Code.ORDER_INVALID,
    Series.ROLLUPS: Code.ROLLUP_ALTERED,
    Series.TIMESTAMPS: Code.TIMESTAMP_ALTERED,
}


class StoredPapers:
    """What the listing of one tenant shows of such objects, and what is wrong with them."""

    def __init__(self, objects: Objects, request: Request) -> None:
        self._objects = objects
        self._trusted = request.trust is not None
        self._reads = request.depth is not Depth.LISTING and request.reads_all
        self._wraps: dict[str, tuple[VaultKey, int]] = {}
        self._series: dict[str, tuple[SeriesKey, int]] = {}
        self._rollups: dict[str, int] = {}

    async def list_rollups(self) -> None:
        """Learn which roll-ups are there, before statements ask for them."""
        async for listed in self._objects.listing("_rollups/"):
            self._rollups[listed.key] = listed.size

    async def rollup(self, entry: RollupEntry) -> bytes | None:
        """Give a roll-up's stored bytes, ``None`` where it is gone.

        One of another size is not fetched: its hash cannot be the one that is listed.
        """
        key = self._objects.under(entry.key)
        size = self._rollups.get(key)
        if size is None:
            return None
        return await self._objects.get(key) if size == entry.stored_bytes else b""

    def seen(self, key: AnyKey, listed: Listed) -> None:
        """Take in one line of the listing."""
        if isinstance(key, VaultKey):
            self._wraps[listed.key] = key, listed.size
        elif isinstance(key, SeriesKey):
            self._series[listed.key] = key, listed.size

    async def judge(
        self,
        listed: Mapping[str, KeyEntry],
        covered: Coverage | None,
        erased: AbstractSet[tuple[str, str]],
    ) -> list[Finding]:
        """Say what is wrong.

        ``listed`` are the wrapped keys that manifests list, ``erased`` the ids of those that an
        order destroyed.
        """
        found = [one async for one in self._judge_wraps(listed, erased)]
        found += self._judge_timestamps()
        if self._trusted:
            found += self._judge_rollups(covered)
        return found + [one async for one in self._judge_names()]

    async def _judge_wraps(
        self, listed: Mapping[str, KeyEntry], erased: AbstractSet[tuple[str, str]]
    ) -> AsyncIterator[Finding]:
        """Hold the vault to the manifests: a wrapped key that went takes its month with it.

        ``erased`` are the subjects and ids of the keys that an order destroyed.
        """
        for text, (key, size) in self._wraps.items():
            if (key.subject, key.key_id) in erased:
                meaning = "an order destroyed this key, and here is a wrap of it"
                yield Finding(Code.ERASURE_UNFINISHED, text, meaning)
                continue
            entry = listed.get(text)
            if entry is None:
                meaning = "no manifest lists it: it is on its way, or was wrapped anew"
                yield Finding(Code.KEY_NOT_LISTED, text, meaning)
            elif size != entry.stored_bytes or not await self._has(text, size, entry.sha256):
                yield Finding(Code.KEY_ALTERED, text, "its bytes are not those listed")
                continue
            if entry is None and not await self._has(text, size, key.sha):
                meaning = "its bytes are not those that its name says"
                yield Finding(Code.KEY_ALTERED, text, meaning)
        left = {key.name for key, _ in self._wraps.values()}
        for text in sorted(listed.keys() - self._wraps.keys()):
            gone = parse_vault_key(text)
            if gone is not None and (gone.subject, gone.key_id) in erased:
                continue
            if gone is not None and gone.name in left:
                meaning = "a manifest lists this wrapped key; another wrap of the key is there"
                yield Finding(Code.KEY_REWRAPPED, text, meaning)
                continue
            meaning = "a manifest lists this wrapped key; what was sealed to it may be lost"
            yield Finding(Code.KEY_MISSING, text, meaning)

    async def _has(self, key: str, size: int, sha256: str) -> bool:
        """Tell whether an object has this hash, or its beginning, where data is read at all."""
        if not self._reads:
            return True
        body = await self._objects.get(key) if size <= _MOST else None
        return body is not None and hashlib.sha256(body).hexdigest().startswith(sha256)

    def _judge_rollups(self, covered: Coverage | None) -> list[Finding]:
        known = {self._objects.under(key) for key in covered.rollups} if covered else set()
        meaning = "no checkpoint lists it: a run was cut off, or it was put there"
        return [
            Finding(Code.ROLLUP_NOT_LISTED, text, meaning)
            for text, (key, _) in self._series.items()
            if key.series is Series.ROLLUPS and text not in known
        ]

    def _judge_timestamps(self) -> list[Finding]:
        stated = {key.seq for key, _ in self._series.values() if key.series is Series.CHECKPOINTS}
        return [
            Finding(Code.TIMESTAMP_UNKNOWN, text, "there is no checkpoint of its number")
            for text, (key, _) in self._series.items()
            if key.series is Series.TIMESTAMPS and key.seq not in stated
        ]

    async def _judge_names(self) -> AsyncIterator[Finding]:
        """Hold objects to their names; what the admin signed is held to more than that."""
        for text, (key, size) in self._series.items():
            if self._trusted and key.series is not Series.TIMESTAMPS:
                continue
            if not await self._has(text, size, key.sha):
                meaning = "its bytes are not those that its name says"
                yield Finding(_CODES[key.series], text, meaning)
