"""Writing a first policy and the secret that it names; shared by ``init`` and ``import-cline``."""

from __future__ import annotations

import os
import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archiver.cli.options import default_policy, policy_folders
from archiver.cli.output import confirm, note, say
from archiver.cli.session import KNOWN_ASSISTANTS
from archiver.durable import files
from archiver.errors import PolicyInvalid
from archiver.policy.draft import document
from archiver.policy.folders import PLAIN
from archiver.policy.load import understood

if TYPE_CHECKING:
    from archiver.policy.document import Tenant
    from archiver.policy.draft import Draft

__all__ = [
    "Prepared",
    "default_key_file",
    "doctor_for",
    "prepared",
    "put",
    "usual_place",
    "with_tilde",
]

_PROJECT_MARKS = (".git", ".hg", ".svn")


def usual_place() -> Path:
    """Give the place at which a user's own policy is looked for."""
    return policy_folders().user / PLAIN[0]


def default_key_file(tenant: str) -> Path:
    """Give the place of a tenant's subject key: beside the user's policy."""
    return policy_folders().user / f"{tenant}.key"


def with_tilde(path: Path) -> str:
    """Write a path as it is meant on every machine: below the home of whoever is there."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A valid policy that may be written to ``to``."""

    to: Path
    body: bytes
    tenant: Tenant


def prepared(draft: Draft, to: Path, *, yes: bool) -> Prepared:
    """Read the draft as the daemon will, and ask where it would replace another policy.

    Nothing is written. Raise `PolicyInvalid`, `click.UsageError`, `click.Abort`.
    """
    if to.suffix.lower() != ".toml":
        raise click.UsageError(f"{to} must end in .toml, by which its format is known.")
    try:
        body = document(draft).encode()
    except UnicodeEncodeError:
        raise PolicyInvalid(
            "an answer holds bytes that are no text, such as the name of a folder",
            advice="A policy is UTF-8. Use a pattern with * in place of that name.",
        ) from None
    (tenant,) = understood(to, body, known_assistants=KNOWN_ASSISTANTS).policy.tenants
    if path := tenant.identity.subject_key_file:
        _check_place(path)
    if to.exists():
        confirm(f"There is a policy {to} already. Replace it?", yes=yes)
    return Prepared(to, body, tenant)


def put(policy: Prepared, *, quiet: bool = False) -> None:
    """Write the policy, and the secret that it names where there is none.

    ``quiet``: what is done is not printed.
    """
    if path := policy.tenant.identity.subject_key_file:
        _put_subject_key(path, quiet=quiet)
    files.make_private_folder(policy.to.parent)
    files.replace(policy.to, policy.body)
    # No secret stands in it, and a machine's policy is for every user of the machine.
    policy.to.chmod(0o644)
    if not quiet:
        say(f"{policy.to}: a valid policy for {policy.tenant.id}")


def doctor_for(to: Path) -> str:
    """Give the command that checks the policy at ``to``."""
    found = not os.environ.get("ARCHIVER_CONFIG") and default_policy() == to
    return "archiver doctor" if found else f"archiver doctor --config {shlex.quote(str(to))}"


def _check_place(path: Path) -> None:
    """Refuse a place for a secret from where it could be published."""
    project = next((one for one in path.parents if _is_project(one)), None)
    if project is not None:
        raise click.UsageError(
            f"{path} lies in the project {project}, from where it could be published."
            " Choose a place outside with --subject-key-file."
        )


def _put_subject_key(path: Path, *, quiet: bool) -> None:
    if path.exists():
        note(f"The subject key {path} is there already, and stays as it is.")
        return
    files.make_private_folder(path.parent)
    files.write_new(path, f"{secrets.token_hex(32)}\n".encode())
    if not quiet:
        say(f"{path}: a new subject key, which only you can read")
    note("  → Keep a copy, and bring the same file to every machine: it makes the pseudonyms.")


def _is_project(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in _PROJECT_MARKS)
