"""From spooled batches to a sealed chunk: bytes that never change again.

The order is the promise: pack, hash, write the file durably, and only then, in one
transaction, write the chunk's row, use up its sequence number and forget the batches. A
crash before that transaction leaves a file that no row knows: `sweep` removes it, and the
same records are sealed again. A crash after it leaves nothing to do. No chunk is sent before
its row is there, so a sequence number is never sent twice.

Where the policy names officers, a chunk is sealed to the month key of its person: this machine
makes that key, wraps it to the officers, and forgets the private part (`archiver.vault`). The
wrapped key is in the spool before the first chunk that needs it.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

from archiver.durable import files
from archiver.format.keys import ChunkKey, parse_key
from archiver.format.times import parse_rfc3339, rfc3339
from archiver.sealing import docket
from archiver.sealing.docket import WrappedKey
from archiver.sealing.lifetime import begun
from archiver.sealing.months import wrapped_key
from archiver.sealing.pack import pack_group
from archiver.spool import batches, chunks, clock
from archiver.spool.spool import SEALED

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from concurrent.futures import Future
    from datetime import datetime
    from pathlib import Path

    from archiver.sealing.pack import ChunkRules, Packed
    from archiver.spool.spool import Spool
    from archiver.spool.values import Group

__all__ = ["Sealer", "sealed_path"]

_PLAIN, _AGE = ".jsonl.zst", ".jsonl.zst.age"


def sealed_path(state: Path, tenant: str, key: str) -> Path:
    """Tell where the sealed file of a chunk lies on this machine."""
    return state / SEALED / tenant / key.rsplit("/", 1)[-1]


class Sealer:
    """Seals what is full, old enough, or asked for.

    ``hands`` chunks are packed at once: compressing lets other threads work. Numbers are given,
    and files written, one after the other in any case.
    """

    def __init__(self, spool: Spool, clock: Callable[[], datetime], *, hands: int = 1) -> None:
        self._spool = spool
        self._clock = clock
        self._hands = hands

    def seal(
        self,
        tenant: str,
        rules: ChunkRules,
        *,
        everything: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> int:
        """Seal the chunks of a tenant that are due; give their count."""
        self._spool.ensure_tenant(tenant)
        age = timedelta(days=-1) if everything else timedelta(seconds=rules.max_age_seconds)

        def due() -> list[Group]:
            with self._spool.transaction() as db:
                # Asked in here: what a collector commits meanwhile is not from the future.
                now = self._clock()
                return batches.groups(
                    db,
                    tenant,
                    full_bytes=rules.max_bytes,
                    spooled_until=rfc3339(now - age),
                    now=rfc3339(now),
                )

        count = 0
        while not stop() and (groups := due()):
            with contextlib.closing(self._packed(groups, rules)) as packed:
                for one in packed:
                    self._commit(one)
                    count += 1
                    if stop():
                        break
        return count

    def _packed(self, groups: list[Group], rules: ChunkRules) -> Generator[Packed, None, None]:
        """Pack one chunk of each group, in their order, up to ``hands`` of them at once."""
        if self._hands == 1:  # no thread: each has a heap of its own, which a daemon would keep
            for group in groups:
                yield pack_group(self._spool, group, rules, self._clock)
            return
        with ThreadPoolExecutor(self._hands, "archiver-seal") as pool:
            ahead: deque[Future[Packed]] = deque()
            try:
                for group in groups:
                    ahead.append(pool.submit(pack_group, self._spool, group, rules, self._clock))
                    if len(ahead) > self._hands:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                for future in ahead:
                    future.cancel()

    def _commit(self, packed: Packed) -> None:
        group, seal = packed.group, packed.seal
        with self._spool.transaction() as db:
            (seq,) = db.execute(
                "SELECT next_chunk FROM tenants WHERE id = ?", (group.tenant,)
            ).fetchone()
        key = ChunkKey(
            "", group.tenant, group.klass, group.subject, group.day,
            self._spool.device, seq, packed.sha256[:16], sealed=seal is not None,
        )  # fmt: skip
        assert parse_key(str(key)) == key  # noqa: S101 - what is written must be readable
        entry = packed.entry(key)
        path = sealed_path(self._spool.folder, group.tenant, entry.key)
        files.make_private_folder(path.parent)
        files.reached("seal.packed")
        if seal:
            wrapped = wrapped_key(self._spool, group.tenant, seal.key_id)
            docket.write(path, packed.docket(entry, WrappedKey(*wrapped) if wrapped else None))
        files.replace(path, packed.body)
        files.reached("seal.written")
        with self._spool.transaction() as db:
            oldest, confirmed = parse_rfc3339(packed.spooled_at), clock.confirmed(db, group.tenant)
            since = begun(oldest, self._clock(), confirmed)
            chunks.add(db, group.tenant, entry, rfc3339(since.at), undated=since.wrong)
            batches.forget(db, packed.rows)
            db.execute("UPDATE tenants SET next_chunk = ? WHERE id = ?", (seq + 1, group.tenant))
        files.reached("seal.committed")

    def sweep(self) -> int:
        """Remove sealed files that no pending or quarantined chunk knows; give their count."""
        removed = 0
        for folder in sorted((self._spool.folder / SEALED).iterdir()):
            removed += files.sweep(folder)
            # One transaction: there may be a hundred thousand files.
            with self._spool.transaction() as db, os.scandir(folder) as entries:
                for entry in entries:
                    if not chunks.known(db, _sha_of(entry.name)):
                        files.remove(folder / entry.name)
                        removed += 1
        return removed


def _sha_of(name: str) -> str:
    stem = name.removesuffix(docket.SUFFIX).removesuffix(_AGE).removesuffix(_PLAIN)
    return stem.rsplit("-", 1)[-1]
