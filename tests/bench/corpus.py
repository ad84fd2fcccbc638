"""The transcripts that are measured with: real ones where they are, else generated ones.

Real: ``../shared/samples`` beside the checkout, recorded by the assistants themselves. Without
it, the project's own samples are enlarged by a seeded generator: same formats, same shapes,
text of random words. Every result says which was used; compare only like with like.
"""

from __future__ import annotations

import json
import math
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from measure import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Corpus", "History", "claude_files", "find"]

_RECORDED: Final = ROOT.parent / "shared" / "samples"
_OWN: Final = ROOT / "archiver" / "quickstart" / "samples" / "home"
_CLAUDE: Final = ".claude/projects/"
_SEED: Final = 20_260_101
_GENERATED_BYTES: Final = 10_000_000
_LISTS: Final = ("messages", "history")


@dataclass(frozen=True, slots=True)
class History:
    """One file of a home, and what it held at its milestones, oldest first."""

    path: str
    milestones: tuple[bytes, ...]

    def at(self, step: int, steps: int) -> bytes:
        """Give what it holds after save ``step`` of ``steps``.

        It grows to its first milestone, then each later one replaces it whole.
        """
        last = len(self.milestones) - 1
        growing = steps - last * max(1, steps // (4 * max(last, 1)))
        if step > growing:
            each = (steps - growing) / last
            return self.milestones[math.ceil((step - growing) / each)]
        if step == growing:
            return self.milestones[0]
        return _part(self.path, self.milestones[0], step / growing)


def _part(path: str, body: bytes, share: float) -> bytes:
    """Give the first ``share`` of a file, cut where its assistant would have saved it."""
    if not path.endswith(".json"):
        lines = body.splitlines(keepends=True)
        return b"".join(lines[: math.ceil(share * len(lines))])
    value = json.loads(body)
    key = next((key for key in _LISTS if isinstance(value.get(key), list)), None)
    if key is None:
        return body
    value[key] = value[key][: math.ceil(share * len(value[key]))]
    style = re.match(rb"\{\s*\n(\s+)", body)
    indent = style[1].decode() if style else None
    return json.dumps(value, ensure_ascii=False, indent=indent).encode()


@dataclass(frozen=True, slots=True)
class Corpus:
    """Files of one home. ``origin`` says where they come from."""

    origin: str
    histories: tuple[History, ...]

    @property
    def size(self) -> int:
        """Bytes that the files hold at the end."""
        return sum(len(history.milestones[-1]) for history in self.histories)

    def save(self, home: Path, step: int, steps: int) -> None:
        """Write the files as they are after save ``step``; those that did not change stay."""
        for history in self.histories:
            path = home / history.path
            body = history.at(step, steps)
            if path.exists() and path.read_bytes() == body:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)


def find() -> Corpus:
    """Give the best corpus that is here."""
    if (_RECORDED / "claude_code").is_dir():
        return Corpus("recorded transcripts", tuple(_recorded(_RECORDED)))
    return Corpus("generated transcripts", tuple(_generated(_GENERATED_BYTES)))


def claude_files(corpus: Corpus) -> list[bytes]:
    """Give the transcripts of Claude Code in a corpus, each in its fullest state."""
    return [
        max(history.milestones, key=len)
        for history in corpus.histories
        if history.path.startswith(_CLAUDE) and history.path.endswith(".jsonl")
    ]


def _recorded(samples: Path) -> Iterator[History]:
    claude = samples / "claude_code"
    for path in sorted(claude.rglob("*.jsonl")):
        below = path.relative_to(claude)
        if not below.parts[0].startswith("-entire-checkpoints-"):
            yield History(f"{_CLAUDE}{below}", (path.read_bytes(),))
    # One session each, in the states in which it was found one after the other.
    for project in sorted(claude.glob("-entire-checkpoints-*")):
        states = sorted(project.glob("*/*.jsonl"))
        yield History(
            f"{_CLAUDE}{project.name}/{states[0].name}", tuple(map(_read, _distinct(states)))
        )
    for name in ("aider/.aider.chat.history.md", "aider/friendly_names/.aider.llm.history"):
        path = samples / name
        yield History(f"projects/{path.parent.name}/{path.name}", (path.read_bytes(),))
    for path in sorted((samples / "cecli").glob("*/.cecli/*")):
        yield History(f"projects/{path.relative_to(samples / 'cecli')}", (path.read_bytes(),))
    session = json.loads((samples / "cline/v4_sdk/session.json").read_bytes())["session_id"]
    for path in sorted((samples / "cline/v4_sdk").glob("*.json")):
        name = path.name.replace("session.", f"{session}.", 1)
        yield History(f".cline/data/sessions/{session}/{name}", (path.read_bytes(),))
    for path in sorted((samples / "continue/sessions").glob("*-*.json")):
        yield History(f".continue/sessions/{path.name}", (path.read_bytes(),))


def _distinct(states: list[Path]) -> list[Path]:
    """Leave out what a later state only appends to: growing is done step by step anyway."""
    bodies = [path.read_bytes() for path in states]
    return [
        path
        for number, path in enumerate(states)
        if not any(later.startswith(bodies[number]) for later in bodies[number + 1 :])
    ]


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _generated(total: int) -> Iterator[History]:
    """Enlarge the project's own samples with words of their own, the same each time."""
    draw = random.Random(_SEED)
    paths = sorted(path for path in _OWN.rglob("*") if path.is_file() and _grows(path))
    words = re.findall(r"[A-Za-z_]{2,}", " ".join(path.read_text() for path in paths))
    sizes = {path: path.stat().st_size for path in paths}
    weight = sum(sizes.values())
    for path in paths:
        wanted = total * sizes[path] // weight
        below = str(path.relative_to(_OWN))
        make = _document if path.suffix == ".json" else _lines
        yield History(below, (make(path.read_text(), wanted, words, draw),))


def _grows(path: Path) -> bool:
    if path.suffix == ".json":
        value = json.loads(path.read_text())
        return isinstance(value, dict) and any(isinstance(value.get(key), list) for key in _LISTS)
    return True


def _lines(text: str, wanted: int, words: list[str], draw: random.Random) -> bytes:
    lines = text.splitlines()
    made, size = [], 0
    while size < wanted:
        line = draw.choice(lines)
        made.append(
            json.dumps(_reworded(json.loads(line), words, draw))
            if line.startswith("{")
            else _sentence(line, words, draw)
        )
        size += len(made[-1]) + 1
    return ("\n".join(made) + "\n").encode()


def _document(text: str, wanted: int, words: list[str], draw: random.Random) -> bytes:
    value = json.loads(text)
    key = next(key for key in _LISTS if isinstance(value.get(key), list))
    items = value[key]
    value[key] = made = []
    size = 0
    while size < wanted:
        made.append(_reworded(draw.choice(items), words, draw))
        size += len(json.dumps(made[-1]))
    return json.dumps(value, indent=2).encode()


def _reworded(value: Any, words: list[str], draw: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: _reworded(inner, words, draw) for key, inner in value.items()}
    if isinstance(value, list):
        return [_reworded(inner, words, draw) for inner in value]
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
        return f"{draw.getrandbits(128):032x}"
    return _sentence(value, words, draw) if " " in value else value


def _sentence(text: str, words: list[str], draw: random.Random) -> str:
    """Give eight times as many words: transcripts hold answers and files, samples do not."""
    if text.startswith(("# aider", "#### ", "# 20")):
        return text
    return " ".join(draw.choices(words, k=8 * (text.count(" ") + 1)))
