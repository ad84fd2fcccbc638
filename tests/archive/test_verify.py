"""Verification finds each damage, calls it by its name, and says nothing else.

Each test damages a healthy archive in one way. Consequences are not findings: a chunk that
is gone leaves a hole in the logs, and only the chunk is reported.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from archiver.archive.findings import Code, Severity
from archiver.archive.scope import Depth
from archiver.archive.verify import Request, verify
from archiver.errors import StoreError
from archiver.model.answers import Answer
from archiver.stores.faults import Fault, FaultPlan, Refuse
from archiver.stores.folder import FolderStore

if TYPE_CHECKING:
    from pathlib import Path


def at_depth(read_data: bool) -> Request:  # noqa: FBT001
    """Read everything, or manifests and listings only."""
    return Request(depth=Depth.RECORDS if read_data else Depth.LISTING)


async def found(archive: Any, *, read_data: bool = True, tenants: Any = None) -> Any:
    """Verify, and give the codes that matter, sorted."""
    report = await verify(archive.store, archive.prefix, tenants, at_depth(read_data))
    return sorted(
        str(finding.code) for finding in report.findings if finding.severity is not Severity.NOTE
    )


async def both(archive: Any) -> Any:
    """Verify without and with the data."""
    return await found(archive, read_data=False), await found(archive)


def chunk_of(archive: Any, device: str, number: int) -> Any:
    """Give the key of one chunk."""
    return next(key for key in archive.keys("class=") if f"/{device}-{number:012d}-" in key)


def manifest_of(archive: Any, device: str, number: int) -> Any:
    """Give the key of one manifest."""
    return next(key for key in archive.keys(f"_manifests/{device}/{number:012d}-"))


@pytest.mark.parametrize("read_data", [False, True])
async def test_a_healthy_archive_has_no_finding(
    healthy: Any,
    read_data: bool,  # noqa: FBT001 - pytest calls it by name
) -> None:
    """Exit 0 means complete and valid, and the counts say of what."""
    report = await verify(healthy.store, "", request=at_depth(read_data))
    assert (report.findings, report.exit_status) == ((), 0)
    assert (report.manifests, report.chunks, report.records) == (4, 5, 8)
    assert report.stored_bytes == sum(len(healthy.body(key)) for key in healthy.keys("class="))


async def test_without_the_data_no_chunk_is_fetched(healthy: Any) -> None:
    """A large archive can be checked for completeness every day."""
    await verify(healthy.store, "")
    got = [call.key for call in healthy.store.calls if call.verb == "get"]
    assert got
    assert all("/_manifests/" in key or "/_devices/" in key for key in got)


async def test_nothing_there_is_not_success(synthetic: Any) -> None:
    """An empty bucket, an unknown tenant, chunks that no manifest lists: exit 1."""
    archive = synthetic.Archive()
    assert await found(archive) == ["nothing-there"]
    assert await found(archive, tenants=["acme"]) == ["nothing-there"]
    archive.chunk(synthetic.text(0, 0, "x"))
    report = await verify(archive.store, "", request=Request(depth=Depth.RECORDS))
    assert report.exit_status == 1
    assert [str(finding.code) for finding in report.findings] == [
        "nothing-there",
        "chunk-unlisted",
    ]


async def test_a_deleted_chunk_is_missing(healthy: Any, synthetic: Any) -> None:
    """A manifest names it, so it was there."""
    healthy.drop(chunk_of(healthy, synthetic.DEVICE, 3))
    assert await both(healthy) == (["chunk-missing"], ["chunk-missing"])


async def test_a_deleted_manifest_is_missing(healthy: Any, synthetic: Any) -> None:
    """Also the first; what it listed is explained by it."""
    for number in (1, 2):
        gone = manifest_of(healthy, synthetic.DEVICE, number)
        body = healthy.body(gone)
        healthy.drop(gone)
        assert await both(healthy) == (["manifest-missing"], ["manifest-missing"])
        healthy.put(gone, body)
    assert await found(healthy) == []


async def test_a_deleted_manifest_and_its_chunks_are_still_missed(
    healthy: Any, synthetic: Any
) -> None:
    """Removing both hides nothing."""
    healthy.drop(manifest_of(healthy, synthetic.DEVICE, 2))
    healthy.drop(chunk_of(healthy, synthetic.DEVICE, 3))
    assert await both(healthy) == (["manifest-missing"], ["manifest-missing"])


async def test_a_truncated_chunk_has_another_size(healthy: Any, synthetic: Any) -> None:
    """The listing is enough to see it."""
    key = chunk_of(healthy, synthetic.DEVICE, 1)
    healthy.put(key, healthy.body(key)[:-3])
    assert await both(healthy) == (["chunk-size"], ["chunk-truncated"])


async def test_a_frame_appended_to_a_chunk_is_found(healthy: Any, synthetic: Any) -> None:
    """Many readers would stop after the first frame and see nothing."""
    key = chunk_of(healthy, synthetic.DEVICE, 1)
    healthy.put(key, healthy.body(key) + zstandard.compress(b"{}\n"))
    assert await both(healthy) == (["chunk-size"], ["chunk-appended"])


async def test_a_flipped_bit_is_found_when_the_data_is_read(healthy: Any, synthetic: Any) -> None:
    """The size is right, so only reading tells."""
    key = chunk_of(healthy, synthetic.DEVICE, 2)
    body = bytearray(healthy.body(key))
    body[len(body) // 2] ^= 1
    healthy.put(key, bytes(body))
    assert await both(healthy) == ([], ["chunk-altered"])


async def test_two_chunks_that_changed_places_are_called_swapped(
    healthy: Any, synthetic: Any
) -> None:
    """Both are whole and neither is where it belongs."""
    one, two = (chunk_of(healthy, synthetic.DEVICE, number) for number in (1, 3))
    first, second = healthy.body(one), healthy.body(two)
    healthy.put(one, second)
    healthy.put(two, first)
    assert await found(healthy) == ["chunk-swapped", "chunk-swapped"]


async def test_a_chunk_put_under_a_number_that_is_taken_is_called_inserted(
    healthy: Any, synthetic: Any
) -> None:
    """The manifests list another one there."""
    healthy.chunk(synthetic.text(0, 0, "forged", conversation="c9"), seq=2)
    assert await both(healthy) == (["chunk-inserted"], ["chunk-inserted"])


async def test_a_chunk_above_every_listed_number_is_not_vouched_for_yet(
    healthy: Any, synthetic: Any
) -> None:
    """Its device was cut off before it listed it, or somebody put it there: incomplete."""
    healthy.chunk(synthetic.text(0, 0, "new", conversation="c9"))
    report = await verify(healthy.store, "")
    assert [finding.code for finding in report.findings] == [Code.CHUNK_NOT_YET_LISTED]
    assert report.exit_status == 2


async def test_a_chunk_that_is_listed_while_it_is_verified_is_as_it_should_be(
    healthy: Any, synthetic: Any
) -> None:
    """Its manifest came between the two listings, and is looked for before anything is said."""
    late = healthy.chunk(synthetic.text(0, 0, "new", conversation="c9"))
    plain = healthy.store.list
    listings = []

    async def list_and_ship(prefix: str, *, after: str = "") -> Any:
        listings.append(prefix)
        if prefix == "tenant=acme/" and listings.count(prefix) == 1:
            healthy.manifest(late)
        async for listed in plain(prefix, after=after):
            yield listed

    healthy.store.list = list_and_ship
    report = await verify(healthy.store, "", ["acme"])
    assert (report.findings, report.chunks) == ((), 5)
    assert listings.count(f"tenant=acme/_manifests/{synthetic.DEVICE}/") == 1


async def test_a_number_that_nobody_accounts_for_is_a_gap(healthy: Any, synthetic: Any) -> None:
    """It was never shipped, or all trace of it was removed: incomplete, exit 2."""
    late = healthy.chunk(synthetic.text(0, 0, "late", conversation="c9"), seq=8)
    healthy.manifest(late)
    assert await both(healthy) == (["chunk-gap"], ["chunk-gap"])
    report = await verify(healthy.store, "")
    assert report.exit_status == 2
    assert "numbers 5 to 7 are" in report.findings[0].meaning


async def test_a_stored_chunk_that_later_manifests_skip_is_not_vouched_for(
    healthy: Any, synthetic: Any
) -> None:
    """One finding, not also a gap at its number."""
    healthy.chunk(synthetic.text(0, 0, "skipped", conversation="c9"))
    healthy.manifest(healthy.chunk(synthetic.text(0, 0, "next", conversation="c8")))
    assert await both(healthy) == (["chunk-unlisted"], ["chunk-unlisted"])


async def test_chunks_may_be_listed_in_any_order(synthetic: Any) -> None:
    """They are delivered several at once."""
    archive = synthetic.Archive()
    entries = [archive.chunk(synthetic.text(0, 0, "x", conversation=f"c{n}")) for n in range(4)]
    archive.manifest(entries[2], entries[0])
    archive.manifest(entries[3], entries[1])
    assert await found(archive) == []


async def test_a_quarantined_chunk_is_accounted_for_and_incomplete(
    healthy: Any, synthetic: Any
) -> None:
    """It is kept on the device; the archive does not have it."""
    late = healthy.chunk(synthetic.text(0, 0, "late", conversation="c9"), seq=6)
    healthy.manifest(late, quarantined=[5])
    assert await both(healthy) == (["chunk-quarantined"], ["chunk-quarantined"])


async def test_a_recovered_chunk_is_accounted_for(healthy: Any, synthetic: Any) -> None:
    """The machine lost its state; its next identity lists what the old one had sealed."""
    orphan = healthy.chunk(synthetic.line(5, "rewind", entry=2, observed_at=synthetic.at(20)))
    healthy.manifest(device=synthetic.OTHER_DEVICE, recovered=[orphan])
    assert await both(healthy) == ([], [])


async def test_nobody_speaks_for_another_device(healthy: Any, synthetic: Any) -> None:
    """A chunk that is called recovered counts if the device it is from signed for that too."""
    forged = healthy.chunk(synthetic.line(5, "rewind", entry=2, observed_at=synthetic.at(20)))
    healthy.manifest(device=synthetic.OTHER_DEVICE, recovered=[forged], cosigned=False)
    assert await both(healthy) == (["recovery-unproved"], ["recovery-unproved"])


async def test_an_altered_manifest_is_found_and_not_believed(healthy: Any, synthetic: Any) -> None:
    """Its number and its successor are not reported as well."""
    for number in (1, 2):
        key = manifest_of(healthy, synthetic.DEVICE, number)
        body = healthy.body(key)
        healthy.put(key, body.replace(b"synthetic", b"synthetiC"))
        assert await both(healthy) == (["manifest-altered"], ["manifest-altered"])
        healthy.put(key, body)


async def test_a_manifest_that_was_rewritten_under_a_fitting_key_breaks_the_chain(
    synthetic: Any,
) -> None:
    """The hash in the key is the forger's own; the successor's ``previous`` is not."""
    archive = synthetic.Archive()
    archive.manifest()
    archive._previous[synthetic.DEVICE] = "0" * 64
    archive.manifest()
    assert await both(archive) == (["manifest-chain"], ["manifest-chain"])


async def test_a_first_manifest_that_names_a_predecessor_breaks_the_chain(synthetic: Any) -> None:
    """The first has none."""
    archive = synthetic.Archive()
    archive.manifest(previous="0" * 64)
    assert await found(archive) == ["manifest-chain"]


async def test_two_manifests_of_one_number_are_a_fork(healthy: Any) -> None:
    """Two programs wrote with one identity, or one was forged."""
    healthy.manifest(seq=2, software="other")
    assert await both(healthy) == (["manifest-fork"], ["manifest-fork"])


async def test_a_manifest_under_another_devices_key_is_misplaced(
    healthy: Any, synthetic: Any
) -> None:
    """A whole and valid manifest, in the wrong place."""
    own = manifest_of(healthy, synthetic.OTHER_DEVICE, 1)
    body = healthy.body(own)
    healthy.put(own.replace(synthetic.OTHER_DEVICE, "f" * 16), body)
    assert await both(healthy) == (["manifest-misplaced"], ["manifest-misplaced"])


async def test_an_entry_that_contradicts_its_key_is_invalid(synthetic: Any) -> None:
    """Number, hash, tenant or device: the key says them too."""
    for claim in ({"sha256": "0" * 64}, {"key": "elsewhere"}):
        archive = synthetic.Archive()
        archive.manifest(archive.chunk(synthetic.text(0, 0, "x"), **claim))
        assert await found(archive) == ["listing-invalid"]
    archive = synthetic.Archive()
    foreign = archive.chunk(synthetic.text(0, 0, "x"), device=synthetic.OTHER_DEVICE)
    archive.manifest(foreign)
    assert await found(archive) == ["listing-invalid"]


async def test_two_chunks_listed_under_one_number_are_found(synthetic: Any) -> None:
    """A sequence number is never used twice."""
    archive = synthetic.Archive()
    archive.manifest(
        *(archive.chunk(synthetic.text(0, 0, n, conversation=n), seq=1) for n in ("a", "b"))
    )
    assert await found(archive) == ["sequence-reused"]


@pytest.mark.parametrize(
    "key",
    [
        "tenant=acme/readme.txt",
        "tenant=acme/class=standard/subject=x/dt=2026-01-31/a.jsonl.zst",
        "tenant=acme/_manifests/note.txt",
    ],
)
async def test_an_object_that_is_no_part_of_an_archive_is_foreign(healthy: Any, key: str) -> None:
    """Somebody else writes here."""
    healthy.put(key, b"hello")
    assert await both(healthy) == (["foreign-object"], ["foreign-object"])


async def test_an_unknown_reserved_folder_is_only_noted(healthy: Any) -> None:
    """A newer archiver may keep more there."""
    healthy.put("tenant=acme/_later/1.json", b"{}")
    report = await verify(healthy.store, "")
    assert [finding.code for finding in report.findings] == [Code.RESERVED_OBJECT]
    assert report.exit_status == 0


@pytest.mark.parametrize(
    "claim",
    [
        {"records": 3},
        {"raw_bytes": 1},
        {"first_at": "2026-01-31T00:00:00.000Z"},
        {"last_at": "2026-01-31T23:00:00.000Z"},
        {"conversations": []},
    ],
)
async def test_records_other_than_the_manifest_lists_are_found(
    synthetic: Any, claim: dict[str, Any]
) -> None:
    """Counts, sizes, times and conversations are all compared."""
    archive = synthetic.Archive()
    archive.manifest(archive.chunk(synthetic.text(0, 0, "a"), synthetic.text(1, 1, "b"), **claim))
    assert await both(archive) == ([], ["records-differ"])


@pytest.mark.parametrize(
    "said",
    [
        {"tenant": "other"},
        {"klass": "short"},
        {"subject": "f" * 32},
        {"device": "f" * 16},
        {"occurred_at": "2026-01-30T23:59:59.999Z"},
    ],
)
async def test_a_record_that_belongs_into_another_chunk_is_found(
    synthetic: Any, said: dict[str, Any]
) -> None:
    """Whoever erases or shows one subject's data must be able to rely on the key."""
    archive = synthetic.Archive()
    right = f"class=standard/subject={synthetic.SUBJECT}/dt=2026-01-31"
    archive.manifest(archive.chunk(synthetic.text(0, 0, "x", **said), folder=right))
    assert await both(archive) == ([], ["record-misfiled"])


