"""Where a tenant's chunks go: a folder, a bucket on S3, a bucket on R2.

Settings only, no credentials: those stand in a profile or a file that is named here, or where
the SDK looks by itself. An address that belongs to the other kind is refused with the remedy.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from archiver.policy.fields import (
    AccountId,
    Bucket,
    Endpoint,
    LocalPath,
    Prefix,
    Region,
    Section,
    Text,
    endpoint_host,
    wrong,
)

__all__ = ["FolderStore", "R2Store", "S3Store", "Store"]


def _no_r2_host(value: str) -> str:
    if endpoint_host(value).endswith(".r2.cloudflarestorage.com"):
        raise wrong('is an address of R2: write kind = "r2" and account_id, without endpoint')
    return value


def _no_aws_host(value: str) -> str:
    if endpoint_host(value).endswith((".amazonaws.com", ".amazonaws.com.cn")):
        raise wrong('is an address of AWS: write kind = "s3" and region, without endpoint')
    return value


class FolderStore(Section):
    """A folder as the bucket: a disk, or a share that is always mounted."""

    kind: Literal["folder"] = "folder"
    path: LocalPath
    """Absolute, or below ``~``. Created when it is missing."""

    prefix: Prefix = ""
    """What every key starts with."""


class _BucketStore(Section):
    bucket: Bucket
    prefix: Prefix = ""
    """What every key starts with."""

    profile: Text | None = None
    """A profile of the AWS configuration; left out, the SDK's usual search."""

    credentials_file: LocalPath | None = None
    """A file in the format of ``~/.aws/credentials``."""


class S3Store(_BucketStore):
    """A bucket on Amazon S3, or on any service that speaks the same protocol."""

    kind: Literal["s3"] = "s3"
    region: Region = "us-east-1"
    endpoint: Annotated[Endpoint, AfterValidator(_no_r2_host)] | None = None
    """Only for a service other than Amazon's."""

    path_style: bool = False
    """Whether the bucket stands in the path instead of the host name."""


class R2Store(_BucketStore):
    """A bucket on Cloudflare R2."""

    kind: Literal["r2"] = "r2"
    account_id: AccountId
    jurisdiction: Literal["eu", "fedramp", "us"] | None = None
    """Fixed when the bucket was made; left out, the bucket has none."""

    endpoint: Annotated[Endpoint, AfterValidator(_no_aws_host)] | None = None
    """Instead of the address that follows from account and jurisdiction."""


Store = Annotated[FolderStore | S3Store | R2Store, Field(discriminator="kind")]
"""Where a tenant's chunks go; ``kind`` says which."""
