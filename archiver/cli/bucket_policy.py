"""``archiver bucket policy``: the documents that go with a bucket, to be put where they belong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from archiver.cli.bucket_options import bucket_options
from archiver.cli.options import examples
from archiver.cli.output import print_json
from archiver.errors import BucketUnfit

if TYPE_CHECKING:
    from archiver.cli.buckets import Options

__all__ = ["policy"]


@click.command(
    epilog=examples(
        "archiver bucket policy writer --tenant acme > writer.json",
        "archiver bucket policy bucket --tenant acme --writer-arn arn:aws:iam::123456789012:role/w",
    )
)
@click.argument("whose", type=click.Choice(("writer", "officer", "admin", "bucket")))
@bucket_options
def policy(options: Options, *, whose: str) -> None:
    """Print the policy documents that go with a bucket.

    WHOSE is writer, officer or admin (for a user or role), or bucket (its own policy). Nothing is
    asked of any store.
    """
    from archiver.buckets import documents  # noqa: PLC0415 - --help needs none of it
    from archiver.buckets.statements import policy_document  # noqa: PLC0415
    from archiver.buckets.values import Unsupported  # noqa: PLC0415
    from archiver.buckets.wanted import Ask, wanted  # noqa: PLC0415
    from archiver.cli.buckets import buckets_of  # noqa: PLC0415

    found = [one for one in buckets_of(options) if one.place.kind == "s3"]
    if len(found) != 1:
        raise BucketUnfit(
            f"{len(found)} buckets on S3 are meant, and a document is for one",
            advice="Name a tenant whose store is of kind s3, with --tenant.",
        )
    mine = found[0]
    region = mine.settings.region if mine.settings else ""
    shares = tuple(one for one in mine.shares if options.tenant in (None, one.tenant))
    if whose == "officer":
        print_json(documents.officer_document(mine.place.name, shares, region))
    elif whose == "admin":
        print_json(documents.admin_document(mine.place.name, mine.shares, region))
    elif whose == "writer":
        if len(shares) != 1:
            raise BucketUnfit(
                "a writer writes for one tenant", advice="Name the one with --tenant."
            )
        print_json(documents.writer_document(mine.place.name, shares[0], region))
    else:
        if not options.parties.known:
            raise BucketUnfit(
                "a bucket policy must say who only writes",
                advice="Give --writer-arn for each writer, or --admin-arn for all others.",
            )
        ask = Ask(
            place=mine.place, shares=mine.shares, holds={}, parties=mine.parties, region=region
        )
        statements = wanted(ask).bucket.statements
        if not isinstance(statements, Unsupported):
            print_json(policy_document(statements))