async def test_a_record_whose_id_is_not_its_own_is_found(synthetic: Any) -> None:
    """The id is computed from what the record says."""
    archive = synthetic.Archive()
    one = synthetic.text(0, 0, "x")
    forged = one.replace(json.loads(one)["id"].encode(), b"0123456789abcdef-0")
    archive.manifest(archive.chunk(forged))
    assert await found(archive) == ["record-misfiled"]


async def test_records_out_of_order_are_found(synthetic: Any) -> None:
    """Readers merge chunks and rely on it."""
    archive = synthetic.Archive()
    lines = (synthetic.text(1, 1, "b"), synthetic.text(0, 0, "a"))
    archive.manifest(archive.chunk(*lines, in_order=False))
    assert await both(archive) == ([], ["record-order"])


async def test_a_record_in_two_chunks_is_found(synthetic: Any) -> None:
    """Exactly once is a promise of the writer."""
    archive = synthetic.Archive()
    first = archive.chunk(synthetic.text(0, 0, "a"), synthetic.text(1, 1, "b"))
    archive.manifest(first, archive.chunk(synthetic.text(1, 1, "b")))
    assert await both(archive) == ([], ["record-repeated"])


@pytest.mark.parametrize("positions", [(1,), (0, 2), (0, 1, 3, 4)])
async def test_a_hole_in_a_log_is_a_gap(synthetic: Any, positions: tuple[int, ...]) -> None:
    """All chunks are there and whole, and a record is not."""
    archive = synthetic.Archive()
    archive.manifest(*(archive.chunk(synthetic.text(n, n, "x")) for n in positions))
    assert await both(archive) == ([], ["position-gap"])


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 2, 0, 1, 3), (1, 3, 0, 4, 2)])
async def test_a_log_spread_over_chunks_in_any_order_is_whole(
    synthetic: Any, order: tuple[int, ...]
) -> None:
    """Days and chunks cut a log anywhere."""
    archive = synthetic.Archive()
    archive.manifest(*(archive.chunk(synthetic.text(n, n, "x")) for n in order))
    assert await found(archive) == []


