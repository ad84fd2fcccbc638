"""Every object below a tenant, told apart by its key and fetched a few at a time.

Keys of another prefix or tenant are no part of this archive, however well they look: a whole
archive may have been copied into a folder of it. What is larger than its kind can be is not
fetched at all.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from archiver.archive.fetch import in_turn
from archiver.errors import StoreError
from archiver.format.keys import (
    ChunkKey,
    EnrolmentKey,
    ManifestKey,
    SeriesKey,
    parse_key,
    tenant_folder,
)
from archiver.model.answers import Answer
from archiver.vault.layout import VaultKey, parse_vault_key

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from archiver.model.answers import Listed
    from archiver.stores.protocol import Store

    AnyKey = ChunkKey | EnrolmentKey | ManifestKey | SeriesKey | VaultKey

__all__ = ["BATCH", "Objects"]

BATCH: Final = 64
"""Small objects that are asked for together."""

_RESERVED: Final = (
    "_manifests/",
    "_devices/",
    "_registry/",
    "_checkpoints/",
    "_orders/",
    "_rollups/",
    "_timestamps/",
    "_keys/",
)


class Objects:
    """The objects of one tenant in one store."""

    def __init__(self, store: Store, prefix: str, tenant: str) -> None:
        self.store = store
        self.prefix = prefix
        self.tenant = tenant
        self.folder = tenant_folder(prefix, tenant)

    def key(self, text: str) -> AnyKey | None:
        """Read a key; ``None`` where it is not one of this tenant, in the folder of its kind."""
        key = parse_key(text) or parse_vault_key(text)
        if key is None or (key.prefix, key.tenant) != (self.prefix, self.tenant):
            return None
        return key

    def under(self, key: str) -> str:
        """Give a key that is named from ``tenant=`` on, or under an older prefix, as it is now."""
        below = key[key.rindex("tenant=") :]
        return f"{self.prefix}/{below}" if self.prefix else below

    def is_reserved(self, text: str) -> bool:
        """Tell whether a key lies in a reserved folder that this version does not know."""
        below = text.removeprefix(self.folder)
        return below.startswith("_") and "/" in below and not below.startswith(_RESERVED)

    def listing(self, folder: str = "") -> AsyncIterator[Listed]:
        """Yield what lies below a folder of the tenant, in the order of keys."""
        return self.store.list(self.folder + folder)

    async def outside_manifests(self) -> AsyncGenerator[Listed, None]:
        """Yield everything but the manifests, which may be very many and were listed before."""
        manifests = f"{self.folder}_manifests/"
        async with aclosing(_lines(self.store.list(self.folder))) as until:
            async for listed in until:
                if listed.key.startswith(manifests):
                    break
                yield listed
            else:
                return
        # Devices are hexadecimal: all of theirs is before ``g``.
        async for listed in self.store.list(self.folder, after=f"{manifests}g"):
            if not listed.key.startswith(manifests):
                yield listed

    async def get(self, key: str) -> bytes | None:
        """Give the bytes of one object, ``None`` where it is gone."""
        try:
            return await self.store.get(key)
        except StoreError as error:
            if error.refusal.answer is Answer.NOT_FOUND:
                return None
            raise

    async def several(self, keys: Sequence[str]) -> list[bytes | None]:
        """Give the bytes of some small objects, ``None`` for one that is gone."""
        return [body async for body in in_turn(keys, self.get, limit=self.store.concurrency)]

    async def bodies(self, folder: str, largest: int) -> AsyncGenerator[tuple[AnyKey, bytes], None]:
        """Yield key and bytes of every object of ours in a folder, in the order of keys.

        One that is larger than ``largest`` comes without its bytes: it cannot be what it says.
        """
        keys = [(key, one.size) async for one in self.listing(folder) if (key := self.key(one.key))]

        async def ask(question: tuple[AnyKey, int]) -> bytes:
            key, size = question
            return (await self.get(str(key)) or b"") if size <= largest else b""

        async with aclosing(in_turn(keys, ask, limit=self.store.concurrency)) as answers:
            number = 0
            async for body in answers:
                yield keys[number][0], body
                number += 1


async def _lines(listing: AsyncIterator[Listed]) -> AsyncGenerator[Listed, None]:
    """Make of a listing what can be closed before its end."""
    async for listed in listing:
        yield listed
