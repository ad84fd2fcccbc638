"""What an admin does after a first shipment, done for a quickstart: approve, and checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.archive.signers import Trust
from archiver.cli.admin import MEMORY
from archiver.durable import files, lock
from archiver.stores.opening import open_store
from archiver.stores.settings import FolderSettings
from archiver.witness.checkpoint import checkpoint
from archiver.witness.devices import State, approval, devices_of
from archiver.witness.memory import recall
from archiver.witness.place import Place
from archiver.witness.register import Desk, approve, backdated, read_enrolments, read_register

if TYPE_CHECKING:
    from datetime import datetime

    from archiver.evidence.keys import SigningKey
    from archiver.evidence.verifier import VerifierKey
    from archiver.quickstart.place import QuickstartFolder

__all__ = ["vouched"]


async def vouched(
    folder: QuickstartFolder, tenant: str, admin: SigningKey, device: VerifierKey, now: datetime
) -> tuple[bool, str]:
    """Approve this machine's own key for a tenant, cover what is new, and say what was done.

    Give whether all of it is covered. Nothing is signed where nothing is new. Raise
    `EvidenceError` where what was signed before is not sound.
    """
    async with open_store(FolderSettings(folder.archive)) as store:
        memory = folder.state / MEMORY
        files.make_private_folder(memory)
        desk = Desk(Place(store, "", tenant), Trust((admin.public,)), admin, memory)
        with lock.hold(memory):
            approved = await _approve(desk, device, now)
            done = await checkpoint(desk, now)
    news = f"{done.added} new manifests" if done.added else "nothing new"
    covered = f"checkpoint {done.statement.seq} covers {done.statement.size} manifests"
    known = "this device approved" if approved else "this device is known"
    return done.exit_status == 0, f"{known}, {news}: {covered}, signed by {admin.name}"


async def _approve(desk: Desk, device: VerifierKey, now: datetime) -> bool:
    """Approve the key if it waits; tell whether it did.

    No key that anybody else published is looked at: whose it is cannot be known here.
    """
    register = await read_register(desk.place, desk.trust, recall(desk.memory, desk.place))
    published = await read_enrolments(desk.place)
    rows = devices_of(register.newest, published.sound)
    mine = [row for row in rows if row.key == device and row.state is State.WAITING]
    if not mine:
        return False
    asked = [approval(row, None) for row in mine]
    await approve(desk, await backdated(desk.place, asked), now)
    return True
