"""What the reading and the rewrapping of a vault ask of a store, apart from how it is told.

Nothing here deletes: taking a wrap away is erasing, and that is for whoever is responsible.
"""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from archiver.archive.catalogue import keys_in
from archiver.archive.fetch import in_turn
from archiver.errors import Damaged, NotForUs, StoreError
from archiver.model.answers import Answer
from archiver.vault.layout import parse_vault_key, vault_folder
from archiver.vault.months import officers_id
from archiver.vault.wrap import Opened, open_wrap, rewrap

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence

    from archiver.cli.archives import Part
    from archiver.stores.protocol import Store
    from archiver.vault.layout import VaultKey
    from archiver.vault.months import KeyName

__all__ = ["Access", "HeldKey", "Rewrapped", "held_keys", "rewrap_all", "try_all"]


class Access(StrEnum):
    """Whether the identities that were brought open a month key."""

    UNTRIED = "untried"
    OPENS = "opens"
    CLOSED = "closed"
    """It is wrapped to others."""
    DAMAGED = "damaged"
    """None of its wraps is what its name says."""


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A month key as a vault has it: its wraps in the order of their names.

    ``opened`` is the key itself where ``access`` says that it opens, and ``by`` the wrap that
    it came from; ``damaged`` are the wraps that are not what their names say.
    """

    name: KeyName
    wraps: tuple[VaultKey, ...]
    access: Access = Access.UNTRIED
    opened: Opened | None = None
    by: tuple[VaultKey, bytes] | None = None
    damaged: tuple[str, ...] = ()

    def is_for(self, officers: str) -> bool:
        """Tell whether a wrap is for exactly these officers (their id), as far as it says."""
        return any(one.officers == officers and str(one) not in self.damaged for one in self.wraps)


async def held_keys(part: Part, wanted: Callable[[KeyName], bool]) -> list[HeldKey]:
    """List the month keys of a store that are ``wanted``, by name."""
    found: dict[KeyName, list[VaultKey]] = {}
    for tenant in part.tenants:
        async for text in keys_in(part.store, vault_folder(part.prefix, tenant)):
            key = parse_vault_key(text)
            if key is not None and wanted(key.name):
                found.setdefault(key.name, []).append(key)
    return [HeldKey(name, tuple(wraps)) for name, wraps in found.items()]


async def try_all(
    store: Store,
    held: Iterable[HeldKey],
    identities: Sequence[str],
    tell: Callable[[int], None],
) -> AsyncGenerator[HeldKey, None]:
    """Yield each key with whether ``identities`` open it; ``tell`` counts the steps."""
    tried = in_turn(held, partial(_tried, store, tuple(identities)), limit=store.concurrency)
    async with aclosing(tried) as keys:
        async for one in keys:
            tell(1)
            yield one


async def _tried(store: Store, identities: tuple[str, ...], held: HeldKey) -> HeldKey:
    access, damaged = Access.DAMAGED, []
    opened = by = None
    for key in held.wraps:
        try:
            body = await store.get(str(key))
        except StoreError as error:  # destroyed between the listing and the question
            if error.refusal.answer is not Answer.NOT_FOUND:
                raise
            continue
        try:
            found = open_wrap(body, identities, key)
        except NotForUs:
            access = Access.OPENS if opened else Access.CLOSED
        except Damaged:
            damaged.append(str(key))
        else:
            access, opened, by = Access.OPENS, opened or found, by or (key, body)
    return HeldKey(held.name, held.wraps, access, opened, by, tuple(damaged))


@dataclass(slots=True)
class Rewrapped:
    """What became of the keys.

    New wraps, keys that had one, keys that could not be opened, and damaged wraps; ``before``
    are the wraps for other officers, which stay.
    """

    added: list[str]
    had: list[KeyName]
    closed: list[KeyName]
    damaged: list[str]
    before: list[str]

    @classmethod
    def none(cls) -> Rewrapped:
        """Begin with nothing."""
        return cls([], [], [], [], [])

    def add(self, other: Rewrapped) -> None:
        """Take in what became of the keys of another store."""
        for field in fields(self):
            getattr(self, field.name).extend(getattr(other, field.name))


async def rewrap_all(
    store: Store,
    held: Iterable[HeldKey],
    identities: Sequence[str],
    officers: Sequence[str],
    tell: Callable[[int], None],
) -> Rewrapped:
    """Store a wrap for ``officers`` beside those of every key that ``identities`` open.

    May be repeated: a key that has one for them is left alone.
    """
    done, known = Rewrapped.none(), officers_id(officers)
    async with aclosing(try_all(store, held, identities, tell)) as keys:
        async for one in keys:
            done.damaged += one.damaged
            if one.is_for(known):
                done.had.append(one.name)
            elif one.by is None:
                done.closed.append(one.name)
                continue
            else:
                key, body = rewrap(one.by[1], identities, one.by[0], officers)
                sha256 = hashlib.sha256(body).hexdigest()
                await store.put(str(key), body, sha256=sha256, metadata={})
                done.added.append(str(key))
            done.before += [str(wrap) for wrap in one.wraps if wrap.officers != known]
    return done
