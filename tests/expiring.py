"""What ``archiver retention`` does for one tenant, on the store of an office.

aged = await old(office)                   # chunks that are due, covered a year ago
done = await apply(office, 365)            # what a run did
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from laptop import SUBJECT_KEY

from archiver.cli.retentionrules import Rules
from archiver.cli.retentions import Applied, _Run
from archiver.evidence.orders import Expiry
from archiver.policy.document import Tenant
from archiver.retention.listing import look
from archiver.retention.plan import Plan, plan

if TYPE_CHECKING:
    from holding import Office

    from archiver.evidence.orders import Order
    from archiver.witness.register import Desk

__all__ = ["apply", "begin", "expiries", "planned", "rules", "today"]


def rules(days: int | None, **more: Any) -> Rules:
    """Give a policy that keeps the class ``standard`` so many days."""
    said = {
        "id": "acme",
        "conversations": {"default": True},
        "store": {"kind": "folder", "path": "/nonexistent"},
        "identity": {"source": "fixed", "value": "dev", "subject_key": SUBJECT_KEY},
        "retention": {"days": days, **more},
    }
    tenant = Tenant.model_validate_json(json.dumps(said))
    return Rules({"acme": tenant}, "5" * 64, "policy.toml")


def begin(office: Office, days: float = 400) -> None:
    """Let an office be so many days ago, on the store's clock and everybody's."""
    office.now = datetime.now(UTC) - timedelta(days=days)


async def today(office: Office) -> None:
    """Let it be now; the admin signs daily, so also today."""
    office.now = datetime.now(UTC) - timedelta(minutes=1)
    await office.checkpoint(force=True)


async def planned(office: Office, days: int | None = 365, **more: Any) -> Plan:
    """Plan for now."""
    terms = rules(days, **more).tenant("acme").retention.terms
    known = await look(office.desk)
    return await plan(office.place, known, terms, now=datetime.now(UTC))


async def apply(
    office: Office, days: int | None = 365, *, desk: Desk | None = None, **said: Any
) -> Applied:
    """Let expire what is due, with a yes to everything but what was shortened."""
    options = {"yes": True, "by": "records", "record_only": False, "accept_shortened": False}
    more = {name: said.pop(name) for name in ("grace_days", "classes", "klass") if name in said}
    return await _Run(rules(days, **more), desk or office.desk, {**options, **said}).run()


async def expiries(office: Office) -> list[Order]:
    """Give the orders that let something expire."""
    given = (await look(office.desk)).orders.all
    return [one for one in given if isinstance(one.deed, Expiry)]
