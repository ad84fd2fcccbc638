"""A home of one's own, and a keyring that lives in this process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import keyring
import keyring.errors
import pytest
from keyring.backend import KeyringBackend

if TYPE_CHECKING:
    from pathlib import Path


class DesktopKeyring(KeyringBackend):
    """A keyring as a desktop has one. ``most`` is the length of the longest secret it takes."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()
        self.secrets: dict[tuple[str, str], str] = {}
        self.most = 100_000
        self.locked = False
        self.unlocked = threading.Event()
        self.unlocked.set()
        self.asked = 0

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a secret, or say no as Windows does where it is too long."""
        if len(password) > self.most or self.locked:
            raise keyring.errors.PasswordSetError(password)
        self.secrets[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        """Give a secret, once somebody has unlocked it."""
        self.asked += 1
        self.unlocked.wait(60)
        if self.locked:
            raise keyring.errors.KeyringLocked
        return self.secrets.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        """Take a secret away."""
        del self.secrets[service, username]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty home without a keyring; what was chosen before is restored."""
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


@pytest.fixture
def desktop(home: Path) -> DesktopKeyring:
    """Give a keyring that this user can use."""
    del home
    backend = DesktopKeyring()
    keyring.set_keyring(backend)
    return backend
