"""Whether one answer can stand in a policy, before there is a policy. Pure."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from archiver.policy.fields import (
    AccountId,
    Bucket,
    Endpoint,
    FolderPattern,
    LocalPath,
    Name,
    Prefix,
    PublicKey,
    Recipient,
    Region,
    RemotePattern,
    Text,
)
from archiver.policy.places import RoleArn
from archiver.policy.retention import Days

__all__ = ["problem"]

_KINDS: Final[dict[str, Any]] = {
    "account_id": AccountId,
    "admin_keys": PublicKey,
    "bucket": Bucket,
    "days": Days,
    "endpoint": Endpoint,
    "exclude": FolderPattern,
    "git_remotes": RemotePattern,
    "officers": Recipient,
    "path": LocalPath,
    "prefix": Prefix,
    "region": Region,
    "role_arn": RoleArn,
    "subject_key_file": LocalPath,
    "tenant": Name,
    "user": Text,
    "working_directories": FolderPattern,
}


def problem(key: str, answer: object) -> str | None:
    """Say what is wrong with an answer to the question for ``key``; ``None`` where it is right."""
    if key not in _KINDS:
        return None
    if key == "days" and isinstance(answer, str) and answer.lstrip("-").isdecimal():
        answer = int(answer)
    try:
        TypeAdapter(_KINDS[key]).validate_python(answer)
    except ValidationError as error:
        return str(error.errors(include_input=False, include_url=False)[0]["msg"])
    return None
