"""Which retention class a conversation gets: the rules in the order of the module."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.policy.claims import Whereabouts
from archiver.policy.classes import class_of
from archiver.policy.retention import ClassRule, Covers, Retention


def rule(name: str, **covers: tuple[str, ...]) -> ClassRule:
    """Make a class for what is named."""
    return ClassRule(klass=name, conversations=Covers(**covers))


def asked(*classes: ClassRule, **known: Any) -> str | None:
    """Ask for the class of a conversation held in ``~/work/acme``, without a remote, by cline."""
    facts: dict[str, Any] = {
        "working_directories": ("/home/me/work/acme",),
        "git_remotes": (),
        "assistant": "cline",
        "last_change": date(2026, 2, 1),
        "home": "/home/me",
        "platform": "linux",
    }
    return class_of(Retention(classes=classes), Whereabouts(**(facts | known)))


LEGAL = rule("legal", working_directories=("~/work/legal/**",))
BILLING = rule("billing", git_remotes=("example.com/acme/billing",))
CLINE = rule("cline", assistants=("cline",))


def test_what_no_class_covers_gets_the_tenants_own() -> None:
    """Also where there is none besides."""
    assert asked() == "standard"
    assert asked(LEGAL, BILLING) == "standard"


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"working_directories": ("/home/me/work/legal/case",)}, "legal"),
        ({"git_remotes": ("git@example.com:acme/billing.git",)}, "billing"),
        ({"assistant": "cline"}, "cline"),
        ({"assistant": "continue"}, "standard"),
    ],
)
def test_each_kind_of_criterion_covers(known: dict[str, Any], expected: str) -> None:
    """A folder, a remote, an assistant."""
    assert asked(LEGAL, BILLING, CLINE, **known) == expected


def test_the_first_class_that_covers_decides() -> None:
    """The order is the document's, not that of the criteria."""
    both = {"working_directories": ("/home/me/work/legal",), "assistant": "cline"}
    assert asked(LEGAL, CLINE, **both) == "legal"
    assert asked(CLINE, LEGAL, **both) == "cline"


def test_all_that_a_class_names_must_fit() -> None:
    """A folder and an assistant: neither alone is enough."""
    narrow = rule("narrow", working_directories=("~/work/**",), assistants=("continue",))
    assert asked(narrow) == "standard"
    assert asked(narrow, assistant="continue", working_directories=("/tmp",)) == "standard"
    assert asked(narrow, assistant="continue") == "narrow"


def test_where_git_could_not_say_nothing_is_decided() -> None:
    """But only where the answer could matter: not behind a class that covers, nor outside."""
    assert asked(BILLING, git_remotes=None) is None
    assert asked(LEGAL, BILLING, CLINE, git_remotes=None) is None
    assert asked(CLINE, BILLING, git_remotes=None) == "cline"
    outside = rule("outside", assistants=("continue",), git_remotes=("example.com/*/*",))
    assert asked(outside, git_remotes=None) == "standard"


@given(st.permutations([LEGAL, BILLING, CLINE]), st.sampled_from(["cline", "continue"]))
def test_the_answer_is_always_a_class_of_the_tenant(
    classes: list[ClassRule], assistant: str
) -> None:
    """Whatever the order."""
    terms = {one.klass for one in Retention(classes=tuple(classes)).terms}
    assert asked(*classes, assistant=assistant) in terms
