"""This device's signing key, made when it is first needed, beside the spool.

    python -m archiver.evidence.device FOLDER DEVICE < MESSAGE > SIGNATURE

signs as a process of its own (without a message it prints the public key): the library that
signs takes 10 MiB, which a daemon that signs once an hour should not hold.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archiver.errors import UnusableKey
from archiver.evidence.keys import SigningKey, device_key_name
from archiver.evidence.verifier import VerifierKey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["KEY_FILE", "DeviceSigner", "own_key", "sign_apart", "signing_keys"]

KEY_FILE: Final = "device-{device}.key"
"""Named after the device: a machine that lost its state gets a new identity and a new key."""

_SECONDS: Final = 60


def own_key(folder: Path, device: str) -> SigningKey:
    """Load the key of the device whose state lies in ``folder``, or make it.

    The caller holds the folder's lock. A key that was lost is replaced: until an admin
    approves the new one, `archiver verify` reports what it signs.
    """
    path, name = folder / KEY_FILE.format(device=device), device_key_name(device)
    if path.exists():
        return SigningKey.load(path, name)
    key = SigningKey.generate(name)
    key.save(path)
    return key


def signing_keys(folder: Path) -> tuple[str, ...]:
    """Name the devices whose keys lie in a state folder."""
    before, _, after = KEY_FILE.partition("{device}")
    names = (path.name for path in sorted(folder.glob(f"{before}*{after}")))
    return tuple(name.removeprefix(before).removesuffix(after) for name in names)


class DeviceSigner:
    """Signs for one device: in this process, or with ``apart`` (`sign_apart`) in another.

    Implements `archiver.evidence.note.Signer`.
    """

    def __init__(
        self,
        folder: Path,
        device: str,
        apart: Callable[[Path, str, bytes], bytes] | None = None,
    ) -> None:
        self._folder = folder
        self._device = device
        self._apart = apart
        self._public: VerifierKey | None = None

    def make_ready(self) -> None:
        """Make the key if there is none yet, so that an admin can ask for it from now on."""
        if self._device not in signing_keys(self._folder):
            _ = self.public

    def of(self, device: str) -> DeviceSigner:
        """Give the signer of a device that this machine was before it lost its state."""
        return DeviceSigner(self._folder, device, self._apart)

    @property
    def public(self) -> VerifierKey:
        """The key that verifies."""
        if self._public is None:
            if self._apart:
                text = self._apart(self._folder, self._device, b"").decode().strip()
                self._public = VerifierKey.parse(text)
            else:
                self._public = own_key(self._folder, self._device).public
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Sign."""
        if self._apart:
            return self._apart(self._folder, self._device, message)
        return own_key(self._folder, self._device).sign(message)


def sign_apart(folder: Path, device: str, message: bytes) -> bytes:
    """Run a process that signs; raise `UnusableKey` where it cannot."""
    # -P: a folder named archiver where this was started must not be taken for the program.
    command = (sys.executable, "-P", "-m", "archiver.evidence.device", str(folder), device)
    done = subprocess.run(
        command, input=message, capture_output=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        raise UnusableKey(
            f"the key of this device in {folder} cannot sign",
            advice=f"Only its user may read {KEY_FILE.format(device=device)} there."
            " Where it is damaged, move it away; a new one must be approved by the admin.",
        )
    return done.stdout


def _main(arguments: Sequence[str]) -> None:
    folder, device = arguments
    key = own_key(Path(folder), device)
    message = sys.stdin.buffer.read()
    sys.stdout.buffer.write(key.sign(message) if message else f"{key.public}\n".encode())


if __name__ == "__main__":
    _main(sys.argv[1:])
