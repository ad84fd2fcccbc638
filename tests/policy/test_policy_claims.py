"""Whose a conversation is: the rules in the order in which the module states them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.policy.claims import Claim, Whereabouts, claim
from archiver.policy.document import Claims, Identity, Policy, S3Store, Tenant

DAY = date(2026, 2, 1)


def tenant(name: str, *folders: str, **more: Any) -> Tenant:
    """Make a tenant that claims ``folders``; ``remotes``, ``exclude``, ``default`` go to claims."""
    claims = Claims(
        working_directories=folders,
        git_remotes=more.pop("remotes", ()),
        exclude=more.pop("exclude", ()),
        default=more.pop("default", False),
    )
    store, identity = S3Store(bucket="bucket"), Identity(subject_key="k" * 16)
    return Tenant(id=name, conversations=claims, store=store, identity=identity, **more)


def asked(*tenants: Tenant, folder: str | None = "/home/me/work/acme", **more: Any) -> Claim:
    """Ask whose a conversation in ``folder`` is."""
    known: dict[str, Any] = {
        "working_directories": (folder,) if folder else (),
        "git_remotes": (),
        "assistant": "cline",
        "last_change": DAY,
        "home": "/home/me",
        "platform": "linux",
    }
    return claim(Policy(version=1, tenants=tenants), Whereabouts(**(known | more)))


def test_a_contractor_with_two_clients_and_a_private_project_gets_three_treatments() -> None:
    """One laptop: a client is captured, another has it switched off, the rest is nobody's."""
    acme = tenant("acme", "~/work/acme/**")
    beta = tenant("beta", remotes=("git.example.com/beta/*",), enabled=False)
    assert asked(acme, beta, folder="/home/me/work/acme/api") == Claim(
        acme, "claimed by working directory ~/work/acme/**"
    )
    assert asked(
        acme, beta, folder="/home/me/src/shop", git_remotes=("git.example.com/beta/shop",)
    ) == Claim(None, "tenant beta is disabled")
    assert asked(acme, beta, folder="/home/me/diary") == Claim(
        None, "no tenant claims this working directory"
    )


def test_a_remote_claims() -> None:
    """Whatever folder the clone lies in."""
    acme = tenant("acme", remotes=("example.com/acme/*",))
    found = asked(acme, folder="/tmp/x", git_remotes=("other.example/y", "example.com/acme/tool"))
    assert found == Claim(acme, "claimed by git remote example.com/acme/*")


def test_the_first_tenant_in_the_document_claims() -> None:
    """An admin orders from the special to the general."""
    narrow, wide = tenant("narrow", "~/work/acme"), tenant("wide", "~/work")
    assert asked(narrow, wide).tenant == narrow
    assert asked(wide, narrow).tenant == wide
    assert asked(narrow, wide, folder="/home/me/work/beta").tenant == wide


def test_either_spelling_of_the_folder_claims() -> None:
    """The folder as written and as resolved are both known."""
    acme = tenant("acme", "~/work/acme")
    spellings = ("/link", "/home/me/work/acme")
    assert asked(acme, working_directories=spellings).tenant == acme


def test_what_a_tenant_excludes_is_not_its_own() -> None:
    """In either spelling, whether it claims by folder, by remote or by default."""
    private = ("~/work/acme/private",)
    folder = "/home/me/work/acme/private/x"
    for acme in (
        tenant("acme", "~/work/acme", exclude=private),
        tenant("acme", remotes=("example.com/acme",), exclude=private),
        tenant("acme", exclude=private, default=True),
    ):
        found = asked(
            acme,
            working_directories=("/link", folder),
            git_remotes=("example.com/acme/tool",),
        )
        assert found == Claim(None, "tenant acme excludes ~/work/acme/private")


def test_what_one_tenant_excludes_another_may_claim() -> None:
    """By a pattern or by default."""
    acme = tenant("acme", "~/work", exclude=("~/work/acme",))
    assert asked(acme, tenant("beta", "~/work/acme")).reason == (
        "claimed by working directory ~/work/acme"
    )
    other = tenant("other", default=True)
    assert asked(acme, other) == Claim(other, "claimed by the default tenant")


def test_an_exclusion_that_does_not_matter_is_not_the_reason() -> None:
    """A tenant that would not have claimed it anyway is not named."""
    acme = tenant("acme", "~/elsewhere", exclude=("~/work",))
    assert asked(acme).reason == "no tenant claims this working directory"


def test_the_default_tenant_gets_what_no_pattern_claims() -> None:
    """Even when it stands first."""
    other, acme = tenant("other", default=True), tenant("acme", "~/work/acme")
    assert asked(other, acme).tenant == acme
    assert asked(other, acme, folder="/home/me/diary").tenant == other


def test_a_disabled_clients_folder_never_falls_to_the_default_tenant() -> None:
    """Nor to any other tenant further down: switching off reroutes nothing."""
    acme = tenant("acme", "~/work/acme", enabled=False)
    for other in (tenant("other", default=True), tenant("other", "~/work")):
        assert asked(acme, other) == Claim(None, "tenant acme is disabled")
    found = asked(tenant("other", default=True), acme)
    assert found == Claim(None, "tenant acme is disabled")


def test_a_tenant_that_does_not_list_the_assistant_keeps_it_from_the_others_too() -> None:
    """The owner is found first; what it does not want, nobody gets."""
    acme = tenant("acme", "~/work/acme", assistants=("continue",))
    other = tenant("other", default=True)
    assert asked(acme, other) == Claim(None, "tenant acme does not list cline")
    assert asked(acme, other, assistant="continue").tenant == acme


