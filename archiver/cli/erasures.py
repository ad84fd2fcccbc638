"""What ``archiver erase`` does, apart from its options."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from archiver.cli.archives import bars
from archiver.cli.desks import at_each_desk
from archiver.cli.orders import subject_of
from archiver.cli.output import human_size, note
from archiver.errors import NotOrdered
from archiver.format.times import rfc3339
from archiver.retention.destroy import finish
from archiver.retention.erase import Wanted, order, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archiver.cli.admin import Admin
    from archiver.cli.archives import Archives, Part
    from archiver.retention.destroy import Done
    from archiver.retention.erase import Plan
    from archiver.witness.register import Desk

__all__ = ["Erased", "erase_in", "resume_in"]


@dataclass(slots=True)
class Erased:
    """What was done, and from when on devices must use new keys, if any was destroyed."""

    tenant: str
    keys_since: str | None = None
    erasures: list[dict[str, Any]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Tell whether nothing that was ordered can be read any more."""
        return all(one["complete"] for one in self.erasures)


def erase_in(archives: Archives, admin: Admin, said: dict[str, Any]) -> list[Erased]:
    """Complete what is left of earlier ones; then show, ask, order and do."""

    async def work(part: Part, desk: Desk) -> Erased:
        subject = subject_of(part, desk.place.tenant, said) or said["subject"]
        wanted = Wanted(subject, said["since"], said["until"])
        earlier = await _finished(desk)
        with bars("manifests") as tell:
            this = await plan(desk, wanted, now=datetime.now(UTC), progress=tell)
        _show(desk, this)
        _ask(wanted.subject, yes=said["yes"])
        given = await order(
            desk,
            this,
            basis=said["basis"],
            reason=said["reason"],
            by=said["by"],
            now=datetime.now(UTC),
        )
        note(f"{desk.place.tenant}: order {given.seq} erases it.")
        done = await _finished(desk)
        erased = _erased(desk, (*earlier, *done))
        note("  → Run `archiver checkpoint`: it fixes the order, so that `archiver verify` knows")
        note("    an erasure from a loss for ever.")
        return erased

    return at_each_desk(archives, admin, work)


def resume_in(archives: Archives, admin: Admin) -> list[Erased]:
    """Complete what was ordered and is not done."""

    async def work(_part: Part, desk: Desk) -> Erased:
        done = await _finished(desk)
        if not done:
            note(f"{desk.place.tenant}: nothing that was ordered to be erased is left.")
        return _erased(desk, done)

    return at_each_desk(archives, admin, work)


async def _finished(desk: Desk) -> Sequence[Done]:
    with bars("manifests") as tell:
        done = await finish(desk, progress=tell)
    for one in done:
        note(f"{desk.place.tenant}: erasure {one.seq} of {one.deed.subject}: {_did(one)}")
        for stopped in one.held:
            note(f"  stopped: {stopped.reason}")
            note(f"  → {stopped.advice}")
        if one.wraps_left:
            note(f"  {len(one.wraps_left)} wrapped keys could not be destroyed, and still open it:")
            note(f"  the first is {one.wraps_left[0]}.")
            note("  → Take `_keys/` out of locks and holds of the bucket, then --continue.")
        if one.readable:
            note(f"  {len(one.readable)} chunks in clear are kept by a lock, and can be read.")
            note("  → Give `archiver erase --continue` when their lock has run out.")
    return done


def _did(one: Done) -> str:
    if one.held and not (one.wraps or one.removed):
        return "nothing was done."
    said = f"{one.wraps} wrapped keys destroyed, {one.removed} chunks removed"
    return f"{said}, {one.stay} stay as noise." if one.stay else f"{said}."


def _show(desk: Desk, this: Plan) -> None:
    sealed = len(this.targets) - this.clear
    months = f"{this.months[0]} to {this.months[-1]}" if this.months else "no month"
    note(f"{desk.place.tenant}: the subject {this.wanted.subject}, {months}:")
    note(f"  {sealed} sealed chunks and {this.clear} in clear ({human_size(this.stored_bytes)})")
    note(f"  {len(this.keys)} month keys in {len(this.wraps)} wraps: destroyed, all versions")
    note(f"  {len(this.targets) - this.stay} chunks can be removed; {this.stay} stay as noise")
    note("Not reached by this: the spool and the assistants' own files on the person's machine;")
    note("what officers exported (`keys export`, `restore`); replicas, copies and backups of the")
    note("vault or of chunks in clear; what the machine captures from now on.")


def _ask(subject: str, *, yes: bool) -> None:
    """Return where ``yes``, or when the subject is typed; else nothing may be changed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("This cannot be undone, and nobody is here to ask: pass --yes.")
    typed = click.prompt("Nobody can undo this. Type the subject to erase it", err=True)
    if typed.strip() != subject:
        raise NotOrdered(
            "what was typed is not the subject, so nothing was ordered",
            advice="Give the same command again, and copy the subject from above.",
        )


def _erased(desk: Desk, done: Sequence[Done]) -> Erased:
    """Put it together; where keys went, say what devices and copies need."""
    tenant = desk.place.tenant
    erased = Erased(tenant, None, [_json(one) for one in done])
    if not any(one.wraps for one in done):
        return erased
    erased.keys_since = rfc3339(datetime.now(UTC))
    note("  → A device may still seal to a destroyed key, and nobody could ever read that. Put")
    note(f"    this line into [tenants.sealing] of {tenant} in the policy, and hand it out:")
    note(f'      keys_since = "{erased.keys_since}"')
    note("  → Wraps elsewhere must go, too: replicas and copies of `_keys/`, files that `archiver")
    note("    keys export` made.")
    return erased


def _json(one: Done) -> dict[str, Any]:
    return {
        "order": one.seq,
        "subject": one.deed.subject,
        "since": one.deed.since,
        "until": one.deed.until,
        "keys": one.deed.keys,
        "wraps_destroyed": one.wraps,
        "wraps_left": one.wraps_left,
        "chunks_removed": one.removed,
        "chunks_left_as_noise": one.stay,
        "chunks_left_readable": one.readable,
        "stopped_by": [stopped.reason for stopped in one.held],
        "complete": one.complete,
    }
