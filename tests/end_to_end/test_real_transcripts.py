"""Recorded conversations, captured while they grow, and given back exactly.

Every file is laid into a fake home and grows there in steps, cut at line ends and in the
middle of lines; documents are written as their assistant writes them, whole, with torn writes
in between. The recorded samples are used where they lie beside the checkout; the project's
own samples always.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from laptop import Archive, Laptop, equal_json, lines

from archiver.archive.catalogue import read_catalogue
from archiver.archive.replay import replay, states
from archiver.archive.restore import restore
from archiver.assistants.protocol import Conversation, Shape, Source
from archiver.format.times import rfc3339
from archiver.stores.folder import FolderStore

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
SAMPLES = REPOSITORY.parent / "shared" / "samples"
OWN = REPOSITORY / "archiver" / "quickstart" / "samples" / "home"
STEPS = 12
QUIET = 5


@dataclass
class Story:
    """One file: what is written at each step, and what must be found of it in the archive.

    ``seen`` holds, for each step that a pass has to believe, the time and the bytes.
    """

    source: Source
    conversation: str
    final: bytes
    contents: list[bytes]
    seen: list[tuple[str, bytes]] = field(default_factory=list)


def recorded_home(home: Path) -> None:
    """Lay the recorded samples where their assistants write them."""
    projects = home / ".claude" / "projects"
    shutil.copytree(
        SAMPLES / "claude_code", projects, ignore=shutil.ignore_patterns("-entire-*", "*.md")
    )
    session = home / ".cline" / "data" / "sessions" / "1784094124598_rruoq"
    session.mkdir(parents=True)
    for path in (SAMPLES / "cline" / "v4_sdk").iterdir():
        shutil.copy(path, session / path.name.replace("session", session.name))
    shutil.copytree(SAMPLES / "continue", home / ".continue")
    shutil.copytree(SAMPLES / "aider", home / "projects" / "aider")
    shutil.copytree(SAMPLES / "cecli", home / "projects" / "cecli")


def own_home(home: Path) -> None:
    """Lay the project's own samples there."""
    shutil.copytree(OWN, home, dirs_exist_ok=True)


def cut_lines(data: bytes, draw: random.Random) -> list[bytes]:
    """Give growing prefixes: every other one ends in the middle of a line."""
    ends = sorted(draw.sample(range(1, len(data)), min(STEPS - 1, len(data) - 1)))
    prefixes = []
    for number, end in enumerate(ends):
        whole = data[: data.rfind(b"\n", 0, end) + 1]
        prefixes.append(data[:end] if number % 2 else whole)
    return [*prefixes, data]


