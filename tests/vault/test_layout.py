"""Names of wraps are built and parsed in one place, both ways, and nothing else is one."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.format.keys import NAME_PATTERN, parse_key
from archiver.vault.layout import (
    VaultKey,
    month_folder,
    parse_vault_key,
    vault_folder,
    wraps_of,
)
from archiver.vault.months import MonthKey

KEY = VaultKey("p/q", "acme", "a" * 32, "2026-01", "b" * 16, "c" * 16, "d" * 16, "e" * 16)

names = st.from_regex(rf"\A{NAME_PATTERN}\Z")
hexes = st.text("0123456789abcdef", min_size=16, max_size=16)
prefixes = st.sampled_from(["", "p", "deep/er", "with space", "tenant"])
months = st.dates().map(lambda day: f"{day:%Y}".zfill(4) + f"-{day:%m}")


@given(prefixes, names, hexes, months, st.tuples(hexes, hexes, hexes, hexes))
def test_every_name_parses_back(
    prefix: str, tenant: str, subject: str, month: str, ids: tuple[str, str, str, str]
) -> None:
    """And lies in its month's folder, that in the vault."""
    device, key_id, officers, sha = ids
    key = VaultKey(prefix, tenant, subject * 2, month, device, key_id, officers, sha)
    assert parse_vault_key(str(key)) == key
    assert str(key).startswith(month_folder(prefix, tenant, subject * 2, month))
    assert str(key).startswith(wraps_of(prefix, key.name))
    assert str(key).startswith(vault_folder(prefix, tenant))


def test_a_wrap_is_named_by_what_it_wraps_and_by_its_own_bytes() -> None:
    """The same name means the same bytes, so a retry can only ever meet itself."""
    month = MonthKey("acme", "a" * 32, "2026-01", "b" * 16, "age1x", "d" * 16)
    key = VaultKey.of(month, b"wrap", prefix="p")
    assert key.name == month.name
    assert key.officers == "d" * 16
    assert key.sha == hashlib.sha256(b"wrap").hexdigest()[:16]
    assert key.prefix == "p"


def test_the_wraps_of_one_key_are_a_prefix_that_no_other_key_shares() -> None:
    """One listing finds all of them and nothing else."""
    again = replace(KEY, officers="0" * 16, sha="1" * 16)
    others = [
        replace(KEY, key_id="0" * 16),
        replace(KEY, device="0" * 16),
        replace(KEY, month="2026-02"),
    ]
    prefix = wraps_of(KEY.prefix, KEY.name)
    assert str(again).startswith(prefix)
    assert not any(str(other).startswith(prefix) for other in others)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("tenant=acme", "tenant=Acme"),
        ("_keys", "_manifests"),
        ("subject=" + "a" * 32, "subject=" + "a" * 31),
        ("2026-01", "2026-13"),
        ("2026-01", "2026-1"),
        ("2026-01", "\u0662\u0660\u0662\u0666-01"),
        ("b" * 16, "B" * 16),
        ("c" * 16 + "-", ""),
        ("e" * 16, "e" * 15),
        (".age", ".age\n"),
        (".age", ".jsonl.zst.age"),
        ("p/q/tenant", "/tenant"),
    ],
)
def test_what_differs_in_one_place_is_no_wrap(good: str, bad: str) -> None:
    """Case, length, digits of other scripts, endings, months that are none."""
    assert parse_vault_key(str(KEY)) == KEY
    spoiled = str(KEY).replace(good, bad)
    assert spoiled != str(KEY)
    assert parse_vault_key(spoiled) is None


def test_a_wrap_is_no_chunk_and_no_manifest() -> None:
    """A reader of chunks leaves the vault alone."""
    assert parse_key(str(KEY)) is None
    assert "/_keys/" in str(KEY)


def test_the_longest_name_fits_into_every_store() -> None:
    """S3 and R2 take 1,024 bytes; 600 are left for the prefix."""
    assert len(str(replace(KEY, prefix="", tenant="t" * 64))) <= 424
