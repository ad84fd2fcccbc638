"""What holds for every test."""

from __future__ import annotations

import keyring
import pytest
from hypothesis import settings
from keyring.backends.fail import Keyring as NoKeyring

# How long an example takes says nothing on a machine that has other work as well; what hangs is
# ended by pytest-timeout.
settings.register_profile("archiver", deadline=None)
settings.load_profile("archiver")


@pytest.fixture(autouse=True)
def _no_keyring() -> None:
    """Begin without a keyring: neither this machine's, nor one that an earlier test chose.

    ``keyring`` chooses by itself among all backends that were ever defined in the process.
    """
    keyring.set_keyring(NoKeyring())
