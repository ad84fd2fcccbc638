"""The admin's document as frozen values: who is captured, where it goes, how long it stays.

What these values promise, so that nothing behind them has to ask again:

* every key is known, every number lies within its bounds, every text obeys its rule;
* a key that was left out has its default; nothing is ever ``None`` that has another default;
* tenant ids are unique, at most one enabled tenant is the default, and every tenant claims
  something;
* no store credentials stand in it. Only `Identity.subject_key` is secret, and neither
  ``repr`` nor a validation error shows it.

Nothing is read from a disk here: `archiver.policy.load` does that. Seconds and bytes say so in
their names.
"""

# Annotations are evaluated here, because pydantic builds its validators from them.
from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from archiver.policy.fields import (
    AssistantName,
    FolderPattern,
    LocalPath,
    Name,
    PublicKey,
    Recipient,
    RemotePattern,
    Section,
    SubjectKey,
    Text,
    wrong,
)
from archiver.policy.limits import ChunkRules, Schedule, SpoolLimits
from archiver.policy.places import FolderStore, R2Store, S3Store, Store
from archiver.policy.retention import LOCKS, Retention

__all__ = [
    "ChunkRules",
    "Claims",
    "Evidence",
    "FolderStore",
    "Identity",
    "Policy",
    "R2Store",
    "Retention",
    "S3Store",
    "Schedule",
    "Sealing",
    "SpoolLimits",
    "Store",
    "Tenant",
]


class Claims(Section):
    """Which conversations are a tenant's. At least one of the claims is needed."""

    working_directories: tuple[FolderPattern, ...] = ()
    """Folders in which the conversation was held."""

    git_remotes: tuple[RemotePattern, ...] = ()
    """Remotes of the repository in which it was held, as ``example.com/acme/*``."""

    exclude: tuple[FolderPattern, ...] = ()
    """Folders that are not this tenant's, whatever the other keys say."""

    default: bool = False
    """Whether the tenant gets what no tenant, enabled or disabled, claims by a pattern."""

    @model_validator(mode="after")
    def _claims_something(self) -> Self:
        if not (self.working_directories or self.git_remotes or self.default):
            raise wrong(
                "claims nothing, so the tenant would capture nothing; "
                "allowed: working_directories, git_remotes, default = true"
            )
        return self


class Evidence(Section):
    """What makes the archive checkable: whom to believe, and how long silence is normal."""

    admin_keys: tuple[PublicKey, ...] = ()
    """Public keys of the admins who approve devices and sign checkpoints."""

    silence_days: Annotated[int, Field(ge=1, le=3650)] = 31
    """Longest time without a word from a device that `archiver verify` does not report."""

    checkpoint_days: Annotated[int, Field(ge=1, le=3650)] = 3
    """Greatest age of the newest checkpoint that `archiver verify` does not report."""


class Sealing(Section):
    """Who may open the chunks. Devices can only close them."""

    officers: tuple[Recipient, ...] = ()
    """age recipients of the officers. None: chunks are compressed and not encrypted."""

    keys_since: AwareDatetime | None = None
    """Month keys that were made before this time (RFC 3339) seal nothing more: after an erasure
    each device makes new ones."""

    @field_validator("officers")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise wrong("the same recipient stands there twice")
        return value


class Identity(Section):
    """How the user is named, and the key that makes the pseudonym of that name."""

    source: Literal["git-email", "os-user", "fixed"] = "git-email"
    """What the user is named by. Without a git e-mail it is the operating system's user."""

    value: Text | None = None
    """The user, where the source is ``fixed``."""

    subject_key: SubjectKey | None = Field(default=None, repr=False)
    """Secret. Better in a file."""

    subject_key_file: LocalPath | None = None
    """A file that holds the key, at least 16 characters."""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.subject_key is None) == (self.subject_key_file is None):
            raise wrong("allowed: exactly one of subject_key_file (better) and subject_key")
        if (self.source == "fixed") != (self.value is not None):
            raise wrong('`value` belongs to source = "fixed", and to no other', at=".value")
        return self


_NO_SUCH_LOCK: Final = {
    "folder": '"{lock}" cannot be kept by a folder, which locks nothing; allowed: "none"',
    "r2": '"{lock}" is S3 Object Lock, which R2 does not have; allowed: "none", or "rule" for a'
    " lock rule of the bucket",
    "s3": '"{lock}" is a lock rule of R2, which S3 does not have; allowed: "none", "governance",'
    ' "compliance"',
}


class Tenant(Section):
    """One client, team or person, with a store of its own."""

    id: Name
    """Its name, in every key as ``tenant=`` and in every command."""

    enabled: bool = True
    """False stops capture and shipping at once. What was spooled stays."""

    conversations: Claims
    """Which conversations are this tenant's."""

    assistants: Annotated[tuple[AssistantName, ...], Field(min_length=1)] | None = None
    """Whose conversations are taken. Left out: all."""

    since: date | None = None
    """Conversations that last changed before this day (UTC) are left alone."""

    store: Store
    """Where its chunks go."""

    chunk: ChunkRules = ChunkRules()
    """When a chunk is sealed, and how hard it is packed."""

    retention: Retention = Retention()
    """How long it stays, and how hard it is locked."""

    identity: Identity
    """How the user is named, and the key that makes the pseudonym of that name."""

    evidence: Evidence = Evidence()
    """Whom `archiver verify` believes, and how long silence is normal."""

    sealing: Sealing = Sealing()
    """Who may open the chunks."""

    @model_validator(mode="after")
    def _can_be_locked(self) -> Self:
        kind = self.store.kind
        for number, one in enumerate(self.retention.terms, -1):
            if one.lock not in LOCKS[kind]:
                place = f".classes[{number}]" if number >= 0 else ""
                raise wrong(_NO_SUCH_LOCK[kind], lock=one.lock, at=f".retention{place}.lock")
        return self


def _together(tenants: tuple[Tenant, ...]) -> tuple[Tenant, ...]:
    seen: dict[str, int] = {}
    default: int | None = None
    for number, tenant in enumerate(tenants):
        if tenant.id in seen:
            raise _twice(f"[{number}].id", f"tenants[{seen[tenant.id]}]")
        seen[tenant.id] = number
        if tenant.enabled and tenant.conversations.default:
            if default is not None:
                raise _second_default(f"[{number}].conversations.default", f"tenants[{default}]")
            default = number
    return tenants


def _twice(at: str, other: str) -> PydanticCustomError:
    return wrong("{other} has the same id; allowed: one that no other has", at=at, other=other)


def _second_default(at: str, other: str) -> PydanticCustomError:
    return wrong(
        "{other} is the default already; allowed: one among the enabled tenants", at=at, other=other
    )


class Policy(Section):
    """The whole document."""

    version: Literal[1]
    """Of this format."""

    tenants: Annotated[tuple[Tenant, ...], AfterValidator(_together)]
    """In the order in which they claim. May be empty: then nothing is captured."""

    schedule: Schedule = Schedule()
    """How often the daemon does what."""

    spool: SpoolLimits = SpoolLimits()
    """How much of this machine's disk may be used."""

    projects: tuple[FolderPattern, ...] = ()
    """Project folders to search for the files of assistants that keep theirs in the project."""

    @field_validator("version", mode="before")
    @classmethod
    def _is_a_number(cls, value: object) -> object:
        if isinstance(value, bool):  # which equals 1, and so would pass for it
            raise wrong("allowed: 1")
        return value
