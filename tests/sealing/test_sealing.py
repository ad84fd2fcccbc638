"""Chunks and manifests: sealed once, numbered without gaps, chained."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import zstandard
from laptop import assert_verified, line, lines, patched, read_archive, verified

from archiver.archive.findings import Code
from archiver.daemon import engine as engines
from archiver.delivery.round import Tally
from archiver.durable import files
from archiver.evidence import note
from archiver.format import manifests as form
from archiver.format.keys import ChunkKey, parse_key
from archiver.model.answers import Answer
from archiver.sealing import pack
from archiver.sealing.purge import purge_tenant
from archiver.stores.faults import Fault, FaultPlan, Refuse
from archiver.stores.folder import FolderStore
from archiver.stores.memory import MemoryStore
from archiver.stores.refusals import refuse

if TYPE_CHECKING:
    from pathlib import Path

    from laptop import Laptop

    from archiver.model.shipment import Manifest


def sealed(laptop: Laptop) -> list[Path]:
    """Give the sealed files, oldest first."""
    return sorted((laptop.state / "sealed").rglob("*.zst"))


def manifests(bucket: Path) -> list[Manifest]:
    """Read the manifests of a bucket in their order."""
    return [
        form.decode(note.read(path.read_bytes()).text)
        for path in sorted(bucket.rglob("_manifests/*/*.note"))
    ]


def speak(laptop: Laptop, *numbers: int, chat: str = "c1", **more: object) -> None:
    """Append lines and look."""
    laptop.append(laptop.claude(chat), b"".join(line(number, **more) for number in numbers))
    laptop.look()


def test_a_chunk_is_one_frame_with_checksum_and_content_size(laptop: Laptop) -> None:
    """Sorted lines in one frame; its name is made of what it holds."""
    speak(laptop, 3, 4, chat="c2")
    speak(laptop, 1, 2)
    laptop.seal()
    (path,) = sealed(laptop)
    body = path.read_bytes()
    frame = zstandard.get_frame_parameters(body)
    assert frame.has_checksum
    raw = zstandard.ZstdDecompressor().decompress(body, allow_extra_data=False)
    assert frame.content_size == len(raw)
    said = [json.loads(one) for one in raw.splitlines()]
    order = [(one["conversation"], one["stream"], one["position"]) for one in said]
    assert order == sorted(order)
    device, number, digest = path.name.removesuffix(".jsonl.zst").split("-")
    assert device == laptop.engine.spool.device
    assert (number, digest) == (f"{1:012d}", hashlib.sha256(body).hexdigest()[:16])


def test_a_chunk_holds_one_class_subject_and_day(laptop: Laptop) -> None:
    """Records of two days and two classes become four chunks."""
    days = ("2026-01-30T10:00:00.000Z", "2026-01-31T10:00:00.000Z")
    for at in days:
        speak(laptop, 1, timestamp=at)
    laptop.tenants[0]["retention"] = {"class": "short"}
    laptop.apply()
    for at in days:
        speak(laptop, 2, timestamp=at)
    archive = laptop.archive()
    keys = [parse_key(key) for key in archive.chunks]
    found = {(key.klass, key.day) for key in keys if isinstance(key, ChunkKey)}
    assert found == {(klass, at[:10]) for klass in ("standard", "short") for at in days}
    assert len(keys) == 4


def test_a_chunk_is_sealed_when_full_old_or_asked_for(laptop: Laptop) -> None:
    """Not before: half a chunk that is young waits."""
    laptop.tenants[0]["chunk"] = {"max_bytes": 2**20, "max_age_seconds": 3600}
    laptop.apply()
    speak(laptop, 1)
    assert laptop.engine.seal() == 0
    speak(laptop, *range(3000))
    assert laptop.engine.seal() >= 1
    speak(laptop, 2)
    laptop.clock.sleep(3600)
    assert laptop.engine.seal() == 1
    speak(laptop, 3)
    assert laptop.engine.seal(everything=True) == 1
    assert laptop.engine.seal(everything=True) == 0
    laptop.archive()


def test_what_is_spooled_while_others_are_sealed_is_not_from_the_future(laptop: Laptop) -> None:
    """A collector that goes on beside the sealing fills its chunk first."""
    speak(laptop, 1)
    laptop.clock.sleep(3600)

    def collected_meanwhile() -> bool:
        if not sealed(laptop):
            return False
        speak(laptop, 2, chat="c2", timestamp="2026-01-30T10:00:00.000Z")
        return len(sealed(laptop)) > 1

    assert laptop.engine.seal(stop=collected_meanwhile) == 1
    assert laptop.engine.spool.backlog("acme").spooled_records


def test_a_sealed_chunk_is_sent_as_the_same_bytes_for_ever(laptop: Laptop) -> None:
    """Neither another level nor a restart nor more records change it."""
    speak(laptop, *range(50))
    laptop.seal()
    (path,) = sealed(laptop)
    body = path.read_bytes()
    laptop.tenants[0]["chunk"] = {"level": 19}
    laptop.crash()
    speak(laptop, 99)
    laptop.ship()
    (stored,) = laptop.bucket.rglob(path.name)
    assert stored.read_bytes() == body


def test_a_file_without_a_row_is_swept_and_its_number_used_by_the_next(laptop: Laptop) -> None:
    """A crash between file and row: the same records are sealed again under the same number."""
    speak(laptop, 1)

    def died(point: str) -> None:
        if point == "seal.written":
            raise SystemExit

    with patched(files, "observer", died), pytest.raises(SystemExit):
        laptop.seal()
    (orphan,) = sealed(laptop)
    (orphan.parent / ".tmp-1234").write_bytes(b"half")
    laptop.crash()
    assert sealed(laptop) == []
    assert list(orphan.parent.iterdir()) == []
    laptop.seal()
    assert [path.name.split("-")[1] for path in sealed(laptop)] == [f"{1:012d}"]
    assert laptop.archive().states("c1.jsonl") == [lines(1)]


def test_a_sealed_file_with_a_row_is_never_swept(laptop: Laptop) -> None:
    """Also after several restarts."""
    speak(laptop, 1)
    laptop.seal()
    kept = sealed(laptop)
    for _ in range(3):
        laptop.crash()
    assert sealed(laptop) == kept


def test_packing_that_fails_seals_nothing(laptop: Laptop) -> None:
    """Records stay in the spool, no number is used, and the error is told."""
    speak(laptop, 1)

    def fails(_raw: bytes, *, level: int) -> bytes:
        raise zstandard.ZstdError(str(level))

    with patched(pack, "pack", fails), pytest.raises(zstandard.ZstdError):
        laptop.seal()
    assert laptop.engine.spool.backlog("acme").spooled_records == 1
    assert laptop.archive().states("c1.jsonl") == [lines(1)]


def test_numbers_have_no_gap_and_are_counted_per_tenant(laptop: Laptop) -> None:
    """Five chunks of each of two tenants are numbered 1 to 5 each."""
    laptop.tenants = [
        {**laptop.tenants[0], "conversations": {"working_directories": ["/a/**"]}},
        {
            **laptop.tenants[0],
            "id": "globex",
            "conversations": {"working_directories": ["/b/**"]},
            "store": {"kind": "folder", "path": str(laptop.root / "globex")},
        },
    ]
    laptop.apply()
    for number in range(5):
        speak(laptop, number, chat="ca", cwd="/a/x")
        speak(laptop, number, chat="cb", cwd="/b/x")
        laptop.ship()
    for bucket in (laptop.bucket, laptop.root / "globex"):
        keys = [parse_key(key) for key in read_archive(bucket).chunks]
        assert sorted(key.seq for key in keys if key) == [1, 2, 3, 4, 5]


def test_manifests_are_numbered_and_each_names_the_one_before(laptop: Laptop) -> None:
    """The first names none; windows follow each other without a gap."""
    for number in range(4):
        speak(laptop, number)
        laptop.ship()
    paths = sorted(laptop.bucket.rglob("_manifests/*/*.note"))
    found = manifests(laptop.bucket)
    assert [one.seq for one in found] == [1, 2, 3, 4]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    assert [one.previous for one in found] == [None, *digests[:-1]]
    assert [one.window.since for one in found[1:]] == [one.window.until for one in found[:-1]]
    assert [len(one.chunks) for one in found] == [1, 1, 1, 1]
    assert_verified(laptop.bucket)


def test_a_manifest_is_written_daily_when_nothing_happened(laptop: Laptop) -> None:
    """Silence is told from deletion: one a day, and none within the day."""
    speak(laptop, 1)
    laptop.ship()
    assert len(manifests(laptop.bucket)) == 1
    laptop.clock.sleep(timedelta(hours=23).total_seconds())
    laptop.ship()
    assert len(manifests(laptop.bucket)) == 1
    laptop.clock.sleep(timedelta(hours=1).total_seconds())
    laptop.ship()
    laptop.ship()
    assert [len(one.chunks) for one in manifests(laptop.bucket)] == [1, 0]


def test_the_first_manifest_is_due_a_day_after_the_tenant_was_enabled(laptop: Laptop) -> None:
    """Nothing to list: none before the day is over, through restarts; then one a day."""
    for _ in range(2):
        laptop.ship()
        laptop.clock.sleep(timedelta(hours=11).total_seconds())
        laptop.crash()
    laptop.ship()
    assert manifests(laptop.bucket) == []
    laptop.clock.sleep(timedelta(hours=3).total_seconds())
    laptop.ship()
    (first,) = manifests(laptop.bucket)
    assert (first.seq, first.previous, first.window.since, first.chunks) == (1, None, None, ())
    laptop.clock.sleep(timedelta(days=1).total_seconds())
    laptop.ship()
    assert [one.seq for one in manifests(laptop.bucket)] == [1, 2]


def test_a_tenant_that_is_enabled_again_keeps_the_day_of_its_first_time(laptop: Laptop) -> None:
    """Switched off and on it does not stay silent for longer."""
    laptop.clock.sleep(timedelta(hours=20).total_seconds())
    laptop.engine.apply(None)
    laptop.apply()
    laptop.clock.sleep(timedelta(hours=5).total_seconds())
    laptop.ship()
    assert len(manifests(laptop.bucket)) == 1


def test_a_clock_set_back_before_the_first_manifest_does_not_silence_it(laptop: Laptop) -> None:
    """The tenant was enabled in the future: the manifest is written at once."""
    laptop.clock.sleep(-timedelta(days=365).total_seconds())
    laptop.ship()
    assert len(manifests(laptop.bucket)) == 1


def test_a_clock_set_back_does_not_silence_the_manifests(laptop: Laptop) -> None:
    """The last manifest lies in the future: the next is written all the same."""
    speak(laptop, 1)
    laptop.ship()
    laptop.clock.sleep(-timedelta(days=365).total_seconds())
    laptop.ship()
    assert len(manifests(laptop.bucket)) == 2
    report = verified(laptop.bucket)
    assert [finding.code for finding in report.findings] == [Code.CLOCK_BACKWARDS]


def test_a_manifest_lists_what_the_store_confirmed_and_nothing_else(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk that the store refused is listed when it has been taken."""
    refused = Fault("put", Refuse(Answer.CREDENTIALS), nth=2)
    store = MemoryStore(FaultPlan((refused,)))
    monkeypatch.setattr(engines, "store_of", lambda _rules: store)
    for number in range(3):
        speak(laptop, number)
        laptop.seal()
        laptop.ship()
    laptop.ship()
    found = [
        form.decode(note.read(one.body).text)
        for key, one in sorted(store.objects.items())
        if "_manifests" in key
    ]
    listed = [entry.key for one in found for entry in one.chunks]
    assert sorted(listed) == sorted(key for key in store.objects if key.endswith(".zst"))
    assert len(listed) == 3


