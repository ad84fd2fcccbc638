"""Who the user is for a tenant, and the pseudonym that stands in keys.

The subject is the first 32 hex digits of HMAC-SHA256 with the tenant's key over the tenant's
id, a zero byte, and the user in folded case. The same person has another subject with each
tenant, and without the key nobody can tell whether a subject is a given person.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from archiver.errors import PolicyInvalid, PolicyUnreadable

if TYPE_CHECKING:
    from pathlib import Path

    from archiver.policy.document import Tenant

__all__ = ["Person", "identify", "subject", "subject_key"]

_SHORTEST: Final = 16
_LONGEST: Final = 1024
_ADVICE: Final = (
    "Make a key with `openssl rand -hex 32`, put it into that file, and let only the user "
    "that runs archiver (or their group) read it. Keep a copy: another key means other subjects."
)


@dataclass(frozen=True, slots=True)
class Person:
    """The user of a tenant. ``source`` says where ``user`` is from, in a few words."""

    user: str
    subject: str
    source: str


def identify(tenant: Tenant, *, git_email: str | None, os_user: str) -> Person:
    """Name the user as ``tenant`` wants it, the OS user where there is no git e-mail.

    Reads the key's file; raises `PolicyUnreadable` or `PolicyInvalid` where it cannot be used.
    """
    identity = tenant.identity
    user, source = os_user, "os-user"
    if identity.source == "fixed" and identity.value is not None:
        user, source = identity.value, "fixed"
    elif identity.source == "git-email" and git_email:
        user, source = git_email, "git-email"
    elif identity.source == "git-email":
        source = "os-user, because git has no user.email"
    return Person(user, subject(subject_key(tenant), tenant.id, user), source)


def subject(key: bytes, tenant: str, user: str) -> str:
    """Give the pseudonym of ``user`` with ``tenant``: 32 hex digits."""
    message = f"{tenant}\0{user.casefold()}".encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:32]


def subject_key(tenant: Tenant) -> bytes:
    """Give the key of ``tenant``, from the policy or from the file that it names."""
    identity = tenant.identity
    path = identity.subject_key_file
    if path is None:
        return (identity.subject_key or "").encode()
    where = f"tenant {tenant.id}, identity.subject_key_file {path}"
    key = _read(path, where)
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise PolicyInvalid(
            f"{where}: must hold {_SHORTEST} to {_LONGEST} characters", advice=_ADVICE
        )
    return key


def _read(path: Path, where: str) -> bytes:
    try:
        # Asked before opening: a pipe would wait for its writer.
        if not path.is_file() and path.exists():
            raise PolicyInvalid(f"{where}: is not a file", advice=_ADVICE)
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            # The group may: an admin gives a fleet one file that root owns.
            if sys.platform != "win32" and mode & 0o007:
                raise PolicyInvalid(f"{where}: may be used by every user here", advice=_ADVICE)
            return file.read(_LONGEST + 64).strip()
    except OSError as error:
        raise PolicyUnreadable(
            f"{where}: cannot be read: {error.strerror}", advice=_ADVICE
        ) from None
