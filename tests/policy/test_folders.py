"""Where a policy is looked for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs
import pytest

from archiver.policy.folders import folders


@pytest.mark.parametrize(
    ("platform", "environ", "named"),
    [
        ("linux", {}, ("/etc/archiver", "/home/me/.config/archiver")),
        ("linux", {"XDG_CONFIG_HOME": "/x"}, ("/etc/archiver", "/x/archiver")),
        (
            "darwin",
            {},
            (
                "/Library/Application Support/archiver",
                "/home/me/Library/Application Support/archiver",
            ),
        ),
        (
            "win32",
            {"PROGRAMDATA": "D:/Data", "LOCALAPPDATA": "D:/me"},
            ("D:/Data/archiver", "D:/me/archiver"),
        ),
        ("win32", {}, ("C:/ProgramData/archiver", "/home/me/AppData/Local/archiver")),
    ],
)
def test_the_machines_policy_comes_before_the_users(
    platform: str, environ: dict[str, str], named: tuple[str, ...]
) -> None:
    """In each folder TOML comes before JSON."""
    found = folders(platform, environ, Path("/home/me"))
    names = ("policy.toml", "policy.json")
    assert found.plain == tuple(Path(folder) / name for folder in named for name in names)
    assert found.signed == tuple(Path(folder) / "policy.signed" for folder in named)
    assert found.sources == tuple(Path(folder) / "source.toml" for folder in named)


def test_no_variable_of_a_user_moves_the_machines_folder_where_the_system_has_one() -> None:
    """Else a user would choose whom the machine trusts."""
    environ = {"XDG_CONFIG_DIRS": "/home/me/etc", "PROGRAMDATA": "/home/me/data"}
    assert folders("linux", environ, Path("/home/me")).machine == Path("/etc/archiver")
    assert folders("darwin", environ, Path("/home/me")).machine.parts[1] == "Library"


def test_the_users_folder_is_where_platformdirs_has_it() -> None:
    """The rule is written out here only because platformdirs cannot be asked for others."""
    found = folders(sys.platform, os.environ, Path.home())
    assert found.user == platformdirs.user_config_path("archiver", appauthor=False)
