"""The archives that a reading command was pointed at, opened one after the other.

Nothing here writes: a folder that is not there is an error and is not made. A tenant whose
store does not answer does not hide the others: what could not be read is told at the end,
and the exit code says so.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from archiver.archive.catalogue import Catalogue, find_tenants, keys_in, read_catalogue
from archiver.cli.admin import trust_of
from archiver.cli.exits import ExitCode
from archiver.cli.folders import find_prefix, require_folder
from archiver.cli.output import note, progress
from archiver.cli.passphrases import identities_in
from archiver.errors import ArchiveError, ArchiverError, NotArchived, NotForUs, StoreError
from archiver.format.keys import tenant_folder
from archiver.model.answers import Answer
from archiver.stores.opening import open_store
from archiver.stores.settings import FolderSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from archiver.archive.held import ArchivedConversation
    from archiver.cli.where import Where
    from archiver.policy.document import Tenant
    from archiver.stores.protocol import Store

__all__ = ["Archives", "Part", "bars"]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Part:
    """One opened store, and what is read from it."""

    store: Store
    prefix: str
    tenants: tuple[str, ...]
    rules: Tenant | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a part is: a tenant's store, or a folder (``tenant`` is ``None``)."""

    tenant: Tenant | None
    folder: Path = Path()
    prefix: str = ""

    def store(self) -> Store:
        if self.tenant is None:
            require_folder(self.folder)
            return open_store(FolderSettings(self.folder))
        from archiver.daemon.rules import settings_of, store_of  # noqa: PLC0415 - 100 ms

        settings = settings_of(self.tenant)
        if isinstance(settings, FolderSettings):
            require_folder(settings.path)
        return store_of(self.tenant)


