"""What a device writes about itself and its shipments: enrolment, then manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.policy.identity import identify
from archiver.policy.whereabouts import Git
from archiver.sealing.enrol import enrol
from archiver.sealing.manifests import Terms, write_manifest

if TYPE_CHECKING:
    from archiver.daemon.machine import Machine
    from archiver.daemon.rules import Rules
    from archiver.evidence.note import Signer
    from archiver.policy.document import Tenant
    from archiver.spool.spool import Spool

__all__ = ["subject_of", "write_papers"]


def subject_of(tenant: Tenant, machine: Machine) -> str:
    """Give the pseudonym of this machine's user, so that an admin knows whose device it is."""
    return identify(
        tenant, git_email=Git().email(str(machine.home)), os_user=machine.os_user
    ).subject


def write_papers(spool: Spool, rules: Rules, tenant: str, machine: Machine, signer: Signer) -> bool:
    """Write every manifest that is due for an enabled tenant; tell whether there was one.

    The device enrols with its first manifest.
    """
    terms = Terms(rules.tenants[tenant].retention.days, rules.fingerprint)
    written = False
    while write_manifest(spool, tenant, now=machine.clock(), terms=terms, signer=signer):
        written = True
    if written:
        subject = subject_of(rules.tenants[tenant], machine)
        enrol(spool, tenant, signer, subject=subject, now=machine.clock())
    return written
