"""Officers, a month key and its wrap. All keys here are made for the test and open nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from archiver.vault import age
from archiver.vault.layout import VaultKey
from archiver.vault.wrap import make_month

if TYPE_CHECKING:
    from archiver.vault.months import MonthKey

__all__ = ["DEVICE", "SUBJECT", "Officer", "Wrapped", "_officer", "_other", "_wrapped"]

SUBJECT = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
DEVICE = "00c0ffee00c0ffee"


@dataclass(frozen=True)
class Officer:
    """A key pair."""

    identity: str
    recipient: str


@dataclass(frozen=True)
class Wrapped:
    """What a device remembers, and what it ships."""

    month: MonthKey
    key: VaultKey
    body: bytes


@pytest.fixture(name="officer", scope="session")
def _officer() -> Officer:
    """Give the officer of most tests."""
    return Officer(*age.generate())


@pytest.fixture(name="other", scope="session")
def _other() -> Officer:
    """Give another officer."""
    return Officer(*age.generate())


@pytest.fixture(name="wrapped", scope="session")
def _wrapped(officer: Officer) -> Wrapped:
    """Make a month key for the officer alone."""
    month, body = make_month("acme", SUBJECT, "2026-01", DEVICE, [officer.recipient])
    return Wrapped(month, VaultKey.of(month, body, prefix="ai"), body)
