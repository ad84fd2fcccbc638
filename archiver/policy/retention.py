"""How long conversations stay, and how hard they are locked: the admin's rules for classes.

A tenant has one class for all that no other rule takes, and any number of further ones, each
with the conversations that it is for. The first rule that covers a conversation decides; its
class stands in the key of every chunk, so that a bucket can hold each class to its own terms.

What these values promise: each class has one set of terms; no term lies outside of the bounds
that the admin set; a lock has an end, because one without end could never be undone.
"""

# Annotations are evaluated here, because pydantic builds its validators from them.
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from archiver.model.shipment import ClassTerms, LockMode
from archiver.policy.fields import AssistantName, FolderPattern, Name, RemotePattern, Section, wrong

__all__ = ["LOCKS", "PRESETS", "ClassRule", "Covers", "Days", "Retention"]

PRESETS: Final[dict[str, int | None]] = {
    "180d": 180,
    "1y": 366,
    "3y": 1096,
    "6y": 2192,
    "7y": 2557,
    "indefinite": None,
}
"""Words for ``days``. A year is never shorter than the calendar's: seven have two leap days.

180 days: EU AI Act, articles 19 and 26(6) · 3 and 6 years: SEC 17a-4(b), FINRA 4511, HIPAA
164.316(b)(2) · 7 years: what many companies keep by rule. Whether one fits is for counsel to say.
"""

LOCKS: Final[dict[str, tuple[LockMode, ...]]] = {
    "folder": ("none",),
    "s3": ("none", "governance", "compliance"),
    "r2": ("none", "rule"),
}
"""The locks that each kind of store can keep."""

_LONGEST: Final = 36_500


def _days(value: object) -> object:
    if isinstance(value, str):
        if value not in PRESETS:
            raise wrong("allowed: a number of days, or one of {words}", words=", ".join(PRESETS))
        return PRESETS[value]
    if isinstance(value, int) and not isinstance(value, bool) and not 1 <= value <= _LONGEST:
        raise wrong("must be 1 to 36500 days; left out or `indefinite` means for ever")
    return value


Days = Annotated[
    Annotated[int, Field(ge=1, le=_LONGEST)] | None,
    BeforeValidator(_days),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": _LONGEST}, {"enum": [*PRESETS]}]}
    ),
]
"""Days, 1 to 36,500; or a word of `PRESETS`; ``None`` is for ever."""


class Covers(Section):
    """Which conversations of the tenant a class is for. All that is given must hold."""

    working_directories: tuple[FolderPattern, ...] = ()
    """Folders in which the conversation was held. Left out: any."""

    git_remotes: tuple[RemotePattern, ...] = ()
    """Remotes of the repository in which it was held. Left out: any."""

    assistants: tuple[AssistantName, ...] = ()
    """With which it was held. Left out: any."""

    @model_validator(mode="after")
    def _covers_something(self) -> Self:
        if not (self.working_directories or self.git_remotes or self.assistants):
            raise wrong("covers nothing; allowed: working_directories, git_remotes, assistants")
        return self


class ClassRule(Section):
    """One more class, and the conversations that get it."""

    klass: Name = Field(validation_alias="class", serialization_alias="class")
    """The name of the class. It stands in every key, so that a bucket can tell classes apart."""

    conversations: Covers
    """Which conversations get it. All that is given must hold."""

    days: Days = None
    """Days from shipping, or a word for them. Left out: for ever."""

    lock: LockMode = "none"
    """How the store keeps chunks from being deleted before their time."""


class Retention(Section):
    """How long it stays. The class stands in every key from the first one on."""

    days: Days = None
    """Days from shipping, or a word for them. Left out: for ever."""

    klass: Name = Field(default="standard", validation_alias="class", serialization_alias="class")
    """The retention class, ``class`` in the document."""

    lock: LockMode = "none"
    """How the store keeps chunks from being deleted before their time."""

    minimum_days: Annotated[int, Field(ge=1, le=_LONGEST)] | None = None
    """No class of this tenant may stay shorter. Left out: no bound."""

    maximum_days: Annotated[int, Field(ge=1, le=_LONGEST)] | None = None
    """No class of this tenant may stay longer, nor for ever. Left out: no bound."""

    classes: tuple[ClassRule, ...] = ()
    """Further classes, the first that covers a conversation decides."""

    grace_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Days after a chunk's end until the store's own lifecycle may remove it. Within them
    `archiver retention apply` writes down that it expired, so that nobody takes it for lost."""

    @property
    def terms(self) -> tuple[ClassTerms, ...]:
        """Give the terms of every class, the tenant's own first."""
        rules: tuple[Retention | ClassRule, ...] = (self, *self.classes)
        return tuple(ClassTerms(rule.klass, rule.days, rule.lock) for rule in rules)

    def of(self, klass: str) -> ClassTerms | None:
        """Give the terms of one class; ``None`` for a class that the policy does not name."""
        return next((one for one in self.terms if one.klass == klass), None)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        low, high = self.minimum_days, self.maximum_days
        if low is not None and high is not None and low > high:
            raise wrong("is more than maximum_days", at=".minimum_days")
        seen: set[str] = set()
        places = ("", *(f".classes[{number}]" for number in range(len(self.classes))))
        for at, one in zip(places, self.terms, strict=True):
            if one.klass in seen:
                raise wrong("another rule has the same class; allowed: one each", at=f"{at}.class")
            seen.add(one.klass)
            if one.lock != "none" and one.days is None:
                raise wrong(
                    "a lock needs `days`: without an end nobody could ever undo it", at=f"{at}.lock"
                )
            if low is not None and one.days is not None and one.days < low:
                raise wrong("must be at least minimum_days, {low}", low=low, at=f"{at}.days")
            if high is not None and (one.days is None or one.days > high):
                raise wrong("must be at most maximum_days, {high}", high=high, at=f"{at}.days")
        return self