async def test_a_chunk_that_was_sealed_wrong_is_unreadable(synthetic: Any) -> None:
    """The bytes are as listed and are no frame, or no records."""
    raw = synthetic.text(0, 0, "x")
    for frame in (b"junk", zstandard.compress(raw) * 2, zstandard.compress(b"{}\n")):
        archive = synthetic.Archive()
        archive.manifest(archive.frame(raw, frame))
        assert await both(archive) == ([], ["chunk-unreadable"])


async def test_a_last_line_without_its_end_is_found(synthetic: Any) -> None:
    """A chunk that was cut before it was packed looks like this."""
    raw = synthetic.text(0, 0, "x").removesuffix(b"\n")
    archive = synthetic.Archive()
    archive.manifest(archive.frame(raw, zstandard.compress(raw)))
    assert await both(archive) == ([], ["records-differ"])


async def test_one_tenant_is_verified_alone(synthetic: Any) -> None:
    """What happens to another does not matter, and what is asked for must be there."""
    good = synthetic.Archive(prefix="p")
    good.manifest(good.chunk(synthetic.text(0, 0, "x")))
    bad = synthetic.Archive(prefix="p", tenant="bad", store=good.store)
    bad.manifest(previous="0" * 64)
    assert await found(good, tenants=["acme"]) == []
    assert await found(good) == ["manifest-chain"]
    assert await found(good, tenants=["acme", "none"]) == ["nothing-there"]


