"""What is measured inside one process: ``python inside.py WHAT …``, started by the others.

* ``once CONFIG STATE``: one complete pass of an engine; prints its seconds of wall and CPU.
* ``backlog STATE COUNT``: fills a new spool with small sealed chunks that wait.
* ``daemon CONFIG STATE``: an engine that lives on. Reads lines: ``collect`` makes a pass,
  ``end`` seals and ships everything. Answers each with a line when it is done.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from pathlib import Path

from archiver.capture.reader_pool import ReaderPool
from archiver.cli.session import session
from archiver.daemon.once import once
from archiver.format.keys import ChunkKey
from archiver.model.shipment import ChunkEntry, ConversationCount
from archiver.spool import chunks
from archiver.spool.spool import SEALED, Spool

_TENANT = "bench"
_AT = "2026-01-05T09:30:00.000Z"


def _once(config: Path, state: Path) -> None:
    with session(config, state, readers=ReaderPool()) as engine:
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = asyncio.run(once(engine))
        spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps(spent | {"due": outcome.due, "records": outcome.collected.records}))


def _daemon(config: Path, state: Path) -> None:
    with session(config, state) as engine:
        for line in sys.stdin:
            if line == "collect\n":
                engine.collect()
                engine.seal()
            else:
                engine.seal(everything=True)
                for tenant in engine.rules.tenants if engine.rules else ():
                    asyncio.run(engine.ship(tenant))
            print("done", flush=True)


def _backlog(state: Path, count: str) -> None:
    with Spool.open(state) as spool:
        folder = state / SEALED / _TENANT
        folder.mkdir(parents=True)
        spool.ensure_tenant(_TENANT)
        with spool.transaction() as db:
            for seq in range(1, int(count) + 1):
                body = b"chunk number %d" % seq
                entry = _entry(spool.device, seq, body)
                (folder / entry.key.rsplit("/", 1)[-1]).write_bytes(body)
                chunks.add(db, _TENANT, entry, _AT)
            db.execute("UPDATE tenants SET next_chunk = ?", (int(count) + 1,))


def _entry(device: str, seq: int, body: bytes) -> ChunkEntry:
    sha256 = hashlib.sha256(body).hexdigest()
    key = ChunkKey("", _TENANT, "standard", "0" * 16, _AT[:10], device, seq, sha256[:16])
    return ChunkEntry(
        seq=seq,
        key=str(key),
        sha256=sha256,
        stored_bytes=len(body),
        raw_bytes=len(body),
        records=1,
        first_at=_AT,
        last_at=_AT,
        conversations=(ConversationCount("claude-code", f"conversation-{seq}", 1),),
    )


if __name__ == "__main__":
    if sys.argv[1] == "backlog":
        _backlog(Path(sys.argv[2]), sys.argv[3])
    else:
        what = {"once": _once, "daemon": _daemon}[sys.argv[1]]
        what(Path(sys.argv[2]), Path(sys.argv[3]))
