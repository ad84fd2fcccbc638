"""From settings to a store. The only place that knows which settings mean which store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.stores.folder import FolderStore
from archiver.stores.settings import FolderSettings

if TYPE_CHECKING:
    from archiver.stores.protocol import Store
    from archiver.stores.settings import StoreSettings

__all__ = ["open_store"]


def open_store(settings: StoreSettings) -> Store:
    """Give the store that ``settings`` describe; it opens when entered (``async with``).

    Touches neither disk nor network. boto is not loaded before an S3 store is entered.
    """
    if isinstance(settings, FolderSettings):
        return FolderStore(settings.path)
    from archiver.stores.s3 import S3Store  # noqa: PLC0415 - a folder needs none of it

    return S3Store(settings)