async def test_a_downloaded_copy_is_verified_like_the_bucket(
    healthy: Any, synthetic: Any, tmp_path: Path
) -> None:
    """Offline, without the store and without this machine's state."""
    for key, stored in healthy.store.objects.items():
        path = tmp_path / "copy" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stored.body)
    async with FolderStore(tmp_path / "copy") as store:
        assert (await verify(store, "", request=Request(depth=Depth.RECORDS))).findings == ()
        (tmp_path / "copy" / chunk_of(healthy, synthetic.DEVICE, 1)).unlink()
        report = await verify(store, "", request=Request(depth=Depth.RECORDS))
        assert [finding.code for finding in report.findings] == [Code.CHUNK_MISSING]


async def test_a_store_that_does_not_answer_is_no_verdict(healthy: Any) -> None:
    """Could not run is not the same as damaged."""
    healthy.store.plan = FaultPlan((Fault("get", Refuse(Answer.UNREACHABLE, "Timeout")),))
    with pytest.raises(StoreError):
        await verify(healthy.store, "")


async def test_a_chunk_that_goes_while_it_is_verified_is_missing(
    healthy: Any, synthetic: Any
) -> None:
    """Between the listing and the fetch."""
    key = chunk_of(healthy, synthetic.DEVICE, 3)
    refused = Fault("get", Refuse(Answer.NOT_FOUND, "NoSuchKey"), key=lambda name: name == key)
    healthy.store.plan = FaultPlan((refused,))
    assert await found(healthy) == ["chunk-missing"]


