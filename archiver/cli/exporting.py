"""Month keys in clear, in a file for somebody else: found, opened, written once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.archive.unseal import key_name
from archiver.cli.output import progress
from archiver.cli.vault import held_keys, try_all
from archiver.durable import files
from archiver.errors import NotArchived, NotForUs, UnusableKey
from archiver.format.keys import ChunkKey, parse_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from archiver.cli.archives import Archives, Part
    from archiver.cli.vault import HeldKey
    from archiver.vault.months import KeyName
    from archiver.vault.wrap import Opened

__all__ = ["check_new", "keys_to_export", "opened_of", "write_identities"]


async def keys_to_export(
    archives: Archives, wanted: Callable[[KeyName], bool], conversation: str | None
) -> list[HeldKey]:
    """Give the month keys that are ``wanted``, tried with the identities that were brought.

    With a ``conversation`` only those of its chunks; raise `NotArchived` where it is unknown.
    """
    among = await _keys_of(archives, conversation) if conversation else None

    async def work(part: Part) -> list[HeldKey]:
        held = await held_keys(part, lambda name: wanted(name) and (among is None or name in among))
        with progress("keys", len(held)) as tell:
            return [one async for one in try_all(part.store, held, archives.identities, tell)]

    return [one for found in await archives.each(work) for one in found]


async def _keys_of(archives: Archives, conversation: str) -> frozenset[KeyName]:
    found = archives.find(await archives.catalogue(), conversation)
    keys = ((parse_key(chunk.key), chunk.key_id) for chunk in found.chunks)
    return frozenset(
        key_name(key, sealed_to)
        for key, sealed_to in keys
        if sealed_to and isinstance(key, ChunkKey)
    )


def opened_of(held: Sequence[HeldKey]) -> list[Opened]:
    """Give the keys that opened; raise `NotArchived` or `NotForUs` where none did."""
    if not held:
        raise NotArchived(
            "the vault has no month key that fits",
            advice="See `archiver keys list`. What is not sealed has no key, and needs none.",
        )
    opened = [one.opened for one in held if one.opened]
    if not opened:
        raise NotForUs(
            f"none of the {len(held)} month keys that fit can be opened with this identity",
            advice="Use that of an officer for whom they were wrapped: `archiver keys list`.",
        )
    return opened


def check_new(path: Path) -> None:
    """Raise `UnusableKey` where a key file would replace another, or has no folder."""
    if not path.parent.is_dir():
        raise UnusableKey(
            f"{path} cannot be written: there is no folder {path.parent}",
            advice="Make that folder, or choose another with --to.",
        )
    if path.exists():
        raise UnusableKey(
            f"there is a file {path} already, and a key never replaces one",
            advice="Use the key that is there, or choose another name.",
        )


def write_identities(path: Path, opened: Sequence[Opened]) -> None:
    """Write an identity file, as age's own programs read it, that only its user can read."""
    lines = []
    for one in opened:
        name = one.name
        lines += [
            f"# tenant {name.tenant}, subject {name.subject}, {name.month}, device {name.device}",
            f"# month key {name.key_id}",
            one.identity,
        ]
    check_new(path)
    files.write_new(path, "".join(f"{line}\n" for line in lines).encode())
