"""Keys and documents for every test here, and what can happen to bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st

from archiver.evidence import leaves, merkle, statement
from archiver.evidence.keys import SigningKey
from archiver.evidence.leaves import Leaf
from archiver.evidence.statement import RollupEntry, Statement

if TYPE_CHECKING:
    from collections.abc import Callable

DEVICE = "00c0ffee00c0ffee"
NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def admin() -> SigningKey:
    """Give the key of the tenant's admin."""
    return SigningKey.generate("admin/acme")


@pytest.fixture(scope="session")
def device() -> SigningKey:
    """Give the key of a device."""
    return SigningKey.generate(f"device/{DEVICE}")


def _spoilt(data: st.DataObject, body: bytes) -> bytes:
    """Cut, flip, repeat or insert somewhere."""
    at = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(at, len(body)))
    new = data.draw(st.sampled_from([b"", body[at:end] * 2]) | st.binary(max_size=8))
    return body[:at] + new + body[end:]


@pytest.fixture(scope="session")
def spoilt() -> Callable[[st.DataObject, bytes], bytes]:
    """Do what bad disks and bad people do to bytes."""
    return _spoilt


@pytest.fixture(scope="session")
def days(admin: SigningKey) -> list[tuple[Statement, str]]:
    """Three days of one tenant, each with the sha256 that the next one names."""
    made: list[tuple[Statement, str]] = []
    for day, new in enumerate([3, 4, 2]):
        last, sha256 = made[-1] if made else (None, None)
        first = last.size if last else 0
        lines = [Leaf(DEVICE, first + one + 1, f"{one:064x}") for one in range(new)]
        entry = RollupEntry(key=f"r{day}", sha256="0" * 64, stored_bytes=9, first=first, count=new)
        this = statement.next_statement(
            last,
            sha256,
            [merkle.leaf_hash(leaves.encode(line)) for line in lines],
            tenant="acme",
            key=admin,
            now=NOW + timedelta(days=day),
            rollups=(entry,),
            registry="a" * 64,
        )
        made.append((this, f"{day:064x}"))
    return made
