"""Where the keys of a store come from, asked anew at each opening.

The first that is named: a file, a command, a profile of AWS (left to its SDK, SSO included); where
none is, what ``archiver credentials set`` keeps for the tenant, else the SDK's own search. A role
is taken on with whatever that gives. Sessions and a command's temporary keys are held in memory
until shortly before they end (`archiver.credentials.sessions`).

Keys that are known to have ended are refused here, before any request.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from archiver.credentials.files import read_keys
from archiver.credentials.keeping import find
from archiver.credentials.keys import check_current
from archiver.credentials.process import keys_from
from archiver.credentials.sessions import HELD
from archiver.stores.sts import assumed

if TYPE_CHECKING:
    from collections.abc import Callable

    from archiver.credentials.keys import Keys
    from archiver.stores.settings import S3Settings
    from archiver.stores.sts import Connect

__all__ = ["base_of", "forget_sessions", "keys_of"]


async def keys_of(settings: S3Settings, connect: Connect) -> Keys | None:
    """Give the keys to open a store with; ``None``: what the SDK finds by itself.

    ``connect`` reaches STS where a role is named. Raise `StoreError`.
    """
    role = settings.role
    base = None if role and role.token_file else await base_of(settings)
    if role is None:
        return base
    keys = await HELD.get(settings, base, lambda: assumed(settings, base, connect), clock=_now)
    check_current(keys, _now(), remedy="Set this machine's clock: STS gave keys that had ended.")
    return keys


async def base_of(settings: S3Settings) -> Keys | None:
    """Give the keys without the role: those that ask for it."""
    remedy = f"Set new ones with `archiver credentials set {settings.tenant or 'TENANT'}`."
    if settings.credentials_file:
        keys: Keys | None = read_keys(settings.credentials_file)
        remedy = f"Write new ones into {settings.credentials_file}; they are used at once."
    elif command := settings.credential_process:
        keys = await HELD.get((settings, command), None, lambda: keys_from(command), clock=_now)
        remedy = f"Let {command[0]}, the credential_process of the policy, print new ones."
    elif settings.profile or not settings.tenant:
        return None
    else:
        keys = await _beside(partial(find, settings.tenant))
    if keys is not None:
        check_current(keys, _now(), remedy=remedy)
    return keys


async def _beside(look: Callable[[], Keys | None]) -> Keys | None:
    """Look in a thread that nobody waits for at the end, as asyncio does for its own."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Keys | None] = loop.create_future()

    def tell(keys: Keys | None, error: Exception | None) -> None:
        if found.done():
            return
        if error is None:
            found.set_result(keys)
        else:
            found.set_exception(error)

    def run() -> None:
        keys, problem = None, None
        try:
            keys = look()
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            problem = error
        with contextlib.suppress(RuntimeError):  # who asked has ended meanwhile
            loop.call_soon_threadsafe(tell, keys, problem)

    threading.Thread(target=run, daemon=True).start()
    return await found


def forget_sessions(settings: S3Settings) -> None:
    """Ask anew at the next opening: a store refused what is held."""
    HELD.forget(settings)
    HELD.forget((settings, settings.credential_process))


def _now() -> datetime:
    return datetime.now(UTC)
