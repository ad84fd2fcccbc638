"""Every example in FORMAT.md is true: it is run, or compared with what archiver does."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections import defaultdict
from importlib import resources
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import pytest

from archiver.archive.replay import states
from archiver.archive.scope import Depth
from archiver.archive.verify import Request, verify
from archiver.evidence import enrolment, note, orders
from archiver.evidence.enrolment import Enrolment
from archiver.evidence.keys import SigningKey, device_key_name
from archiver.format import manifests
from archiver.format.frame import pack
from archiver.format.keys import ChunkKey, EnrolmentKey, ManifestKey, parse_key
from archiver.format.lines import decode_lines, encode_lines
from archiver.model.record import FORMAT_VERSION, Form, Op, Record
from archiver.model.shipment import ChunkEntry, Manifest, RecordCounts
from archiver.stores.folder import FolderStore

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = resources.files("archiver.format").joinpath("FORMAT.md").read_text("utf-8")
DEVICE = "00c0ffee00c0ffee"

needs_tools = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("zstd", "jq", "sha256sum", "sh")),
    reason="zstd, jq or sha256sum is not installed",
)


def blocks(kind: str) -> list[str]:
    """Give the fenced blocks of one kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


def table(heading: str) -> list[str]:
    """Give the code-quoted names in the first column of the tables of a section."""
    section = DOCUMENT.split(f"\n## {heading}")[1].split("\n## ")[0]
    cells = [row.split("|")[1] for row in section.splitlines() if row.startswith("|")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Build the archive of the document's own examples, and a second day, in a folder."""
    days = {"2026-01-31": blocks("jsonl")[0].encode()}
    days["2026-02-01"] = days["2026-01-31"].replace(b"2026-01-31", b"2026-02-01").replace(
        b"9fd47f8b60a974d5", b"0d6d2bb2d1a8d9bb"
    ).replace(b'"c1"', b'"c2"')  # fmt: skip
    manifest = manifests.decode(blocks("json")[0].encode())
    entries = []
    for seq, (day, raw) in enumerate(days.items(), 1):
        entry = _store(tmp_path, manifest.chunks[0], seq, day, raw)
        entries.append(entry)
    manifest = msgspec.structs.replace(manifest, chunks=tuple(entries), records=RecordCounts(10))
    signer = SigningKey.generate(device_key_name(DEVICE))
    body = note.write(manifests.encode(manifest), signer)
    key = ManifestKey("archive", "acme", DEVICE, 1, _sha(body)[:16])
    _write(tmp_path / str(key), body)
    request = Enrolment(
        v=1,
        tenant="acme",
        device=DEVICE,
        key=str(signer.public),
        subject="0" * 32,
        created_at=manifest.created_at,
        software="synthetic",
    )
    body = enrolment.sign(request, signer)
    _write(tmp_path / str(EnrolmentKey("archive", "acme", DEVICE, _sha(body)[:16])), body)
    return tmp_path


def _store(folder: Path, entry: ChunkEntry, seq: int, day: str, raw: bytes) -> ChunkEntry:
    parsed = parse_key(entry.key)
    assert isinstance(parsed, ChunkKey)
    body = pack([raw], level=3)
    sha = _sha(body)
    key = ChunkKey("", "acme", "standard", parsed.subject, day, DEVICE, seq, sha[:16])
    _write(folder / "archive" / str(key), body)
    return msgspec.structs.replace(
        entry, seq=seq, key=str(key), sha256=sha, stored_bytes=len(body), raw_bytes=len(raw)
    )


def _sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def test_the_example_of_an_order_is_one() -> None:
    """It reads as itself, and writes to the same bytes."""
    (text,) = blocks("order")
    order = orders.decode(text.encode())
    assert isinstance(order.deed, orders.Expiry)
    assert msgspec.json.encode(order) + b"\n" == text.encode()


def test_the_example_keys_are_keys() -> None:
    """Of a chunk below a prefix, and of a manifest without one."""
    keys = [parse_key(key) for key in blocks("keys")[0].splitlines()]
    assert [type(key) for key in keys] == [ChunkKey, ManifestKey]


def test_the_example_of_a_stream_key_runs() -> None:
    """The function in the document is the one of the program."""
    (source,) = blocks("python")
    scope: dict[str, object] = {}
    exec(source, scope)  # the document's own code
    record = next(decode_lines(blocks("jsonl")[0].encode()))
    key = scope["stream_key"](record.device, record.assistant, record.conversation, record.stream)
    assert record.id == f"{key}-0"


def test_the_worked_example_gives_the_states_that_it_says() -> None:
    """Entry, rewind, all three forms of payload, deletion."""
    log = list(decode_lines(blocks("jsonl")[0].encode()))
    expected = [json.loads(state) for state in blocks("states")[0].splitlines()]
    found = [
        [state.observed_at, None if state.body is None else state.body.decode("latin-1")]
        for state in states(log)
    ]
    assert found == expected
    assert {record.form for record in log} >= set(Form)


def test_the_example_manifest_is_one_and_shows_every_field() -> None:
    """It encodes to the same JSON."""
    text = blocks("json")[0]
    manifest = manifests.decode(text.encode())
    assert json.loads(manifests.encode(manifest)) == json.loads(text)
    assert list(json.loads(text)) == [
        field.encode_name for field in msgspec.structs.fields(Manifest)
    ]
    chunk = json.loads(text)["chunks"][0]
    known = [field.encode_name for field in msgspec.structs.fields(ChunkEntry)]
    assert list(chunk) == [name for name in known if name != "seal"]
    claimed = [(entry.raw_bytes, entry.records) for entry in manifest.chunks]
    example = blocks("jsonl")[0].encode()
    assert claimed == [(len(example), example.count(b"\n"))]


def test_every_key_of_a_record_is_described_in_the_order_in_which_it_is_written() -> None:
    """A field that is added must be specified, and where it stands."""
    written = [field.encode_name for field in msgspec.structs.fields(Record)]
    assert table("3. Records") == written


def test_every_key_of_a_manifest_and_every_operation_is_described() -> None:
    """So must these."""
    known = [field.encode_name for field in msgspec.structs.fields(Manifest)]
    assert sorted(table("8. Manifests")) == sorted(known)
    assert [op for op in table("4. The log of a stream") if op != "op"] == [str(op) for op in Op]


def test_the_example_records_are_written_as_archiver_writes_them() -> None:
    """Order of keys, what is left out, and the payloads, byte for byte."""
    example = blocks("jsonl")[0].encode()
    assert encode_lines(list(decode_lines(example))) == example


def test_the_version_of_the_document_is_that_of_the_program() -> None:
    """They grow together."""
    assert DOCUMENT.startswith(f"# The archive format, version {FORMAT_VERSION}\n")


async def test_the_example_archive_verifies(archive: Any) -> None:
    """The examples together are an archive without a finding, but for the times of day two."""
    async with FolderStore(archive) as store:
        report = await verify(store, "archive", request=Request(depth=Depth.RECORDS))
    objects = {finding.object for finding in report.findings}
    assert [name for name in objects if "dt=2026-02-01" not in name] == []


@needs_tools
def test_a_stranger_reads_chunks_with_zstd_and_jq(archive: Any) -> None:
    """Each line of the document's shell block runs and gives what it should."""
    commands = blocks("sh")[0].splitlines()
    out = [
        subprocess.run(
            ["sh", "-ec", command], cwd=archive, check=True, capture_output=True, text=True
        ).stdout
        for command in commands
    ]
    assert out[0].count('"v": 1') == 5
    chosen = [json.loads(line) for line in out[1].splitlines()]
    assert [one["position"] for one in chosen] == [0, 1, 2, 3, 4]
    assert out[2].splitlines() == [line for line in out[2].splitlines() if line.endswith(": OK")]
    assert len(out[2].splitlines()) == 2


@needs_tools
def test_the_command_for_hashes_fails_where_a_chunk_was_altered(archive: Any) -> None:
    """A check that cannot fail is none."""
    chunk = next(archive.glob("archive/tenant=acme/class=*/**/*.zst"))
    chunk.write_bytes(chunk.read_bytes() + b"x")
    command = blocks("sh")[0].splitlines()[-1]
    done = subprocess.run(["sh", "-c", command], cwd=archive, check=False, capture_output=True)
    assert done.returncode != 0


def test_duckdb_counts_the_records_and_opens_one_file_of_two(
    archive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The partitions prune: the other day is not read."""
    monkeypatch.chdir(archive)
    (query,) = blocks("sql")
    with duckdb.connect() as database:
        assert database.execute(query).fetchall() == [("c1", 5)]
        ((_, plan),) = database.execute(f"EXPLAIN ANALYZE {query}").fetchall()
    assert re.search(r"Scanning Files:\s*1/2", plan)


def test_duckdb_gives_the_payload_as_json(archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger can look into it."""
    monkeypatch.chdir(archive)
    query = blocks("sql")[0].replace("conversation, count(*) AS records", "position, payload")
    query = query.replace("GROUP BY conversation", "ORDER BY position")
    with duckdb.connect() as database:
        rows = database.execute(query).fetchall()
    by_position = defaultdict(list)
    for position, payload in rows:
        by_position[position].append(json.loads(payload) if payload else None)
    assert by_position[0] == [{"type": "user", "n": 1.5}]
