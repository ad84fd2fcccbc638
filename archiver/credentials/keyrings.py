"""The keyring of the operating system, where there is a real one.

macOS's Keychain, Windows' Credential Locker, the Secret Service of a Linux desktop: what the
library ``keyring`` recommends by its own measure (priority 1 or more). Never those that keep
nothing (null, fail), and never a file that is called a keyring (``keyrings.alt``).

This is the one module that loads ``keyring``: an extra, which need not be installed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from archiver.credentials.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from keyring.backend import KeyringBackend

__all__ = ["Keyring", "system_keyring"]

_SERVICE: Final = "archiver"
_SECONDS = 60.0
"""How long somebody may take to unlock it."""
_WAITING: Final[list[threading.Thread]] = []
_NO_KEYRINGS: Final = ("keyring.backends.null", "keyring.backends.fail", "keyrings.alt")


class Keyring:
    """One keyring; see `archiver.credentials.keeping.Place`."""

    def __init__(self, backend: KeyringBackend) -> None:
        self._backend = backend
        self.name = f"keyring ({type(backend).__module__.rpartition('.')[2]})"

    def keep(self, entry: str, text: str) -> None:
        """Keep a text; raise `StoreError` (CREDENTIALS)."""
        self._asked(lambda: self._backend.set_password(_SERVICE, entry, text))

    def find(self, entry: str) -> str | None:
        """Give a text, ``None`` where there is none; raise `StoreError` (CREDENTIALS)."""
        return self._asked(lambda: self._backend.get_password(_SERVICE, entry))

    def forget(self, entry: str) -> None:
        """Take a text away, which may be gone already; raise `StoreError` (CREDENTIALS)."""
        if self.find(entry) is not None:
            self._asked(lambda: self._backend.delete_password(_SERVICE, entry))

    def _asked(self, question: Callable[[], str | None]) -> str | None:
        answers, problem = _answers(question)
        if answers:
            return answers[0]
        raise refused(
            f"the {self.name} did not answer ({problem})",
            code="Keyring",
            advice="Unlock the keyring, for instance by logging in; or keep the credentials in"
            " a file with `archiver credentials set --in file`.",
        )


def _answers(question: Callable[[], str | None]) -> tuple[list[str | None], str]:
    """Ask a keyring; give its answer, or none and why.

    A locked one asks its user, who may be away: it is given a while, in a thread that is left
    behind then. Until that has its answer nothing more is asked.
    """
    answers: list[str | None] = []
    problems: list[str] = []

    def ask() -> None:
        try:
            answers.append(question())
        except Exception as error:  # noqa: BLE001 - each backend raises errors of its own
            problems.append(type(error).__name__)

    _WAITING[:] = [one for one in _WAITING if one.is_alive()]
    if _WAITING:
        return [], "it still waits for its user"
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_SECONDS)
    if asking.is_alive():
        _WAITING.append(asking)
    return answers, problems[0] if problems else f"not within {_SECONDS:.0f} seconds"


def system_keyring() -> Keyring | None:
    """Give the keyring of this user's session, ``None`` where there is no real one."""
    try:
        import keyring  # noqa: PLC0415 - an extra, and 50 ms

        for backend in _backends(keyring.get_keyring()):
            module = type(backend).__module__
            if not module.startswith(_NO_KEYRINGS) and backend.priority >= 1:
                return Keyring(backend)
    except Exception:  # noqa: BLE001 - not there, or its settings name what cannot be loaded
        return None
    return None


def _backends(chosen: KeyringBackend) -> Iterator[KeyringBackend]:
    """Yield the one that was chosen, or those that a chain of them would try."""
    if type(chosen).__module__ == "keyring.backends.chainer":
        yield from getattr(chosen, "backends", ())
    else:
        yield chosen
