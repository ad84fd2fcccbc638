"""What a device writes about itself and its shipments: enrolment, then manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.policy.identity import identify
from archiver.policy.whereabouts import Git
from archiver.sealing.enrol import enrol
from archiver.sealing.manifests import Terms, device_of, write_manifest
from archiver.spool import chunks

if TYPE_CHECKING:
    from archiver.daemon.machine import Machine
    from archiver.daemon.rules import Rules
    from archiver.evidence.device import DeviceSigner
    from archiver.policy.document import Tenant
    from archiver.spool.spool import Spool

__all__ = ["subject_of", "write_papers"]


def subject_of(tenant: Tenant, machine: Machine) -> str:
    """Give the pseudonym of this machine's user, so that an admin knows whose device it is."""
    return identify(
        tenant, git_email=Git().email(str(machine.home)), os_user=machine.os_user
    ).subject


def write_papers(
    spool: Spool, rules: Rules, tenant: str, machine: Machine, signer: DeviceSigner
) -> bool:
    """Write every manifest that is due for an enabled tenant; tell whether there was one.

    The device enrols with its first manifest, and what this machine was before it lost its
    state enrols with the manifest that lists what that device left behind.
    """
    terms = Terms(rules.tenants[tenant].retention.terms, rules.fingerprint)
    written = False
    for device in _earlier(spool, tenant):
        subject = subject_of(rules.tenants[tenant], machine)
        key = signer.of(device)
        enrol(spool, tenant, key, subject=subject, now=machine.clock(), earlier=device)
    while write_manifest(spool, tenant, now=machine.clock(), terms=terms, signer=signer):
        written = True
    if written:
        subject = subject_of(rules.tenants[tenant], machine)
        enrol(spool, tenant, signer, subject=subject, now=machine.clock())
    return written


def _earlier(spool: Spool, tenant: str) -> list[str]:
    """Name the earlier devices whose chunks the next manifest lists."""
    with spool.transaction() as db:
        news = chunks.unlisted(db, tenant, 2**31)
    return sorted({device_of(entry) for entry in news.recovered})
