"""Single values of a policy in plain words, as `archiver policy show` and `diff` say them.

No phrase holds a secret: of a command that prints credentials only the program is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archiver.policy.places import FolderStore, R2Store, S3Store
from archiver.policy.retention import PRESETS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from archiver.model.shipment import ClassTerms, LockMode
    from archiver.policy.places import Store

__all__ = [
    "LOCKED",
    "admin_name",
    "credentials_of",
    "days",
    "every",
    "folder",
    "in_words",
    "seconds",
    "size",
    "stays",
    "store_in_words",
]

LOCKED: Final[dict[LockMode, str]] = {
    "none": "not locked: whoever may delete in the store can delete it earlier",
    "governance": "locked in the store (governance): before that day only an administrator with"
    " a special right can delete it",
    "compliance": "locked in the store (compliance): before that day nobody can delete it, not"
    " even the owner of the account",
    "rule": "locked by a rule of the bucket: nobody can delete it before that day, unless an"
    " administrator takes the rule away",
}
"""What each lock means to somebody who has to rely on it."""

_UNITS: Final = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_SIZES: Final = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_LEAP: Final = {number: word for word, number in PRESETS.items() if word.endswith("y") and number}


def in_words(things: Iterable[object], joint: str = "and") -> str:
    """Join things as a sentence does: ``a, b and c``."""
    *rest, last = [str(thing) for thing in things] or ["nothing"]
    return f"{', '.join(rest)} {joint} {last}" if rest else last


def days(number: int | None) -> str:
    """Say how long: ``2557 days (7 years)``, ``for ever``."""
    if number is None:
        return "for ever"
    if number in _LEAP:
        years = _LEAP[number].removesuffix("y")
        return f"{number} days ({years} {'year' if years == '1' else 'years'})"
    return _counted(number, "day")


def seconds(number: int) -> str:
    """Say a time in the largest unit that fits it exactly: ``15 minutes``."""
    length, unit = next(one for one in _UNITS if number % one[0] == 0)
    return _counted(number // length, unit) if number else "0 seconds"


def every(number: int) -> str:
    """Say how often: ``every hour``, ``every 30 seconds``."""
    return f"every {seconds(number).removeprefix('1 ')}"


def size(number: int) -> str:
    """Say a number of bytes: ``4 GiB``; never rounded."""
    for length, unit in _SIZES:
        if number and number % length == 0:
            return f"{number // length} {unit}"
    return f"{number} bytes"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def stays(terms: ClassTerms) -> str:
    """Say how long a class stays, and whether it is locked."""
    if terms.days is None:
        return "it stays for ever, and archiver never deletes it; it is not locked"
    return f"it stays {days(terms.days)} from when it was sent; it is {LOCKED[terms.lock]}"


def folder(pattern: str) -> str:
    """Say a folder pattern without the ending that changes nothing."""
    plain = pattern
    while plain.endswith(("/**", "\\**")):
        plain = plain[:-3]
    return plain or pattern


def admin_name(key: str) -> str:
    """Name a public key by its name and id, as people compare them."""
    return "+".join(key.split("+")[:2])


def store_in_words(store: Store) -> str:
    """Say where chunks go."""
    match store:
        case FolderStore():
            place = f"the folder {store.path}"
        case S3Store(endpoint=None):
            place = f"the bucket {store.bucket} on Amazon S3 in {store.region}"
        case S3Store():
            place = f"the bucket {store.bucket} at {store.endpoint} (region {store.region})"
        case R2Store():
            limited = f", jurisdiction {store.jurisdiction}" if store.jurisdiction else ""
            place = f"the bucket {store.bucket} on Cloudflare R2, account {store.account_id}"
            place += limited + (f", at {store.endpoint}" if store.endpoint else "")
    return f"{place}, below {store.prefix}/" if store.prefix else place


def credentials_of(store: Store) -> str:
    """Say where the keys to a store come from; empty for a folder, which needs none."""
    if isinstance(store, FolderStore):
        return ""
    if store.credentials_file is not None:
        found = f"the file {store.credentials_file}"
    elif store.profile is not None:
        found = f"the profile {store.profile} of the AWS configuration"
    elif store.credential_process is not None:
        found = f"the program {store.credential_process[0]}"
    elif isinstance(store, S3Store) and store.web_identity_token_file is not None:
        found = f"an identity provider's token in {store.web_identity_token_file}"
    else:
        found = "what `archiver credentials set` keeps on each machine, else AWS's usual search"
    role = store.role_arn if isinstance(store, S3Store) else None
    return f"{found}, for sessions of the role {role}" if role else found
