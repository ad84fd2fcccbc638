"""Which retention class does a conversation of a tenant get? Pure, like `archiver.policy.claims`.

The rules, in this order:

1. The tenant's classes are asked in the order of the document; the first that covers the
   conversation decides. Of working directories, git remotes and assistants, all that a class
   names must fit, each by any of its patterns.
2. Where git could not say which remotes there are, and the answer could make a class cover it,
   nothing is decided: the conversation waits, as it does where its owner is not decided.
3. What no class covers gets the tenant's own.

A class is decided anew under each policy and for what is captured from then on: what was captured
before keeps the class that it got, because that stands in its key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archiver.policy.claims import covering_folder, covering_remote, places_of

if TYPE_CHECKING:
    from archiver.policy.claims import Whereabouts
    from archiver.policy.retention import Covers, Retention

__all__ = ["class_of"]


def class_of(retention: Retention, where: Whereabouts) -> str | None:
    """Give the class of a conversation that the tenant has; ``None`` where git must say first."""
    for rule in retention.classes:
        covered = _covers(rule.conversations, where)
        if covered is not False:
            return rule.klass if covered else None
    return retention.klass


def _covers(rule: Covers, where: Whereabouts) -> bool | None:
    """Tell whether all that a rule names fits; ``None`` where only git could say."""
    folders, remotes = places_of(where)
    if rule.assistants and where.assistant not in rule.assistants:
        return False
    patterns = rule.working_directories
    if patterns and covering_folder(patterns, folders, where) is None:
        return False
    if rule.git_remotes and where.git_remotes is None:
        return None
    return not rule.git_remotes or covering_remote(rule.git_remotes, remotes) is not None