def test_what_was_purged_leaves_an_archive_that_can_be_read(laptop: Laptop) -> None:
    """Spooled and sealed records go, their numbers are explained, and capture begins anew."""
    speak(laptop, 1, 2)
    laptop.ship()
    speak(laptop, 3)
    laptop.seal()
    speak(laptop, 4)
    purge_tenant(laptop.engine.spool, "acme")
    assert sealed(laptop) == []
    backlog = laptop.engine.spool.backlog("acme")
    assert (backlog.spooled_records, backlog.pending_chunks) == (0, 0)
    laptop.apply()
    laptop.look()
    laptop.ship()
    archive = read_archive(laptop.bucket, whole=False)
    assert archive.states("c1.jsonl")[0] == lines(1, 2)
    assert archive.states("c1.jsonl")[-1] == lines(1, 2, 3, 4)


def test_a_purge_after_a_later_chunk_was_shipped_leaves_no_record_twice(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of two chunks was left behind, the second is in the store: the hole is named."""
    days = ("2026-01-30T10:00:00.000Z", "2026-01-31T10:00:00.000Z")
    for number, at in enumerate(days):
        laptop.append(laptop.claude("c1"), line(number, timestamp=at))
    laptop.look()
    laptop.seal()
    put = FolderStore.put

    async def refuses_one(self: FolderStore, key: str, *about: object, **more: object) -> object:
        if "dt=2026-01-30" in key:
            raise refuse(Answer.CORRUPT, "no", code="BadDigest")
        return await put(self, key, *about, **more)  # type: ignore[arg-type]

    def ship() -> None:
        shipper = laptop.engine._shipper
        assert shipper is not None
        asyncio.run(shipper._round("acme", Tally()))

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "put", refuses_one)
        ship()
    assert laptop.engine.spool.backlog("acme").pending_chunks == 1
    purge_tenant(laptop.engine.spool, "acme")
    laptop.apply()
    laptop.look()
    laptop.ship()
    report = verified(laptop.bucket)
    assert {finding.code for finding in report.findings} == {Code.CHUNK_PURGED}
