"""The steps of a quickstart, each through the same code that the daemon and the readers use.

A step says in one line what it did, and whether that is as it should be. The first that is
not ends the tour; what was done until then stays.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archiver.archive.catalogue import read_catalogue
from archiver.archive.findings import Code, Severity
from archiver.archive.restore import restore
from archiver.archive.scope import Depth
from archiver.archive.signers import Trust
from archiver.archive.verify import Request, verify
from archiver.assistants.protocol import Shape
from archiver.assistants.registry import ASSISTANTS
from archiver.capture.door import glance
from archiver.cli.archives import bars
from archiver.cli.output import human_size, note, steps
from archiver.cli.vouch import vouched
from archiver.daemon.once import once
from archiver.daemon.sources import look_around
from archiver.errors import ArchiveError, Damaged, NotArchived
from archiver.quickstart.proof import is_same
from archiver.spool import streams
from archiver.stores.opening import open_store
from archiver.stores.settings import FolderSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from archiver.archive.held import ArchivedConversation
    from archiver.archive.restore import Restored, WrittenFile
    from archiver.capture.collect import Pass
    from archiver.daemon.engine import Engine
    from archiver.daemon.rules import Rules
    from archiver.evidence.keys import SigningKey
    from archiver.quickstart.place import QuickstartFolder

__all__ = ["Step", "Tour"]

_WRONG = "NOT as it should be"

_LARGE: Final = 1024 * 1024
"""Stored bytes above which another conversation is restored, if there is one."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was made."""

    name: str
    ok: bool
    said: str


