"""``archiver status``: what the daemon last said of itself. Opens nothing but one file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from archiver.cli.exits import ExitCode
from archiver.cli.options import examples, json_option, state_option
from archiver.cli.output import human_age, human_size, note, print_json, print_table, say

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.daemon.status import PolicyStatus, Status, TenantStatus

__all__ = ["status"]


@click.command(
    epilog=examples("archiver status", "archiver status --json | jq '.tenants[].waiting'")
)
@state_option
@click.option("--config", type=click.Path(), expose_value=False, help="Accepted, and not needed.")
@json_option
def status(state: Path, *, as_json: bool) -> int:
    """Show what is spooled, shipped and waiting, and why.

    Exits with 1 where something needs a human: a refused policy, a waiting state that does
    not go by itself, a quarantined chunk, capture that stands still, credentials that end soon.
    """
    from archiver.daemon.status import read  # noqa: PLC0415 - --help needs none of it
    from archiver.durable import lock  # noqa: PLC0415

    found = read(state)
    running = lock.is_held(state)
    if found is None:
        if as_json:
            print_json({"running": running, "status": None})
        else:
            say(f"Nothing is known yet: no archiver has worked in {state}.")
            note("  → Start one with `archiver run`, or make one pass with `archiver sync`.")
        return ExitCode.ATTENTION
    if as_json:
        print_json({"running": running, "status": found})
    else:
        _tell(found, running=running)
    return ExitCode.ATTENTION if needs_a_human(found) else ExitCode.DONE


def needs_a_human(found: Status) -> bool:
    """Tell whether anything does not go by itself."""
    waits = [tenant.waiting for tenant in found.tenants if tenant.waiting]
    return bool(
        found.policy.problems
        or found.policy.is_over(datetime.now(UTC))
        or found.capture.stopped
        or any(waiting.reason != "time" for waiting in waits)
        or any(tenant.quarantined_chunks or _ends_soon(tenant) for tenant in found.tenants)
    )


def _ends_soon(tenant: TenantStatus) -> bool:
    warn_at = tenant.credentials_warn_at
    return warn_at is not None and datetime.fromisoformat(warn_at) <= datetime.now(UTC)


def _ago(at: str | None) -> str:
    if at is None:
        return "never"
    age = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
    return f"{human_age(max(age, 0))} ago"


def _tell(found: Status, *, running: bool) -> None:
    word = (
        f"running (pid {found.pid})" if running else f"not running; as of {_ago(found.written_at)}"
    )
    say(f"{found.software}, device {found.device}: {word}")
    _tell_policy(found.policy)
    capture = found.capture
    say(
        f"capture: last pass {_ago(capture.last_pass_at)}; {capture.conversations} conversations,"
        f" {capture.unclaimed} not any tenant's, {capture.unsettled} files being written"
    )
    if capture.stopped:
        note(f"  capture stands still: {capture.stopped}")
    for code, count in sorted(capture.refused.items()):
        note(f"  {count} files cannot be read: {code} (see `archiver sources`)")
    spool = found.spool
    say(
        f"spool: {human_size(spool.used_bytes)} of {human_size(spool.limit_bytes)} used,"
        f" {human_size(spool.disk_free_bytes)} free on the disk"
    )
    if spool.set_aside:
        note(f"  a damaged spool lies in {spool.set_aside}")
    if found.tenants:
        print_table(
            ("tenant", "captures", "spooled", "to ship", "oldest", "shipped", "last", "store"),
            [_row(tenant) for tenant in found.tenants],
        )
    for tenant in found.tenants:
        _waits(tenant)
    for fault in found.faults:
        note(f"fault: {fault}")


def _tell_policy(policy: PolicyStatus) -> None:
    say(f"policy: {policy.state} {policy.source or policy.path or ''}".rstrip())
    if policy.number is not None:
        until = f", good until {policy.expires_at[:10]}" if policy.expires_at else ""
        say(f"  number {policy.number}, signed by {', '.join(policy.signed_by)}{until}")
    elif policy.state == "in force" and not policy.pinned:
        say("  not signed: whoever may write that file says what is captured")
    if policy.fetched_at:
        say(f"  its address answered {_ago(policy.fetched_at)}")
    if policy.unreachable:
        note(f"  out of reach: {policy.unreachable}")
    for problem in policy.problems:
        note(f"  {problem}")
    if policy.advice:
        note(f"  → {policy.advice}")
    if policy.is_over(datetime.now(UTC)):
        note(f"  its time was over at {policy.expires_at}; it stays in force")
        note("  → Sign it again, with a later end or none, and deliver that.")


def _row(tenant: TenantStatus) -> tuple[str, ...]:
    return (
        tenant.id,
        "yes" if tenant.enabled else "no",
        f"{tenant.spooled_records} records",
        f"{tenant.pending_chunks} chunks, {human_size(tenant.pending_bytes)}",
        _ago(tenant.oldest_unsent_at) if tenant.oldest_unsent_at else "-",
        f"{tenant.delivered_chunks} chunks, {human_size(tenant.delivered_bytes)}",
        _ago(tenant.last_delivered_at),
        tenant.store or "-",
    )


def _waits(tenant: TenantStatus) -> None:
    if tenant.waiting:
        waiting = tenant.waiting
        note(
            f"{tenant.id} waits for {waiting.reason} since {waiting.since:%Y-%m-%d %H:%M} UTC:"
            f" {waiting.detail}"
        )
        note(f"  → {waiting.advice}")
    if tenant.credentials_expire_at and _ends_soon(tenant):
        at = datetime.fromisoformat(tenant.credentials_expire_at)
        left = (at - datetime.now(UTC)).total_seconds()
        when = f"end in {human_age(left)}, on" if left > 0 else "ended on"
        note(f"{tenant.id}: its credentials {when} {at:%Y-%m-%d %H:%M} UTC")
        note("  → Renew them before: nothing is lost, but nothing is shipped after.")
    if tenant.quarantined_chunks:
        note(f"{tenant.id}: {tenant.quarantined_chunks} chunks are quarantined on this machine")
    if not tenant.enabled and (tenant.spooled_records or tenant.pending_chunks):
        note(
            f"{tenant.id} is not enabled; what it has here stays until it is enabled again or"
            f" `archiver purge {tenant.id}` drops it"
        )
