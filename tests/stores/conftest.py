"""The stores that the contract is checked over, each behind one factory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from servers import ceph, moto_server

from archiver.stores.memory import MemoryStore
from archiver.stores.opening import open_store
from archiver.stores.settings import FolderSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from archiver.stores.protocol import Store

__all__ = ["ceph", "moto_server"]


@pytest.fixture(params=["memory", "folder", "moto", pytest.param("ceph", marks=pytest.mark.ceph)])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Give a function that opens the same empty store each time: another client of it."""
    if request.param == "memory":
        memory = MemoryStore()
        return lambda: memory
    if request.param == "folder":
        return lambda: open_store(FolderSettings(tmp_path / "bucket"))
    server = request.getfixturevalue("ceph" if request.param == "ceph" else "moto_server")
    settings = server.settings(server.new_bucket(), tmp_path)
    return lambda: open_store(settings)


@pytest.fixture
async def store(opener: Callable[[], Store]) -> AsyncIterator[Store]:
    """Give an empty store, opened."""
    async with opener() as opened:
        yield opened
