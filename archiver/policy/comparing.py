"""What the change of a value means, by the kind of value: switches, numbers, lists. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from archiver.policy.phrases import in_words

__all__ = ["Effect", "Effects", "always", "more_or_less", "some", "switch"]


class Effect(NamedTuple):
    """What a change means; ``weaker`` where less is promised than before."""

    means: str
    weaker: bool = False


Effects = Callable[[Any, Any], Iterator[Effect]]
"""Takes what stood there and what stands there now, which differ."""


def switch(on: Effect, off: Effect) -> Effects:
    """Tell what turning a key on means, and off."""

    def effects(_before: object, after: object) -> Iterator[Effect]:
        yield on if after else off

    return effects


def always(means: str, *, weaker: bool = False) -> Effects:
    """Tell the same of any change."""

    def effects(_before: object, _after: object) -> Iterator[Effect]:
        yield Effect(means, weaker)

    return effects


def more_or_less(
    more: Effect, less: Effect, *, absent: Any, say: Callable[[Any], str] = str
) -> Effects:
    """Compare; ``absent`` is what a key that was left out counts as."""

    def effects(before: Any, after: Any) -> Iterator[Effect]:
        old, new = (absent if one is None else one for one in (before, after))
        effect = more if new > old else less
        yield Effect(f"{effect.means} ({say(before)} before, {say(after)} now)", effect.weaker)

    return effects


def some(
    gained: Effect,
    lost: Effect,
    *,
    say: Callable[[Any], str] = str,
    covers: Callable[[str, str], bool] = lambda one, other: one == other,
) -> Effects:
    """Compare lists whose order means nothing; ``covers`` tells what stands for what."""

    def effects(before: Any, after: Any) -> Iterator[Effect]:
        new = [one for one in after or () if not any(covers(old, one) for old in before or ())]
        gone = [one for one in before or () if not any(covers(now, one) for now in after or ())]
        if new:
            yield Effect(f"{gained.means} {in_words(map(say, new))}", gained.weaker)
        if gone:
            yield Effect(f"{lost.means} {in_words(map(say, gone))}", lost.weaker)
        if not new and not gone:
            yield Effect("nothing else: the same in other words")

    return effects