async def test_the_report_is_json_with_codes_and_counts(healthy: Any, synthetic: Any) -> None:
    """A program can act on it without reading English."""
    healthy.drop(chunk_of(healthy, synthetic.DEVICE, 3))
    report = json.loads(json.dumps((await verify(healthy.store, "")).to_json()))
    assert report["counts"] == {"invalid": 0, "missing": 1, "gap": 0, "note": 0}
    assert report["exit_status"] == 1
    (finding,) = report["findings"]
    assert (finding["code"], finding["severity"]) == ("chunk-missing", "missing")
    assert finding["object"].endswith(".jsonl.zst")


async def test_no_finding_shows_content(synthetic: Any) -> None:
    """A report can be sent to anybody."""
    archive = synthetic.Archive()
    lines = (synthetic.text(1, 1, "CANARY"), synthetic.text(0, 0, "CANARY", tenant="other"))
    archive.manifest(archive.chunk(*lines, in_order=False, records=9))
    archive.manifest(archive.frame(lines[0], zstandard.compress(b'{"CANARY"\n')))
    report = await verify(archive.store, "", request=Request(depth=Depth.RECORDS))
    assert len(report.findings) >= 3
    assert "CANARY" not in json.dumps(report.to_json())


def with_a_hole(synthetic: Any, dropped: int, reason: str | None = "purged") -> Any:
    """Make an archive in which the records 2 to 4 of a log are missing."""
    archive = synthetic.Archive()
    chunks = [archive.chunk(synthetic.text(n, n, "x")) for n in (0, 1, 5)]
    counts = {"captured": 10**6, "dropped": dropped, "reason": reason}
    archive.manifest(*chunks, records=counts)
    return archive


