"""Chunks are opened for an officer, with one look into the vault for each month key."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from vaults import DEVICE, SUBJECT

from archiver.errors import Damaged, KeyGone, NotForUs, StoreError
from archiver.model.answers import Answer, Refusal
from archiver.vault import age
from archiver.vault.layout import VaultKey
from archiver.vault.open import Opener
from archiver.vault.wrap import make_month, open_wrap, rewrap

if TYPE_CHECKING:
    from vaults import Officer, Wrapped

    from archiver.vault.months import KeyName


class Vault:
    """A vault in memory that counts the questions."""

    def __init__(self, *wraps: tuple[VaultKey, bytes]) -> None:
        self.wraps = dict(wraps)
        self.asked: Counter[KeyName] = Counter()
        self.busy = False

    async def fetch(self, name: KeyName) -> list[tuple[VaultKey, bytes]]:
        """Give the wraps of one key."""
        self.asked[name] += 1
        await asyncio.sleep(0)
        if self.busy:
            refusal = Refusal(Answer.BUSY, "busy")
            raise StoreError("busy", advice="wait", refusal=refusal)
        return [(key, body) for key, body in self.wraps.items() if key.name == name]


async def test_a_sealed_chunk_opens_and_its_key_is_unwrapped_once(
    wrapped: Wrapped, officer: Officer
) -> None:
    """Also when many are asked for at the same time."""
    vault = Vault((wrapped.key, wrapped.body))
    opener = Opener(vault.fetch, [officer.identity])
    name = wrapped.month.name
    chunks = [age.encrypt(bytes([n]), [wrapped.month.recipient]) for n in range(20)]
    opened = await asyncio.gather(*(opener.open(name, chunk) for chunk in chunks))
    assert opened == [bytes([n]) for n in range(20)]
    assert vault.asked == {name: 1}
    assert (await opener.key(name)).recipient == wrapped.month.recipient


async def test_an_erased_month_is_gone_and_that_is_remembered(
    wrapped: Wrapped, officer: Officer
) -> None:
    """Ten thousand chunks of that person ask the store once."""
    vault = Vault()
    opener = Opener(vault.fetch, [officer.identity])
    chunk = age.encrypt(b"x", [wrapped.month.recipient])
    errors = []
    for _ in range(3):
        with pytest.raises(KeyGone, match=SUBJECT) as caught:
            await opener.open(wrapped.month.name, chunk)
        errors.append(caught.value)
    assert len(set(map(id, errors))) == 3
    assert vault.asked.total() == 1


async def test_a_busy_store_is_asked_again(wrapped: Wrapped, officer: Officer) -> None:
    """Its answer says nothing of the key."""
    vault = Vault((wrapped.key, wrapped.body))
    opener = Opener(vault.fetch, [officer.identity])
    vault.busy = True
    with pytest.raises(StoreError):
        await opener.key(wrapped.month.name)
    vault.busy = False
    assert (await opener.key(wrapped.month.name)).name == wrapped.month.name


async def test_one_wrap_for_this_officer_is_enough(
    wrapped: Wrapped, officer: Officer, other: Officer
) -> None:
    """Beside one for others and one that was altered, whatever the order."""
    mine = rewrap(wrapped.body, [officer.identity], wrapped.key, [other.recipient])
    altered = (VaultKey.of(wrapped.month, b"noise"), b"noise")
    theirs = (wrapped.key, wrapped.body)
    for wraps in ((mine, altered, theirs), (theirs, altered, mine), (altered, theirs, mine)):
        opener = Opener(Vault(*wraps).fetch, [other.identity])
        assert (await opener.key(wrapped.month.name)).recipient == wrapped.month.recipient


async def test_where_none_opens_it_says_why(wrapped: Wrapped, other: Officer) -> None:
    """For others, if there is a sound one; else damaged."""
    altered = (VaultKey.of(wrapped.month, b"noise"), b"noise")
    theirs = (wrapped.key, wrapped.body)
    for wraps, why in (
        ((theirs, altered), NotForUs),
        ((altered, theirs), NotForUs),
        ((altered,), Damaged),
    ):
        opener = Opener(Vault(*wraps).fetch, [other.identity])
        with pytest.raises(why):
            await opener.key(wrapped.month.name)


async def test_a_wrap_of_another_key_does_not_count(wrapped: Wrapped, officer: Officer) -> None:
    """Whatever the store gives for the question."""

    async def fetch(_name: KeyName) -> list[tuple[VaultKey, bytes]]:
        return [(wrapped.key, wrapped.body)]

    opener = Opener(fetch, [officer.identity])
    with pytest.raises(KeyGone):
        await opener.key(replace(wrapped.month.name, month="2026-02"))


async def test_a_chunk_that_is_sealed_to_another_key_is_damage(
    wrapped: Wrapped, officer: Officer, other: Officer
) -> None:
    """Its manifest said otherwise."""
    opener = Opener(Vault((wrapped.key, wrapped.body)).fetch, [officer.identity])
    chunk = age.encrypt(b"x", [wrapped.month.recipient])
    for spoiled in (age.encrypt(b"x", [other.recipient]), chunk[:-1], b"", b"x" * 500):
        with pytest.raises(Damaged):
            await opener.open(wrapped.month.name, spoiled)


async def test_only_the_latest_keys_are_remembered(officer: Officer) -> None:
    """A tenant may have a million; the memory has not."""
    made = [make_month("acme", SUBJECT, "2026-01", DEVICE, [officer.recipient]) for _ in "123"]
    names = [key.name for key, _ in made]
    vault = Vault(*((VaultKey.of(key, body), body) for key, body in made))
    opener = Opener(vault.fetch, [officer.identity], keep=2)
    for at in (0, 1, 0, 2, 0, 1):
        await opener.key(names[at])
    assert [vault.asked[name] for name in names] == [1, 2, 1]


async def test_a_month_key_that_was_handed_over_opens_its_chunks_without_the_vault(
    officer: Officer, other: Officer
) -> None:
    """Beside other identities, for its own month only, and with no question asked."""
    keys = [
        make_month("acme", SUBJECT, month, DEVICE, [officer.recipient])
        for month in ("2026-01", "2026-02")
    ]
    (mine, wrap), (later, _) = keys
    handed = open_wrap(wrap, [officer.identity], VaultKey.of(mine, wrap)).identity
    vault = Vault()
    opener = Opener(vault.fetch, [other.identity, handed])
    assert await opener.open(mine.name, age.encrypt(b"x", [mine.recipient])) == b"x"
    assert vault.asked.total() == 0
    with pytest.raises(KeyGone):
        await opener.open(later.name, age.encrypt(b"x", [later.recipient]))
    with pytest.raises(Damaged):
        await opener.open(mine.name, age.encrypt(b"x", [later.recipient]))
