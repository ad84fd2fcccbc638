"""Names of the vault's objects, built and parsed in one place, both ways.

    <prefix>/tenant=<t>/_keys/subject=<s>/<YYYY-MM>/<device>-<key id>-<officers id>-<sha16>.age

Each object is a wrap: the private half of one month key, readable by some officers. All wraps
of one person's month lie in one folder, so that erasing it is emptying that folder. A key may
have several wraps, one for each set of officers that it was wrapped to. As with chunks the
name ends with the hash of the stored bytes, so the same name means the same bytes.

The officers id is what the writer says; only trying tells who can open a wrap.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from archiver.format.keys import NAME_PATTERN, tenant_folder
from archiver.vault.months import ID_DIGITS, KeyName, MonthKey

__all__ = ["VaultKey", "month_folder", "parse_vault_key", "vault_folder", "wraps_of"]

_HEX16 = r"[0-9a-f]{16}"
_WRAP = re.compile(
    rf"(?:(?P<prefix>.+)/)?tenant=(?P<tenant>{NAME_PATTERN})/_keys"
    rf"/subject=(?P<subject>[0-9a-f]{{32}})/(?P<month>[0-9]{{4}}-(?:0[1-9]|1[0-2]))"
    rf"/(?P<device>{_HEX16})-(?P<key_id>{_HEX16})-(?P<officers>{_HEX16})-(?P<sha>{_HEX16})\.age"
)


@dataclass(frozen=True, slots=True)
class VaultKey:
    """The name of a wrap. ``sha`` is the first 16 hex digits of its stored bytes' sha256."""

    prefix: str
    tenant: str
    subject: str
    month: str
    device: str
    key_id: str
    officers: str
    sha: str

    def __str__(self) -> str:
        """Give the key as the store knows it."""
        return f"{wraps_of(self.prefix, self.name)}{self.officers}-{self.sha}.age"

    @property
    def name(self) -> KeyName:
        """Tell which month key it wraps."""
        return KeyName(self.tenant, self.subject, self.month, self.device, self.key_id)

    @classmethod
    def of(cls, key: MonthKey, wrap: bytes, *, prefix: str = "") -> VaultKey:
        """Name the wrap that was made together with ``key``."""
        return cls.named(key.name, key.officers, wrap, prefix=prefix)

    @classmethod
    def named(cls, name: KeyName, officers: str, wrap: bytes, *, prefix: str = "") -> VaultKey:
        """Name a wrap of the month key ``name`` for these ``officers`` (their id)."""
        sha = hashlib.sha256(wrap).hexdigest()[:ID_DIGITS]
        return cls(
            prefix, name.tenant, name.subject, name.month, name.device, name.key_id, officers, sha
        )


def vault_folder(prefix: str, tenant: str) -> str:
    """Give the prefix of all wraps of one tenant, with its final ``/``."""
    return f"{tenant_folder(prefix, tenant)}_keys/"


def month_folder(prefix: str, tenant: str, subject: str, month: str) -> str:
    """Give the prefix of all wraps of one person's month: what an erasure empties."""
    return f"{vault_folder(prefix, tenant)}subject={subject}/{month}/"


def wraps_of(prefix: str, name: KeyName) -> str:
    """Give the prefix of all wraps of one month key, for a listing."""
    folder = month_folder(prefix, name.tenant, name.subject, name.month)
    return f"{folder}{name.device}-{name.key_id}-"


def parse_vault_key(key: str) -> VaultKey | None:
    """Read a key back, or give ``None`` where it is not that of a wrap."""
    match = _WRAP.fullmatch(key)
    return match and VaultKey(**match.groupdict(default=""))
