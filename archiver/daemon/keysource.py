"""Where a tenant's keys come from, in words, and when those on this machine end.

Only what somebody must renew has an end here: a kept key, a credentials file. What renews itself
(sessions of STS, SSO, a command) says so when it cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.errors import StoreError
from archiver.policy.document import FolderStore, S3Store

if TYPE_CHECKING:
    from archiver.credentials.keeping import Kept
    from archiver.credentials.keys import Expiry
    from archiver.policy.document import Tenant

__all__ = ["expiry_here", "keeps_keys", "kept_for", "source_of"]


def keeps_keys(tenant: Tenant) -> bool:
    """Tell whether kept keys would be used: the policy names no other source."""
    store = tenant.store
    if isinstance(store, FolderStore):
        return False
    named = (store.profile, store.credentials_file, store.credential_process)
    by_token = isinstance(store, S3Store) and store.web_identity_token_file
    return not any(named) and not by_token


def kept_for(tenant: Tenant) -> Kept | None:
    """Tell what is kept for a tenant and used, ``None`` where nothing is."""
    if not keeps_keys(tenant):
        return None
    from archiver.credentials.keeping import look  # noqa: PLC0415 - a folder needs none of it

    return look(tenant.id)


def source_of(tenant: Tenant) -> str:
    """Say where a tenant's keys come from."""
    store = tenant.store
    if isinstance(store, FolderStore):
        return "a folder needs none"
    if store.credentials_file:
        source = f"credentials_file {store.credentials_file}"
    elif store.credential_process:
        source = f"credential_process {store.credential_process[0]}"
    elif store.profile:
        source = f"profile {store.profile}"
    elif isinstance(store, S3Store) and store.web_identity_token_file:
        source = f"web identity {store.web_identity_token_file}"
    else:
        kept = kept_for(tenant)
        source = f"kept in the {kept.where}" if kept else "AWS's usual search"
    role = store.role_arn if isinstance(store, S3Store) else None
    return f"{source}, role {role}" if role else source


def expiry_here(tenant: Tenant) -> Expiry | None:
    """Tell when the keys on this machine end; ``None``: not known, or they renew themselves."""
    if kept := kept_for(tenant):
        return kept.expiry
    store = tenant.store
    if isinstance(store, FolderStore) or store.credentials_file is None:
        return None
    from archiver.credentials.files import read_keys  # noqa: PLC0415 - a folder needs none of it
    from archiver.credentials.keys import expiry_of  # noqa: PLC0415

    try:
        return expiry_of(read_keys(store.credentials_file))
    except StoreError:
        return None  # shipping says so
