"""What ``archiver retention`` does, apart from its options and tables."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from archiver.cli.admin import check_found
from archiver.cli.archives import bars
from archiver.cli.desks import at_each_desk
from archiver.cli.exits import ExitCode
from archiver.cli.orders import trusted
from archiver.cli.output import confirm, human_size, note
from archiver.cli.retentiontables import tell_refusals
from archiver.errors import ArchiverError, NotOrdered
from archiver.format.times import parse_rfc3339
from archiver.retention.due import Verdict
from archiver.retention.examine import Examined, Refused, examine
from archiver.retention.expire import order
from archiver.retention.hold import apply_holds
from archiver.retention.listing import look, look_at
from archiver.retention.plan import plan
from archiver.retention.remove import Removed, finish, remove
from archiver.retention.report import report
from archiver.witness.memory import Memory
from archiver.witness.orders import check_clock
from archiver.witness.place import Place

if TYPE_CHECKING:
    from archiver.cli.admin import Admin
    from archiver.cli.archives import Archives, Part
    from archiver.cli.retentionrules import Rules
    from archiver.retention.listing import Known
    from archiver.retention.plan import Plan
    from archiver.retention.report import Report
    from archiver.witness.register import Desk

__all__ = ["Applied", "apply_in", "planned", "reported"]


@dataclass(slots=True)
class Applied:
    """What one run did for a tenant, in chunks. ``orders`` are those that it signed.

    ``completed`` is what earlier orders had left; ``absent`` was gone already when it was
    ordered. ``refused`` counts what is due and stays, ``waits`` what no checkpoint covers.
    """

    tenant: str
    completed: Removed = field(default_factory=Removed)
    due: int = 0
    orders: list[int] = field(default_factory=list)
    ordered: int = 0
    absent: int = 0
    removed: Removed = field(default_factory=Removed)
    refused: dict[str, int] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)
    waits: int = 0
    holds: dict[str, Any] = field(default_factory=dict)

    @property
    def exit_status(self) -> int:
        """Tell what a run ends with: somebody is needed, something waits, or it is done."""
        mine = {why for why in self.refused if why != Refused.LOCKED}
        if mine or self.completed.kept or self.removed.kept:
            return ExitCode.ATTENTION
        return ExitCode.INCOMPLETE if self.waits or self.refused else ExitCode.DONE


def planned(
    archives: Archives, rules: Rules, keys: tuple[str, ...], as_of: str | None
) -> list[tuple[str, Plan, Known]]:
    """Plan for every tenant that is meant; what fails stands in `Archives.failures`."""
    now = parse_rfc3339(as_of) if as_of else datetime.now(UTC)

    async def work(part: Part) -> list[tuple[str, Plan, Known]]:
        done = []
        for tenant in part.tenants:
            try:
                terms = rules.tenant(tenant).retention.terms
                trust = trusted(rules.part(part, tenant), keys)
                place = Place(part.store, part.prefix, tenant)
                known = await look_at(place, trust, Memory())
                with bars("manifests") as tell:
                    this = await plan(place, known, terms, now=now, progress=tell)
                done.append((tenant, this, known))
            except ArchiverError as error:
                archives.failures.append(error)
        if archives.failures and not done:
            raise archives.failures.pop()
        return done

    found = [one for each in asyncio.run(archives.each(work)) for one in each]
    check_found(archives, found)
    return found


def reported(archives: Archives, rules: Rules, keys: tuple[str, ...]) -> list[Report]:
    """Report on every tenant that is meant."""
    found = planned(archives, rules, keys, None)
    return [report(tenant, this, known.orders.all, rules.sha256) for tenant, this, known in found]


def apply_in(archives: Archives, rules: Rules, admin: Admin, said: dict[str, Any]) -> list[Applied]:
    """Let expire what is due, for every tenant that is meant."""

    async def work(_part: Part, desk: Desk) -> Applied:
        return await _Run(rules, desk, said).run()

    def with_rules(part: Part, tenant: str) -> Part:
        return rules.part(part, tenant)

    return at_each_desk(archives, admin, work, with_rules=with_rules)


class _Run:
    """One run for one tenant."""

    def __init__(self, rules: Rules, desk: Desk, said: dict[str, Any]) -> None:
        self._rules, self._desk, self._said = rules, desk, said
        self._retention = rules.tenant(desk.place.tenant).retention
        self._done = Applied(desk.place.tenant)

    async def run(self) -> Applied:
        check_clock((await look(self._desk)).chain, datetime.now(UTC))
        if not self._said["record_only"]:
            with bars("manifests") as tell:
                self._done.completed = await finish(self._desk, progress=tell)
            self._tell_removed("what earlier orders had left", self._done.completed)
        known = await look(self._desk)
        place, terms = self._desk.place, self._retention.terms
        with bars("manifests") as tell:
            this = await plan(place, known, terms, now=datetime.now(UTC), progress=tell)
        self._done.waits = this.count(Verdict.UNCOVERED).chunks
        self._done.due = this.count(Verdict.DUE).chunks
        tell_refusals(place.tenant, this)
        if this.due:
            await self._expire(known, this)
        else:
            self._note("nothing is due.")
        with bars("manifests") as tell:
            self._done.holds = asdict(await apply_holds(self._desk, progress=tell))
        return self._done

    async def _expire(self, known: Known, this: Plan) -> None:
        grace = timedelta(days=self._retention.grace_days)
        with bars("manifests") as tell:
            found = await examine(self._desk.place, known, this, grace=grace, progress=tell)
        self._tell_examined(found)
        if not found.count:
            return
        self._ask(this, found)
        given = await order(
            self._desk,
            this,
            found,
            policy=self._rules.sha256,
            by=self._said["by"] or self._desk.signer.public.name,
            now=datetime.now(UTC),
        )
        self._done.orders = [one.seq for one in given]
        self._done.ordered, self._done.absent = found.count, found.absent
        numbers = ", ".join(str(one.seq) for one in given)
        self._note(f"order {numbers} lets {found.count} chunks expire.")
        if self._said["record_only"]:
            self._note("nothing was removed: the lifecycle of the store does it.")
            if known.orders.holds:
                note("  → Not while a hold is in force: its rules are off then. Without")
                note("    --record-only what no hold covers is removed all the same.")
        else:
            with bars("manifests") as tell:
                self._done.removed = await remove(self._desk, given, progress=tell)
            self._tell_removed("what expired", self._done.removed)
        note("  → Run `archiver checkpoint`: it fixes the order, so that `archiver verify` knows")
        note("    lawful expiry from loss for ever.")

    def _ask(self, this: Plan, found: Examined) -> None:
        """Return where it may be done; a policy that was shortened needs a yes of its own."""
        yes = self._said["yes"]
        size = human_size(found.stored_bytes)
        self._note(f"{found.count} chunks ({size}) are due and can go.")
        if found.absent:
            self._note(f"{found.absent} of them are gone already, as the lifecycle may have done.")
        if this.early and not self._said["accept_shortened"]:
            if yes or not sys.stdin.isatty():
                raise NotOrdered(
                    f"{this.early} chunks of {self._done.tenant} are due only because the policy"
                    " was shortened since they were shipped, so nothing was ordered",
                    advice="Look at `archiver retention plan`. If it is meant, give"
                    " --accept-shortened; else correct `days` in the policy.",
                )
            confirm(
                f"{this.early} of them are due only because the policy was shortened since."
                " Let them expire all the same?",
                yes=False,
            )
        confirm(
            f"Let them expire, for ever, as {self._desk.signer.public.name}?",
            yes=yes,
        )

    def _tell_examined(self, found: Examined) -> None:
        self._done.refused = {str(why): count for why, count in found.counts.items()}
        self._done.keys = {str(why): keys for why, keys in found.keys.items()}
        for why, count in sorted(found.counts.items()):
            self._note(f"{count} chunks are due and stay: {why}. The first: {found.keys[why][0]}")
            note(f"  → {_ADVICE[why]}")

    def _tell_removed(self, what: str, done: Removed) -> None:
        if done.removed or done.held or done.kept:
            size = human_size(done.stored_bytes)
            self._note(f"{what}: {done.removed} chunks ({size}) removed, all versions.")
        if done.held:
            self._note(f"{done.held} chunks were ordered to expire, and a hold keeps them now.")
        if done.kept:
            self._note(f"{done.kept} chunks are kept by the store. The first: {done.keys[0]}")
            note("  → Find out who locked or held them there; the next run tries again.")

    def _note(self, text: str) -> None:
        note(f"{self._done.tenant}: {text}")


_ADVICE = {
    Refused.LOCKED: "They can go when the lock has run out: give the same command again then.",
    Refused.HELD: "No hold in force speaks of them. After a release run `archiver hold apply`;"
    " else ask who put it on in the store.",
    Refused.ALTERED: "Run `archiver verify --read-data`, and find out who changed them.",
    Refused.TWICE: "Run `archiver verify`: somebody used the numbers of a device again.",
    Refused.GONE: "Run `archiver verify`: they were removed without an order. Who may delete"
    " there? They are accounted for only when the grace of the policy is over, too.",
}
