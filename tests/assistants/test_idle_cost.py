"""What a sweep costs when nothing happened, counted and not timed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import archiver.assistants.tree as module
from archiver.assistants.registry import ASSISTANTS, by_name

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Find

LONG_AGO = (1_000_000_000, 1_000_000_000)


@pytest.fixture
def busy_home(home: Path) -> Path:
    """Give a home with 200 sessions in ten projects, long untouched."""
    for number in range(200):
        folder = home / ".claude" / "projects" / f"-p{number % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"s{number}.jsonl").write_bytes(b"{}\n")
    for folder, _, _ in os.walk(home):
        os.utime(folder, LONG_AGO)
    return home


def test_an_idle_sweep_lists_no_folder_and_opens_no_file(
    busy_home: Path, find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only ``stat``, and the same values come out as before."""
    assert busy_home
    before = {assistant.name: find(assistant) for assistant in ASSISTANTS}
    for forbidden in ("scandir", "listdir", "open"):
        monkeypatch.setattr(os, forbidden, lambda *_: pytest.fail("touched the disk"))
    after = {assistant.name: find(assistant) for assistant in ASSISTANTS}
    assert after == before
    assert len(after["claude-code"]) == 200


def test_an_idle_sweep_costs_at_most_two_stats_a_folder(
    busy_home: Path, find: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one a conversation: 200 sessions in ten folders, and three roots to look for."""
    assert busy_home
    reader = by_name("claude-code")
    find(reader)
    stats = []
    real = os.stat

    class Counting:
        """The `os` module, with a counter."""

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

        def stat(self, path: str) -> os.stat_result:
            stats.append(path)
            return real(path)

    monkeypatch.setattr(module, "os", Counting())
    assert len(find(reader)) == 200
    assert len(stats) <= 2 * 10 + 3


def test_what_did_not_change_is_the_same_object(busy_home: Path, find: Find) -> None:
    """A sweep makes nothing anew, so that idling neither computes nor allocates."""
    reader = by_name("claude-code")
    one, other = find(reader), find(reader)
    assert all(one[session] is other[session] for session in one)
    (busy_home / ".claude" / "projects" / "-p0" / "new.jsonl").write_bytes(b"")
    assert len(find(reader)) == 201
