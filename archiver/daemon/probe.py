"""The probe: random bytes that go the way of a chunk, to see whether they arrive.

A conditional put with its sha256, under ``_probe/`` in the tenant's own folder, where no reader
looks. Where the keys may not delete, which is right for a device, it stays.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from archiver.format.keys import probe_key

if TYPE_CHECKING:
    from archiver.model.answers import Stored
    from archiver.model.shipment import Retain
    from archiver.stores.protocol import Store

__all__ = ["Probe"]

_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe: ``key`` as the store that it goes to knows it."""

    key: str
    body: bytes = field(repr=False)
    sha256: str

    @classmethod
    def of(cls, tenant: str, *, prefix: str = "") -> Probe:
        """Make one that nobody made before."""
        body = secrets.token_bytes(_BYTES)
        sha256 = hashlib.sha256(body).hexdigest()
        return cls(probe_key(prefix, tenant, sha256[:16]), body, sha256)

    async def put(self, store: Store, *, retain: Retain | None = None) -> Stored:
        """Put it as a chunk is put; raise `StoreError`."""
        metadata = {"format": "archiver-probe", "sha256": self.sha256}
        return await store.put(
            self.key, self.body, sha256=self.sha256, metadata=metadata, retain=retain
        )
