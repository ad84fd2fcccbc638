"""What one needs to know to open a store: plain frozen values, checked by whoever made them.

Nothing is read from disk or network here. Both S3 and R2 are spoken to in the S3 protocol;
where they differ, the difference is a field of `S3Settings`, never an ``if`` in the client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FolderSettings", "Jurisdiction", "Role", "S3Settings", "StoreSettings"]

_R2_HOST: Final = ".r2.cloudflarestorage.com"
_AMAZON_HOSTS: Final = (".amazonaws.com", ".amazonaws.com.cn")

Jurisdiction = Literal["eu", "fedramp", "us"]
"""Where Cloudflare promises to keep an R2 bucket; fixed when the bucket was made."""


@dataclass(frozen=True, slots=True)
class FolderSettings:
    """A folder as the bucket. ``path`` is made if only its last part is missing."""

    path: Path


@dataclass(frozen=True, slots=True)
class Role:
    """A role of AWS, whose session is used instead of the keys that ask for it.

    ``token_file`` holds the token of a web identity, which then asks instead of keys.
    ``endpoint`` is the address of STS, None for Amazon's in the region.
    """

    arn: str
    external_id: str | None = None
    seconds: int = 3600
    token_file: Path | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class S3Settings:
    """A bucket behind the S3 protocol. The defaults are those of Amazon S3."""

    bucket: str

    kind: Literal["s3", "r2"] = "s3"
    """Whose service it is meant to be; only for messages and for `remedy`."""

    region: str = "us-east-1"

    endpoint: str | None = None
    """``https://host``, or None for Amazon's own endpoint of the region. An endpoint from
    the environment or from ``~/.aws/config`` is never used: only the policy may say where
    conversations go."""

    path_style: bool = False
    """Put the bucket into the path instead of the host name; most own servers need it."""

    profile: str | None = None
    """A profile of ``~/.aws``; None for botocore's default chain."""

    credentials_file: Path | None = None
    """An INI file with ``aws_access_key_id`` and ``aws_secret_access_key`` under
    ``[default]``. It goes before every other source and is read anew at each opening."""

    credential_process: tuple[str, ...] = ()
    """A program and its arguments that print keys as AWS's JSON."""

    tenant: str | None = None
    """Whose kept keys are used where none of the above is named; None for nobody's."""

    role: Role | None = None
    """Taken on with whatever keys the above gives."""

    checksum_algorithm_header: bool = True
    """Name the algorithm of the checksum too. Object Lock wants it on some servers; R2 is
    not known to take it."""

    checksum_on_head: bool = True
    """Ask for the store's own checksum with each head. R2 is not known to keep one."""

    object_lock: bool = True
    """Whether the service knows S3 Object Lock at all. R2 does not."""

    concurrency: int = 4
    """Requests at once. Beyond 2, R2 begins to refuse."""

    page: int = 1000
    """Keys per request of a listing; servers give 1000 at most."""

    connect_seconds: float = 10.0
    """How long to wait for a connection."""

    read_seconds: float = 30.0
    """How long to wait for an answer. Short, because connections die silently behind NAT
    and across sleep (https://github.com/boto/botocore/issues/2916)."""

    @classmethod
    def r2(
        cls,
        bucket: str,
        *,
        account_id: str,
        jurisdiction: Jurisdiction | None = None,
        endpoint: str | None = None,
        profile: str | None = None,
        credentials_file: Path | None = None,
    ) -> S3Settings:
        """Give the settings of a Cloudflare R2 bucket.

        >>> S3Settings.r2("b", account_id="0123", jurisdiction="eu").endpoint
        'https://0123.eu.r2.cloudflarestorage.com'
        """
        place = f".{jurisdiction}" if jurisdiction else ""
        return cls(
            bucket=bucket,
            kind="r2",
            region="auto",
            endpoint=endpoint or f"https://{account_id}{place}.r2.cloudflarestorage.com",
            path_style=True,
            profile=profile,
            credentials_file=credentials_file,
            checksum_algorithm_header=False,
            checksum_on_head=False,
            object_lock=False,
            concurrency=2,
        )

    def remedy(self) -> str:
        """Say what to change where the endpoint belongs to the other kind; else empty."""
        host = urlsplit(self.endpoint or "").hostname or ""
        if self.kind == "s3" and host.endswith(_R2_HOST):
            return "Set `kind` to `r2` and give `account_id` instead of `endpoint`."
        if self.kind == "r2" and host.endswith(_AMAZON_HOSTS):
            return "Set `kind` to `s3`, with `bucket` and `region`."
        return ""


StoreSettings = FolderSettings | S3Settings
"""Everything that `archiver.stores.opening.open_store` can open."""