def test_what_is_older_than_since_is_left_alone() -> None:
    """On the day itself it is not."""
    acme = tenant("acme", "~/work/acme", since=DAY)
    assert asked(acme).tenant == acme
    found = asked(acme, tenant("other", default=True), last_change=date(2026, 1, 31))
    assert found == Claim(None, "last changed before 2026-02-01, since when acme captures")


def test_without_a_working_directory_only_the_default_tenant_gets_it() -> None:
    """Patterns have nothing to say; whether to wait is for the caller."""
    everything = tenant("everything", "**", exclude=("~/x",))
    other = tenant("other", default=True)
    assert asked(everything, folder=None) == Claim(
        None, "the working directory is not known, and no tenant is the default"
    )
    assert asked(everything, other, folder=None).tenant == other
    assert asked(everything, other, folder="not/absolute").tenant == other


def test_a_disabled_default_tenant_gets_nothing() -> None:
    """An enabled one behind it does."""
    off, on = tenant("off", default=True, enabled=False), tenant("on", default=True)
    assert asked(off) == Claim(None, "tenant off is disabled")
    assert asked(off, on).tenant == on


def test_nothing_is_decided_while_git_cannot_answer_and_it_could_matter() -> None:
    """A disabled client might be told by its remotes: its work must not go elsewhere."""
    beta = tenant("beta", remotes=("example.com/beta",), enabled=False)
    other = tenant("other", default=True)
    found = asked(beta, other, git_remotes=None)
    assert found == Claim(None, "git could not say which remotes the working directory has")


def test_a_silent_git_does_not_matter_where_remotes_do_not() -> None:
    """A folder claims before remotes are needed, and an exclusion makes them needless."""
    acme = tenant("acme", "~/work/acme")
    beta = tenant("beta", remotes=("example.com/beta",), exclude=("~/work/acme",))
    late = tenant("late", remotes=("example.com/late",))
    for tenants in ((acme,), (acme, late), (beta, acme)):
        assert asked(*tenants, git_remotes=None).tenant == acme


def test_a_sibling_with_the_same_beginning_is_not_claimed() -> None:
    """The mistake of every prefix comparison."""
    found = asked(tenant("acme", "~/work/acme"), folder="/home/me/work/acme-private")
    assert found.tenant is None


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_letter_case_is_the_platforms(platform: str) -> None:
    """The same rules as for patterns, with the machine's own home."""
    acme = tenant("acme", "~/Work/ACME")
    home = "C:\\Users\\Me" if platform == "win32" else "/Users/Me"
    folder = home.lower() + "/work/acme/x"
    assert asked(acme, folder=folder, home=home, platform=platform).tenant == acme


_FOLDERS = ("~/work/acme", "~/work", "~/work/*/src", "**/beta", "/srv")
_REMOTES = ("example.com/acme", "example.com/*/tool")


@st.composite
def _tenants(draw: st.DrawFn) -> list[Tenant]:
    made: list[Tenant] = []
    for number in range(draw(st.integers(0, 4))):
        folders = draw(st.lists(st.sampled_from(_FOLDERS), max_size=2))
        remotes = draw(st.lists(st.sampled_from(_REMOTES), max_size=1))
        enabled = draw(st.booleans())
        taken = any(one.enabled and one.conversations.default for one in made)
        default = draw(st.booleans()) and not (enabled and taken)
        if folders or remotes or default:
            made.append(
                tenant(
                    f"t{number}",
                    *folders,
                    remotes=tuple(remotes),
                    exclude=tuple(draw(st.lists(st.sampled_from(_FOLDERS), max_size=1))),
                    default=default,
                    enabled=enabled,
                    assistants=draw(st.sampled_from([None, ("cline",), ("continue",)])),
                    since=draw(st.sampled_from([None, DAY, date(2026, 3, 1)])),
                )
            )
    return made


_folders = st.sampled_from([None, "/home/me/work/acme/src", "/home/me/work/x", "/srv/beta", "/"])
_remotes = st.sampled_from([None, (), ("example.com/acme/tool",), ("example.com/beta/tool",)])


@given(tenants=_tenants(), folder=_folders, remotes=_remotes)
def test_only_an_enabled_tenant_that_claims_gets_a_conversation(
    tenants: list[Tenant], folder: str | None, remotes: tuple[str, ...] | None
) -> None:
    """Nothing is captured for a conversation that no enabled tenant claims; and why is said."""
    found = asked(*tenants, folder=folder, git_remotes=remotes)
    assert found.reason
    got = found.tenant
    if got is not None:
        assert got.enabled
        assert got.assistants is None or "cline" in got.assistants
        assert got.since is None or got.since <= DAY
        alone = asked(got, folder=folder, git_remotes=remotes or ())
        assert alone.tenant == got, "it does not claim the conversation by itself"


@given(tenants=_tenants(), folder=_folders, remotes=_remotes)
def test_switching_a_tenant_off_gives_its_conversations_to_nobody(
    tenants: list[Tenant], folder: str | None, remotes: tuple[str, ...] | None
) -> None:
    """Except what it got as the default: that is nobody's in particular, and stays so."""
    got = asked(*tenants, folder=folder, git_remotes=remotes).tenant
    off = [
        one.model_copy(update={"enabled": False}) if one.id == getattr(got, "id", None) else one
        for one in tenants
    ]
    assert got is None or asked(*off, folder=folder, git_remotes=remotes).tenant is None
