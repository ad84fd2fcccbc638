"""How plans and reports of retention look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from archiver.cli.output import human_size, note, print_table, say
from archiver.cli.times import shown
from archiver.format.times import rfc3339
from archiver.retention.due import Verdict
from archiver.retention.plan import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from archiver.retention.plan import Plan
    from archiver.retention.report import Gone, Report

__all__ = ["plan_json", "show_plan", "show_report", "tell_refusals"]

_ORDER: Final = tuple(Verdict)
_MONTHS: Final = 12
"""Months of a class and verdict that a table shows one by one; --json has them all."""

_ADVICE: Final = {
    Verdict.HELD: "See `archiver hold list`: it stays until the hold is released.",
    Verdict.LOCKED: "Their manifests promised to keep them longer than the policy does now.",
    Verdict.UNCOVERED: "Run `archiver checkpoint`, then look again: until then nobody could tell"
    " their expiry from a loss.",
    Verdict.UNKNOWN: "Name the class in the policy (`retention.classes`), or it stays for ever.",
}


def show_plan(plans: Sequence[tuple[str, Plan]]) -> None:
    """Print what is due and what is coming, by month; then why other things stay."""
    rows = []
    for tenant, this in plans:
        for klass, verdict, month, one in _folded(this):
            cells = (tenant, klass, str(verdict), month, str(one.chunks))
            rows.append((*cells, human_size(one.stored_bytes), _dates(verdict, one)))
    print_table(("tenant", "class", "what", "due in", "chunks", "stored", "when"), rows)
    for tenant, this in plans:
        tell_refusals(tenant, this)
        due, coming = this.count(Verdict.DUE), this.count(Verdict.COMING)
        note(f"{tenant}: {due.chunks} chunks ({human_size(due.stored_bytes)}) are due.")
        if coming.first:
            note(f"{tenant}: the next of the others are due on {_day(coming.first)}.")


def tell_refusals(tenant: str, this: Plan) -> None:
    """Say what is over and stays, why, and what to do; and where the policy is shorter."""
    for verdict, advice in _ADVICE.items():
        one = this.count(verdict)
        if one.chunks:
            note(f"{tenant}: {one.chunks} chunks stay: {verdict}.")
            note(f"  → {advice}")
    for klass, short in sorted(this.shortened.items()):
        note(
            f"{tenant}: {short.chunks} chunks of the class {klass}"
            f" ({human_size(short.stored_bytes)}) were shipped under longer terms than the"
            f" policy has now; {short.now} of them are due for that alone."
        )


def plan_json(tenant: str, this: Plan) -> dict[str, Any]:
    """Give what a program reads of a plan."""
    last = this.checkpoint
    return {
        "tenant": tenant,
        "at": rfc3339(this.at),
        "checkpoint": last.seq if last else None,
        "covered_at": last.created_at if last else None,
        "classes": [_class_json(this, klass) for klass in sorted(this.terms)],
        "groups": [
            {
                "class": klass,
                "what": str(verdict),
                "month": month or None,
                "chunks": this.groups[klass, verdict, month].chunks,
                "stored_bytes": this.groups[klass, verdict, month].stored_bytes,
                "first_due": _time(this.groups[klass, verdict, month].first),
                "last_due": _time(this.groups[klass, verdict, month].last),
                "locked_until": _time(this.groups[klass, verdict, month].until),
            }
            for klass, verdict, month in sorted(this.groups, key=_place)
        ],
        "shortened": this.shortened,
    }


def _class_json(this: Plan, klass: str) -> dict[str, Any]:
    due, coming = this.count(Verdict.DUE, klass=klass), this.count(Verdict.COMING, klass=klass)
    return {
        "class": klass,
        "days": this.terms[klass].days,
        "lock": this.terms[klass].lock,
        "due": due.chunks,
        "due_bytes": due.stored_bytes,
        "next_due": _time(coming.first),
    }


def show_report(reports: Sequence[Report]) -> None:
    """Print terms and what is there, then what went, then holds and the newest checkpoint."""
    columns = ("tenant", "class", "days", "lock", "chunks", "stored", "oldest", "due", "next due")
    print_table((*columns, "over, and stays"), list(_classes(reports)))
    gone = [(one.tenant, *_cells(row)) for one in reports for row in one.gone]
    if gone:
        say()
        columns = ("tenant", "order", "kind", "when", "by", "of", "why", "chunks", "stored")
        print_table(columns, gone)
    say()
    for one in reports:
        for row in one.holds:
            since = shown(row.since)
            say(f"{one.tenant}: hold {row.id} (matter {row.matter}) since {since}, by {row.by}.")
        if one.covered_at is None:
            say(f"{one.tenant}: no checkpoint: nothing can expire.")
        else:
            say(f"{one.tenant}: checkpoint {one.checkpoint} of {shown(one.covered_at)}.")


def _classes(reports: Iterable[Report]) -> Iterable[tuple[str, ...]]:
    for one in reports:
        for row in one.classes:
            days = "not in policy" if row.lock is None else str(row.days or "for ever")
            yield (
                one.tenant,
                row.klass,
                days,
                row.lock or "",
                str(row.chunks),
                human_size(row.stored_bytes),
                row.oldest[:10] if row.oldest else "",
                str(row.due),
                row.next_due[:10] if row.next_due else "",
                ", ".join(f"{count} {why}" for why, count in row.refused.items()),
            )


def _folded(this: Plan) -> Iterable[tuple[str, Verdict, str, Group]]:
    """Yield the groups in order; of each class, what comes late as one."""
    shown_of: dict[tuple[str, Verdict], int] = {}
    rest: dict[tuple[str, Verdict], Group] = {}
    for klass, verdict, month in sorted(this.groups, key=_place):
        one, name = this.groups[klass, verdict, month], (klass, verdict)
        shown_of[name] = shown_of.get(name, 0) + 1
        if shown_of[name] <= _MONTHS:
            yield klass, verdict, month, one
        else:
            rest.setdefault(name, Group()).include(one)
    for (klass, verdict), one in rest.items():
        yield klass, verdict, "later", one


def _cells(row: Gone) -> tuple[str, ...]:
    cells = (str(row.order), row.kind, shown(row.at), row.by, row.what, row.why)
    return (*cells, str(row.chunks), human_size(row.stored_bytes))


def _place(name: tuple[str, Verdict, str]) -> tuple[str, int, str]:
    klass, verdict, month = name
    return klass, _ORDER.index(verdict), month


def _dates(verdict: Verdict, one: Group) -> str:
    if verdict is Verdict.LOCKED and one.until:
        return f"locked until {_day(one.until)}"
    if one.first is None or one.last is None:
        return ""
    first, last = _day(one.first), _day(one.last)
    return first if first == last else f"{first} to {last}"


def _day(at: datetime) -> str:
    return at.date().isoformat()


def _time(at: datetime | None) -> str | None:
    return rfc3339(at) if at else None
