"""Whom a machine trusts: ``source.toml``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from archiver.errors import PolicyInvalid, PolicyUnreadable
from archiver.policy.source import load_source

if TYPE_CHECKING:
    from pathlib import Path

KEY = "admin/acme+6f31e407+Ad2n6O5MPFjkPZyAinxueCQK5HzRuRg9lk7dnk+g3h84"


def written(tmp_path: Path, **said: object) -> Path:
    """Write the file."""
    path = tmp_path / "source.toml"
    lines = [f"{name} = {json.dumps(value)}" for name, value in said.items()]
    path.write_text("\n".join(lines))
    return path


def problems(path: Path) -> tuple[str, ...]:
    """Load what must be refused."""
    with pytest.raises(PolicyInvalid) as caught:
        load_source(path)
    assert str(path) in str(caught.value)
    return caught.value.problems


def test_keys_are_enough(tmp_path: Path) -> None:
    """The policy then comes as a file, and an address would be asked hourly."""
    source = load_source(written(tmp_path, keys=[KEY]))
    assert (source.keys, source.url, source.refresh_seconds) == ((KEY,), None, 3600)


@pytest.mark.parametrize(
    "url",
    [
        "https://config.example.com/archiver/policy.signed",
        "https://config.example.com:8443/p",
        "http://127.0.0.1:8000/policy.signed",
        "http://localhost/policy.signed",
        "http://[::1]:8000/policy.signed",
    ],
)
def test_an_address_is_https_or_this_machine(tmp_path: Path, url: str) -> None:
    """Loopback needs no certificate."""
    assert load_source(written(tmp_path, keys=[KEY], url=url)).url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://config.example.com/policy.signed",
        "http://127.0.0.1.example.com/policy.signed",
        "http://localhost.example.com/policy.signed",
        "ftp://config.example.com/policy.signed",
        "file:///etc/policy.signed",
        "https:///policy.signed",
        "https://config.example.com",
        "https://user:CANARY@config.example.com/p",
        "https://config.example.com/p?token=CANARY",
        "https://config.example.com/p#CANARY",
        "https://config.example.com:port/p",
        "https://config.example.com/a b",
        "",
    ],
)
def test_any_other_address_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    """Whatever stands in it would stand in logs and status."""
    (problem,) = problems(written(tmp_path, keys=[KEY], url=url))
    assert problem.startswith("url: must ")
    assert "CANARY" not in problem


def test_each_mistake_is_named(tmp_path: Path) -> None:
    """By its key, with what is allowed."""
    path = written(tmp_path, keys=[], refresh_seconds=59, ulr="x")
    told = dict(line.split(": ", 1) for line in problems(path))
    assert told["keys"].startswith("needs one public key")
    assert "60" in told["refresh_seconds"]
    assert "did you mean `url`" in told["ulr"]


def test_without_keys_nobody_would_be_trusted(tmp_path: Path) -> None:
    """So they are never left out."""
    assert problems(written(tmp_path, url="https://config.example.com/p")) == (
        "keys: is missing, and has no default",
    )


def test_what_is_no_toml_is_unreadable(tmp_path: Path) -> None:
    """As with a policy."""
    path = tmp_path / "source.toml"
    path.write_text("keys = [")
    with pytest.raises(PolicyUnreadable):
        load_source(path)
