"""Whose is a conversation? Pure: the policy and what is known of the conversation go in.

The rules, in this order:

1. The owner is found among all tenants, enabled or not, in the order of the document: the
   first whose working directories or git remotes cover the conversation and whose ``exclude``
   does not. A conversation in the folder of a disabled client therefore stays that client's,
   and never falls to another tenant.
2. Where git could not say which remotes there are, and the answer could make a tenant the
   owner, nothing is decided.
3. What no tenant covers is the default tenant's, unless that tenant excludes it. So is a
   conversation whose working directory is not known (whether to wait for it is the caller's
   decision).
4. The owner gets it only if it is enabled, lists the assistant, and the conversation changed
   on or after ``since``. Otherwise nobody does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archiver.policy.patterns import (
    covers,
    folder_parts,
    folder_pattern,
    remote_parts,
    remote_pattern,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from archiver.policy.document import Policy, Tenant
    from archiver.policy.patterns import Parts

__all__ = ["Claim", "Whereabouts", "claim", "covering_folder", "covering_remote", "places_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """What is known of a conversation and of the machine that it was held on.

    ``working_directories`` is the folder as the assistant wrote it, and resolved where that
    differs; empty where it is not known. ``git_remotes`` is ``None`` where git was asked and
    could not say. ``last_change`` is in UTC; ``platform`` is ``sys.platform``.
    """

    working_directories: tuple[str, ...]
    git_remotes: tuple[str, ...] | None
    assistant: str
    last_change: date
    home: str
    platform: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Who gets the conversation, if anybody; ``reason`` is for humans."""

    tenant: Tenant | None
    reason: str


def claim(policy: Policy, where: Whereabouts) -> Claim:
    """Say which tenant of ``policy`` gets the conversation, and why."""
    folders, remotes = places_of(where)
    refused = ""
    for tenant in policy.tenants:
        reason = _by_pattern(tenant, folders, remotes, where)
        excluded = covering_folder(tenant.conversations.exclude, folders, where)
        if excluded is not None:
            refused = f"tenant {tenant.id} excludes {excluded}" if reason else refused
        elif reason:
            return _granted(tenant, reason, where)
        elif where.git_remotes is None and tenant.conversations.git_remotes:
            return Claim(None, "git could not say which remotes the working directory has")
    return _by_default(policy, folders, where, refused)


def _by_default(
    policy: Policy, folders: tuple[Parts, ...], where: Whereabouts, refused: str
) -> Claim:
    defaults = [tenant for tenant in policy.tenants if tenant.conversations.default]
    # At most one of them is enabled, and that one is the owner.
    for tenant in sorted(defaults, key=lambda tenant: not tenant.enabled)[:1]:
        excluded = covering_folder(tenant.conversations.exclude, folders, where)
        if excluded is None:
            return _granted(tenant, "claimed by the default tenant", where)
        refused = f"tenant {tenant.id} excludes {excluded}"
    if not folders and not refused:
        return Claim(None, "the working directory is not known, and no tenant is the default")
    return Claim(None, refused or "no tenant claims this working directory")


def _granted(tenant: Tenant, reason: str, where: Whereabouts) -> Claim:
    if not tenant.enabled:
        return Claim(None, f"tenant {tenant.id} is disabled")
    if tenant.assistants is not None and where.assistant not in tenant.assistants:
        return Claim(None, f"tenant {tenant.id} does not list {where.assistant}")
    if tenant.since is not None and where.last_change < tenant.since:
        return Claim(None, f"last changed before {tenant.since}, since when {tenant.id} captures")
    return Claim(tenant, reason)


def _by_pattern(
    tenant: Tenant, folders: tuple[Parts, ...], remotes: tuple[Parts, ...], where: Whereabouts
) -> str:
    claims = tenant.conversations
    pattern = covering_folder(claims.working_directories, folders, where)
    if pattern is not None:
        return f"claimed by working directory {pattern}"
    pattern = covering_remote(claims.git_remotes, remotes)
    return f"claimed by git remote {pattern}" if pattern is not None else ""


def places_of(where: Whereabouts) -> tuple[tuple[Parts, ...], tuple[Parts, ...]]:
    """Give the folders and the remotes of a conversation as patterns are compared with them."""
    folders = _parts(folder_parts(folder, where.platform) for folder in where.working_directories)
    return folders, _parts(remote_parts(remote) for remote in where.git_remotes or ())


def covering_remote(patterns: tuple[str, ...], remotes: tuple[Parts, ...]) -> str | None:
    """Give the first pattern that covers one of these remotes."""
    for pattern in patterns:
        parts = remote_pattern(pattern)
        if parts and any(covers(parts, remote) for remote in remotes):
            return pattern
    return None


def covering_folder(
    patterns: tuple[str, ...], folders: tuple[Parts, ...], where: Whereabouts
) -> str | None:
    """Give the first pattern that covers one of these folders."""
    for pattern in patterns:
        parts = folder_pattern(pattern, home=where.home, platform=where.platform)
        if any(covers(parts, folder) for folder in folders):
            return pattern
    return None


def _parts(found: Iterable[Parts | None]) -> tuple[Parts, ...]:
    return tuple(parts for parts in found if parts is not None)
