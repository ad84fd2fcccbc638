"""A life of a laptop that is killed; a program of its own, because it dies.

    python story.py trace ROOT             live it whole; print how often each point was passed
    python story.py kill ROOT POINT N SEED

``kill`` lives the story in processes: the first kills itself at the Nth arrival at POINT, the
second at some arrival that SEED draws, the third lives on to the end. Each begins where the
one before had got to, as a daemon does that its service manager starts again. Where
``STORY_OFFICER`` holds an age recipient, chunks are sealed to it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from laptop import Clock, Laptop, lines, tenant_rules

from archiver.capture import intake
from archiver.daemon import engine
from archiver.durable import files

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EXPECTED"]

_DAY = 86_400
_DOCUMENT = b'{"title":"%s","messages":[%s]}'
_FIRST = _DOCUMENT % (b"t", b'{"m":1},{"m":2}')
_LONGER = _DOCUMENT % (b"t", b'{"m":1},{"m":2},{"m":3}')
_SHORTER = _DOCUMENT % (b"other", b'{"m":1}')

EXPECTED: dict[str, list[bytes | None]] = {
    "c1.jsonl": [
        lines(1, 2, 3),
        lines(1, 2, 3, 4),
        lines(1, 9, 3),
        lines(1),
        lines(1, 5),
    ],
    "s1.messages.json": [_FIRST, _LONGER, _SHORTER],
    "toolu_1.txt": [b"said the tool\n", None, b"said the tool\nagain"],
}
"""What the archive must hold of each stream in the end: these states and no other."""


class Story:
    """The steps, and how many of them are done."""

    def __init__(self, root: Path) -> None:
        self.done = root / "done"
        clock = Clock()
        clock.sleep(10 * self._count())
        tenant = tenant_rules("acme", root / "bucket", retention={"days": 3650})
        if officer := os.environ.get("STORY_OFFICER"):
            tenant["sealing"] = {"officers": [officer]}
        self.laptop = Laptop(root, clock=clock, tenants=[tenant])
        self.chat = self.laptop.claude("c1")
        self.document = self.laptop.cline4("s1")
        self.note = self.laptop.note("c1")

    def _count(self) -> int:
        return int(self.done.read_text()) if self.done.exists() else 0

    def live(self) -> None:
        """Do every step that is not done."""
        steps = self._steps()
        for number in range(self._count(), len(steps)):
            steps[number]()
            self.laptop.clock.sleep(10)
            new = self.done.with_name("done.new")
            new.write_text(str(number + 1))
            new.replace(self.done)
        self.laptop.halt()

    def _steps(self) -> list[Callable[[], object]]:
        laptop = self.laptop
        write = laptop.write
        return [
            laptop.engine.keep_house,
            lambda: write(self.chat, lines(1, 2, 3)),
            lambda: write(self.document, _FIRST),
            lambda: write(self.note, b"said the tool\n"),
            laptop.look,
            lambda: laptop.append(self.chat, lines(4)),
            lambda: write(self.document, _LONGER),
            laptop.look,
            laptop.seal,
            laptop.ship,
            lambda: write(self.chat, lines(1, 9, 3)),
            lambda: write(self.document, _SHORTER),
            laptop.look,
            laptop.seal,
            lambda: write(self.chat, lines(1)),
            laptop.look,
            laptop.ship,
            lambda: self.note.unlink(missing_ok=True),
            laptop.look,
            laptop.look,
            laptop.look,
            lambda: write(self.note, b"said the tool\nagain"),
            lambda: laptop.append(self.chat, lines(5)),
            laptop.look,
            laptop.ship,
            lambda: laptop.clock.sleep(2 * _DAY),
            laptop.ship,
            laptop.engine.keep_house,
        ]


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _life(root: Path, dies: Callable[[str], bool]) -> int:
    """Live in a process of its own; give how that ended."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            files.observer = lambda point: _kill() if dies(point) else None
            Story(root).live()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(process, 0)[1]


def _nth(point: str, number: int) -> Callable[[str], bool]:
    passed: Counter[str] = Counter()

    def dies(here: str) -> bool:
        passed[here] += 1
        return passed[here] == number and here == point

    return dies


def _any(number: int) -> Callable[[str], bool]:
    passed = iter(range(10**9))
    return lambda _: next(passed) == number


def _trace(root: Path) -> None:
    passed: Counter[str] = Counter()
    files.observer = lambda point: passed.update([point])
    Story(root).live()
    sys.stdout.write(json.dumps(passed))


def main() -> None:
    """Do what the command line says."""
    # Every step is a transaction of its own: more places to die at.
    intake._COMMIT_STEPS = 1  # type: ignore[misc]
    # On a slow machine the spool would be asked once more what room it has: as many points always.
    engine._ROOM_SECONDS = 0
    if sys.argv[1] == "trace":
        _trace(Path(sys.argv[2]))
        return
    base, point, seed = Path(sys.argv[2]), sys.argv[3], int(sys.argv[5])
    draw = random.Random(seed)
    for number in map(int, sys.argv[4].split(",")):
        root = base / f"{number}"
        ends = [
            _life(root, _nth(point, number)),
            _life(root, _any(draw.randrange(40))),
            _life(root, lambda _: False),
        ]
        if ends[0] != signal.SIGKILL or ends[-1] != 0:
            sys.exit(f"{point} {number}: {ends}")


if __name__ == "__main__":
    main()
