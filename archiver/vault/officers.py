"""Officers' own keys: making one, and reading the files that hold keys and recipients.

The files are those of age's own programs: what ``age-keygen`` writes can be read here, and
what is written here ``age -d -i`` reads. An identity file may be locked with a passphrase.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archiver.errors import UnusableKey
from archiver.vault import age

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["OfficerKey", "generate", "parse_recipients", "read_identities"]


@dataclass(frozen=True, slots=True)
class OfficerKey:
    """A new key of an officer: what goes into the policy, and the file to keep (never shown)."""

    recipient: str
    file: bytes = field(repr=False)


def generate(now: datetime, *, passphrase: str | None = None) -> OfficerKey:
    """Make a key pair; ``now`` stands in the file. With a ``passphrase`` the file is locked."""
    identity, recipient = age.generate()
    text = (
        f"# created: {now.isoformat(timespec='seconds')}\n# public key: {recipient}\n{identity}\n"
    )
    file = text.encode()
    return OfficerKey(recipient, file if passphrase is None else age.lock(file, passphrase))


def parse_recipients(text: str) -> tuple[str, ...]:
    """Read a recipients file, as for ``age -R``: one in a line, ``#`` begins a comment line.

    Give them as `archiver.vault.age.check_recipients` does; raise `UnusableKey` with the
    number of the line that is wrong.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not _is_comment(line):
            try:
                found.append(age.check_recipient(line))
            except UnusableKey as error:
                raise UnusableKey(f"line {number}: {error}", advice=error.advice) from None
    return age.check_recipients(found)


def read_identities(file: bytes, *, passphrase: Callable[[], str] | None = None) -> tuple[str, ...]:
    """Read an identity file: of ``age-keygen``, of `generate`, or an SSH private key.

    ``passphrase`` is asked only where the file is locked. Raise `UnusableKey` where the file
    holds no key, a key of another kind, or is locked and nobody or nothing opens it.
    """
    if file.startswith((age.HEADER, b"-----BEGIN AGE ENCRYPTED FILE-----")):
        if passphrase is None:
            raise UnusableKey(
                "the identity file is locked with a passphrase",
                advice="Run the command at a terminal, which can ask for it.",
            )
        file = age.unlock(file, passphrase())
    try:
        text = file.decode()
    except UnicodeDecodeError:
        raise _no_key("it is not text") from None
    if "-----BEGIN" in text:
        return _usable(text)
    lines = [line.strip() for line in text.splitlines() if not _is_comment(line)]
    if not lines:
        raise _no_key("it is empty")
    return _usable(*lines)


def _usable(*identities: str) -> tuple[str, ...]:
    for identity in identities:
        age.check_identity(identity)
    return identities


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _no_key(why: str) -> UnusableKey:
    return UnusableKey(
        f"the file holds no private key: {why}",
        advice="Make one with `archiver keys generate` or age-keygen.",
    )
