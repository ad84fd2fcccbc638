"""Which folders and remotes a pattern covers, on each operating system."""

from __future__ import annotations

import doctest
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.policy import patterns
from archiver.policy.patterns import (
    covers,
    folder_parts,
    folder_pattern,
    remote,
    remote_parts,
    remote_pattern,
)

HOMES = {"linux": "/home/me", "darwin": "/Users/me", "win32": "C:\\Users\\me"}


def covered(pattern: str, folder: str, platform: str = "linux") -> bool:
    """Say whether the pattern covers the folder."""
    parts = folder_parts(folder, platform)
    assert parts is not None
    return covers(folder_pattern(pattern, home=HOMES[platform], platform=platform), parts)


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [
        ("~/work/acme", "/home/me/work/acme"),
        ("~/work/acme", "/home/me/work/acme/src/deep"),
        ("~/work/acme/", "/home/me/work/acme"),
        ("~/work/acme/**", "/home/me/work/acme"),
        ("~/work/acme/**", "/home/me/work/acme/src/deep"),
        ("~", "/home/me/x"),
        ("~/work/*", "/home/me/work/beta"),
        ("~/work/*", "/home/me/work/beta/src"),
        ("~/work/*-acme", "/home/me/work/old-acme/src"),
        ("~/**/acme", "/home/me/acme"),
        ("~/**/acme", "/home/me/a/b/acme/c"),
        ("**/acme", "/srv/x/acme/y"),
        ("/srv/**/x/**/y", "/srv/a/x/y"),
        ("/work/acme", "/work/beta/../acme/./src//x"),
        ("/work/acme", "/work/acme/x/.."),
        ("/work/[id]", "/work/[id]/x"),
        ("/work/what?", "/work/what?"),
    ],
)
def test_a_pattern_covers_what_it_names_and_everything_below(pattern: str, folder: str) -> None:
    """The examples of the module's rules."""
    assert covered(pattern, folder)


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [
        ("/work/acme", "/work/acme-private"),
        ("/work/acme/**", "/work/acme-private/src"),
        ("/work/acme", "/work"),
        ("/work/acme", "/work/Acme"),
        ("/work/acme", "/work/acme/../private"),
        ("/work/acme", "/x/work/acme"),
        ("~/work/*", "/home/me/work"),
        ("~/work", "/home/metoo/work"),
        ("~/work", "/work"),
        ("/work/*/src", "/work/a/b/src"),
        ("**/acme", "/srv/acme2"),
        ("/work/[ab]", "/work/a"),
        ("/work/a?", "/work/ab"),
        ("C:/work", "/work"),
        ("/~/x", "/home/me/x"),
    ],
)
def test_a_pattern_covers_nothing_else(pattern: str, folder: str) -> None:
    """A sibling with the same beginning least of all."""
    assert not covered(pattern, folder)


@pytest.mark.parametrize(
    ("pattern", "folder", "platform"),
    [
        ("~/Work/acme", "C:/users/ME/work/ACME/src", "win32"),
        ("~\\work\\acme", "C:\\Users\\me\\work\\acme", "win32"),
        ("c:/work/**", "C:\\Work\\acme", "win32"),
        ("C:\\work", "\\\\?\\C:\\work\\acme", "win32"),
        ("\\\\nas\\share\\acme", "//NAS/share/acme/x", "win32"),
        ("**/acme", "D:\\x\\acme", "win32"),
        ("~/Work", "/users/me/work/x", "darwin"),
        ("~/caf\u00e9", "/Users/me/cafe\u0301/x", "darwin"),
    ],
)
def test_windows_and_macos_compare_as_their_disks_do(
    pattern: str, folder: str, platform: str
) -> None:
    """Case, separators, long-path prefixes and accents make no difference there."""
    assert covered(pattern, folder, platform)


@pytest.mark.parametrize(
    ("pattern", "folder"),
    [
        ("/work", "C:\\work"),
        ("C:/work", "D:\\work"),
        ("C:/work", "C:\\workshop"),
        ("//nas/a", "C:\\nas\\a"),
    ],
)
def test_another_root_is_another_place(pattern: str, folder: str) -> None:
    """Drives, shares and the root of POSIX are all different."""
    assert not covered(pattern, folder, "win32")


@pytest.mark.parametrize("folder", ["", "work/acme", "~", "~/x", "C:x", "\\work"])
def test_a_folder_that_is_not_absolute_is_nowhere(folder: str) -> None:
    """Nothing can be said about it."""
    assert folder_parts(folder, "linux") is None


def test_a_home_with_special_characters_stands_for_itself() -> None:
    """A star in the name of a home folder is no wildcard."""
    pattern = folder_pattern("~/work", home="/home/a*", platform="linux")
    assert covers(pattern, ("/", "home", "a*", "work"))
    assert not covers(pattern, ("/", "home", "ab", "work"))


_names = st.text(st.sampled_from("ab-.*[]?\u00e9 "), min_size=1, max_size=4).filter(
    lambda name: name not in {".", ".."} and "**" not in name
)
_paths = st.lists(_names, max_size=6)


@given(root=st.lists(_names.filter(lambda n: "*" not in n), min_size=1), tail=_paths, path=_paths)
def test_a_covered_folder_is_always_below_the_literal_root(
    root: list[str], tail: list[str], path: list[str]
) -> None:
    """Whatever stands behind the first wildcard, nothing beside its folder is covered."""
    pattern = "/" + "/".join([*root, "**", *tail])
    for folder in (path, root + path):
        if covered(pattern, "/" + "/".join(folder)):
            assert folder[: len(root)] == root


