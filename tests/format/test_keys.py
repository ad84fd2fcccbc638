"""Keys are built and parsed in one place, both ways, and nothing else is a key."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.format.keys import (
    NAME_PATTERN,
    ChunkKey,
    ManifestKey,
    Series,
    SeriesKey,
    manifest_folder,
    parse_key,
    tenant_folder,
)

CHUNK = ChunkKey("p/q", "acme", "standard", "a" * 32, "2026-01-31", "b" * 16, 12, "c" * 16)
MANIFEST = ManifestKey("p/q", "acme", "b" * 16, 12, "c" * 16)

names = st.from_regex(rf"\A{NAME_PATTERN}\Z")
hexes = st.text("0123456789abcdef", min_size=16, max_size=16)
prefixes = st.sampled_from(["", "p", "deep/er", "with space", "tenant"])
numbers = st.integers(1, 10**12 - 1)


@given(prefixes, names, names, hexes, hexes, numbers, hexes)
def test_every_chunk_key_parses_back(
    prefix: str, tenant: str, klass: str, subject: str, device: str, seq: int, sha: str
) -> None:
    """What is built is what is read."""
    key = ChunkKey(prefix, tenant, klass, subject * 2, "2026-01-31", device, seq, sha)
    assert parse_key(str(key)) == key
    assert str(key).startswith(tenant_folder(prefix, tenant))


@given(prefixes, names, hexes, numbers, hexes)
def test_every_manifest_key_parses_back(
    prefix: str, tenant: str, device: str, seq: int, sha: str
) -> None:
    """And lies in the folder of manifests."""
    key = ManifestKey(prefix, tenant, device, seq, sha)
    assert parse_key(str(key)) == key
    assert str(key).startswith(manifest_folder(prefix, tenant))


@given(numbers, numbers)
def test_the_order_of_keys_is_the_order_of_numbers(one: Any, two: Any) -> None:
    """A listing gives chunks and manifests in the order in which they were made."""
    first, second = (ManifestKey("", "a", "b" * 16, seq, "c" * 16) for seq in (one, two))
    assert (str(first) < str(second)) == (one < two)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("tenant=acme", "tenant=Acme"),
        ("tenant=acme", "tenant="),
        ("tenant=acme", "tenant=-acme"),
        ("tenant=acme", "tenant=" + "a" * 65),
        ("tenant=acme", "tenant=a/b"),
        ("class=standard", "class=a=b"),
        ("subject=" + "a" * 32, "subject=" + "a" * 31),
        ("subject=" + "a" * 32, "subject=" + "A" * 32),
        ("dt=2026-01-31", "dt=2026-1-31"),
        ("dt=2026-01-31", "dt=\u0662\u0660\u0662\u0666-01-31"),
        ("000000000012", "12"),
        ("000000000012", "\u0660" * 10 + "\u0661\u0662"),
        (".jsonl.zst", ".jsonl.gz"),
        (".jsonl.zst", ".jsonl.zst\n"),
        ("p/q/tenant", "/tenant"),
    ],
)
def test_what_differs_in_one_place_is_no_key(good: str, bad: str) -> None:
    """Case, length, digits of other scripts, endings."""
    assert parse_key(str(CHUNK)) == CHUNK
    spoiled = str(CHUNK).replace(good, bad)
    assert spoiled != str(CHUNK)
    parsed = parse_key(spoiled)
    assert parsed is None or str(parsed) != spoiled


@given(st.text(max_size=60))
def test_no_other_text_is_a_key(text: str) -> None:
    """Nothing raises, and what parses is written the same way."""
    parsed = parse_key(text)
    assert parsed is None or str(parsed) == text


def test_the_folder_of_manifests_is_skipped_by_hive_and_sorts_before_the_chunks() -> None:
    """Athena and Spark skip names that begin with an underscore."""
    assert "/_manifests/" in str(MANIFEST)
    assert str(MANIFEST) < str(CHUNK)


def test_the_longest_key_fits_into_every_store() -> None:
    """S3 and R2 take 1,024 bytes; 600 are left for the prefix."""
    longest = ChunkKey("", "t" * 64, "c" * 64, "a" * 32, "2026-01-31", "b" * 16, 1, "c" * 16)
    assert re.fullmatch(NAME_PATTERN, "t" * 64)
    assert len(str(longest)) <= 424


def test_number_0_is_the_number_of_nothing() -> None:
    """Chunks and manifests are counted from 1; a roll-up's first leaf is number 0."""
    manifest = ManifestKey("", "acme", "0" * 16, 0, "0" * 16)
    chunk = ChunkKey("", "acme", "c", "0" * 32, "2026-01-31", "0" * 16, 0, "0" * 16)
    assert (parse_key(str(manifest)), parse_key(str(chunk))) == (None, None)
    rollup = SeriesKey("", "acme", Series.ROLLUPS, 0, "0" * 16)
    assert parse_key(str(rollup)) == rollup
