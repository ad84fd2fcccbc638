"""Working at the desk of every tenant that is meant, one after the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from archiver.cli.admin import check_found
from archiver.durable import files, lock
from archiver.errors import ArchiverError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from archiver.cli.admin import Admin
    from archiver.cli.archives import Archives, Part
    from archiver.witness.register import Desk

__all__ = ["at_each_desk"]

Result = TypeVar("Result")


def at_each_desk(
    archives: Archives,
    admin: Admin,
    work: Callable[[Part, Desk], Awaitable[Result]],
    *,
    with_rules: Callable[[Part, str], Part] = lambda part, _tenant: part,
) -> list[Result]:
    """Work at every desk, alone with this machine's memory.

    ``with_rules`` gives a part its tenant's rules, where a folder was opened without them.

    What fails for one tenant does not hold the others up: it stands in `Archives.failures`.
    Raise it where nothing was done at all.
    """

    async def part_by_part(part: Part) -> list[Result]:
        done = []
        for tenant in part.tenants:
            try:
                ruled = with_rules(part, tenant)
                done.append(await work(ruled, admin.desk(ruled, tenant)))
            except ArchiverError as error:
                archives.failures.append(error)
        if archives.failures and not done:
            raise archives.failures.pop()
        return done

    files.make_private_folder(admin.memory)
    with lock.hold(admin.memory):
        done = [one for found in asyncio.run(archives.each(part_by_part)) for one in found]
    check_found(archives, done)
    return done
