"""Fake homes, the bundled samples, and the real ones where they are at hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import archiver.quickstart
from archiver.assistants.protocol import Assistant, Conversation, Places
from archiver.assistants.tree import DiskTree

Put = Callable[[str, str | bytes], Path]
Find = Callable[..., dict[str, Conversation]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give an empty home."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def put(home: Path) -> Put:
    """Write a file below the home."""

    def write(name: str, body: str | bytes) -> Path:
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body if isinstance(body, bytes) else body.encode())
        return path

    return write


@pytest.fixture
def tree() -> DiskTree:
    """Give the real disk."""
    return DiskTree()


@pytest.fixture
def find(home: Path, tree: DiskTree) -> Find:
    """Sweep the home for one assistant's conversations, by id."""

    def sweep(
        assistant: Assistant, *projects: Path, platform: str = "linux", **environ: str
    ) -> dict[str, Conversation]:
        places = Places(home, platform, environ, projects)
        found = list(assistant.conversations(places, tree))
        by_id = {conversation.id: conversation for conversation in found}
        assert len(by_id) == len(found), "an id was given twice"
        return by_id

    return sweep


@pytest.fixture
def bundled() -> Path:
    """Give the home that the package brings along."""
    return Path(archiver.quickstart.__file__).parent / "samples" / "home"


@pytest.fixture
def recorded() -> Path:
    """Give the folder of recorded conversations, which is not part of the repository."""
    folder = Path(__file__).parents[2].parent / "shared" / "samples"
    if not folder.is_dir():
        pytest.skip("the recorded conversations are not beside this checkout")
    return folder
