"""One run of `archiver checkpoint`: what is new is looked at, rolled up, and signed for.

The order is that of a crash: roll-ups first, then the statement that names them, then this
machine's memory of it. Whatever is left behind, the next run goes on from the last statement.

Costs of a run, for D devices that wrote M manifests since the last one: every statement and
registry there is, one listing for each device (or of the whole folder, where that is short) and
M reads. Old roll-ups are read only where this machine's memory does not know what they cover.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from archiver.archive.fetch import no_progress
from archiver.errors import EvidenceError
from archiver.evidence import leaves, note, statement
from archiver.evidence.documents import moment
from archiver.format.keys import Series
from archiver.witness.chains import Statements, check_registry, follow_statements, sha256_of
from archiver.witness.copies import check_copy, complete_copy
from archiver.witness.gather import covered_so_far, gaps, gather
from archiver.witness.memory import Memory, Signed, check_key, recall, remember, remember_key
from archiver.witness.orders import check_orders, read_orders
from archiver.witness.pack import Packer
from archiver.witness.place import append
from archiver.witness.register import mark_of, read_register

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from archiver.evidence.statement import RollupEntry, Statement
    from archiver.format.keys import SeriesKey
    from archiver.witness.chains import Register
    from archiver.witness.memory import Head
    from archiver.witness.newcomers import LeftOut
    from archiver.witness.orders import Orders
    from archiver.witness.place import Place
    from archiver.witness.register import Desk

__all__ = ["Outcome", "checkpoint"]

_DAILY: Final = timedelta(hours=20)
"""Age at which a statement is followed by another although nothing is new. Less than a day, so
that a daily run that begins a little earlier than the one before does not leave a day out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    ``statement``, ``key`` and ``body`` are the newest one's; ``signed`` says that it is of this
    run. ``added`` counts the manifests newly covered. ``believed`` is the number of statements
    that were there and that this machine did not remember.
    """

    statement: Statement
    key: SeriesKey
    body: bytes
    signed: bool
    added: int
    believed: int
    left_out: tuple[LeftOut, ...] = ()

    @property
    def exit_status(self) -> int:
        """0 all is covered · 1 something is forged or forked · 2 something waits or is missing."""
        found = {one.reason.status for one in self.left_out}
        return 1 if 1 in found else max(found, default=0)


async def checkpoint(
    desk: Desk,
    now: datetime,
    *,
    force: bool = False,
    another_history: bool = False,
    copy: Place | None = None,
    progress: Callable[[int, int], None] = no_progress,
) -> Outcome:
    """Cover what is new of a tenant; without news, speak up daily, or with ``force``.

    ``another_history`` says that this key may have signed other checkpoints elsewhere.
    ``copy`` gets every statement too. ``progress`` is called with the devices done and their
    number. Raise `EvidenceError`, and sign nothing, where a chain is not sound, where the store
    or the copy holds other than what was signed (`HistoryChanged`), or another admin was faster
    (`Overtaken`).
    """
    memory = recall(desk.memory, desk.place)
    register = await read_register(desk.place, desk.trust, memory)
    bodies = await desk.place.series(Series.CHECKPOINTS)
    chain = follow_statements(bodies, desk.trust, desk.place.tenant)
    given = await read_orders(desk.place, desk.trust, memory)
    _check(memory, register, chain, now)
    check_orders(chain, given)
    if not another_history:
        check_key(desk.memory, desk.place, desk.signer.public, chain.hashes)
    if copy:
        await check_copy(copy, bodies)
    run = _Run(desk, register, given, chain, await covered_so_far(desk.place, memory, chain))
    await run.gather(progress)
    if chain.newest is None or force or run.hashes or _is_due(chain.newest, register, given, now):
        signed, (key, body) = True, await run.sign(now)
        bodies.append((key, body))
    else:
        signed, (key, body) = False, bodies[-1]
    this = statement.decode(note.read(body).text)
    mark = Signed(this.seq, sha256_of(body), this.size, this.root)
    kept = Memory(registry=mark_of(register), statement=mark, orders=given.mark, heads=run.heads)
    remember(desk.memory, desk.place, kept)
    if signed and not another_history:
        remember_key(desk.memory, desk.place, desk.signer.public, mark)
    if copy:
        await complete_copy(copy, bodies)
    known = memory.statement.seq if memory.statement else 0
    believed, added = len(chain.all) - known, len(run.hashes)
    return Outcome(this, key, body, signed, added, believed, tuple(run.left_out))


def _check(memory: Memory, register: Register, chain: Statements, now: datetime) -> None:
    """Hold both chains to what this machine remembers, and to each other."""
    memory.check("checkpoint", memory.statement, chain.hashes)
    last = chain.newest
    if last is None:
        return
    check_registry(chain, register)
    if now < moment(last.created_at):
        raise EvidenceError(
            f"the last checkpoint was made at {last.created_at}, and this clock says earlier",
            advice="Set the clock of this machine, then try again.",
        )


def _is_due(last: Statement, register: Register, given: Orders, now: datetime) -> bool:
    changed = (last.registry, last.orders) != (register.sha256, given.sha256)
    return changed or now - moment(last.created_at) >= _DAILY


class _Run:
    """What one run gathers and signs. ``heads`` grow with what is covered."""

    def __init__(
        self,
        desk: Desk,
        register: Register,
        given: Orders,
        chain: Statements,
        heads: dict[str, Head],
    ) -> None:
        self._desk = desk
        self._register = register
        self._orders = given
        self._chain = chain
        self._rollups: tuple[RollupEntry, ...] = ()
        self.heads = heads
        self.hashes: list[bytes] = []
        self.left_out: list[LeftOut] = []

    async def gather(self, progress: Callable[[int, int], None]) -> None:
        """Look at what is new, and store roll-ups of what may be covered."""
        last = self._chain.newest
        packer = Packer(self._desk.place, last.size if last else 0)
        async with aclosing(gather(self._desk.place, self._register, dict(self.heads))) as found:
            async for news in found:
                for one in news.chosen.newcomers:
                    await packer.add(one)
                    self.hashes.append(leaves.hash_of(one.leaf))
                if news.chosen.newcomers:
                    self.heads[news.device] = news.chosen.head
                self.left_out += news.chosen.left_out
                progress(news.done, news.total)
        self._rollups = await packer.finish()
        self.left_out += gaps(self.heads, self.left_out)

    async def sign(self, now: datetime) -> tuple[SeriesKey, bytes]:
        """Sign the next statement and store it."""
        desk, chain = self._desk, self._chain
        this = statement.next_statement(
            chain.newest,
            chain.sha256,
            self.hashes,
            tenant=desk.place.tenant,
            key=desk.signer,
            now=now,
            rollups=self._rollups,
            registry=self._register.sha256,
            orders=self._orders.sha256,
        )
        body = statement.sign(this, desk.signer)
        return await append(desk.place, Series.CHECKPOINTS, this.seq, body), body
