"""The policy of a quickstart: a document to read, to change, and to begin one's own with."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Final

from archiver.durable import files
from archiver.errors import PolicyInvalid
from archiver.policy.document import FolderStore
from archiver.quickstart.place import TENANT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archiver.evidence.verifier import VerifierKey
    from archiver.policy.document import Policy
    from archiver.quickstart.place import Home, QuickstartFolder

__all__ = ["check_policy", "put_policy"]

_TEMPLATE: Final = """\
# The policy of `archiver quickstart`. On a developer's machine such a document comes from the
# admin; it says whose conversations are kept and where they go, and nothing else is taken.
# It is yours to change: a quickstart that finds it keeps it. (Used by itself, as in
# `archiver sync --config`, it takes the conversations of the home of whoever runs that.)
version = 1

# Folders to search for the files of assistants that write inside projects, such as aider.
{projects}

[[tenants]]
id = "{tenant}"           # stands in every key: tenant={tenant}/
enabled = true

[tenants.conversations]
default = true              # whatever no other tenant claims; others claim by folder or remote:
# working_directories = ["~/work/acme/**"]
# git_remotes = ["github.com/acme/*"]

[tenants.store]             # a folder stands for the bucket; others are "s3" and "r2"
kind = "folder"
path = {archive}

[tenants.retention]
class = "standard"          # stands in every key: class=standard/
# days = 365                # left out: for ever

[tenants.identity]          # who the user is, and the secret that makes the pseudonym in keys
source = "os-user"          # or "git-email", "fixed"
subject_key = "{subject_key}"

[tenants.evidence]          # whom `archiver verify` believes: who approves this device
admin_keys = ["{admin}"]

# [tenants.sealing]         # who may open chunks; with nobody here they are not encrypted.
# officers = ["age1…"]      # as `archiver keys generate officer` prints it; list two at least

[schedule]
quiet_seconds = {quiet}          # how long a file must have been left alone; 10 if left out
"""

# Nobody writes to the samples, so there is nothing to wait for.
_BY_HOME: Final[Mapping[Home, Mapping[str, str]]] = {
    "samples": {"projects": 'projects = ["~/projects/*"]', "quiet": "0 "},
    "this machine": {"projects": '# projects = ["~/projects/*"]', "quiet": "1 "},
}


def put_policy(folder: QuickstartFolder, admin: VerifierKey) -> bool:
    """Write the policy if there is none, with a fresh subject key; tell whether it was.

    ``admin`` is whom it believes.
    """
    if folder.policy.exists():
        return False
    text = _TEMPLATE.format(
        # A JSON string is a TOML string, as far as a path that can be printed goes.
        archive=json.dumps(str(folder.archive), ensure_ascii=False),
        tenant=TENANT,
        admin=admin,
        subject_key=secrets.token_hex(32),
        **_BY_HOME[folder.reads],
    )
    files.write_new(folder.policy, text.encode())
    return True


def check_policy(policy: Policy, folder: QuickstartFolder) -> None:
    """Raise `PolicyInvalid` where the policy would take anything out of the folder."""
    enabled = [tenant for tenant in policy.tenants if tenant.enabled]
    stays = all(
        isinstance(tenant.store, FolderStore)
        and tenant.store.path == folder.archive
        and not tenant.store.prefix
        for tenant in enabled
    )
    if not enabled or not stays:
        raise PolicyInvalid(
            f"{folder.policy} does not keep everything in {folder.archive}",
            advice="A quickstart goes nowhere else. Use `archiver sync --config` with a policy of"
            " your own, or name a new folder with --dir.",
        )
