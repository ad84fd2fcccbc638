"""What ``archiver hold`` does, apart from its options."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from archiver.archive.catalogue import read_catalogue
from archiver.cli.archives import bars
from archiver.cli.desks import at_each_desk
from archiver.cli.holdlist import words_of
from archiver.cli.orders import subject_of
from archiver.cli.output import confirm, human_size, note
from archiver.errors import NotOrdered
from archiver.evidence.orders import Hold
from archiver.format.keys import ChunkKey, parse_key
from archiver.retention import hold as holds
from archiver.retention.extent import extents
from archiver.retention.listing import look

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archiver.archive.held import ArchivedConversation
    from archiver.cli.admin import Admin
    from archiver.cli.archives import Archives, Part
    from archiver.evidence.orders import Order
    from archiver.retention.extent import Extent
    from archiver.retention.hold import Applied
    from archiver.witness.register import Desk

__all__ = ["add_in", "apply_in", "release_in"]


def add_in(archives: Archives, admin: Admin, said: dict[str, Any]) -> list[dict[str, Any]]:
    """Show what a hold would cover, order it, and hold."""

    async def work(part: Part, desk: Desk) -> dict[str, Any]:
        wanted = await _wanted(archives, part, desk, said)
        known = await look(desk)
        holds.check_new(known.orders.all, wanted.id)
        with bars("manifests") as tell:
            found = await extents(desk.place, known, [wanted], progress=tell)
        extent = found[wanted.id]
        if not extent.chunks and not said["also_empty"]:
            raise NotOrdered(
                f"the hold {wanted.id} would cover nothing that is there now",
                advice="Correct whom, what and when (`archiver ls`, `archiver keys list`); or give"
                " --also-empty, to hold what arrives.",
            )
        tenant = desk.place.tenant
        note(f"{tenant}: the hold {wanted.id} ({words_of(wanted)}) covers {_words(extent)}.")
        confirm(f"Order it as {desk.signer.public.name}?", yes=said["yes"])
        order = await holds.add(desk, wanted, by=said["by"], now=datetime.now(UTC))
        note(f"{tenant}: order {order.seq} holds it.")
        return await _applied(part, desk, order)

    return at_each_desk(archives, admin, work)


def release_in(archives: Archives, admin: Admin, said: dict[str, Any]) -> list[dict[str, Any]]:
    """End holds, and let go."""

    async def work(part: Part, desk: Desk) -> dict[str, Any]:
        known, tenant = await look(desk), desk.place.tenant
        ending = _ending(known.orders.holds, said["name"], said["matter"])
        with bars("manifests") as tell:
            found = await extents(desk.place, known, ending, progress=tell)
        for this in ending:
            note(
                f"{tenant}: the hold {this.id} ({words_of(this)}) covers {_words(found[this.id])}."
            )
        note("What of it no other hold covers may expire and be erased after this.")
        it = "it" if len(ending) == 1 else f"these {len(ending)}"
        confirm(f"Release {it} as {desk.signer.public.name}, for ever?", yes=said["yes"])
        for this in ending:
            order = await holds.release(
                desk, this.id, reason=said["reason"], by=said["by"], now=datetime.now(UTC)
            )
            note(f"{tenant}: order {order.seq} releases it.")
        return await _applied(part, desk, order)

    return at_each_desk(archives, admin, work)


def _ending(in_force: Mapping[str, Hold], name: str | None, matter: str | None) -> list[Hold]:
    if name is not None:
        holds.check_in_force(in_force, name)
        return [in_force[name]]
    if found := [one for one in in_force.values() if one.matter == matter]:
        return found
    raise NotOrdered(
        f"no hold of the matter {matter} is in force",
        advice="See `archiver hold list` for those that are.",
    )


def apply_in(archives: Archives, admin: Admin) -> list[tuple[str, dict[str, Any]]]:
    """Apply the holds of every tenant that is meant."""

    async def work(_part: Part, desk: Desk) -> tuple[str, dict[str, Any]]:
        with bars("manifests") as tell:
            done = await holds.apply_holds(desk, progress=tell)
        note(f"{desk.place.tenant}: {_did(done)}")
        return desk.place.tenant, asdict(done)

    return at_each_desk(archives, admin, work)


async def _wanted(archives: Archives, part: Part, desk: Desk, said: dict[str, Any]) -> Hold:
    whose, since = subject_of(part, desk.place.tenant, said), said["since"]
    about: ArchivedConversation | None = None
    if said["conversation"] is not None:
        with bars("manifests") as tell:
            catalogue = await read_catalogue(
                part.store,
                part.prefix,
                [desk.place.tenant],
                identities=archives.identities,
                trust=desk.trust,
                progress=tell,
            )
        about = archives.find(catalogue, said["conversation"])
        whose = _whose(about, whose)
        if any(one.key_id for one in about.chunks):
            # What is sealed shows no conversation: all of that person's is held from then on.
            since = since or min(one.first_at for one in about.chunks)[:10]
    return Hold(
        id=said["name"],
        matter=said["matter"],
        reason=said["reason"],
        subject=whose,
        assistant=about.assistant if about else None,
        conversation=about.id if about else None,
        since=since,
        until=said["until"],
    )


def _whose(about: ArchivedConversation, whose: str | None) -> str:
    keys = [parse_key(one.key) for one in about.chunks]
    people = sorted({key.subject for key in keys if isinstance(key, ChunkKey)})
    if whose is None and len(people) == 1:
        return people[0]
    if whose in people:
        return whose
    raise NotOrdered(
        f"the conversation {about.id} is of {len(people)} people: {', '.join(people)}",
        advice="Add a hold for each of them, with --subject.",
    )


async def _applied(part: Part, desk: Desk, order: Order) -> dict[str, Any]:
    with bars("manifests") as tell:
        done = await holds.apply_holds(desk, progress=tell)
    note(f"{desk.place.tenant}: {_did(done)}")
    kind = part.rules.store.kind if part.rules else "folder"
    if kind != "folder":
        rules = f"tenant={desk.place.tenant}/"
        note(
            f"  → Run `archiver bucket apply`: while a hold is in force, no lifecycle rule may"
            f" expire what lies below {rules}."
            if done.in_force
            else "  → Run `archiver bucket apply`: no hold is in force any more, so the rules that"
            f" expire what lies below {rules} come back."
        )
        if kind == "r2":
            note("    On R2 that is also what holds: a lock rule of the bucket, without an end.")
    note("  → Run `archiver checkpoint`: it fixes the order, so that nobody takes it away unseen.")
    return {"tenant": desk.place.tenant, "order": order, "applied": asdict(done)}


def _did(done: Applied) -> str:
    said = f"{done.in_force} holds in force cover {done.matching} chunks"
    if done.by_record and not done.in_force:
        return "no hold is in force."
    if done.by_record:
        return (
            f"{said}. This store keeps no holds itself: archiver obeys the signed order, and"
            " whoever else may delete there does not."
        )
    said += f"; legal holds put on {done.placed}, taken off {done.lifted}"
    said += f", brought back from under a delete marker {done.revealed}" if done.revealed else ""
    return f"{said}, not there {done.absent}." if done.absent else f"{said}."


def _words(extent: Extent) -> str:
    if not extent.chunks:
        return "nothing now"
    return (
        f"{extent.chunks} chunks ({human_size(extent.stored_bytes)}) of {len(extent.subjects)}"
        f" people on {len(extent.devices)} devices, from {extent.first} to {extent.last}"
    )
