"""A machine of its own for every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from signedpolicies import Fleet

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Give a machine without a policy."""
    return Fleet(tmp_path / "machine")
