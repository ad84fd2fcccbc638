"""The kinds of text that stand in a policy, each with its rule and the reason for it.

A refusal says what is allowed and never repeats what was written: a policy may hold a key,
and a slip may put a secret into any place.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Final, LiteralString
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from archiver.format.keys import NAME_PATTERN
from archiver.policy.patterns import remote_pattern

__all__ = [
    "AccountId",
    "AssistantName",
    "Bucket",
    "Endpoint",
    "FolderPattern",
    "LocalPath",
    "Name",
    "Prefix",
    "PublicKey",
    "Recipient",
    "Region",
    "RemotePattern",
    "Section",
    "SubjectKey",
    "Text",
    "endpoint_host",
    "wrong",
]

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PARTITIONS: Final = ("tenant", "class", "subject", "dt")
_BUCKET: Final = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_REGION: Final = r"[a-z0-9-]{2,32}"
_ACCOUNT: Final = r"[0-9a-f]{32}"
_PUBLIC_KEY: Final = r"[^\s+]{1,256}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}"
_RECIPIENT: Final = r"age1[a-z0-9]{50,4096}|ssh-(ed25519|rsa) \S{60,4096}( .*)?"


class Section(BaseModel):
    """A table of the document: frozen, strict, without unknown keys."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
    )


def wrong(message: LiteralString, **context: Any) -> PydanticCustomError:
    """Make a refusal; ``{name}`` in ``message`` stands for what ``context`` holds under it.

    ``at`` in the context is where, below the field that is being checked.
    """
    return PydanticCustomError("policy", message, context)


def _text(value: str) -> str:
    if not value.strip() or len(value) > 1024 or _CONTROL.search(value):  # noqa: PLR2004 - said below
        raise wrong("must be 1 to 1024 characters without control characters")
    return value


def _name(value: str) -> str:
    # It becomes a part of every object key.
    if not re.fullmatch(NAME_PATTERN, value):
        raise wrong(
            "allowed are a-z, 0-9, '.', '_' and '-', at most 64, a letter or digit at both ends"
        )
    return value


def _assistant(value: str, info: ValidationInfo) -> str:
    known: frozenset[str] | None = (info.context or {}).get("known_assistants")
    if known is not None and value not in known:
        raise wrong("unknown assistant; allowed: {known}", known=", ".join(sorted(known)))
    return value


def _bucket(value: str) -> str:
    if "/" in value or ":" in value:
        raise wrong("write the bare name of the bucket; a folder in it goes into `prefix`")
    if not re.fullmatch(_BUCKET, value):
        raise wrong("a bucket's name is 3 to 63 characters of a-z, 0-9, '.' and '-'")
    return value


def _region(value: str) -> str:
    if not re.fullmatch(_REGION, value):
        raise wrong("must be the name of a region, as in eu-central-1")
    return value


def _account(value: str) -> str:
    if not re.fullmatch(_ACCOUNT, value):
        raise wrong("must be the 32 digits (0-9, a-f) of the Cloudflare account's id")
    return value


def _subject_key(value: str) -> str:
    if not 16 <= len(value) <= 1024:  # noqa: PLR2004 - said below
        raise wrong("must have 16 to 1024 characters; `openssl rand -hex 32` makes a good one")
    return value


def _prefix(value: str) -> str:
    if not value:
        return value
    if value.startswith("/") or value.endswith("/"):
        raise wrong("must not start or end with '/'; the empty text means no prefix")
    if not re.fullmatch(r"[A-Za-z0-9._=/-]{1,512}", value):
        # All of it is safe in a URL, in a listing and in a folder's name on Windows.
        raise wrong("allowed are a-z, A-Z, 0-9, '.', '_', '-', '=' and '/', at most 512")
    parts = value.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise wrong("must not hold '//', or '.' or '..' as a part")
    if any(part.partition("=")[0].lower() in _PARTITIONS and "=" in part for part in parts):
        raise wrong(
            "must not hold tenant=, class=, subject= or dt=: archiver adds these parts itself"
        )
    return value


def _local_path(value: Path) -> Path:
    # The daemon is started from anywhere: a relative path would mean another folder each time.
    if _CONTROL.search(str(value)):
        raise wrong("must not hold control characters")
    try:
        expanded = value.expanduser()
    except RuntimeError:
        raise wrong("'~' stands for a home folder, and this user has none") from None
    if not expanded.is_absolute():
        raise wrong("must be an absolute path, or start with ~/")
    return expanded


