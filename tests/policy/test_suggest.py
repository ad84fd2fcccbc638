"""What a first policy may claim, from what lies on a machine."""

from __future__ import annotations

import pytest

from archiver.policy.answers import problem
from archiver.policy.suggest import Seen, Suggestion, suggestion, tenant_name

HOME = "/home/alex"


def test_repositories_are_grouped_by_their_organisation() -> None:
    """The one with the most conversations first."""
    seen = [
        Seen("/home/alex/a", 1, ("example.com/beta/tool",)),
        Seen("/home/alex/b", 2, ("example.com/acme/orders", "example.com/acme/fork")),
        Seen("/home/alex/c", 3, ("example.com/acme/stock",)),
    ]
    found = suggestion(seen, HOME)
    assert found.git_remotes == (("example.com/acme/*", 5), ("example.com/beta/*", 1))
    assert found.working_directories == ()


def test_folders_without_a_repository_are_grouped_by_what_they_lie_in() -> None:
    """Below the home folder they are written for everybody's."""
    seen = [
        Seen("/home/alex/work/acme/orders", 2),
        Seen("/home/alex/work/acme/stock", 1),
        Seen("/srv/builds/nightly", 5),
    ]
    assert suggestion(seen, HOME).working_directories == (
        ("/srv/builds/**", 5),
        ("~/work/acme/**", 3),
    )


@pytest.mark.parametrize("home", ["/home/alex", "/home/alex/"])
@pytest.mark.parametrize("folder", ["/home/alex", "/home/alex/", "/", "/tmp/*/x"])
def test_nobodys_whole_home_is_suggested(folder: str, home: str) -> None:
    """Nor the whole disk, nor a name that means more than itself."""
    assert suggestion([Seen(folder, 9)], home).working_directories == ()


def test_a_project_in_the_home_folder_stands_for_itself() -> None:
    """What it lies in would be everything."""
    assert suggestion([Seen("/home/alex/orders", 1)], HOME).working_directories == (
        ("~/orders/**", 1),
    )
    assert suggestion([Seen("/orders", 1)], HOME).working_directories == (("/orders/**", 1),)


def test_what_is_suggested_can_stand_in_a_policy() -> None:
    """Windows' folders as well."""
    seen = [
        Seen("C:/Users/alex/work/acme/orders", 1),
        Seen("/home/alex/w", 1),
        Seen("x", 1, ("example.com/acme/orders/deep", "example.com/short")),
    ]
    found = suggestion(seen, "C:/Users/alex")
    assert found.working_directories[0] == ("~/work/acme/**", 1)
    for pattern, _ in found.working_directories:
        assert problem("working_directories", pattern) is None
    assert [problem("git_remotes", pattern) for pattern, _ in found.git_remotes] == [None]


@pytest.mark.parametrize(
    ("organisation", "user", "name"),
    [
        ("acme", "alex", "acme"),
        ("Acme_Inc.", "alex", "acme-inc"),
        ("", "alex@example.com", "alex"),
        ("", "Ünï", "n"),
        ("---", "___", "team"),
    ],
)
def test_a_tenant_is_named_by_the_organisation_else_by_the_user(
    organisation: str, user: str, name: str
) -> None:
    """As far as that can be a name."""
    remotes = ((f"example.com/{organisation}/*", 1),) if organisation else ()
    assert tenant_name(Suggestion(remotes), user) == name
    assert problem("tenant", name) is None


@pytest.mark.parametrize(
    ("key", "right", "wrong"),
    [
        ("tenant", "acme", "Acme Inc"),
        ("days", "7y", "8y"),
        ("days", "365", "-1"),
        ("bucket", "acme-ai", "s3://acme"),
        ("endpoint", "https://s3.example.com", "s3.example.com"),
        ("account_id", "0" * 32, "mine"),
        ("working_directories", "~/work", "work"),
        ("officers", f"age1{'q' * 58}", "age2"),
        ("anything", "x", None),
    ],
)
def test_an_answer_is_judged_by_the_rule_of_its_key(
    key: str, right: str, wrong: str | None
) -> None:
    """In the words of the reader, which never repeat it."""
    assert problem(key, right) is None
    if wrong is not None:
        told = problem(key, wrong)
        assert told
        assert wrong not in told