@dataclass(slots=True)
class Archives:
    """Everything that is meant. ``only`` names the one tenant that was asked for.

    ``failures`` collects what could not be read.
    """

    places: tuple[_Place, ...]
    only: str | None
    identities: tuple[str, ...] = ()
    failures: list[ArchiverError] = field(default_factory=list)

    @classmethod
    def of(cls, where: Where) -> Archives:
        """Find what the command line means; raise `ArchiverError` or `click.UsageError`."""
        if where.archive is not None:
            prefix = find_prefix(where.archive) if where.prefix is None else where.prefix
            place = _Place(None, where.archive, prefix.strip("/"))
            return cls((place,), where.tenant, identities_in(where.identities))
        if where.prefix is not None:
            raise click.UsageError("--prefix belongs to --archive; a policy names its own.")
        from archiver.cli.session import load_policy  # noqa: PLC0415 - a copy needs no policy

        tenants = load_policy(where.config).policy.tenants
        chosen = tuple(_Place(one) for one in tenants if where.tenant in (None, one.id))
        if not chosen:
            known = ", ".join(tenant.id for tenant in tenants) or "none at all"
            raise click.UsageError(f"No such tenant in {where.config}; it has {known}.")
        return cls(chosen, where.tenant, identities_in(where.identities))

    async def each(self, work: Callable[[Part], Awaitable[Result]]) -> list[Result]:
        """Give what ``work`` makes of each store; raise where none could be read."""
        results = []
        for place in self.places:
            try:
                with _as_a_reader():
                    async with place.store() as store:
                        names = await self._names(store, place)
                        if names or place.tenant is None:
                            results.append(
                                await work(Part(store, place.prefix, names, place.tenant))
                            )
            except ArchiverError as error:
                self.failures.append(error)
        if self.failures and not results:
            raise self.failures[0]
        return results

    async def _names(self, store: Store, place: _Place) -> tuple[str, ...]:
        if (tenant := place.tenant) is None:
            return self._chosen(await find_tenants(store, place.prefix), store.name)
        if tenant.enabled or self.only:
            return (tenant.id,)
        # A tenant that was never enabled has nothing there, which is as it should be.
        async with contextlib.aclosing(keys_in(store, tenant_folder("", tenant.id))) as keys:
            return (tenant.id,) if await anext(keys, None) else ()

    def _chosen(self, found: tuple[str, ...], where: str) -> tuple[str, ...]:
        if self.only is None:
            return found
        if self.only not in found:
            raise NotArchived(
                f"no tenant {self.only!r} in {where}; there is {', '.join(found) or 'none'}",
                advice="Correct --tenant, or leave it out to read them all.",
            )
        return (self.only,)

    async def catalogue(self) -> Catalogue:
        """Read the catalogues and put them together."""
        with bars("manifests") as tell:
            found = await self.each(
                lambda part: read_catalogue(
                    part.store,
                    part.prefix,
                    part.tenants,
                    identities=self.identities,
                    trust=trust_of(part, ()),
                    progress=tell,
                )
            )
        return Catalogue(
            prefix="",
            tenants=tuple(tenant for one in found for tenant in one.tenants),
            manifests=sum(one.manifests for one in found),
            unreadable=tuple(key for one in found for key in one.unreadable),
            rows=tuple(row for one in found for row in one.rows),
            closed=sum(one.closed for one in found),
            erased=sum(one.erased for one in found),
        )

    def find(self, catalogue: Catalogue, text: str) -> ArchivedConversation:
        """Find the one conversation that ``text`` names; raise the likeliest reason if not."""
        try:
            return catalogue.find(text)
        except NotArchived as error:
            # It may well lie in the store that did not answer, or in what is sealed.
            if self.failures:
                raise self.failures[0] from None
            known = any(row.id.startswith(text) for row in catalogue.rows)
            if catalogue.closed and not known:
                raise NotForUs(
                    f"{error}, as far as it can be read: {catalogue.closed} chunks are sealed to"
                    " keys that were not given",
                    advice="Give an officer's private key with --identity FILE.",
                ) from None
            raise

    async def with_conversation(
        self,
        text: str,
        work: Callable[[Store, Catalogue, ArchivedConversation], Awaitable[Result]],
    ) -> Result:
        """Find the one conversation that ``text`` names; give what ``work`` makes of it."""
        catalogue = await self.catalogue()
        conversation = self.find(catalogue, text)
        self.tell_closed(catalogue)
        place = next(
            one for one in self.places if one.tenant is None or one.tenant.id == conversation.tenant
        )
        with _as_a_reader():
            async with place.store() as store:
                return await work(store, catalogue, conversation)

    def tell_closed(self, catalogue: Catalogue) -> None:
        """Say how much of an archive is not shown because it is sealed, or erased."""
        if catalogue.closed:
            note(f"{catalogue.closed} chunks are sealed to keys that were not given.")
            note("  → Give an officer's private key with --identity FILE.")
        if catalogue.erased:
            note(f"{catalogue.erased} chunks can be opened by nobody: their keys are destroyed.")

    def conclude(self, unreadable: Sequence[str], code: int = ExitCode.DONE) -> int:
        """Say what could not be read; give the exit code that follows, else ``code``."""
        for key in unreadable:
            note(f"A manifest cannot be read; what only it lists is missing here: {key}")
        if unreadable:
            note("  → Run `archiver verify` to see what is affected.")
        for error in self.failures:
            note(f"Not read: {error}")
            note(f"  → {error.advice}")
        if self.failures:
            return ExitCode.COULD_NOT_RUN
        return ExitCode.ATTENTION if unreadable else code


@contextlib.contextmanager
def bars(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar for each run of calls (done, total); a run begins with ``done`` 1."""
    with contextlib.ExitStack() as stack:
        bar: list[Callable[[int], None]] = []

        def tell(done: int, total: int) -> None:
            if done == 1:
                stack.close()
                bar[:] = [stack.enter_context(progress(title, total))]
            bar[0](1)

        yield tell


@contextlib.contextmanager
def _as_a_reader() -> Iterator[None]:
    """Tell whoever comes with credentials that may not read what a reader needs."""
    try:
        yield
    except StoreError as error:
        if error.refusal.answer is not Answer.CREDENTIALS:
            raise
        raise ArchiveError(
            f"these credentials may not read the store: {error}",
            advice="A device's own may only write, and need no more. To read, name in a policy"
            " (--config) a profile or credentials_file that may s3:GetObject and s3:ListBucket,"
            " or read a downloaded copy with --archive.",
        ) from error
