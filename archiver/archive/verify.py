"""Checking a whole archive against what was signed, without this machine's state.

At `Depth.LISTING` it costs the listings and the manifests: it finds whatever is missing, added,
cut or renumbered, and who signed what. At `Depth.BYTES` the sha256 of every chunk is taken, and
at `Depth.RECORDS` every record is looked at.

With `Trust` in an admin's public key, devices are those that the admin approved, and what a
checkpoint covers can be neither rewritten nor cut off unseen. Without it, signatures are held
to the keys that the devices themselves published, which whoever may write to the store can
replace together with everything else.

Whatever lies in the store, the only error that leaves `verify` is `StoreError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.archive.catalogue import find_tenants
from archiver.archive.fetch import no_progress
from archiver.archive.findings import Code, Finding, Report, Severity, weakest
from archiver.archive.request import Request
from archiver.archive.tenant import TenantCheck, nothing_there

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from archiver.stores.protocol import Store

__all__ = ["Request", "verify"]

_GRAVE = (Severity.INVALID, Severity.MISSING)


async def verify(
    store: Store,
    prefix: str,
    tenants: Sequence[str] | None = None,
    request: Request | None = None,
    *,
    progress: Callable[[int, int], None] = no_progress,
) -> Report:
    """Verify ``tenants`` (``None``: all that are there) below ``prefix``.

    ``progress`` is called with the objects fetched and their number so far. Raises
    `StoreError` where the store does not answer: then nothing is known.
    """
    names = tuple(tenants) if tenants is not None else await find_tenants(store, prefix)
    asked = request or Request()
    checks = [TenantCheck(store, prefix, name, asked, progress) for name in names]
    for check in checks:
        await check.run()
    findings = [finding for check in checks for finding in check.findings]
    if not names:
        findings.append(nothing_there(prefix or store.name))
    chunks = sum(check.chunks for check in checks)
    if asked.scope.narrow and not chunks:
        meaning = "no manifest lists a chunk of what was asked for: nothing was verified"
        findings.append(Finding(Code.NOTHING_IN_SCOPE, prefix or store.name, meaning))
    read = sum(check.read + check.known for check in checks)
    gone = sum(check.expired + check.erased for check in checks)
    nothing_left = gone and not chunks and not asked.scope.narrow
    if (
        asked.depth
        and not read
        and not nothing_left
        and not any(one.severity in _GRAVE for one in findings)
    ):
        meaning = f"no chunk was read, of {chunks} that were asked for"
        findings.append(Finding(Code.NOTHING_READ, prefix or store.name, meaning))
    return Report(
        tenants=names,
        depth=asked.depth,
        trusted=asked.trust is not None,
        manifests=sum(check.manifests for check in checks),
        chunks=chunks,
        stored_bytes=sum(check.stored_bytes for check in checks),
        records=sum(check.records for check in checks),
        read=sum(check.read for check in checks),
        known=sum(check.known for check in checks),
        checkpoints=sum(check.checkpoints for check in checks),
        covered_until=weakest(check.until for check in checks),
        expired=sum(check.expired for check in checks),
        erased=sum(check.erased for check in checks),
        findings=tuple(findings),
    )
