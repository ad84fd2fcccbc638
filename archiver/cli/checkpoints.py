"""What ``archiver checkpoint`` does, apart from how it is printed."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from archiver.archive.signers import Trust
from archiver.cli.admin import check_found, public_half, trust_of
from archiver.cli.archives import bars
from archiver.durable import files, lock
from archiver.errors import ArchiverError, EvidenceError, UnusableKey
from archiver.evidence import stamp
from archiver.format.keys import Series
from archiver.format.times import rfc3339
from archiver.stores.opening import open_store
from archiver.stores.settings import FolderSettings
from archiver.witness.chains import follow_statements
from archiver.witness.checkpoint import checkpoint
from archiver.witness.place import Place
from archiver.witness.timestamps import Authority, stamped, times_of

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.cli.admin import Admin
    from archiver.cli.archives import Archives, Part
    from archiver.witness.checkpoint import Outcome

__all__ = ["Row", "listed", "signed"]


@dataclass(frozen=True, slots=True)
class Row:
    """A checkpoint that is there. ``timestamp`` is a time, what is wrong with it, or empty."""

    tenant: str
    seq: int
    created_at: str
    size: int
    root: str
    timestamp: str = ""
    timestamp_wrong: bool = False


def signed(
    archives: Archives,
    admin: Admin,
    *,
    force: bool,
    another_history: bool,
    copy_to: Path | None,
    url: str | None,
    timestamp_ca: Path | None,
) -> list[tuple[str, Outcome]]:
    """Sign for every tenant that is meant, alone with this machine's memory.

    What fails for one tenant does not hold the others up: it stands in `Archives.failures`.
    """
    authority = Authority(url, timestamp_ca.read_bytes()) if url and timestamp_ca else None
    if authority:
        stamp.check_roots(authority.roots)

    async def work(part: Part) -> list[tuple[str, Outcome]]:
        done = []
        async with contextlib.AsyncExitStack() as stack:
            copy = open_store(FolderSettings(copy_to)) if copy_to else None
            if copy:
                await stack.enter_async_context(copy)
            for tenant in part.tenants:
                second = Place(copy, "", tenant) if copy else None
                try:
                    desk = admin.desk(part, tenant)
                    with bars("devices") as tell:
                        one = await checkpoint(
                            desk,
                            datetime.now(UTC),
                            force=force,
                            another_history=another_history,
                            copy=second,
                            progress=tell,
                        )
                    done.append((tenant, one))
                    if authority:
                        await stamped(desk.place, one.key, one.body, authority)
                except ArchiverError as error:
                    archives.failures.append(error)
                except Exception as error:  # noqa: BLE001 - the other tenants must be signed
                    archives.failures.append(_defect(tenant, error))
        return done

    files.make_private_folder(admin.memory)
    with lock.hold(admin.memory):
        outcomes = [one for found in asyncio.run(archives.each(work)) for one in found]
    check_found(archives, outcomes)
    return outcomes


def _defect(tenant: str, error: Exception) -> EvidenceError:
    return EvidenceError(
        f"something in the store of {tenant} could not be judged ({type(error).__name__})",
        advice="Run `archiver verify` to find it, and report this as a defect of archiver. Look"
        " with `archiver checkpoint --show` whether this tenant was signed for.",
    )


def listed(archives: Archives, admin_key: Path | None, roots: Path | None) -> list[Row]:
    """List the checkpoints of every tenant that is meant; timestamps are checked with ``roots``.

    Raise `EvidenceError` where a chain is not sound.
    """
    pem = roots.read_bytes() if roots else None
    tenants: list[str] = []

    async def work(part: Part) -> list[Row]:
        trust = Trust((public_half(admin_key),)) if admin_key else trust_of(part, ())
        if trust is None:
            raise UnusableKey(
                "no admin's public key is known, so no checkpoint can be believed",
                advice="Name evidence.admin_keys in the policy, or give --admin-key.",
            )
        tenants.extend(part.tenants)
        return [
            row
            for tenant in part.tenants
            for row in await _rows(Place(part.store, part.prefix, tenant), trust, pem)
        ]

    rows = [row for found in asyncio.run(archives.each(work)) for row in found]
    check_found(archives, tenants)
    return rows


async def _rows(place: Place, trust: Trust, pem: bytes | None) -> list[Row]:
    bodies = await place.series(Series.CHECKPOINTS)
    chain = follow_statements(bodies, trust, place.tenant)
    if pem is None:
        there = {key.seq for key, _ in await place.series(Series.TIMESTAMPS)}
        times = dict.fromkeys(there, "not checked: give --timestamp-ca")
        wrong: set[int] = set()
    else:
        found = await times_of(place, {key.seq: body for key, body in bodies}, pem)
        wrong = {seq for seq, at in found.items() if isinstance(at, ArchiverError)}
        times = {
            seq: rfc3339(at) if isinstance(at, datetime) else str(at) for seq, at in found.items()
        }
    return [
        Row(
            place.tenant,
            one.seq,
            one.created_at,
            one.size,
            one.root,
            times.get(one.seq, ""),
            one.seq in wrong,
        )
        for one in chain.all
    ]
