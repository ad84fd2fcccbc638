"""What the admin signed of one tenant, read for a verification: registry, checkpoints, orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from archiver.archive.coverage import cover
from archiver.archive.findings import Code, Finding
from archiver.archive.intervals import silent_since
from archiver.archive.orders import Ordered, read_orders
from archiver.archive.request import USUAL_PAUSE
from archiver.archive.signers import read_registries
from archiver.evidence import orders, registry, statement
from archiver.evidence.documents import moment
from archiver.format.keys import Series, SeriesKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from archiver.archive.coverage import Coverage
    from archiver.archive.objects import Objects
    from archiver.archive.request import Request
    from archiver.archive.stored import StoredPapers
    from archiver.evidence.registry import Registry, Roster
    from archiver.evidence.statement import RollupEntry

__all__ = ["Authority", "read_authority"]

_SIGNATURES: Final = 64 * 1024
_LARGEST: Final = {
    Series.REGISTRY: registry.MAX_BYTES + _SIGNATURES,
    Series.CHECKPOINTS: statement.MAX_BYTES + _SIGNATURES,
    Series.ORDERS: orders.MAX_BYTES + _SIGNATURES,
}


@dataclass(slots=True)
class Authority:
    """What an admin vouches for. Empty where nobody is trusted: then nothing of it counts.

    ``sound`` says that no registry is damaged or gone.
    """

    registry: Registry | None = None
    roster: Roster | None = None
    covered: Coverage | None = None
    ordered: Ordered = field(default_factory=Ordered)
    sound: bool = True
    findings: list[Finding] = field(default_factory=list)

    @property
    def checkpoints(self) -> int:
        """Give the number of sound checkpoints."""
        return self.covered.statements if self.covered else 0

    @property
    def until(self) -> str | None:
        """Give the time of the newest one."""
        return self.covered.until if self.covered else None


async def read_authority(objects: Objects, request: Request, papers: StoredPapers) -> Authority:
    """Read it, where an admin is trusted."""
    found = Authority()
    if request.trust is None:
        return found
    registries = await _read_registries(objects, request, found)
    await papers.list_rollups()

    async def fetch(entry: RollupEntry) -> bytes | None:
        return await papers.rollup(entry)

    bodies = _series(objects, Series.CHECKPOINTS)
    found.covered, findings = await cover(bodies, request.trust, objects.tenant, fetch)
    found.findings += findings
    if (named := found.covered.registry) and found.sound and named not in registries:
        meaning = "the newest checkpoint names a registry that is not there"
        found.findings.append(Finding(Code.REGISTRY_GONE, f"{objects.folder}_registry/", meaning))
        found.sound = False
    bodies = _series(objects, Series.ORDERS)
    given, findings = await read_orders(bodies, request.trust, objects.tenant)
    found.findings += findings
    found.ordered = Ordered(given.orders, given.given_by(found.covered.ordered))
    if (named := found.covered.orders) and named not in given.hashes:
        meaning = "the newest checkpoint names an order that is not there"
        found.findings.append(Finding(Code.ORDER_GONE, f"{objects.folder}_orders/", meaning))
    _judge_pause(objects, request, found)
    return found


async def _read_registries(objects: Objects, request: Request, found: Authority) -> set[str]:
    """Read the device registries; give the sha256 of each."""
    assert request.trust is not None  # noqa: S101 - asked by `read_authority` alone
    bodies = _series(objects, Series.REGISTRY)
    read, findings = await read_registries(bodies, request.trust, objects.tenant)
    found.findings += findings
    if read.newest is None and not findings:
        meaning = "no admin has approved any device of this tenant"
        found.findings.append(Finding(Code.REGISTRY_MISSING, objects.folder, meaning))
    found.registry, found.roster, found.sound = read.newest, read.roster, read.sound
    return read.hashes


def _judge_pause(objects: Objects, request: Request, found: Authority) -> None:
    if found.until and request.as_of:
        last, due = moment(found.until), moment(request.as_of)
        pause = request.pause_days or USUAL_PAUSE
        where = f"{objects.folder}_checkpoints/"
        if silent := silent_since(where, last, due, timedelta(days=pause)):
            found.findings.append(silent)


async def _series(objects: Objects, series: Series) -> AsyncIterator[tuple[SeriesKey, bytes]]:
    async for key, body in objects.bodies(f"_{series}/", _LARGEST[series]):
        if isinstance(key, SeriesKey) and key.series is series:
            yield key, body
