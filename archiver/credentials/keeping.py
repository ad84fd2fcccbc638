"""The keys that ``archiver credentials set`` keeps on this machine, tenant by tenant.

They lie in one of two places: the operating system's keyring where there is a real one, else
the file ``<tenant>.ini`` in the user's configuration folder. Where a keyring has the secret,
that file says so, with what is no secret: so a daemon asks a keyring only where there is
something in it, and when the keys end is known without asking it.

* `keep` replaces: after a crash the old keys hold, or the new ones, never half of each. What a
  crash may leave is an entry of a keyring that nothing points to.
* Nothing is kept in a policy, the spool, the environment or the working folder.
* The file is closed to others (0600 in a folder of 0700), and refused where it is not.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from archiver.credentials.files import read_private, write_private
from archiver.credentials.formats import as_ini, read_ini
from archiver.credentials.keyrings import system_keyring
from archiver.credentials.keys import Expiry, Keys, check, expiry_of
from archiver.credentials.places import default_folder, path_of
from archiver.credentials.pointer import Pointer, pointer_in, written
from archiver.credentials.refusals import refused
from archiver.durable import files
from archiver.errors import StoreError
from archiver.format.keys import NAME_PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "Kept",
    "Place",
    "Where",
    "find",
    "forget",
    "keep",
    "kept",
    "look",
]

Where = Literal["keyring", "file"]


class Place(Protocol):
    """Somewhere to keep a secret text under a name. Each verb raises `StoreError`."""

    name: str

    def keep(self, entry: str, text: str) -> None:
        """Keep a text, over whatever was kept under that name."""
        ...

    def find(self, entry: str) -> str | None:
        """Give the text, ``None`` where there is none."""
        ...

    def forget(self, entry: str) -> None:
        """Take the text away; it may be gone already."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of kept keys without their secrets. ``key_id`` is masked.

    ``problem`` says why they cannot be used, where that is so.
    """

    tenant: str
    where: str
    key_id: str = ""
    expiry: Expiry | None = None
    problem: str = ""


class _File:
    """A tenant's own file, as a `Place` of one text."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"file {path}"

    def keep(self, entry: str, text: str) -> None:
        del entry
        write_private(self._path, text)

    def find(self, entry: str) -> str | None:
        del entry
        return read_private(self._path) if self._path.exists() else None

    def forget(self, entry: str) -> None:
        del entry
        files.remove(self._path)


def keep(tenant: str, keys: Keys, *, where: Where | None = None) -> str:
    """Keep a tenant's keys instead of those kept before; give the place, for humans.

    ``where`` left out: in the keyring where there is a real one that takes them, else in the
    file. Raise `StoreError` (CREDENTIALS) where the keys can be none or the place refuses.
    """
    check(keys)
    file = _File(path_of(tenant))
    old = pointer_in(_text_of(file))
    place = None if where == "file" else system_keyring()
    if place is None and where == "keyring":
        raise refused(
            "there is no keyring that this user can use",
            code="NoKeyring",
            advice='Install archiver with the extra "keyring" in a session that has one; or keep'
            " the credentials in a file with `--in file`.",
        )
    new = f"{tenant}/{secrets.token_hex(8)}"
    if place is not None:
        try:
            place.keep(new, as_ini(keys))
        except StoreError:
            # Windows takes 2,560 bytes, which is less than some session tokens.
            if where == "keyring":
                raise
            place = None
    file.keep(
        tenant, written(Pointer(new, keys.masked, expiry_of(keys))) if place else as_ini(keys)
    )
    if old is not None:
        _drop(old)
    return place.name if place else file.name


def find(tenant: str) -> Keys | None:
    """Give a tenant's keys, ``None`` where none are kept; raise `StoreError` (CREDENTIALS)."""
    file = _File(path_of(tenant))
    text = file.find(tenant)
    if text is None:
        return None
    pointer = pointer_in(text)
    if pointer is None:
        return read_ini(text, file.name)
    place = system_keyring()
    secret = place.find(pointer.entry) if place else None
    if secret is None:
        raise refused(
            f"the keyring has no credentials of {tenant}, or there is no keyring here",
            code="Keyring",
            advice=f"Set them again with `archiver credentials set {tenant}`; for a daemon that"
            " runs outside of a session, with `--in file`.",
        )
    return read_ini(secret, f"the keyring's entry of {tenant}")


def forget(tenant: str) -> bool:
    """Take a tenant's kept keys away; tell whether there were any."""
    file = _File(path_of(tenant))
    path = path_of(tenant)
    if not path.exists():
        return False
    pointer = pointer_in(_text_of(file))
    if pointer is not None:
        _drop(pointer)
    file.forget(tenant)
    files.sweep(path.parent)  # what a crash left half written holds keys as well
    return True


def kept() -> Iterator[Kept]:
    """Yield what is kept, by tenant. No keyring is asked."""
    for path in sorted(default_folder().glob("*.ini")):
        if re.fullmatch(NAME_PATTERN, path.stem) and (found := look(path.stem)):
            yield found


def look(tenant: str) -> Kept | None:
    """Tell what is known of a tenant's kept keys, ``None`` where none are. Asks no keyring."""
    file = _File(path_of(tenant))
    try:
        text = file.find(tenant)
        if text is None:
            return None
        if pointer := pointer_in(text):
            return Kept(tenant, "keyring", pointer.key_id, pointer.expiry)
        keys = read_ini(text, file.name)
    except StoreError as error:
        return Kept(tenant, file.name, problem=str(error))
    return Kept(tenant, file.name, keys.masked, expiry_of(keys))


def _text_of(file: _File) -> str:
    try:
        return file.find("") or ""
    except StoreError:
        return ""  # it is about to be replaced


def _drop(pointer: Pointer) -> None:
    """Take an entry out of the keyring; one that stays is no harm to what is kept now."""
    with contextlib.suppress(StoreError):
        if place := system_keyring():
            place.forget(pointer.entry)
