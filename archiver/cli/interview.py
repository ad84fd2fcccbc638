"""Questions that each have a default, and answers that may come by an option instead.

Where nobody is there to be asked (no terminal, or ``--yes``) a question gets its option's
value, else its default. An answer that cannot stand in a policy is told and asked for again;
one that came by an option is refused.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from archiver.cli.output import note
from archiver.policy.answers import problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Interview"]

_NONE: Final = "none"
"""What a person types who wants nothing where there is a default."""


_SINGULAR: Final = {
    "admin_keys": "admin-key",
    "git_remotes": "git-remote",
    "officers": "officer",
    "working_directories": "working-directory",
}
"""What an option is called that is given once for each of several."""


@dataclass(frozen=True, slots=True)
class Interview:
    """What is ``given`` by options (key, or nothing), and whether anybody is asked."""

    given: Mapping[str, Any]
    asks: bool

    @classmethod
    def of(cls, given: Mapping[str, Any], *, yes: bool) -> Interview:
        """Ask only at a terminal, and not where all defaults were agreed to."""
        return cls(given, asks=not yes and sys.stdin.isatty())

    def text(self, key: str, question: str, default: str, why: str) -> str:
        """Ask for a text; empty where none is wanted."""
        if (given := self.given.get(key)) is not None:
            return str(self._checked(key, given))
        if not self.asks:
            return default
        self._explain(why)
        while True:
            answer = click.prompt(question, default or _NONE, err=True).strip()
            answer = "" if answer == _NONE else answer
            if not answer or (wrong := problem(key, answer)) is None:
                return answer
            note(f"  {wrong}")

    def choice(self, key: str, question: str, choices: Sequence[str], why: str) -> str:
        """Ask for one of ``choices``; the first is the default."""
        given = self.given.get(key)
        if given is not None:
            return str(given)
        if not self.asks or len(choices) == 1:
            return choices[0]
        self._explain(why)
        kind = click.Choice(list(choices))
        return str(click.prompt(question, choices[0], type=kind, err=True))

    def several(
        self, key: str, question: str, default: tuple[str, ...], why: str
    ) -> tuple[str, ...]:
        """Ask for texts with commas between them."""
        if given := self.given.get(key):
            return tuple(self._checked(key, one) for one in given)
        if not self.asks:
            return default
        self._explain(why)
        while True:
            answer = click.prompt(question, ", ".join(default) or _NONE, err=True).strip()
            if answer == _NONE:
                return ()
            parts = tuple(part.strip() for part in answer.split(",") if part.strip())
            wrong = [said for part in parts if (said := problem(key, part))]
            if not wrong:
                return parts
            note(f"  {wrong[0]}")

    def agrees(self, key: str, question: str, why: str) -> bool:
        """Ask a question whose default is no."""
        if self.given.get(key) or not self.asks:
            return bool(self.given.get(key))
        self._explain(why)
        return click.confirm(question, default=False, err=True)

    def _checked(self, key: str, value: Any) -> Any:
        if wrong := problem(key, value):
            option = _SINGULAR.get(key, key.replace("_", "-"))
            raise click.UsageError(f"--{option}: {wrong}.")
        return value

    def _explain(self, why: str) -> None:
        note(f"\n{why}")
