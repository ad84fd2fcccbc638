"""A catalogue knows every conversation from the manifests alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from archiver.archive.catalogue import find_tenants, read_catalogue
from archiver.errors import NotArchived
from archiver.stores.folder import FolderStore

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_conversation_is_a_row_with_its_chunks(healthy: Any, synthetic: Any) -> None:
    """Devices, counts, times and chunks come from every manifest that names it."""
    catalogue = await read_catalogue(healthy.store, "", ["acme"])
    first, second = catalogue.conversations()
    assert (first.tenant, first.assistant, first.id) == ("acme", "claude-code", "c1")
    assert first.devices == (synthetic.DEVICE, synthetic.OTHER_DEVICE)
    assert first.records == 7
    assert (first.first_at, first.last_at) == (synthetic.at(0), synthetic.at(9))
    assert [(chunk.device, chunk.seq) for chunk in first.chunks] == sorted(
        [(synthetic.OTHER_DEVICE, 1), *((synthetic.DEVICE, seq) for seq in (1, 2, 3, 4))]
    )
    assert {chunk.key for chunk in first.chunks} == set(healthy.keys("class="))
    assert (second.id, second.records, len(second.chunks)) == ("c2", 1, 1)
    assert catalogue.manifests == 4


async def test_no_chunk_is_read_for_it(healthy: Any) -> None:
    """The index of an archive is small; its content is not."""
    await read_catalogue(healthy.store, "")
    got = [call.key for call in healthy.store.calls if call.verb == "get"]
    assert len(got) == 4
    assert all("_manifests" in key for key in got)


async def test_the_stored_bytes_of_a_shared_chunk_are_shared(synthetic: Any) -> None:
    """Ten conversations in one chunk do not each cost the whole chunk."""
    archive = synthetic.Archive()
    entry = archive.chunk(*(synthetic.text(0, 0, "x", conversation=f"c{n}") for n in range(10)))
    archive.manifest(entry)
    rows = (await read_catalogue(archive.store, "")).conversations()
    assert sum(row.stored_bytes for row in rows) == pytest.approx(entry["stored_bytes"], abs=10)


async def test_progress_is_told_manifest_by_manifest(healthy: Any) -> None:
    """A user in front of a large bucket sees it move."""
    told: list[tuple[int, int]] = []
    await read_catalogue(healthy.store, "", progress=lambda *now: told.append(now))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


async def test_a_chunk_that_two_manifests_list_counts_once(synthetic: Any) -> None:
    """The old device listed it; the new one recovered it from the same disk."""
    archive = synthetic.Archive()
    entry = archive.chunk(synthetic.text(0, 0, "x"))
    archive.manifest(entry)
    archive.manifest(device=synthetic.OTHER_DEVICE, recovered=[entry])
    (row,) = (await read_catalogue(archive.store, "")).conversations()
    assert (row.records, len(row.chunks), row.devices) == (1, 1, (synthetic.DEVICE,))
    assert row.stored_bytes == entry["stored_bytes"]


async def test_a_manifest_that_cannot_be_read_does_not_hide_the_rest(healthy: Any) -> None:
    """Its key is told, and what only it lists is not believed."""
    spoiled = healthy.keys("_manifests")[0]
    healthy.put(spoiled, healthy.body(spoiled).replace(b'"acme"', b'"evil"'))
    catalogue = await read_catalogue(healthy.store, "")
    assert catalogue.unreadable == (spoiled,)
    assert [row.id for row in catalogue.conversations()] == ["c1"]


async def test_tenants_are_discovered_with_one_listing_each(synthetic: Any) -> None:
    """Also where one tenant's name begins with another's, or sorts around its folder."""
    names = ["a", "a-b", "a.b", "a0", "ab", "z"]
    store = synthetic.Archive().store
    for name in names:
        archive = synthetic.Archive(prefix="p", tenant=name, store=store)
        archive.manifest(*(archive.chunk(synthetic.text(0, 0, str(n))) for n in range(5)))
    synthetic.Archive(tenant="elsewhere", store=store).manifest()
    store.calls.clear()
    assert sorted(await find_tenants(store, "p")) == names
    assert len(store.calls) == len(names) + 1
    assert sorted((await read_catalogue(store, "p")).tenants) == names


async def test_an_archive_that_was_moved_is_read_where_it_lies(synthetic: Any) -> None:
    """Manifests name chunks below the prefix; the prefix is the reader's."""
    archive = synthetic.Archive(prefix="deep/er")
    archive.manifest(archive.chunk(synthetic.text(0, 0, "x")))
    (row,) = (await read_catalogue(archive.store, "deep/er")).conversations()
    assert row.chunks[0].key in archive.store.objects


async def test_a_folder_is_read_like_a_bucket(healthy: Any, tmp_path: Path) -> None:
    """A downloaded copy needs no store."""
    for key, stored in healthy.store.objects.items():
        path = tmp_path / "copy" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stored.body)
    expected = await read_catalogue(healthy.store, "")
    async with FolderStore(tmp_path / "copy") as store:
        assert await read_catalogue(store, "") == expected


async def test_a_conversation_is_found_by_its_id_or_the_beginning_of_it(synthetic: Any) -> None:
    """An id wins over a longer one that it begins."""
    archive = synthetic.Archive()
    names = ("abc", "abcd", "xyz")
    archive.manifest(
        archive.chunk(*(synthetic.text(0, 0, "x", conversation=name) for name in names))
    )
    catalogue = await read_catalogue(archive.store, "")
    assert catalogue.find("abc").id == "abc"
    assert catalogue.find("abcd").id == "abcd"
    assert catalogue.find("x").id == "xyz"


async def test_what_is_not_there_and_what_is_there_twice_is_said(synthetic: Any) -> None:
    """The candidates are named, and what to do about it."""
    store = synthetic.Archive().store
    for tenant in ("one", "two"):
        archive = synthetic.Archive(tenant=tenant, store=store)
        lines = [
            synthetic.text(0, 0, "x", tenant=tenant, conversation=f"c{number:02d}")
            for number in range(12)
        ]
        archive.manifest(archive.chunk(*lines))
    catalogue = await read_catalogue(store, "")
    with pytest.raises(NotArchived, match="no conversation 'q'") as none:
        catalogue.find("q")
    assert "archiver ls" in none.value.advice
    with pytest.raises(NotArchived, match=r"c03 \(one, claude-code\), c03 \(two") as twice:
        catalogue.find("c03")
    assert "--tenant" in twice.value.advice
    assert catalogue.find("c03", tenant="two").tenant == "two"
    with pytest.raises(NotArchived, match=r"fits 24 conversations: .* and 16 more"):
        catalogue.find("c")
    with pytest.raises(NotArchived):
        catalogue.find("")


async def test_an_empty_store_has_an_empty_catalogue(synthetic: Any) -> None:
    """Nothing shipped yet is not an error of the reader."""
    catalogue = await read_catalogue(synthetic.Archive().store, "")
    assert (catalogue.tenants, catalogue.conversations()) == ((), ())
