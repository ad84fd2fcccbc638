"""Whose conversation is it? Asked once per conversation and policy, remembered in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from archiver.policy.claims import Whereabouts, claim
from archiver.policy.classes import class_of
from archiver.policy.identity import identify
from archiver.spool.values import Glance

if TYPE_CHECKING:
    from archiver.assistants.protocol import Assistant, Conversation, Tree
    from archiver.policy.document import Policy, Tenant  # noqa: TC004 - no owner is ever decoded
    from archiver.policy.whereabouts import Git

__all__ = ["Owner", "Owners"]

_FOLDER_HOLDS: Final = timedelta(minutes=10)
_UNDECIDED_HOLDS: Final = timedelta(minutes=1)

_DAY_NS: Final = 86_400 * 10**9


class Owner(msgspec.Struct, frozen=True):
    """The tenant that claims a conversation, or ``None``; and, for humans, why.

    ``klass`` is the retention class that it gives the conversation.
    """

    tenant: Tenant | None
    reason: str
    klass: str = ""
    user: str = ""
    subject: str = ""
    cwd: str | None = None
    git_remote: str | None = None
    decided: bool = True
    """False while the working directory is not known yet: it is asked again. Where the policy
    asks for no place there is a tenant all the same, and the place comes with a later look."""


class Owners:
    """Answers for one policy; make a new one when the policy changes."""

    def __init__(
        self,
        policy: Policy,
        git: Git,
        *,
        home: Path,
        platform: str,
        os_user: str,
        quiet_ns: int,
    ) -> None:
        self._policy = policy
        self._git = git
        self._home = home
        self._platform = platform
        self._os_user = os_user
        self._place_tells = any(map(_asks_for_a_place, policy.tenants))
        self._wait_ns = 60 * quiet_ns if self._place_tells else 0
        self._folders: dict[tuple[str, str | None, int], tuple[datetime, Owner]] = {}
        self._answers: dict[tuple[str, str], _Answer] = {}

    def of(
        self,
        assistant: Assistant,
        conversation: Conversation,
        tree: Tree,
        glance: Glance,
        now: datetime,
    ) -> Owner:
        """Tell who owns a conversation whose main file looks like ``glance``."""
        key = (conversation.assistant, conversation.id)
        known = self._answers.get(key)
        if known is not None and known.holds(glance, now):
            return known.owner
        owner = self._decide(assistant, conversation, tree, glance, now)
        self._answers[key] = _Answer(owner, glance, now)
        return owner

    def working_directories(self) -> list[Path]:
        """Give every folder that a conversation was held in, as far as was asked."""
        found = {answer.owner.cwd for answer in self._answers.values()}
        return sorted(Path(cwd) for cwd in found if cwd)

    def _decide(
        self,
        assistant: Assistant,
        conversation: Conversation,
        tree: Tree,
        glance: Glance,
        now: datetime,
    ) -> Owner:
        cwd = _working_directory(assistant, conversation, tree)
        idle = int(now.timestamp() * 1e9) - glance.modified
        if cwd is None and 0 <= idle < self._wait_ns:
            return Owner(None, "its working directory is not known yet", decided=False)
        key = (conversation.assistant, cwd, glance.modified // _DAY_NS)
        held = self._folders.get(key)
        if held is None or not timedelta() <= now - held[0] < _FOLDER_HOLDS:
            held = self._folders[key] = (now, self._owner_in(*key))
        return held[1]

    def _owner_in(self, assistant: str, cwd: str | None, day: int) -> Owner:
        """Tell who owns what was held in a folder and changed last on a day."""
        folder = Path(cwd) if cwd else None
        remotes = self._git.remotes(str(folder)) if folder else ()
        where = Whereabouts(
            working_directories=_both(folder),
            git_remotes=remotes,
            assistant=assistant,
            last_change=datetime.fromtimestamp(day * _DAY_NS / 1e9, UTC).date(),
            home=str(self._home),
            platform=self._platform,
        )
        answer = claim(self._policy, where)
        tenant = answer.tenant
        if tenant is None:
            decided = cwd is not None and remotes is not None
            return Owner(None, answer.reason, cwd=cwd, decided=decided)
        klass = class_of(tenant.retention, where)
        if klass is None:
            reason = "git could not say which remotes there are, and its class depends on them"
            return Owner(None, reason, cwd=cwd, decided=False)
        email = self._git.email(str(folder or self._home))
        person = identify(tenant, git_email=email, os_user=self._os_user)
        return Owner(
            tenant,
            answer.reason,
            klass,
            user=person.user,
            subject=person.subject,
            cwd=cwd,
            git_remote=remotes[0] if remotes else None,
            decided=self._place_tells or cwd is not None,
        )


class _Answer(msgspec.Struct, frozen=True):
    """An owner, and when and of which look it was said."""

    owner: Owner
    glance: Glance
    at: datetime

    def holds(self, glance: Glance, now: datetime) -> bool:
        """Tell whether the answer need not be asked for again.

        A tenant keeps what it claimed. Who refused an old conversation may take it once it
        goes on; what could not be decided is asked again when it changed, or after a while.
        """
        if self.owner.decided:
            if self.owner.tenant is not None:
                return True
            return self.glance.modified // _DAY_NS == glance.modified // _DAY_NS
        return self.glance == glance and timedelta() <= now - self.at < _UNDECIDED_HOLDS


def _asks_for_a_place(tenant: Tenant) -> bool:
    """Tell whether what a tenant gets, or as whose, or for how long, depends on a folder."""
    claims = tenant.conversations
    claimed = claims.working_directories or claims.git_remotes or claims.exclude
    rules = (rule.conversations for rule in tenant.retention.classes)
    classed = any(rule.working_directories or rule.git_remotes for rule in rules)
    return bool(claimed) or classed or tenant.identity.source == "git-email"


def _both(folder: Path | None) -> tuple[str, ...]:
    """Give a folder as it was named and as the disk resolves it."""
    if folder is None:
        return ()
    if not folder.is_absolute():
        return (str(folder),)
    try:
        resolved = folder.resolve()
    except (OSError, RuntimeError, ValueError):  # the text is the assistant's: it may hold a NUL
        return (str(folder),)
    return (str(folder),) if resolved == folder else (str(folder), str(resolved))


def _working_directory(assistant: Assistant, conversation: Conversation, tree: Tree) -> str | None:
    try:
        return assistant.working_directory(conversation, tree)
    except Exception:  # noqa: BLE001 - an unknown format means an unknown folder
        return None
