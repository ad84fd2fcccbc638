"""SIGKILL at every named point between two durable steps.

`story.py` is lived by processes that kill themselves; afterwards the archive is held to the
oracle: every state that was written is there, in its order and once, no record id twice, no
position missing, and verification of all data finds nothing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from laptop import Archive, equal_json, read_archive

from archiver.vault import age

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "archiver"
ELSEWHERE = {
    "policy.kept": "distribution/test_succession.py",
    "retention.ordered": "retention/test_apply.py",
    "retention.removed": "retention/test_apply.py",
}
"""The story has no signed policy and no admin: which tests die at their points."""
POINTS = sorted(
    {
        name
        for path in SOURCE.rglob("*.py")
        for name in re.findall(r"reached\(\"([^\"]+)\"\)", path.read_text("utf-8"))
    }
    - ELSEWHERE.keys()
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks and kills its children")


def story(*arguments: str, **environ: str) -> str:
    """Run the program."""
    done = subprocess.run(
        [sys.executable, str(HERE / "story.py"), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "PYTHONPATH": f"{HERE.parent}{os.pathsep}{SOURCE.parent}", **environ},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def assert_told(archive: Archive, expected: dict[str, list[bytes | None]]) -> None:
    """Hold an archive to the states that the story wrote."""
    for stream, wanted in expected.items():
        states = archive.states(stream)
        assert len(states) == len(wanted), stream
        for state, one in zip(states, wanted, strict=True):
            if state is not None and one is not None and stream.endswith(".messages.json"):
                assert equal_json(state, one), stream
            else:
                assert state == one, stream


@pytest.fixture(scope="module")
def expected() -> dict[str, list[bytes | None]]:
    """Give what the archive must hold in the end."""
    sys.path.insert(0, str(HERE))
    try:
        from story import EXPECTED  # noqa: PLC0415 - a program that is also read
    finally:
        sys.path.remove(str(HERE))
    return dict(EXPECTED)


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Live the story whole; give how often it passed each point."""
    root = tmp_path_factory.mktemp("trace")
    return dict(json.loads(story("trace", str(root))))


def test_the_story_passes_every_point_that_the_source_names(passed: dict[str, int]) -> None:
    """A point that the story never reaches would be a point that no test ever kills at."""
    assert sorted(passed) == POINTS
    assert all(count >= 2 for count in passed.values())
    for point, test in ELSEWHERE.items():
        assert f'"{point}"' in (HERE.parent / test).read_text("utf-8")


def test_undisturbed_the_story_is_archived_whole(
    memory: Path, expected: dict[str, list[bytes | None]]
) -> None:
    """The oracle itself, without a crash."""
    story("trace", str(memory))
    assert_told(read_archive(memory / "bucket"), expected)


def arrivals(count: int) -> list[int]:
    """Give the first, the second, the last, and some in between."""
    return sorted({1, 2, count, *range(5, count, max(1, count // 5))})


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point_nothing_is_lost_or_doubled(
    memory: Path,
    passed: dict[str, int],
    expected: dict[str, list[bytes | None]],
    point: str,
) -> None:
    """Killed there, killed again anywhere, started again: the archive is as if undisturbed."""
    numbers = arrivals(passed[point])
    seed = str(POINTS.index(point))
    story("kill", str(memory), point, ",".join(map(str, numbers)), seed)
    for number in numbers:
        assert_told(read_archive(memory / str(number) / "bucket"), expected)


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("seal.")])
def test_killed_while_chunks_are_sealed_to_an_officer_who_opens_them_all(
    memory: Path,
    passed: dict[str, int],
    expected: dict[str, list[bytes | None]],
    point: str,
) -> None:
    """Wrapped key, docket and file are three things on the disk; none may miss another.

    The machine itself cannot open what it left behind: what it knows of it must have survived.
    """
    identity, recipient = age.generate()
    numbers = arrivals(passed[point])
    story("kill", str(memory), point, ",".join(map(str, numbers)), "7", STORY_OFFICER=recipient)
    for number in numbers:
        root = memory / str(number)
        assert_told(read_archive(root / "bucket", identity=identity), expected)
        left = b"".join(path.read_bytes() for path in root.rglob("state/**/*") if path.is_file())
        assert b"AGE-SECRET-KEY" not in left.upper()


@pytest.mark.soak
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_every_single_arrival(
    memory: Path,
    passed: dict[str, int],
    expected: dict[str, list[bytes | None]],
    point: str,
) -> None:
    """The same for all arrivals at the point."""
    numbers = range(1, passed[point] + 1)
    story("kill", str(memory), point, ",".join(map(str, numbers)), "99")
    for number in numbers:
        assert_told(read_archive(memory / str(number) / "bucket"), expected)
