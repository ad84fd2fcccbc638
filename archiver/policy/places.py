"""Where a tenant's chunks go: a folder, a bucket on S3, a bucket on R2.

Settings only, no credentials. Where those come from is said by one of

* ``profile``: the AWS configuration, SSO included;
* ``credentials_file``;
* ``credential_process``: a command that prints them;
* ``web_identity_token_file``, on S3: a token that STS takes for a session of ``role_arn``;
* none of these: what ``archiver credentials set`` keeps on this machine, else AWS's usual search.

On S3 ``role_arn`` makes a session of that role from any of them. An address that belongs to the
other kind of store is refused with the remedy.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

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

__all__ = ["FolderStore", "R2Store", "RoleArn", "S3Store", "Store"]


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
    """A folder on a disk or a share."""

    path: LocalPath
    """Absolute, or below ``~``. Created when it is missing."""

    prefix: Prefix = ""
    """What every key starts with."""


def _role(value: str) -> str:
    if not re.fullmatch(r"arn:[a-z0-9-]+:iam::[0-9A-Za-z]*:role/[!-~]{1,576}", value):
        raise wrong("must be the ARN of a role, as in arn:aws:iam::123456789012:role/archiver")
    return value


RoleArn = Annotated[Text, AfterValidator(_role)]
"""The name of a role of AWS."""


def _command(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise wrong('must be a list: the program and its arguments, as in ["get-keys", "acme"]')
    return value


_SOURCES = ("profile", "credentials_file", "credential_process", "web_identity_token_file")
_WITH_ROLE = ("external_id", "session_seconds", "web_identity_token_file", "sts_endpoint")


class _BucketStore(Section):
    bucket: Bucket
    """The bare name of the bucket."""

    prefix: Prefix = ""
    """What every key starts with."""

    profile: Text | None = None
    """A profile of the AWS configuration; left out, the SDK's usual search."""

    credentials_file: LocalPath | None = None
    """A file in the format of ``~/.aws/credentials``."""

    credential_process: Annotated[tuple[Text, ...], AfterValidator(_command)] | None = None
    """A program and its arguments, started without a shell, that prints AWS's JSON."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        named = [name for name in _SOURCES if getattr(self, name, None) is not None]
        if len(named) > 1:
            raise wrong(
                "{other} says already where credentials come from; allowed: one of {all}",
                at=f".{named[1]}",
                other=named[0],
                all=", ".join(_SOURCES),
            )
        return self


class S3Store(_BucketStore):
    """A bucket on Amazon S3, or on any service that speaks the same protocol."""

    kind: Literal["s3"] = "s3"
    """Amazon S3, or any service that speaks its protocol."""

    region: Region = "us-east-1"
    """Where the bucket is."""

    endpoint: Annotated[Endpoint, AfterValidator(_no_r2_host)] | None = None
    """Only for a service other than Amazon's."""

    path_style: bool = False
    """Whether the bucket stands in the path instead of the host name."""

    role_arn: RoleArn | None = None
    """A role whose session is used, made anew by STS before it ends."""

    external_id: Text | None = None
    """What the role asks of who assumes it, where it does."""

    session_seconds: Annotated[int, Field(ge=900, le=43_200)] | None = None
    """How long a session is asked for; left out, an hour. The role may allow less."""

    web_identity_token_file: LocalPath | None = None
    """A file with the token of an identity provider, read anew for each session."""

    sts_endpoint: Annotated[Endpoint, AfterValidator(_no_r2_host)] | None = None
    """Where sessions are made; left out, Amazon's STS in the region."""

    @model_validator(mode="after")
    def _role_is_whole(self) -> Self:
        if self.role_arn is None:
            for name in _WITH_ROLE:
                if getattr(self, name) is not None:
                    raise wrong("belongs to role_arn, which is missing", at=f".{name}")
        elif self.external_id and self.web_identity_token_file:
            raise wrong("STS takes none with a web identity", at=".external_id")
        return self


class R2Store(_BucketStore):
    """A bucket on Cloudflare R2."""

    kind: Literal["r2"] = "r2"
    """Cloudflare R2."""

    account_id: AccountId
    """The 32 digits of the Cloudflare account that the bucket is in."""

    jurisdiction: Literal["eu", "fedramp", "us"] | None = None
    """Fixed when the bucket was made; left out, the bucket has none."""

    endpoint: Annotated[Endpoint, AfterValidator(_no_aws_host)] | None = None
    """Instead of the address that follows from account and jurisdiction."""


Store = Annotated[FolderStore | S3Store | R2Store, Field(discriminator="kind")]
"""Where a tenant's chunks go; ``kind`` says which."""