async def test_records_that_a_device_gave_up_explain_a_hole_of_that_size(synthetic: Any) -> None:
    """A note says how many, and why: nothing is lost unseen, and nothing is invented."""
    archive = with_a_hole(synthetic, 3)
    report = await verify(archive.store, "", request=at_depth(read_data=True))
    assert [finding.code for finding in report.findings] == [Code.RECORDS_DROPPED]
    assert "gave up 3 unsent (purged)" in report.findings[0].meaning
    assert report.exit_status == 0


async def test_a_larger_hole_than_was_given_up_is_a_gap(synthetic: Any) -> None:
    """Two dropped records do not explain three missing ones."""
    assert await both(with_a_hole(synthetic, 2)) == ([], ["position-gap"])


@pytest.mark.parametrize(
    "counts",
    [
        {"captured": 9, "dropped": 2, "reason": "purged"},
        {"captured": 10, "dropped": 1, "reason": "purged"},
    ],
)
async def test_a_count_that_falls_is_wrong(synthetic: Any, counts: dict[str, Any]) -> None:
    """A collector counts up only: else its state was taken from elsewhere."""
    archive = synthetic.Archive()
    archive.manifest(records={"captured": 10, "dropped": 2, "reason": "purged"})
    archive.manifest(records=counts)
    archive.manifest(records=counts)
    assert await both(archive) == (["count-wrong"], ["count-wrong"])


@pytest.mark.parametrize(
    "said",
    [
        {"records": {"captured": 1, "dropped": 2, "reason": None}},
        {"records": {"captured": -1, "dropped": -1, "reason": None}},
        {"previous": "not a hash"},
        {"created_at": "2026-02-30T00:00:00.000Z"},
        {"window": {"from": "yesterday", "to": "2026-01-31T00:00:00.000Z"}},
        {"quarantined": [0]},
        {"keys": [{"key": "tenant=acme/x", "sha256": "0" * 64, "stored_bytes": 1}]},
    ],
)
async def test_a_manifest_that_says_what_cannot_be_is_none(
    synthetic: Any, said: dict[str, Any]
) -> None:
    """Its device signed it; nothing of it is believed."""
    archive = synthetic.Archive()
    archive.manifest(**said)
    assert await both(archive) == (["manifest-invalid"], ["manifest-invalid"])