class Tour:
    """Goes the whole way once.

    ``restored`` is there when the last step was made; ``closed`` counts the chunks that only
    officers can open, where the policy lists some: then nothing is restored.
    """

    def __init__(
        self, folder: QuickstartFolder, engine: Engine, rules: Rules, admin: SigningKey
    ) -> None:
        self._folder = folder
        self._engine = engine
        self._rules = rules
        self._admin = admin
        self._files: dict[tuple[str, str], int] = {}
        self.restored: Restored | None = None
        self.closed = 0

    def walk(self) -> Iterator[Step]:
        """Make the steps one by one, as far as each is as it should be.

        Where there is no conversation to show anything with, the first is the only one.
        """
        for stage in (self._discover, self._send, self._vouch, self._verify, self._restore):
            for step in stage():
                yield step
                if not step.ok:
                    return
            if not self._files:
                return

    def _discover(self) -> list[Step]:
        with steps("discover"):
            found = look_around(self._rules, self._engine.machine)
        ours = [one for one in found.sightings if one.owner.tenant]
        self._files = {(one.assistant, one.conversation): one.files for one in ours}
        where = self._engine.machine.home
        if not ours:
            return [Step("discover", ok=True, said=f"no conversation of an assistant in {where}")]
        titles = {assistant.name: assistant.title for assistant in ASSISTANTS}
        counts = Counter(titles[one.assistant] for one in ours)
        held = ", ".join(f"{number} of {title}" for title, number in sorted(counts.items()))
        size = human_size(sum(one.size for one in ours))
        return [Step("discover", ok=True, said=f"{held} ({size}) in {where}")]

    def _send(self) -> list[Step]:
        with steps("collect, seal, ship") as show:
            done = asyncio.run(
                once(
                    self._engine,
                    lambda at: show(
                        f"{at.conversations} conversations, {at.chunks} chunks sealed,"
                        f" {at.delivered} objects shipped"
                    ),
                )
            )
        failed = done.due or done.quarantined
        shipped = f"{done.delivered} objects ({human_size(done.delivered_bytes)})"
        if failed:
            self._tell_waits()
            shipped = f"{done.due} objects are not shipped and {done.quarantined} are quarantined"
        elif not done.delivered:
            shipped = "nothing to ship, all of it is there"
        return [
            _collected(done.collected),
            Step("seal", ok=True, said=f"{done.sealed} chunks" if done.sealed else "nothing new"),
            Step("ship", ok=not failed, said=f"{shipped}: {self._folder.archive}"),
        ]

    def _tell_waits(self) -> None:
        for tenant in self._rules.tenants:
            if waiting := self._engine.outbox.waiting(tenant):
                note(f"{tenant} waits for {waiting.reason}: {waiting.detail}")
                note(f"  → {waiting.advice}")

    def _vouch(self) -> list[Step]:
        device, now = self._engine.signer.public, self._engine.machine.clock()
        made = []
        for tenant in self._rules.tenants:
            ok, said = asyncio.run(vouched(self._folder, tenant, self._admin, device, now))
            made.append(Step("vouch", ok=ok, said=said))
        return made

    def _verify(self) -> list[Step]:
        async def read() -> Step:
            async with open_store(FolderSettings(self._folder.archive)) as store:
                trust = Trust((self._admin.public,))
                request = Request(trust=trust, depth=Depth.RECORDS)
                report = await verify(store, "", request=request, progress=tell)
            closed = any(one.code is Code.CHUNK_CLOSED for one in report.findings)
            found = {one.code for one in report.findings if one.severity is not Severity.NOTE}
            ok = found <= {Code.CHUNK_CLOSED}
            sound = "whole; what is sealed was not opened" if closed else "complete and valid"
            read_back = f"{report.chunks} chunks and {report.records} records read back"
            return Step("verify", ok=ok, said=f"{read_back}: {sound if ok else _WRONG}")

        with bars("verify") as tell:
            return [asyncio.run(read())]

    def _restore(self) -> list[Step]:
        self.restored = asyncio.run(self._restored())
        if self.closed:
            said = f"{self.closed} chunks are sealed; an officer's key opens them (--identity FILE)"
            return [Step("restore", ok=True, said=said)]
        if self.restored is None:
            return [Step("restore", ok=False, said="what was discovered is not in the archive")]
        row = self.restored.conversation
        return [_compared(f"{row.assistant} {row.id}", self._differences(self.restored))]

    async def _restored(self) -> Restored | None:
        async with open_store(FolderSettings(self._folder.archive)) as store:
            catalogue = await read_catalogue(store, "")
            self.closed = catalogue.closed
            row = self._choose(catalogue.rows)
            if row is None or self.closed:
                return None
            for number in count(1):
                to = self._folder.restored
                to = to.with_name(f"{to.name}-{number}") if number > 1 else to
                try:
                    return await restore(store, catalogue, row, to=to)
                except (Damaged, NotArchived):
                    raise
                except ArchiveError:
                    # An earlier state lies there, or something else: it is left alone.
                    continue
        return None

    def _choose(self, rows: Sequence[ArchivedConversation]) -> ArchivedConversation | None:
        """Take the one with the most files, of those that are not large."""
        seen = [row for row in rows if (row.assistant, row.id) in self._files]
        return min(
            seen,
            key=lambda row: (
                row.stored_bytes > _LARGE,
                -self._files[row.assistant, row.id],
                -row.records,
                row.id,
            ),
            default=None,
        )

    def _differences(self, restored: Restored) -> list[str]:
        """Compare each file with its source; give a word for each."""
        row = restored.conversation
        words = []
        for one in restored.written:
            if one.file.device != self._engine.spool.device or one.file.deleted_at:
                continue
            with self._engine.spool.transaction() as db:
                state = streams.find(db, row.tenant, row.assistant, row.id, one.file.stream)
            path = Path(os.fsdecode(state.path)) if state else None
            if state is None or path is None or glance(path) != state.glance:
                words.append("written to meanwhile")
            else:
                words.append(_word(path, one))
        return words


def _word(source: Path, one: WrittenFile) -> str:
    document = one.file.shape == Shape.DOCUMENT
    there, back = source.read_bytes(), one.path.read_bytes()
    if not is_same(there, back, document=document):
        return "DIFFERENT"
    return "byte for byte" if there == back else "equal as JSON"


def _compared(what: str, words: Sequence[str]) -> Step:
    counts = Counter(words)
    said = ", ".join(f"{number} {word}" for word, number in sorted(counts.items()))
    ok = bool(words) and not counts["DIFFERENT"]
    compared = f"{len(words)} files, compared with their sources: {said}"
    return Step("restore", ok=ok, said=f"{what}: {compared if words else 'nothing to compare'}")


def _collected(done: Pass) -> Step:
    for path, code in sorted(done.refused.items()):
        note(f"cannot read {path}: {code}")
    said = f"{done.records} new records ({human_size(done.raw_bytes)})"
    if not done.records:
        said = f"nothing new in {done.looked} files since the last time"
    if done.unsettled:
        said += f"; {done.unsettled} files are being written, the next pass takes them"
    return Step("collect", ok=not done.full, said=done.full or said)
