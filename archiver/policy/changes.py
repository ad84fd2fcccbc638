"""What a new policy changes, by path and in plain words. Pure.

* Policies that mean the same have no changes; any two others have one at least.
* Where a change promises less (captures less, keeps shorter, locks less, lets more people read)
  it is marked ``weaker``. In doubt it is: a person looks at it then.
* Tenants are compared by their id and classes by their name, wherever they stand. A change of
  their order is a change, because the first that claims a conversation gets it.
* No secret is told, of the old policy or of the new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from archiver.policy.comparing import Effect
from archiver.policy.effects import OF_MACHINE, OF_TENANT
from archiver.policy.phrases import credentials_of, days, in_words, stays, store_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

    from archiver.model.shipment import ClassTerms
    from archiver.policy.comparing import Effects
    from archiver.policy.document import Policy, Tenant
    from archiver.policy.places import Store
    from archiver.policy.retention import Retention

__all__ = ["Change", "Weakened", "changes", "softer", "weakened"]

_STRENGTH: Final = {"none": 0, "rule": 1, "governance": 1, "compliance": 2}
_FOR_EVER: Final = 10**9


@dataclass(frozen=True, slots=True)
class Change:
    """One change. ``before`` and ``after`` are for humans, ``None`` where nothing stood."""

    path: str
    before: str | None
    after: str | None
    means: str
    weaker: bool = False


@dataclass(frozen=True, slots=True)
class Weakened:
    """A class of a tenant that is kept shorter or locked less; ``after`` is ``None``: gone."""

    tenant: str
    before: ClassTerms
    after: ClassTerms | None


def softer(before: ClassTerms, after: ClassTerms) -> bool:
    """Tell whether ``after`` keeps for less long than ``before``, or locks less."""
    return _shorter(before, after) or _looser(before, after)


def weakened(old: Policy, new: Policy) -> tuple[Weakened, ...]:
    """Give the classes of every tenant of both policies that ``new`` keeps or locks less."""
    tenants = {tenant.id: tenant.retention for tenant in new.tenants}
    return tuple(
        Weakened(tenant.id, before, after)
        for tenant in old.tenants
        if tenant.id in tenants
        for before in tenant.retention.terms
        if (after := tenants[tenant.id].of(before.klass)) is None or softer(before, after)
    )


def changes(old: Policy, new: Policy) -> tuple[Change, ...]:
    """Say what ``new`` changes."""
    return (*_tenants(old, new), *_leaves("", old, new, OF_MACHINE, {"tenants"}))


def _tenants(old: Policy, new: Policy) -> Iterator[Change]:
    before, after = ({one.id: one for one in policy.tenants} for policy in (old, new))
    for name in (name for name in before if name not in after):
        means = "nothing of it is captured or sent any more; another tenant may claim its folders"
        yield Change(f"tenants[{name}]", name, None, means, weaker=True)
    for name, tenant in after.items():
        if name not in before:
            means = f"a new tenant, sent to {store_in_words(tenant.store)}"
            yield Change(f"tenants[{name}]", None, name, means)
    both = [name for name in before if name in after]
    order = [name for name in after if name in before]
    if both != order:
        means = "what two tenants claim goes to the first of them: some may go to another now"
        yield Change("tenants", in_words(both), in_words(order), means)
    for name in both:
        yield from _tenant(before[name], after[name])


def _tenant(old: Tenant, new: Tenant) -> Iterator[Change]:
    at = f"tenants[{new.id}]."
    apart = {"id": True, "store": True, "retention": {"days", "klass", "lock", "classes"}}
    yield from _leaves(at, old, new, OF_TENANT, apart)
    yield from _store(f"{at}store", old.store, new.store)
    yield from _retention(f"{at}retention", old.retention, new.retention)


def _leaves(
    at: str, old: BaseModel, new: BaseModel, effects: Mapping[str, Effects], but: Any
) -> Iterator[Change]:
    before, after = (dict(_flat(one.model_dump(exclude=but))) for one in (old, new))
    for path in dict.fromkeys((*before, *after)):
        was, now = before.get(path), after.get(path)
        if was != now:
            shown = (None, None) if path.endswith("subject_key") else (_text(was), _text(now))
            for effect in effects.get(path, _unexplained)(was, now):
                yield Change(f"{at}{path}", *shown, *effect)


def _unexplained(_before: Any, _after: Any) -> Iterator[Effect]:
    yield Effect("what else it means stands in the description of this key")


def _flat(value: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any]]:
    for key, below in value.items():
        if isinstance(below, dict):
            yield from _flat(below, f"{at}{key}.")
        else:
            yield f"{at}{key}", below


def _text(value: Any) -> str | None:
    if value is None or value == ():
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return in_words(value) if isinstance(value, tuple) else str(value)


def _store(at: str, old: Store, new: Store) -> Iterator[Change]:
    places = store_in_words(old), store_in_words(new)
    sources = credentials_of(old), credentials_of(new)
    if places[0] != places[1]:
        means = "sent there from now on; what is in the old store stays there, and is not copied"
        yield Change(at, *places, means)
    if _in_clear(new) and not _in_clear(old):
        means = "the way to the store is not encrypted any more"
        yield Change(f"{at}.endpoint", None, None, means, weaker=True)
    if sources[0] != sources[1]:
        means = "where the keys to the store come from; while they are missing archiver waits"
        yield Change(at, sources[0] or None, sources[1] or None, means)
    if old != new and places[0] == places[1] and sources[0] == sources[1]:
        yield Change(at, None, None, "the same store and the same keys, asked for in another way")


def _in_clear(store: Store) -> bool:
    return str(getattr(store, "endpoint", None) or "").lower().startswith("http:")


def _retention(at: str, old: Retention, new: Retention) -> Iterator[Change]:
    for before in old.terms:
        after = new.of(before.klass)
        if after is None:
            means = f"nothing says any more how long class {before.klass} stays"
            yield Change(f"{at}[{before.klass}]", stays(before), None, means, weaker=True)
        elif before != after:
            means = f"class {after.klass} {_terms(before, after)}"
            said = stays(before), stays(after)
            yield Change(f"{at}[{after.klass}]", *said, means, softer(before, after))
    for term in new.terms:
        if old.of(term.klass) is None:
            yield Change(f"{at}[{term.klass}]", None, stays(term), f"a new class, {term.klass}")
    if _assigned(old) != _assigned(new):
        less = any(softer(before, after) for before in old.terms for after in new.terms)
        means = "some conversations get another class" + (", perhaps for less long" if less else "")
        was, now = (in_words(name for name, _ in _assigned(one)) for one in (old, new))
        yield Change(f"{at}.classes", was, now, means, less)


def _assigned(rules: Retention) -> list[tuple[str, object]]:
    """Give the classes in the order in which they take conversations, the tenant's own last."""
    return [*((rule.klass, rule.conversations) for rule in rules.classes), (rules.klass, None)]


def _terms(before: ClassTerms, after: ClassTerms) -> str:
    said = []
    if before.days != after.days:
        verb = "is shortened" if _shorter(before, after) else "stays longer"
        said.append(f"{verb}, from {days(before.days)} to {days(after.days)}")
    if before.lock != after.lock:
        verb = "is locked less" if _looser(before, after) else "is locked otherwise"
        said.append(f"{verb}, from {before.lock} to {after.lock}")
    return f"{in_words(said)}; what is locked already stays locked until its day"


def _shorter(before: ClassTerms, after: ClassTerms) -> bool:
    return (after.days or _FOR_EVER) < (before.days or _FOR_EVER)


def _looser(before: ClassTerms, after: ClassTerms) -> bool:
    return _STRENGTH[after.lock] < _STRENGTH[before.lock]
