"""Reading what is sealed, for who brings an officer's private key.

Without a key nothing here asks the store for one: what is sealed stays closed, and is counted.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import msgspec

from archiver.errors import Damaged, NotForUs, StoreError
from archiver.format.keys import ChunkKey, parse_key
from archiver.model.answers import Answer
from archiver.model.shipment import ChunkEntry, ConversationCount
from archiver.vault.layout import parse_vault_key, wraps_of
from archiver.vault.months import KeyName, month_of
from archiver.vault.open import Opener

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archiver.archive.claims import Claim
    from archiver.stores.protocol import Store
    from archiver.vault.layout import VaultKey

__all__ = ["Unsealer", "key_name"]

_entry = msgspec.json.Decoder(ChunkEntry)
_counts = msgspec.json.Decoder(tuple[ConversationCount, ...])


def key_name(chunk: ChunkKey, key_id: str) -> KeyName:
    """Name the month key that a chunk is sealed to."""
    return KeyName(chunk.tenant, chunk.subject, month_of(chunk.day), chunk.device, key_id)


class Unsealer:
    """Opens the sealed chunks of one store; with no ``identities``, none."""

    def __init__(self, store: Store, identities: Sequence[str] = ()) -> None:
        self._store = store
        self._prefixes: dict[KeyName, str] = {}
        self.has_keys = bool(identities)
        self._opener = Opener(self._wraps, identities)

    async def conversations(
        self, chunk: ChunkKey, entry: ChunkEntry
    ) -> tuple[ConversationCount, ...] | None:
        """Tell which conversations a listed chunk holds; ``None`` where it is closed to us.

        Raise `Damaged` where what its manifest says of it cannot be read.
        """
        if entry.seal is None:
            return entry.conversations
        if not self.has_keys:
            return None
        try:
            sealed = base64.b64decode(entry.seal.index, validate=True)
            return _counts.decode(await self._open(chunk, entry.seal.key_id, sealed))
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            raise Damaged(
                f"the manifest's index of chunk {chunk} cannot be read",
                advice="Run `archiver verify --read-records` with the same identity.",
            ) from error

    async def frame(self, chunk: str, key_id: str | None, body: bytes) -> bytes:
        """Give the zstd frame in a stored chunk, which is ``body`` itself where it is plain.

        Raise `NotForUs`, `KeyGone` or `Damaged` where it cannot be opened.
        """
        key = parse_key(chunk)
        if key_id is None or not isinstance(key, ChunkKey):
            return body
        if not self.has_keys:
            raise NotForUs(
                f"the chunk {chunk} is sealed",
                advice="Give an officer's private key with --identity FILE.",
            )
        return await self._open(key, key_id, body)

    async def chunk(self, claim: Claim, body: bytes) -> bytes:
        """Give the zstd frame in a chunk that a manifest claims; raise as `frame` does."""
        entry = _entry.decode(claim.entry)
        return await self.frame(claim.key, entry.seal.key_id if entry.seal else None, body)

    async def _open(self, chunk: ChunkKey, key_id: str, body: bytes) -> bytes:
        name = key_name(chunk, key_id)
        self._prefixes[name] = chunk.prefix
        return await self._opener.open(name, body)

    async def _wraps(self, name: KeyName) -> list[tuple[VaultKey, bytes]]:
        found = []
        listing = self._store.list(wraps_of(self._prefixes[name], name))
        keys = [key async for one in listing if (key := parse_vault_key(one.key))]
        for key in keys:
            try:
                found.append((key, await self._store.get(str(key))))
            except StoreError as error:  # erased between the listing and the question
                if error.refusal.answer is not Answer.NOT_FOUND:
                    raise
        return found
