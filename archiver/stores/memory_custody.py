"""Locks, holds, versions and delete markers in memory, as S3 and Ceph keep them.

A plain ``delete`` of a bucket with versions only hides; `MemorySession.older` has what was hidden
or replaced, oldest first. A key in it that readers do not see lies under a delete marker.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from archiver.model.answers import Answer
from archiver.stores.custody import Kept
from archiver.stores.memory_session import MemorySession, end
from archiver.stores.refusals import refuse, refuse_kept

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from archiver.stores.memory_session import Object

__all__ = ["MemoryCustody"]


class MemoryCustody(MemorySession):
    """The admin's verbs on a bucket in memory."""

    async def kept(self, key: str) -> Kept | None:
        """Tell how the newest version is kept."""
        effects = await self._begin("kept", key)
        versions = self._versions(key)
        end("kept", key, effects)
        return self._kept(key, versions[-1]) if versions else None

    async def hold(self, key: str, *, on: bool) -> None:
        """Set the legal hold of every version."""
        effects = await self._begin("hold", key)
        if self.can_lock:
            if not self._versions(key):
                raise refuse(
                    Answer.NOT_FOUND, f"memory: there is no {key} to hold", code="NoSuchKey"
                )
            if key in self.objects:
                self.objects[key] = replace(self.objects[key], held=on)
            self.older[key] = [replace(one, held=on) for one in self.older.get(key, ())]
        end("hold", key, effects)

    async def reveal(self, key: str) -> None:
        """Let readers see the newest version again."""
        effects = await self._begin("reveal", key)
        if key not in self.objects and self.older.get(key):
            self.objects[key] = self.older[key].pop()
        end("reveal", key, effects)

    async def destroy(self, key: str) -> None:
        """Forget every version, or none where one of them is protected."""
        effects = await self._begin("destroy", key)
        for one in self._versions(key):
            if one.held or (one.retain and one.retain.until > self._now()):
                raise refuse_kept(self.name, self._kept(key, one))
        self.objects.pop(key, None)
        self.older.pop(key, None)
        end("destroy", key, effects)

    async def remains(self, prefix: str) -> AsyncIterator[str]:
        """Name what is left, hidden or not."""
        effects = await self._begin("list", prefix)
        keys = {*self.objects, *(key for key, left in self.older.items() if left)}
        for key in sorted(key for key in keys if key.startswith(prefix)):
            yield key
        end("list", prefix, effects)

    def _versions(self, key: str) -> list[Object]:
        """Give all versions, the newest last."""
        return [*self.older.get(key, ()), *([self.objects[key]] if key in self.objects else [])]

    def _kept(self, key: str, one: Object) -> Kept:
        return Kept(
            key,
            len(one.body),
            one.metadata.get("sha256", ""),
            one.retain,
            held=one.held,
            hidden=key not in self.objects,
        )
