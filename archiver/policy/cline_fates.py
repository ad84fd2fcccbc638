"""What becomes of each setting of Cline's prompt uploads, and what has no equal. Pure.

Facts about Cline are of its versions 3.52 to 3.89 and 4.x, as read in its source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from archiver.policy.draft import Draft
from archiver.policy.phrases import seconds

if TYPE_CHECKING:
    from datetime import date

    from archiver.policy.cline import Uploading

__all__ = ["Fate", "drafted", "fates"]

_ASSISTANTS: Final = ("cline", "cline-4")
_DAY: Final = 86_400


class Fate(NamedTuple):
    """What becomes of a setting: taken over, done better in another way, or left behind."""

    setting: str
    becomes: Literal["taken over", "better", "none"]
    means: str


def drafted(
    uploading: Uploading, tenant: str, subject_key_file: str, today: date, prefix: str = ""
) -> Draft:
    """Draft the policy that does what was configured. ``today`` is where there is no backfill."""
    backfill = uploading.queue.get("backfillEnabled") is True
    ship = _ship_seconds(uploading)
    return Draft(
        tenant=tenant,
        enabled=uploading.enabled,
        assistants=_ASSISTANTS,
        since=None if backfill else today.isoformat(),
        default=True,
        store=uploading.store | ({"prefix": prefix} if prefix else {}),
        subject_key_file=subject_key_file,
        schedule={} if ship is None else {"ship_seconds": ship},
        notes=("Made of Cline's remote configuration: it takes every conversation with Cline.",),
    )


def fates(uploading: Uploading, draft: Draft) -> tuple[Fate, ...]:
    """Say what became of each setting that was given, and of what Cline does by itself."""
    store = ", ".join(key for key in draft.store if key not in ("kind", "prefix"))
    found = [
        Fate("type", "taken over", f"[tenants.store] kind, {store}"),
        Fate("enabled", "taken over", _enabled(draft)),
        Fate(
            "accessKeyId, secretAccessKey",
            "better",
            "kept on this machine alone and not in the policy; `archiver credentials issue` makes"
            " keys for each machine that can only write, and end",
        ),
    ]
    means = _of_the_queue(draft)
    found += [means[key] for key in means if key in uploading.queue]
    if "backfillEnabled" not in uploading.queue:
        found.append(Fate("backfillEnabled (left out)", "taken over", _since(draft)))
    found += [
        Fate(
            "tasks/<user>/<task>/…",
            "better",
            "[tenants.store] prefix, then tenant, class, person and day; what Cline uploaded"
            " stays where it is, and nothing is ever written over it",
        ),
        Fate(
            "the user's account or machine id",
            "better",
            "[tenants.identity] source; a pseudonym stands in names",
        ),
    ]
    nothing = "it has no meaning here"
    found += [Fate(name, "none", _why_unused(name)) for name in uploading.unused]
    found += [
        Fate(name, "none", f"archiver does not know it: {nothing}") for name in uploading.unknown
    ]
    return tuple(found)


def _of_the_queue(draft: Draft) -> dict[str, Fate]:
    """Say what becomes of each setting of Cline's queue, by its name."""
    return {
        "intervalMs": Fate("intervalMs", "taken over", _interval(draft)),
        "maxRetries": Fate(
            "maxRetries",
            "better",
            "no number of tries drops a conversation: archiver waits, says why, and delivers",
        ),
        "maxFailedAgeMs": Fate(
            "maxFailedAgeMs", "better", "nothing grows too old to be delivered: it waits"
        ),
        "batchSize": Fate(
            "batchSize",
            "better",
            "chunks of many messages; [schedule] bandwidth_bytes_per_second limits the rate",
        ),
        "maxQueueSize": Fate(
            "maxQueueSize",
            "better",
            "[spool] max_bytes: when it is full capture stops and says so; nothing is evicted",
        ),
        "backfillEnabled": Fate("backfillEnabled", "taken over", _since(draft)),
    }


def _enabled(draft: Draft) -> str:
    if draft.enabled:
        return "enabled = true"
    return "enabled = false, which archiver heeds at once (Cline in VS Code went on uploading)"


def _ship_seconds(uploading: Uploading) -> int | None:
    interval = uploading.queue.get("intervalMs")
    return None if interval is None else min(max(interval // 1000, 1), _DAY)


def _interval(draft: Draft) -> str:
    return (
        f"[schedule] ship_seconds = {draft.schedule.get('ship_seconds')}; a chunk is made once it"
        f" is full or as old as [tenants.chunk] max_age_seconds, {seconds(3600)} if left out"
    )


def _since(draft: Draft) -> str:
    if draft.since is None:
        return "since is left out: old conversations are taken, once and not at every start"
    return f'since = "{draft.since}": take the line out to archive older conversations as well'


def _why_unused(name: str) -> str:
    return {
        "region": "R2 has none",
        "accountId": "S3 has none",
        "endpoint": "it follows from the account or the region",
    }[name]
