"""A probe that stayed in the bucket is no part of the archive, and nothing to complain about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from laptop import Laptop, _laptop, line, verified

from archiver.archive.findings import Code

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["_laptop"]


def put(bucket: Path, name: str) -> None:
    """Put an object below the tenant."""
    path = bucket / "tenant=acme" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"random")


@pytest.fixture
def shipped(laptop: Laptop) -> Path:
    """Give the bucket of a laptop that shipped something."""
    laptop.write(laptop.claude("c1"), line(1))
    laptop.look()
    laptop.ship()
    return laptop.bucket


def codes(bucket: Path) -> list[Code]:
    """Give what verification finds."""
    return [one.code for one in verified(bucket).findings]


def test_a_probe_is_no_finding(shipped: Path) -> None:
    """Doctor's, or that of a test of credentials."""
    before = codes(shipped)
    put(shipped, "_probe/0123456789abcdef")
    assert codes(shipped) == before


@pytest.mark.parametrize("name", ["_probe/chunk.jsonl.zst", "_probe/0123456789abcdef/x"])
def test_what_only_lies_beside_probes_is_told(shipped: Path, name: str) -> None:
    """A probe has a name of its own; nothing else hides behind it."""
    put(shipped, name)
    assert Code.RESERVED_OBJECT in codes(shipped)
