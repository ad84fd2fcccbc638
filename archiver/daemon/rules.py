"""One policy as the engine uses it: tenants by id, and the stores that they name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from archiver.errors import ArchiverError
from archiver.format.times import rfc3339
from archiver.policy.document import FolderStore, R2Store
from archiver.policy.identity import subject_key
from archiver.sealing.pack import ChunkRules
from archiver.stores.opening import open_store
from archiver.stores.prefixed import Prefixed
from archiver.stores.settings import FolderSettings, Role, S3Settings
from archiver.vault.age import check_recipients

if TYPE_CHECKING:
    from archiver.policy.document import Policy, S3Store, Tenant
    from archiver.stores.protocol import Store
    from archiver.stores.settings import StoreSettings

__all__ = ["Rules", "settings_of", "store_of"]

_SESSION_SECONDS: Final = 3600


def settings_of(tenant: Tenant) -> StoreSettings:
    """Translate a tenant's store into what opens it, with its own credentials."""
    rules = tenant.store
    if isinstance(rules, FolderStore):
        return FolderSettings(rules.path)
    if isinstance(rules, R2Store):
        settings = S3Settings.r2(
            rules.bucket,
            account_id=rules.account_id,
            jurisdiction=rules.jurisdiction,
            endpoint=rules.endpoint,
        )
    else:
        settings = S3Settings(
            bucket=rules.bucket,
            region=rules.region,
            endpoint=rules.endpoint,
            path_style=rules.path_style,
            role=_role_of(rules),
        )
    return replace(
        settings,
        profile=rules.profile,
        credentials_file=rules.credentials_file,
        credential_process=rules.credential_process or (),
        tenant=tenant.id,
    )


def _role_of(rules: S3Store) -> Role | None:
    if rules.role_arn is None:
        return None
    return Role(
        rules.role_arn,
        rules.external_id,
        rules.session_seconds or _SESSION_SECONDS,
        rules.web_identity_token_file,
        rules.sts_endpoint,
    )


def store_of(tenant: Tenant) -> Store:
    """Give the unopened store of a tenant, below its prefix."""
    return Prefixed(open_store(settings_of(tenant)), tenant.store.prefix)


@dataclass(frozen=True, slots=True)
class Rules:
    """A policy in force, and its enabled tenants by id.

    A tenant whose subject key cannot be read, or to whose officers nothing can be sealed, is
    left out, and ``problems`` says so: nothing of its conversations could be named or closed,
    and the other tenants must not wait for it. ``chunks`` says how each tenant's are sealed;
    ``fingerprint`` is the document's sha256 in hex.
    """

    policy: Policy
    tenants: dict[str, Tenant]
    chunks: dict[str, ChunkRules]
    problems: tuple[str, ...] = ()
    fingerprint: str | None = None

    @classmethod
    def of(cls, policy: Policy, fingerprint: str | None = None) -> Rules:
        """Prepare a policy."""
        tenants: dict[str, Tenant] = {}
        chunks: dict[str, ChunkRules] = {}
        problems = []
        for tenant in policy.tenants:
            try:
                if tenant.enabled:
                    subject_key(tenant)
                    chunks[tenant.id] = _chunk_rules(tenant)
                    tenants[tenant.id] = tenant
            except ArchiverError as error:
                problems.append(f"tenant {tenant.id}: {error}")
        return cls(policy, tenants, chunks, tuple(problems), fingerprint)


def _chunk_rules(tenant: Tenant) -> ChunkRules:
    chunk, officers = tenant.chunk, tenant.sealing.officers
    return ChunkRules(
        chunk.max_bytes,
        chunk.max_age_seconds,
        chunk.level,
        check_recipients(officers) if officers else (),
        rfc3339(tenant.sealing.keys_since) if tenant.sealing.keys_since else "",
    )
