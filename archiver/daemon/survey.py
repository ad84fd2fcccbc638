"""Asking the engine and the spool what the status file tells."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from typing import TYPE_CHECKING

from archiver import __version__
from archiver.daemon.keysource import expiry_here
from archiver.daemon.rules import store_of
from archiver.daemon.status import (
    CaptureStatus,
    PolicyStatus,
    SpoolStatus,
    Status,
    TenantStatus,
    WaitingStatus,
)
from archiver.format.times import rfc3339

if TYPE_CHECKING:
    from archiver.daemon.engine import Engine

__all__ = ["survey"]


def survey(
    engine: Engine,
    *,
    policy: PolicyStatus,
    last_pass_at: str | None,
    last_captured_at: dict[str, str],
    set_aside: str | None = None,
    faults: tuple[str, ...] = (),
) -> Status:
    """Ask the engine and the spool."""
    done = engine.last_pass
    rules = engine.rules
    return Status(
        written_at=rfc3339(engine.machine.clock()),
        software=f"archiver {__version__}",
        pid=os.getpid(),
        device=engine.spool.device,
        policy=policy,
        capture=CaptureStatus(
            last_pass_at=last_pass_at,
            conversations=done.conversations,
            unclaimed=done.unclaimed,
            unsettled=done.unsettled,
            refused=dict(Counter(done.refused.values())),
            last_captured_at=last_captured_at,
            stopped=done.full,
        ),
        spool=SpoolStatus(
            used_bytes=engine.spool.used_bytes(),
            limit_bytes=rules.policy.spool.max_bytes if rules else 0,
            disk_free_bytes=shutil.disk_usage(engine.spool.folder).free,
            set_aside=set_aside,
        ),
        tenants=tuple(_tenant(engine, name) for name in engine.spool.tenants()),
        faults=faults,
    )


def _tenant(engine: Engine, name: str) -> TenantStatus:
    backlog = engine.spool.backlog(name)
    rules = engine.rules.tenants.get(name) if engine.rules else None
    waiting = engine.outbox.waiting(name) if rules else None
    expiry = expiry_here(rules) if rules else None
    unsent = [at for at in (backlog.oldest_spooled_at, backlog.oldest_sealed_at) if at]
    return TenantStatus(
        id=name,
        enabled=rules is not None,
        store=store_of(rules).name if rules else None,
        spooled_records=backlog.spooled_records,
        spooled_bytes=backlog.spooled_bytes,
        pending_chunks=backlog.pending_chunks,
        pending_bytes=backlog.pending_bytes,
        unlisted_chunks=backlog.unlisted_chunks,
        pending_manifests=backlog.pending_manifests,
        quarantined_chunks=backlog.quarantined_chunks,
        oldest_unsent_at=min(unsent, default=None),
        delivered_chunks=backlog.delivered_chunks,
        delivered_bytes=backlog.delivered_bytes,
        last_delivered_at=backlog.last_delivered_at,
        waiting=WaitingStatus(
            reason=str(waiting.reason),
            since=waiting.since,
            until=waiting.until,
            code=waiting.code,
            detail=waiting.detail,
            advice=waiting.advice,
        )
        if waiting
        else None,
        credentials_expire_at=rfc3339(expiry.at) if expiry else None,
        credentials_warn_at=rfc3339(expiry.warn_at) if expiry else None,
    )