@given(base=_paths, below=_paths, platform=st.sampled_from(["linux", "darwin", "win32"]))
def test_a_literal_pattern_covers_exactly_its_folder_and_what_is_below(
    base: list[str], below: list[str], platform: str
) -> None:
    """The plain rule, and the same with ``/**``, on every system."""
    base = [name.replace("*", "x") for name in base]
    drive = "C:/" if platform == "win32" else "/"
    for pattern in (drive + "/".join(base), drive + "/".join([*base, "**"])):
        assert covered(pattern, drive + "/".join(base + below), platform)
        if base:
            beside = [*base[:-1], base[-1] + "-private"]
            assert not covered(pattern, drive + "/".join(beside + below), platform)


@given(path=_paths, noise=st.lists(st.sampled_from([".", "", "x/.."]), max_size=4))
def test_dots_make_no_difference(path: list[str], noise: list[str]) -> None:
    """A folder is the same however it is spelled."""
    plain = folder_parts("/" + "/".join(path), "linux")
    assert folder_parts("/" + "/".join([*noise, *path, *noise]), "linux") == plain


@given(name=st.text(min_size=1).filter(lambda name: not set(name) & set("/\\\0:~")))
def test_macos_names_are_equal_however_they_are_composed(name: str) -> None:
    """Both spellings of an accent fold to one."""
    forms = {
        folder_parts("/" + unicodedata.normalize(form, name), "darwin") for form in ("NFC", "NFD")
    }
    assert len(forms) == 1


def test_many_wildcards_cost_no_time() -> None:
    """A pattern and a path made to be slow are not."""
    pattern = ("**", "*a*") * 30
    started = time.perf_counter()
    assert not covers(pattern, ("a" * 50 + "b",) * 20 + ("c",))
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    "url",
    [
        "git@example.com:acme/tool.git",
        "example.com:acme/tool",
        "ssh://git@example.com:22/acme/tool",
        "ssh://git@example.com/acme/tool.git/",
        "https://example.com/acme/tool.git",
        "https://user:token@example.com/acme/tool.git",
        "https://user:p@ss@example.com:8443/acme/tool",
        "HTTPS://Example.COM/Acme/Tool.git",
        "git://example.com/acme/tool.git",
        "git@example.com:/acme/tool.git",
        "https://example.com/acme/tool?access_token=CANARY#x",
        "  https://example.com/acme/tool\n",
        "example.com/acme/tool",
    ],
)
def test_every_spelling_of_a_remote_is_one(url: str) -> None:
    """Host and path are kept; user, password, port, scheme and ``.git`` are not."""
    assert remote(url) == "example.com/acme/tool"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/git/tool.git",
        "../tool",
        "~/tool",
        "file:///srv/git/tool",
        "C:\\git\\tool",
        "C:/git/tool",
        "\\\\nas\\git\\tool",
        "origin",
        "https://example.com",
        "https://example.com/.git",
        "https://example.com/../x",
        "https://user:to/ken@example.com/acme/tool",
        "user:token@example.com/acme/tool",
        "user@example.com/acme",
    ],
)
def test_what_is_not_clearly_a_host_and_a_path_is_no_remote(url: str) -> None:
    """Folders of this machine, and whatever might be credentials."""
    assert remote(url) is None
    assert remote_parts(url) is None
    assert remote_pattern(url) is None


@pytest.mark.parametrize(
    ("pattern", "url", "expected"),
    [
        ("example.com/acme/*", "git@example.com:acme/tool.git", True),
        ("example.com/acme", "git@example.com:acme/tool.git", True),
        ("Example.com/ACME/*", "git@example.com:acme/tool.git", True),
        ("*.example.com/**/tool", "ssh://git.example.com/a/b/tool", True),
        ("**/acme/*", "https://other.example/acme/x", True),
        ("git@example.com:acme/tool.git", "https://example.com/acme/tool", True),
        ("example.com/acme", "https://example.com/acme-private/x", False),
        ("example.com/acme/*", "https://example.com.evil.example/acme/x", False),
        ("example.com/acme/*", "https://evil.example/example.com/acme/x", False),
        ("example.com/a?", "https://example.com/ab", False),
        ("[::1]/acme", "ssh://git@[::1]:22/acme/x", True),
    ],
)
def test_remote_patterns_follow_the_same_rules(pattern: str, url: str, expected: bool) -> None:  # noqa: FBT001 - a table
    """Part by part, everything below included."""
    parts, found = remote_pattern(pattern), remote_parts(url)
    assert parts is not None
    assert found is not None
    assert covers(parts, found) is expected


@given(
    user=st.sampled_from(["", "git@", "me:CANARY@", "CANARY@"]),
    scheme=st.sampled_from(["https://", "ssh://", "git+ssh://", ""]),
    host=st.sampled_from(["example.com", "[::1]", "h"]),
    path=st.text(st.sampled_from("ab./-@:[]?#*\u0130"), max_size=12),
    port=st.sampled_from(["", ":22"]),
)
def test_a_normal_remote_holds_no_credentials_and_is_its_own_normal(
    user: str, scheme: str, host: str, path: str, port: str
) -> None:
    """Normalising twice is normalising once."""
    normal = remote(f"{scheme}{user}{host}{port}/{path}")
    if normal is not None:
        assert "canary" not in normal
        assert "@" not in normal
        assert remote(normal) == normal


def test_the_examples_in_the_module_are_true() -> None:
    """Documentation that runs."""
    assert doctest.testmod(patterns).failed == 0
    assert doctest.testmod(patterns).attempted == 4
