"""Manifests encode to the same bytes for ever and are read strictly."""

from __future__ import annotations

import json

import msgspec
import pytest

from archiver.errors import Damaged
from archiver.format import manifests
from archiver.model.shipment import (
    ChunkEntry,
    ClassTerms,
    ConversationCount,
    KeyEntry,
    Manifest,
    RecordCounts,
    Seal,
    Window,
)

AT = "2026-01-31T09:30:00.000Z"


@pytest.fixture
def manifest() -> Manifest:
    """Make a manifest with every field in use."""
    entry = ChunkEntry(
        seq=7,
        key="k",
        sha256="0" * 64,
        stored_bytes=1,
        raw_bytes=2,
        records=3,
        first_at=AT,
        last_at=AT,
        conversations=(ConversationCount(assistant="aider", id="ünï", records=3),),
    )
    return Manifest(
        v=1,
        tenant="acme",
        device="00c0ffee00c0ffee",
        seq=2,
        previous="f" * 64,
        created_at=AT,
        window=Window(since=None, until=AT),
        software="archiver 0.1.0",
        policy="e" * 64,
        retention=(ClassTerms("standard", 30),),
        records=RecordCounts(9, 2, "purged"),
        chunks=(entry, msgspec.structs.replace(entry, conversations=(), seal=Seal("a" * 16, "b"))),
        keys=(KeyEntry("k", "d" * 64, 5),),
        quarantined=(5, 6),
        purged=(7,),
        expired=(8, 9),
        recovered=(entry,),
    )


def test_a_manifest_comes_back_as_it_was(manifest: Manifest) -> None:
    """Every field survives."""
    assert manifests.decode(manifests.encode(manifest)) == manifest


def test_the_bytes_are_always_the_same_and_end_with_a_line_feed(manifest: Manifest) -> None:
    """The chain hashes them, so they may not depend on anything else."""
    body = manifests.encode(manifest)
    assert body == manifests.encode(manifests.decode(body))
    assert body.endswith(b"}\n")
    assert body.count(b"\n") == 1
    assert body.startswith(b'{"v":1,"tenant":"acme","device":"00c0ffee00c0ffee","seq":2,"previous"')


def test_fields_that_a_newer_writer_added_are_left_alone(manifest: Manifest) -> None:
    """An addition that may be ignored is no new version."""
    value = json.loads(manifests.encode(manifest))
    body = json.dumps({**value, "later": {"deep": [1]}}).encode()
    assert manifests.decode(body) == manifest


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"v":1}',
        b"[" * 100_000,
        b'{"v":1,"tenant":"\\ud800"}',
    ],
)
def test_rubbish_is_damage(body: bytes) -> None:
    """One error, whatever the parser says inside."""
    with pytest.raises(Damaged):
        manifests.decode(body)


def test_a_manifest_cut_anywhere_is_damage(manifest: Manifest) -> None:
    """Only the final line feed can go unnoticed, and the hash in the key sees that."""
    body = manifests.encode(manifest)
    for length in range(len(body) - 1):
        with pytest.raises(Damaged):
            manifests.decode(body[:length])


@pytest.mark.parametrize("version", [0, -1, 2, 10**9])
def test_another_version_is_refused_with_advice(manifest: Manifest, version: int) -> None:
    """Reading half of a newer manifest would be worse than not reading it."""
    body = manifests.encode(msgspec.structs.replace(manifest, v=version))
    with pytest.raises(Damaged, match="version") as caught:
        manifests.decode(body)
    assert "newer archiver" in caught.value.advice


def test_a_manifest_that_would_fill_the_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch, manifest: Manifest
) -> None:
    """The limit is compared before anything is parsed."""
    body = manifests.encode(manifest)
    monkeypatch.setattr(manifests, "MAX_MANIFEST_BYTES", len(body) - 1)
    with pytest.raises(Damaged, match="at most"):
        manifests.decode(body)
