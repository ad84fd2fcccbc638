"""``archiver proof``: what a stranger needs to check one conversation without archiver."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archiver.cli.options import examples
from archiver.cli.output import note, say
from archiver.cli.where import Where, archive_options
from archiver.durable.files import write_new
from archiver.errors import ArchiveError

if TYPE_CHECKING:
    from archiver.archive.catalogue import Catalogue
    from archiver.archive.held import ArchivedConversation
    from archiver.archive.proof import Proof
    from archiver.stores.protocol import Store

__all__ = ["proof"]


@click.command(
    epilog=examples(
        "archiver proof 5b0c2f9e --admin-key acme.pub --to case-4711.json",
        "archiver proof 5b0c2f9e --admin-key acme.pub --to case-4711/",
        'cd case-4711 && python check_proof.py proof.json "$(cat acme.pub)" | sha256sum -c',
    )
)
@click.argument("conversation")
@archive_options
@click.option(
    "--admin-key",
    "admin_keys",
    multiple=True,
    metavar="KEY",
    help="An admin's public key, or a file that holds it; else those in the policy.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="FILE.json|DIR",
    required=True,
    help="A file for the proof alone, or a folder for it, its script and the chunks.",
)
def proof(conversation: str, where: Where, admin_keys: tuple[str, ...], to: Path) -> int:
    """Write a proof of one conversation that needs no archiver.

    CONVERSATION is an id as `archiver ls` shows it, or its beginning. The newest checkpoint must
    cover it. What a proof shows, and how to check it, is in FORMAT.md.
    """
    from archiver.archive.fetch import fetch_chunk  # noqa: PLC0415 - --help needs none of it
    from archiver.archive.proof import checker, prove  # noqa: PLC0415
    from archiver.cli.admin import trust_of  # noqa: PLC0415
    from archiver.cli.archives import Archives, Part, bars  # noqa: PLC0415

    archives = Archives.of(where)
    alone = to.suffix == ".json" and not to.is_dir()
    files: dict[str, bytes] = {}

    async def work(store: Store, _catalogue: Catalogue, row: ArchivedConversation) -> Proof:
        rules = [
            one.tenant for one in archives.places if one.tenant and one.tenant.id == row.tenant
        ]
        part = Part(store, "", (row.tenant,), rules[0] if rules else None)
        trust = trust_of(part, admin_keys)
        if trust is None:
            raise click.UsageError("Nobody is believed: name the admin's public key, --admin-key.")
        with bars("manifests") as tell:
            made = await prove(store, row, trust, progress=tell)
        for name, held in () if alone else zip(made.chunks, row.chunks, strict=True):
            files[name] = await fetch_chunk(store, held.key, held.sha256)
        return made

    made = asyncio.run(archives.with_conversation(conversation, work))
    body = msgspec.json.format(msgspec.json.encode(made)) + b"\n"
    if alone:
        _write(to, body)
    else:
        files |= {"proof.json": body, "check_proof.py": checker().encode()}
        for name, content in files.items():
            _write(to / name, content)
    say(str(to))
    note(f"{len(made.manifests)} manifests prove {len(made.chunks)} chunks.")
    return archives.conclude(())


def _write(path: Path, body: bytes) -> None:
    """Write a new file; what is there already is left alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(path, body)
    except FileExistsError:
        raise ArchiveError(
            f"{path} exists already and was left alone",
            advice="Name another place with --to, or move it away.",
        ) from None
    except OSError as error:
        raise ArchiveError(
            f"{path} cannot be written: {error.strerror}",
            advice="Name another place with --to.",
        ) from None
