"""``archiver bucket plan``, ``apply`` and ``check``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from archiver.cli.bucket_options import bucket_options
from archiver.cli.exits import ExitCode
from archiver.cli.options import examples, json_option, yes_option
from archiver.cli.output import confirm, note, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from archiver.buckets.apply import Hands, Plan
    from archiver.buckets.wanted import Wanted
    from archiver.cli.buckets import Mine, Options

__all__ = ["apply", "check", "plan"]

_ROUNDS = 3


@click.command(
    epilog=examples(
        "archiver bucket plan --profile admin --writer-arn arn:aws:iam::123456789012:role/writer",
        "archiver bucket plan --tenant acme --json | jq '.[].differences'",
    )
)
@bucket_options
@json_option
def plan(options: Options, *, as_json: bool) -> int:
    """Show what differs from the policy; change nothing.

    Holds in force are read from the archive, so that nothing held is ever removed by age. Exits
    with 0 where there is nothing to do, with 1 where there is.
    """
    plans = asyncio.run(_look(options))
    _show(plans, as_json=as_json)
    return ExitCode.ATTENTION if any(_to_do(one) for one in plans) else ExitCode.DONE


@click.command(
    epilog=examples(
        "archiver bucket check --profile auditor",
        "archiver bucket check --json | jq '.[] | .differences[] | select(.kind == \"weaker\")'",
    )
)
@bucket_options
@json_option
def check(options: Options, *, as_json: bool) -> int:
    """Fail where a bucket is weaker than the policy.

    Run it daily, with keys that may look and not change. More protection than the policy asks
    for is shown and is no failure. Exits with 1 where something that the policy promises is not
    in force, with 3 where these keys may not look.
    """
    from archiver.buckets.compare import weakened  # noqa: PLC0415 - --help needs none of it

    plans = asyncio.run(_look(options))
    _show(plans, as_json=as_json)
    weak = any(weakened(one.differences) for one in plans)
    return ExitCode.ATTENTION if weak else ExitCode.DONE


@click.command(
    epilog=examples(
        "archiver bucket apply --create --writer-arn arn:aws:iam::123456789012:role/writer",
        "archiver bucket apply --profile admin --admin-arn arn:aws:iam::123456789012:role/admin",
    )
)
@bucket_options
@click.option("--create", is_flag=True, help="Make a bucket that is not there.")
@yes_option
@json_option
def apply(options: Options, *, create: bool, yes: bool, as_json: bool) -> int:
    """Bring the buckets to what the policy asks for.

    Rules and statements of others stay as they are. It may be repeated, and completed after a
    crash. Asks before what nobody can undo. Exits with 1 where something is left that a person
    must do.
    """
    from archiver.buckets.compare import weakened  # noqa: PLC0415 - --help needs none of it
    from archiver.cli.buckets import buckets_of, each  # noqa: PLC0415

    async def work(mine: Mine, wanted: Wanted, hands: Hands | None) -> Plan:  # noqa: ARG001
        return await _apply(wanted, hands, create=create, yes=yes)

    plans = asyncio.run(each(buckets_of(options), work))
    _show(plans, as_json=as_json)
    weak = any(weakened(one.differences) for one in plans)
    return ExitCode.ATTENTION if weak else ExitCode.DONE


async def _look(options: Options) -> list[Plan]:
    from archiver.cli.buckets import buckets_of, each  # noqa: PLC0415 - --help needs none of it

    async def work(mine: Mine, wanted: Wanted, hands: Hands | None) -> Plan:  # noqa: ARG001
        return await _plan(wanted, hands)

    return await each(buckets_of(options), work)


async def _plan(wanted: Wanted, hands: Hands | None) -> Plan:
    from archiver.buckets.apply import Plan, plan  # noqa: PLC0415 - --help needs none of it

    return await plan(wanted, hands) if hands else Plan(wanted, wanted.bucket, (), ())


async def _apply(wanted: Wanted, hands: Hands | None, *, create: bool, yes: bool) -> Plan:
    from archiver.buckets.apply import perform  # noqa: PLC0415 - --help needs none of it

    now = await _plan(wanted, hands)
    # A bucket that has just been made is looked at anew.
    for _ in range(_ROUNDS):
        if hands is None or not now.steps or (now.found is None and not create):
            break
        # All questions first: a no leaves the bucket as it was.
        for step in now.steps:
            if step.forever:
                question = f"{wanted.place}: {step.what}. {step.forever.strip()} Do it?"
                await asyncio.to_thread(confirm, question, yes=yes)
        for step in now.steps:
            await perform(step, hands)
            note(f"{wanted.place}: {step.what}")
        now = await _plan(wanted, hands)
    return now


def _to_do(plan: Plan) -> bool:
    from archiver.buckets.compare import weakened  # noqa: PLC0415 - --help needs none of it

    return bool(plan.steps) or weakened(plan.differences)


def _show(plans: Sequence[Plan], *, as_json: bool) -> None:
    if as_json:
        print_json([_json(one) for one in plans])
        return
    for one in plans:
        _tell(one)


def _json(plan: Plan) -> dict[str, Any]:
    return {
        "bucket": str(plan.wanted.place),
        "exists": plan.found is not None,
        "differences": plan.differences,
        "steps": [{"what": one.what, "forever": one.forever.strip()} for one in plan.steps],
        "remarks": plan.wanted.remarks,
    }


def _tell(plan: Plan) -> None:
    place = plan.wanted.place
    if plan.differences:
        say(f"{place}:")
        columns = ("state", "what", "wanted", "found", "why")
        rows = [(one.kind, one.aspect, one.wanted, one.found, one.why) for one in plan.differences]
        print_table(columns, rows)
    elif place.kind == "folder":
        say(f"{place}: a folder; nothing to set up.")
    else:
        say(f"{place}: as the policy asks for.")
    for remedy in dict.fromkeys(one.remedy for one in plan.differences if one.remedy):
        note(f"  → {remedy}")
    for step in plan.steps:
        note(f"  apply would: {step.what}{'; cannot be undone' if step.forever else ''}")
    for remark in plan.wanted.remarks:
        note(f"  · {remark}")