def _folder_pattern(value: str) -> str:
    parts = re.split(r"[/\\]", _text(value))
    if ".." in parts:
        raise wrong("must not hold '..'")
    if any("**" in part and part != "**" for part in parts):
        raise wrong("must not join '**' with other text: '*' is any text within one part")
    rooted = parts[0] in {"", "~", "**"} or re.fullmatch(r"[A-Za-z]:", parts[0])
    if not rooted or not any(parts):
        raise wrong("must start with ~/, /, a drive as in C:/, or **/")
    return value


def _remote_pattern(value: str) -> str:
    if remote_pattern(_text(value)) is None:
        raise wrong("must be host/path without credentials, as in example.com/acme/*")
    return value


def _public_key(value: str) -> str:
    if not re.fullmatch(_PUBLIC_KEY, value):
        raise wrong("must be a public key as `archiver keys generate admin` prints it")
    return value


def _recipient(value: str) -> str:
    if not re.fullmatch(_RECIPIENT, value):
        raise wrong("must be an age recipient: age1…, ssh-ed25519 … or ssh-rsa …")
    return value


def endpoint_host(value: str) -> str:
    """Give the host of a store's address; raise a refusal where it is none."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or parts.path.strip("/"):
        raise wrong("must be an address as https://host or https://host:port, without a path")
    if parts.username is not None or parts.query or parts.fragment:
        raise wrong("must not hold a user, a password or a query; secrets go in credentials_file")
    return host


def _endpoint(value: str) -> str:
    endpoint_host(value)
    return value.rstrip("/")


def _shown_as(pattern: str, **limits: int) -> WithJsonSchema:
    """Say in a JSON Schema what of a rule a pattern can say; the rule itself may be stricter."""
    of_text = {"pattern": pattern} if pattern else {}
    return WithJsonSchema({"type": "string", **of_text, **limits})


Text = Annotated[str, AfterValidator(_text), _shown_as(r"\S", maxLength=1024)]
"""Any text of one line, 1 to 1024 characters."""

Name = Annotated[str, AfterValidator(_name), _shown_as(f"^(?:{NAME_PATTERN})$")]
"""A tenant or a class: see `archiver.format.keys.NAME_PATTERN`."""

AssistantName = Annotated[str, AfterValidator(_assistant)]
"""One of ``known_assistants`` in the validation context; any text where there is none."""

Bucket = Annotated[str, AfterValidator(_bucket), _shown_as(f"^{_BUCKET}$")]
"""The bare name of a bucket."""

Region = Annotated[str, AfterValidator(_region), _shown_as(f"^{_REGION}$")]
"""A region of an S3 service."""

PublicKey = Annotated[str, AfterValidator(_public_key), _shown_as(f"^{_PUBLIC_KEY}$")]
"""An Ed25519 public key as C2SP signed notes write it: ``name+id+base64``."""

Recipient = Annotated[str, AfterValidator(_recipient), _shown_as(f"^(?:{_RECIPIENT})$")]
"""An age recipient. Whether its checksum holds is asked of the library that uses it."""

AccountId = Annotated[str, AfterValidator(_account), _shown_as(f"^{_ACCOUNT}$")]
"""The id of a Cloudflare account."""

SubjectKey = Annotated[
    str, AfterValidator(_subject_key), _shown_as("", minLength=16, maxLength=1024)
]
"""Secret: the key of the hash that makes pseudonyms."""

Prefix = Annotated[str, AfterValidator(_prefix), _shown_as(r"^[A-Za-z0-9._=/-]*$", maxLength=512)]
"""What every key starts with; no ``/`` at its ends; may be empty."""

LocalPath = Annotated[Path, AfterValidator(_local_path), _shown_as(r"^(?:~|/|[A-Za-z]:[\\/]|\\\\)")]
"""An absolute path on this machine, ``~`` already put in its place."""

FolderPattern = Annotated[
    str,
    AfterValidator(_folder_pattern),
    _shown_as(r"^(?:~|\*\*|[A-Za-z]:)?(?:[\\/]|$)", minLength=1, maxLength=1024),
]
"""Folders, as `archiver.policy.patterns` reads them, for any operating system."""

RemotePattern = Annotated[str, AfterValidator(_remote_pattern), _shown_as("/", maxLength=1024)]
"""Git remotes, as `archiver.policy.patterns` reads them."""

Endpoint = Annotated[str, AfterValidator(_endpoint), _shown_as(r"^[A-Za-z]+://[^/?#@]+/*$")]
"""``http(s)://host[:port]`` of an S3 service."""
