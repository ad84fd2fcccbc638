"""``archiver bucket``: what the buckets of a policy must enforce, and whether they do."""

from __future__ import annotations

from typing import Final

import click

from archiver.cli.lazy import Entry, LazyGroup
from archiver.cli.options import examples

__all__ = ["COMMANDS", "bucket"]

COMMANDS: Final = (
    Entry("plan", "bucket_commands:plan", "Show what differs from the policy; change nothing."),
    Entry("apply", "bucket_commands:apply", "Bring the buckets to what the policy asks for."),
    Entry("check", "bucket_commands:check", "Fail where a bucket is weaker than the policy."),
    Entry("policy", "bucket_policy:policy", "Print the policy documents that go with a bucket."),
)


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    epilog=examples(
        "archiver bucket plan --profile admin --writer-arn arn:aws:iam::123456789012:role/writer",
        "archiver bucket apply --create --profile admin --admin-arn …",
        "archiver bucket check --profile auditor --json",
        "archiver bucket policy writer --tenant acme",
    ),
)
def bucket() -> None:
    """Set the policy's buckets up, and check them."""
