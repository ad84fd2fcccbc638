"""A fleet for every test here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fleet import DESKTOP, LAPTOP, Fleet

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Give a tenant in an empty store."""
    return Fleet(tmp_path / "admin")


@pytest.fixture
async def covered(fleet: Fleet) -> Fleet:
    """Give a tenant of two devices; a checkpoint covers two manifests of each."""
    fleet.ship(LAPTOP, DESKTOP)
    fleet.pass_days(1)
    fleet.ship(LAPTOP, DESKTOP)
    await fleet.approve(LAPTOP, DESKTOP)
    await fleet.checkpoint()
    fleet.pass_days(1)
    return fleet