def cut_document(data: bytes, entries: str | None, draw: random.Random) -> list[bytes]:
    """Give the document with ever more of its entries, and torn writes between them.

    Written without spaces or with two of them, as the recorded one was.
    """
    value = json.loads(data)
    held: list[Any] | None = value if entries == "" else value.get(entries) if entries else None
    indent = 2 if b"\n" in data.strip() else None

    def write(part: Any) -> bytes:
        separators = None if indent else (",", ":")
        return json.dumps(part, indent=indent, separators=separators, ensure_ascii=False).encode()

    if not held:
        return [data[: len(data) // 2], data]
    counts = sorted({round(len(held) * number / (STEPS // 2)) for number in range(STEPS // 2)})
    contents = []
    for count in counts:
        whole = write(held[:count] if entries == "" else {**value, str(entries): held[:count]})
        contents += [whole[: draw.randrange(len(whole))], whole]
    return [*contents, data]


def stories(laptop: Laptop) -> Iterator[Story]:
    """Ask the adapters what lies in the home; tell how each file came to be."""
    draw = random.Random(7)
    assert laptop.engine.collector is not None
    found: list[Conversation] = [
        conversation for _, conversation in laptop.engine.collector._finder.conversations()
    ]
    for conversation in found:
        for source in conversation.sources:
            data = source.path.read_bytes()
            if source.shape is Shape.DOCUMENT:
                contents = cut_document(data, source.entries, draw)
            else:
                contents = cut_lines(data, draw)
            yield Story(source, conversation.id, data, contents)


def believed(story: Story, content: bytes) -> bytes | None:
    """Say what a pass has to make of a file that was written a moment ago."""
    if story.source.shape is Shape.DOCUMENT:
        try:
            msgspec.json.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return content
    return content[: content.rfind(b"\n") + 1] or None


def claimed(laptop: Laptop) -> set[str]:
    """Name the conversations whose owner is known: nothing is captured before that."""
    assert laptop.engine.collector is not None
    found = laptop.engine.collector._finder.survey(laptop.clock())
    return {one.conversation for one in found if one.owner.tenant}


def live(laptop: Laptop, told: list[Story]) -> None:
    """Let every file grow, look at each step, and note what a pass must have believed."""
    for story in told:
        story.source.path.unlink()
    for step in range(max(len(story.contents) for story in told)):
        for story in told:
            if step < len(story.contents):
                laptop.write(story.source.path, story.contents[step])
        laptop.look()
        at, owned = rfc3339(laptop.clock()), claimed(laptop)
        for story in told:
            if step < len(story.contents) and story.conversation in owned:
                known = believed(story, story.contents[step])
                if known is not None:
                    story.seen.append((at, known))
        laptop.clock.sleep(0.1)
    laptop.look(later=3600)
    at = rfc3339(laptop.clock())
    for story in told:
        story.seen.append((at, story.final))


def same(story: Story, one: bytes | None, other: bytes) -> bool:
    """Compare byte for byte, documents as JSON."""
    if one is None:
        return False
    if story.source.shape is Shape.DOCUMENT:
        return equal_json(one, other)
    return one == other


def assert_all_there(story: Story, archive: Archive) -> None:
    """Hold the archive of one file to what was seen of it: every state, and no other."""
    found = [
        log
        for (_, _, conversation, stream), log in archive.logs.items()
        if (conversation, stream) == (story.conversation, story.source.stream)
    ]
    assert len(found) == 1, story.source.stream
    for at, known in story.seen:
        restored = replay(list(found[0]), at)
        assert restored is not None, (story.source.stream, at)
        assert same(story, restored.body, known), (story.source.stream, at)
    for state in states(found[0]):
        assert any(same(story, state.body, known) for _, known in story.seen), story.source.stream


async def restore_all(bucket: Path, to: Path) -> dict[tuple[str, str], bytes]:
    """Restore every conversation to a folder; give the files by conversation and stream."""
    written = {}
    async with FolderStore(bucket) as store:
        catalogue = await read_catalogue(store, "")
        for conversation in catalogue.conversations():
            done = await restore(store, catalogue, conversation, to=to)
            assert not done.gone
            assert not done.unreadable
            for one in done.written:
                written[conversation.id, one.file.stream] = one.path.read_bytes()
    return written


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    """Give a machine that waits five seconds before it believes what was taken back."""
    laptop = Laptop(
        tmp_path,
        quiet_seconds=QUIET,
        projects=tuple(str(tmp_path / "home" / "projects" / part) for part in ("*", "*/*")),
    )
    yield laptop
    laptop.halt()


@pytest.mark.parametrize(
    "lay",
    [
        pytest.param(own_home, id="the project's own samples"),
        pytest.param(
            recorded_home,
            id="recorded samples",
            marks=pytest.mark.skipif(not SAMPLES.exists(), reason="no recorded samples here"),
        ),
    ],
)
def test_every_state_of_every_transcript_comes_back(laptop: Laptop, lay: Any) -> None:
    """Grown in twelve steps with half lines and torn writes, each state is given back exactly."""
    lay(laptop.home)
    told = list(stories(laptop))
    assert {one.source.shape for one in told} >= {Shape.LINES, Shape.TEXT, Shape.DOCUMENT}
    live(laptop, told)
    archive = laptop.archive()
    for story in told:
        assert_all_there(story, archive)
    restored = asyncio.run(restore_all(laptop.bucket, laptop.root / "restored"))
    for story in told:
        assert same(story, restored[story.conversation, story.source.stream], story.final)
    assert len(restored) == len(told)


def checkpoints(name: str) -> list[bytes]:
    """Give the recorded states of one transcript, the oldest first."""
    folder = SAMPLES / "claude_code" / f"-entire-checkpoints-{name}"
    return [path.read_bytes() for path in sorted(folder.glob("*/*.jsonl"))]


@pytest.mark.skipif(not SAMPLES.exists(), reason="no recorded samples here")
@pytest.mark.parametrize("name", ["append", "rewritten"])
def test_checkpoints_of_one_file_are_all_given_back(laptop: Laptop, name: str) -> None:
    """States that grow, and states with no line in common, of one file: all come back."""
    contents = checkpoints(name)
    chat = laptop.claude("c1")
    for content in contents:
        laptop.write(chat, content)
        laptop.look(later=QUIET + 1)
    assert laptop.archive().states("c1.jsonl") == contents


@pytest.mark.skipif(not SAMPLES.exists(), reason="no recorded samples here")
def test_checkpoints_that_grow_are_stored_once(laptop: Laptop) -> None:
    """Five states, each the start of the next, cost what the last one holds."""
    contents = checkpoints("append")
    chat = laptop.claude("c1")
    for content in contents:
        laptop.write(chat, content)
        laptop.look(later=QUIET + 1)
    payloads = sum(len(one.payload) for one in laptop.archive().records())
    assert payloads <= len(contents[-1])


def payload_bytes_of(laptop: Laptop) -> int:
    """Count the bytes of all payloads in the archive."""
    return sum(len(bytes(one.payload)) for one in laptop.archive().records())


@pytest.mark.parametrize("shape", ["lines", "document", "list"])
def test_a_conversation_saved_two_hundred_times_costs_its_final_size_once(
    tmp_path: Path, shape: str
) -> None:
    """After 200 saves, the stored payloads are the final file and one per cent at most."""
    laptop = Laptop(tmp_path)
    said = [
        {"role": "user" if number % 2 else "assistant", "content": f"{number} " + "said " * 60}
        for number in range(200)
    ]
    place = {"lines": laptop.claude, "document": laptop.cline4, "list": laptop.cline}[shape]("c1")
    for count in range(1, 201):
        part = said[:count]
        if shape == "lines":
            whole = b"".join(json.dumps(one).encode() + b"\n" for one in part)
        elif shape == "list":
            whole = json.dumps(part).encode()
        else:
            whole = json.dumps({"version": 1, "title": "t", "messages": part}).encode()
        laptop.write(place, whole)
        done = laptop.look()
        assert done.records >= 1
    archive = laptop.archive()
    states = archive.states(place.name)
    assert len(states) == 200
    assert states[-1] is not None
    assert equal_json(states[-1], whole) if shape != "lines" else states[-1] == whole
    assert payload_bytes_of(laptop) <= 1.01 * len(whole)
    raw = sum(map(len, archive.chunks.values()))
    assert raw <= len(whole) + 200 * 700, "the envelope of a record has grown"


def test_a_record_carries_where_who_and_when(laptop: Laptop) -> None:
    """Tenant, class, user, pseudonym, device, assistant, time, role: a record says it all."""
    chat = laptop.claude("c1")
    laptop.write(chat, lines(1))
    laptop.look()
    (one,) = laptop.archive().log("c1.jsonl")
    assert (one.tenant, one.klass, one.user, one.assistant) == (
        "acme",
        "standard",
        "dev",
        "claude-code",
    )
    assert one.device == laptop.engine.spool.device
    assert one.role == "user"
    assert one.occurred_at == "2026-01-31T09:00:01.000Z"
    assert len(one.subject) == 32
    assert "dev" not in one.subject
