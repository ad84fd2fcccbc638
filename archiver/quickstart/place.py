"""The folder of a quickstart: what lies where in it, and whose it is.

    quickstart.json   says that the folder is a quickstart's, and which home it reads
    policy.toml       the policy; kept as it is once it is there
    admin.key         the key of its admin, who approves the device and signs checkpoints
    admin.key.pub     the public half, for whoever verifies
    home/             the bundled sample conversations, as in a home directory
    state/            the spool, and what the admin signed last
    archive/          the folder that stands for the bucket
    restored/         what was given back

Promise: a folder that holds anything and no ``quickstart.json`` is somebody else's and is
refused before a byte is written. A file that is there is never written again or removed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final, Literal

from archiver.durable import files
from archiver.errors import StateError
from archiver.evidence.keys import SigningKey, admin_key_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

__all__ = ["TENANT", "Home", "QuickstartFolder"]

TENANT: Final = "quickstart"
"""The only tenant of a quickstart."""

Home = Literal["samples", "this machine"]
"""Whose conversations a quickstart reads."""

_MARKER: Final = "quickstart.json"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class QuickstartFolder:
    """The places in the folder ``root``, an absolute path."""

    root: Path
    reads: Home

    @property
    def policy(self) -> Path:
        """The policy document."""
        return self.root / "policy.toml"

    @property
    def admin_key(self) -> Path:
        """The private key of the admin."""
        return self.root / "admin.key"

    @property
    def admin_public(self) -> Path:
        """The public half of it, as text."""
        return self.root / "admin.key.pub"

    @property
    def home(self) -> Path:
        """The home directory that the bundled samples stand in."""
        return self.root / "home"

    @property
    def state(self) -> Path:
        """The spool's folder."""
        return self.root / "state"

    @property
    def archive(self) -> Path:
        """The folder that stands for the bucket."""
        return self.root / "archive"

    @property
    def restored(self) -> Path:
        """Where the first conversation that is given back goes."""
        return self.root / "restored"

    def claim(self) -> None:
        """Make the folder, or make sure that it is ours and reads the same home.

        Raises `StateError`, before anything was written, where it is not.
        """
        if not str(self.root).isprintable():
            raise StateError(
                f"the folder {str(self.root)!a} has a name that no policy can hold",
                advice="Name another with --dir, of characters that can be printed.",
            )
        files.make_private_folder(self.root)
        marker = self.root / _MARKER
        if marker.is_file():
            self._check(marker)
            return
        if any(one for one in self.root.iterdir() if not _is_unfinished(one)):
            raise StateError(
                f"{self.root} holds something that no quickstart put there",
                advice="Name an empty or a new folder with --dir. Nothing was changed.",
            )
        said = {"quickstart": _VERSION, "reads": self.reads}
        files.write_new(marker, json.dumps(said).encode() + b"\n")

    def _check(self, marker: Path) -> None:
        try:
            said = json.loads(marker.read_bytes())
            version, reads = said["quickstart"], said["reads"]
        except (ValueError, KeyError, TypeError):
            version = reads = None
        if version != _VERSION:
            raise StateError(
                f"{marker} was not written by this version of archiver",
                advice="Name another folder with --dir. Nothing was changed.",
            )
        if reads != self.reads:
            raise StateError(
                f"the quickstart in {self.root} reads {reads}, not {self.reads}",
                advice="The two must not share an archive: name another folder with --dir.",
            )

    def put_admin(self) -> SigningKey:
        """Give the admin's key, made where there is none; its public half lies beside it.

        Raises `UnusableKey` where what is there cannot be used.
        """
        name = admin_key_name(TENANT)
        if self.admin_key.exists():
            key = SigningKey.load(self.admin_key, name)
        else:
            key = SigningKey.generate(name)
            key.save(self.admin_key)
        if not self.admin_public.exists():
            files.write_new(self.admin_public, f"{key.public}\n".encode())
        return key

    def put_samples(self) -> int:
        """Write each sample file that is not there; give the number written.

        A sample that somebody edited stays edited: the next pass captures the edit.
        """
        samples = resources.files("archiver.quickstart") / "samples" / "home"
        missing = [(path, file) for path, file in _below(samples, self.home) if not path.exists()]
        for path, file in missing:
            files.make_private_folder(path.parent)
            files.write_new(path, file.read_bytes())
        return len(missing)


def _is_unfinished(path: Path) -> bool:
    return path.name.startswith(files.TEMPORARY_PREFIX)


def _below(folder: Traversable, target: Path) -> Iterator[tuple[Path, Traversable]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _below(one, target / one.name)
        else:
            yield target / one.name, one
