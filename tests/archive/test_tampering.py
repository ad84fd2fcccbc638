"""Every damage that somebody can do to an archive, done to a real one on every kind of store.

The archive is made by two real laptops and witnessed by an admin (`witnessed`). Each damage is
done to its objects; verification must then say that code and no other, and exit as the code's
severity has it. The stores: memory, a folder, a copy under another prefix, and Ceph RGW.
"""

# ruff: noqa: D103, D401 - a damage is called what its function is called

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import zstandard
from witnessed import STRANGER, TENANT, Witnessed, check, codes, later, memory, stranger, write

from archiver.archive.findings import Severity
from archiver.archive.scope import Depth
from archiver.evidence import note
from archiver.evidence.keys import SigningKey, admin_key_name
from archiver.format.frame import pack, unpack
from archiver.format.keys import Series
from archiver.stores.folder import FolderStore
from archiver.stores.opening import open_store
from archiver.vault import age

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from archiver.stores.protocol import Store


@dataclass(frozen=True)
class Case:
    """A damage, the codes that it must give, and the exit status.

    ``alone`` are the codes where no admin is trusted, ``None`` where they are the same; ``[]``
    says that only an admin's word can show it. ``sealed``: chunks must be sealed for it.
    """

    name: str
    do: Callable[[Witnessed], Any]
    codes: list[str]
    exit: int
    alone: list[str] | None = None
    sealed: bool = False
    wants: dict[str, Any] = field(default_factory=dict)


CASES: list[Case] = []


def case(
    codes: str, exit_status: int, *, alone: str | None = None, sealed: bool = False, **wants: Any
) -> Callable[[Callable[[Witnessed], Any]], Callable[[Witnessed], Any]]:
    """Add a damage to the matrix."""

    def add(do: Callable[[Witnessed], Any]) -> Callable[[Witnessed], Any]:
        told = None if alone is None else alone.split()
        CASES.append(Case(do.__name__, do, codes.split(), exit_status, told, sealed, wants))
        return do

    return add


def flip(body: bytes, at: int | None = None) -> bytes:
    """Change one bit, in the middle unless told otherwise."""
    where = len(body) // 2 if at is None else at
    return body[:where] + bytes([body[where] ^ 1]) + body[where + 1 :]


# chunks


@case("chunk-altered", 1)
def flipped_byte(world: Witnessed) -> None:
    key = world.chunks(world.devices[0])[1]
    world.objects[key] = flip(world.objects[key])


@case("chunk-truncated", 1)
def truncated_object(world: Witnessed) -> None:
    key = world.chunks(world.devices[0])[1]
    world.objects[key] = world.objects[key][:-5]


@case("chunk-truncated", 1)
def emptied_object(world: Witnessed) -> None:
    world.objects[world.chunks(world.devices[0])[1]] = b""


@case("chunk-appended", 1)
def appended_frame(world: Witnessed) -> None:
    world.objects[world.chunks(world.devices[0])[1]] += zstandard.compress(b"{}\n")


@case("chunk-missing", 1)
def deleted_chunk(world: Witnessed) -> None:
    world.drop(world.chunks(world.devices[0])[1])


@case("chunk-swapped chunk-swapped", 1)
def swapped_chunks(world: Witnessed) -> None:
    one, two = world.chunks(world.devices[0])[0], world.chunks(world.devices[1])[0]
    world.objects[one], world.objects[two] = world.objects[two], world.objects[one]


@case("chunk-inserted", 1)
def inserted_chunk_under_a_number_that_is_taken(world: Witnessed) -> None:
    key = world.chunks(world.devices[0])[0]
    at = key.rindex("-") + 1
    world.objects[key[:at] + "0" * 16 + key[at + 16 :]] = b"forged"


@case("chunk-not-yet-listed", 2)
def inserted_chunk_behind_the_last(world: Witnessed) -> None:
    key = world.chunks(world.devices[0])[-1]
    at = key.rindex("/") + 18
    world.objects[key[:at] + "000000000099-" + "0" * 16 + key[at + 29 :]] = b"forged"


@case("chunk-unlisted", 2)
def inserted_chunk_of_a_device_that_is_unknown(world: Witnessed) -> None:
    device = world.devices[0]
    key = world.chunks(device)[0]
    world.objects[key.replace(f"/{device}-", f"/{STRANGER}-")] = b"forged"


@case("foreign-object", 1)
def unreferenced_object(world: Witnessed) -> None:
    world.objects[f"tenant={TENANT}/notes.txt"] = b"hello"


@case("foreign-object", 1)
def archive_copied_into_the_archive(world: Witnessed) -> None:
    manifest = world.manifests(world.devices[0])[0]
    world.objects[f"tenant={TENANT}/_manifests/{manifest}"] = world.objects[manifest]


@case("chunk-misplaced", 1)
def chunk_under_another_key(world: Witnessed) -> None:
    key = world.chunks(world.devices[0])[1]
    moved = key.replace("/class=standard/", "/class=short/")
    world.objects[moved] = world.objects.pop(key)


@case("chunk-misplaced", 1)
def chunk_copied_to_another_day(world: Witnessed) -> None:
    key = world.chunks(world.devices[0])[1]
    world.objects[key.replace("/dt=20", "/dt=19")] = world.objects[key]


@case("chunk-misplaced", 1)
def chunk_copied_below_another_tenant(world: Witnessed) -> None:
    key = world.chunks(world.devices[0])[1]
    world.objects[f"tenant={TENANT}/{key}"] = world.objects[key]


# manifests


@case("manifest-missing", 1)
def deleted_manifest(world: Witnessed) -> None:
    world.drop(world.manifests(world.devices[0])[1])


@case("manifest-missing", 1)
def deleted_manifest_with_its_chunks(world: Witnessed) -> None:
    key = world.manifests(world.devices[0])[1]
    chunks = [one["key"] for one in world.said(key)["chunks"]]
    world.drop(key, *chunks)


@case("tail-missing", 1, alone="chunk-not-yet-listed chunk-not-yet-listed")
def deleted_tail(world: Witnessed) -> None:
    """Without an admin the chunks are still there, and listed by nobody."""
    device = world.devices[0]
    gone = world.manifests(device)[2:]
    chunks = [one["key"] for key in gone for one in world.said(key)["chunks"]]
    world.drop(*gone, *chunks[2:])


@case("tail-missing", 1, alone="")
def deleted_tail_with_its_chunks(world: Witnessed) -> None:
    gone = world.manifests(world.devices[0])[2:]
    world.drop(*gone, *(one["key"] for key in gone for one in world.said(key)["chunks"]))


@case("tail-missing", 1, alone="")
def deleted_device(world: Witnessed) -> None:
    device = world.devices[0]
    world.drop(*world.manifests(device), *world.chunks(device))


@case("manifest-altered", 1)
def flipped_byte_in_a_manifest(world: Witnessed) -> None:
    key = world.manifests(world.devices[0])[1]
    world.objects[key] = flip(world.objects[key])


@case("signature-wrong", 1)
def replaced_manifest_with_a_fitting_hash(world: Witnessed) -> None:
    """The newest one, so that nothing but the signature can tell."""
    key = world.manifests(world.devices[0])[-1]
    said, lines = world.said(key), world.objects.pop(key).split(b"\n\n")[1]
    world.put_manifest({**said, "software": "forged"}, signature=lines)


@case("signature-wrong", 1)
def manifest_signed_by_another_key_of_that_name(world: Witnessed) -> None:
    device = world.devices[0]
    said = world.next_of(device)
    world.put_manifest(said, SigningKey.generate(f"device/{device}"))


@case("signature-wrong", 1)
def manifest_signed_by_the_other_device(world: Witnessed) -> None:
    one, other = world.devices
    world.put_manifest(world.next_of(one), world.keys[other])


@case("signer-unknown", 2)
def device_key_replaced_by_a_forgers(world: Witnessed) -> None:
    """It publishes a second key: it may be new, and only an admin can say that it is right."""
    device = world.devices[0]
    forger = SigningKey.generate(f"device/{device}")
    world.enrol(device, forger)
    world.put_manifest(world.next_of(device), forger)


@case("signer-unknown", 2)
def manifest_of_a_device_that_nobody_knows(world: Witnessed) -> None:
    said = world.next_of(world.devices[0], device=STRANGER, seq=1, previous=None)
    world.put_manifest(said, stranger())


@case("signer-unknown", 2, alone="")
def manifest_of_a_device_that_no_admin_approved(world: Witnessed) -> None:
    key = stranger()
    world.enrol(STRANGER, key)
    said = world.next_of(world.devices[0], device=STRANGER, seq=1, previous=None)
    world.put_manifest(said, key)


@case("signer-revoked", 1, alone="")
def manifest_signed_after_the_revocation(world: Witnessed) -> None:
    device = world.devices[0]
    world.checkpoint(world.now)
    world.revoke(device, world.now)
    at = later(world.said(world.manifests(device)[-1])["created_at"], 3 * 86_400)
    world.put_manifest(world.next_of(device, created_at=at, window={"from": None, "to": at}))


@case("signer-unproven", 2, alone="")
def manifest_that_only_says_that_it_is_older_than_the_revocation(world: Witnessed) -> None:
    device = world.devices[0]
    world.checkpoint(world.now)
    world.revoke(device, world.now)
    world.put_manifest(world.next_of(device))


@case("signer-not-yet", 2, alone="")
def manifest_signed_before_the_approval(world: Witnessed) -> None:
    key = stranger()
    world.enrol(STRANGER, key)
    world.approve(STRANGER, world.now + timedelta(days=9), key)
    said = world.next_of(world.devices[0], device=STRANGER, seq=1, previous=None)
    world.put_manifest(said, key)


@case("manifest-fork", 1)
def forked_chain(world: Witnessed) -> None:
    key = world.manifests(world.devices[0])[-1]
    world.put_manifest({**world.said(key), "software": "the other branch"})


@case("manifest-fork", 1)
def forked_chain_that_goes_on(world: Witnessed) -> None:
    device = world.devices[0]
    key = world.manifests(device)[-1]
    said = world.said(key)
    other = world.put_manifest({**said, "software": "the other branch", "chunks": []})
    sha256 = hashlib.sha256(world.objects[other]).hexdigest()
    world.put_manifest(world.next_of(device, seq=said["seq"] + 1))
    world.put_manifest({**world.next_of(device, seq=said["seq"] + 1), "previous": sha256})


@case("manifest-chain", 1)
def chain_that_names_another_predecessor(world: Witnessed) -> None:
    world.put_manifest(world.next_of(world.devices[0], previous="0" * 64))


@case("manifest-missing", 1)
def gap_in_the_numbers_of_manifests(world: Witnessed) -> None:
    said = world.next_of(world.devices[0])
    world.put_manifest({**said, "seq": said["seq"] + 2})


@case("chunk-gap", 2)
def gap_in_the_numbers_of_chunks(world: Witnessed) -> None:
    device = world.devices[0]
    old = world.chunks(device)[-1]
    body = world.objects[old] + b"x"
    entry = world.said(world.manifests(device)[-1])["chunks"][-1]
    sha256 = hashlib.sha256(body).hexdigest()
    seq = len(world.chunks(device)) + 3
    folder = old[: old.rindex("/") + 1]
    suffix = old[old.index(".jsonl") :]
    key = f"{folder}{device}-{seq:012d}-{sha256[:16]}{suffix}"
    world.objects[key] = body
    said = world.next_of(device)
    said["records"]["captured"] += entry["records"]
    said["chunks"] = [
        {**entry, "seq": seq, "key": key, "sha256": sha256, "stored_bytes": len(body)}
    ]
    world.put_manifest(said)


@case("silence", 2)
def silence_between_two_manifests(world: Witnessed) -> None:
    device = world.devices[0]
    at = later(world.said(world.manifests(device)[-1])["created_at"], 32 * 86_400)
    world.put_manifest(world.next_of(device, created_at=at, window={"from": None, "to": at}))


@case("silence", 2, alone="")
def silence_to_the_end(world: Witnessed) -> None:
    """The other device goes on, and so do the checkpoints."""
    one, _ = world.devices
    at = world.said(world.manifests(one)[-1])["created_at"]
    for days in (20, 40):
        time = later(at, days * 86_400)
        world.put_manifest(world.next_of(one, created_at=time, window={"from": None, "to": time}))
    world.now += timedelta(days=40)
    world.checkpoint(world.now)


@case("count-wrong", 1)
def wrong_count_of_the_collector(world: Witnessed) -> None:
    said = world.next_of(world.devices[0])
    said["records"] = {"captured": 1, "dropped": 0, "reason": None}
    world.put_manifest(said)


@case("records-differ", 1, depth=Depth.RECORDS)
def wrong_count_of_a_chunk(world: Witnessed) -> None:
    key = world.manifests(world.devices[0])[-1]
    said = world.said(key)
    world.drop(key)
    said["chunks"][0]["records"] -= 1
    world.put_manifest(said)


@case("clock-backwards", 2)
def clock_running_backwards(world: Witnessed) -> None:
    device = world.devices[0]
    at = later(world.said(world.manifests(device)[-1])["created_at"], -3600)
    world.put_manifest(world.next_of(device, created_at=at))


@case("history-rewritten", 1, alone="manifest-chain")
def covered_manifest_rewritten_with_the_stolen_device_key(world: Witnessed) -> None:
    key = world.manifests(world.devices[0])[1]
    said = world.said(key)
    world.drop(key, said["chunks"].pop()["key"])
    world.put_manifest(said)


@case("history-rewritten", 1, alone="manifest-newer")
def covered_manifest_replaced_by_what_only_a_newer_version_reads(world: Witnessed) -> None:
    """Its device's key is stolen; what it listed is gone with it."""
    key = world.manifests(world.devices[0])[1]
    said = world.said(key)
    world.drop(key, *(one["key"] for one in said["chunks"]))
    world.put_manifest({**said, "v": 2})


@case("manifest-misplaced", 1)
def manifest_under_another_number(world: Witnessed) -> None:
    key = world.manifests(world.devices[0])[0]
    last = world.manifests(world.devices[0])[-1]
    seq = int(last.rsplit("/", 1)[-1][:12]) + 1
    world.objects[key.replace("/000000000001-", f"/{seq:012d}-")] = world.objects[key]


@case("listing-invalid", 1)
def manifest_that_lists_another_devices_chunk_as_its_own(world: Witnessed) -> None:
    one, other = world.devices
    entry = world.said(world.manifests(other)[0])["chunks"][0]
    world.put_manifest(world.next_of(one, chunks=[entry]))


@case("listing-invalid", 1)
def chunk_listed_again_with_another_hash(world: Witnessed) -> None:
    """What its device said first stays: the chunk is whole."""
    device = world.devices[0]
    entry = world.said(world.manifests(device)[0])["chunks"][0]
    lie = {**entry, "sha256": entry["sha256"][:16] + "0" * 48}
    said = world.next_of(device, chunks=[lie])
    said["records"]["captured"] += entry["records"]
    world.put_manifest(said)


@case("manifest-invalid", 1)
def manifest_that_is_not_a_note(world: Witnessed) -> None:
    device = world.devices[0]
    said = world.next_of(device)
    key = world.put_manifest(said)
    body = world.objects.pop(key).split(b"\n\n")[0]
    at = key.rindex("-") + 1
    world.objects[f"{key[:at]}{hashlib.sha256(body).hexdigest()[:16]}.note"] = body


@case("manifest-invalid", 1)
def manifest_that_is_not_json(world: Witnessed) -> None:
    device = world.devices[0]
    world.put_manifest_text(b"not JSON\n", device, world.next_of(device)["seq"])


@case("manifest-invalid", 1)
def manifest_of_an_impossible_time(world: Witnessed) -> None:
    at = "0001-01-01T00:00:00+14:00"
    world.put_manifest(world.next_of(world.devices[0], created_at=at))


@case("manifest-newer", 2)
def manifest_of_a_newer_version(world: Witnessed) -> None:
    world.put_manifest(world.next_of(world.devices[0], v=2, chunks={"packed": "otherwise"}))


@case("", 0)
def manifest_with_keys_that_nobody_knows(world: Witnessed) -> None:
    world.put_manifest(world.next_of(world.devices[0], weather="fine", v=1))


@case("enrolment-invalid", 1)
def enrolment_with_a_key_of_another_type(world: Witnessed) -> None:
    key = stranger()
    name = world.enrol(STRANGER, key)
    said = world.said(name)
    name_of, key_id, encoded = said["key"].split("+", 2)
    raw = base64.b64encode(b"\x02" + base64.b64decode(encoded)[1:]).decode()
    said["key"] = f"{name_of}+{key_id}+{raw}"
    body = note.write(json.dumps(said).encode() + b"\n", key)
    world.drop(name)
    at = name.rindex("-") + 1
    world.objects[f"{name[:at]}{hashlib.sha256(body).hexdigest()[:16]}.note"] = body


@case("enrolment-invalid", 1)
def flipped_byte_in_an_enrolment(world: Witnessed) -> None:
    key = world.find(f"/_devices/{world.devices[0]}")[0]
    world.objects[key] = flip(world.objects[key])


# what the admin signs


@case("registry-invalid", 1, alone="")
def registry_signed_by_the_wrong_admin(world: Witnessed) -> None:
    assert world.registry is not None
    key = world.series(Series.REGISTRY)[-1]
    world.drop(key)
    world.put_registry(world.registry, SigningKey.generate(admin_key_name(TENANT)))


@case("registry-invalid", 1)
def flipped_byte_in_a_registry(world: Witnessed) -> None:
    key = world.series(Series.REGISTRY)[0]
    world.objects[key] = flip(world.objects[key])


@case("registry-gone", 1, alone="")
def deleted_newest_registry(world: Witnessed) -> None:
    """The device that it revoked would be believed again."""
    world.checkpoint(world.now)
    key = world.revoke(world.devices[0], world.now)
    world.put_manifest(world.next_of(world.devices[1]))
    world.checkpoint(world.now)
    world.drop(key)


@case("registry-gone", 1, alone="")
def deleted_first_registry(world: Witnessed) -> None:
    world.drop(world.series(Series.REGISTRY)[0])


@case("checkpoint-inconsistent", 1, alone="")
def checkpoint_inconsistent_with_its_predecessor(world: Witnessed) -> None:
    key, last = world.statements.pop()
    world.drop(key)
    world.put_statement(
        msgspec.structs.replace(last, consistency=("0" * 64, *last.consistency[1:]))
    )


@case("checkpoint-missing", 1, alone="")
def deleted_checkpoint_in_the_middle(world: Witnessed) -> None:
    world.drop(world.series(Series.CHECKPOINTS)[1])


@case("checkpoint-missing", 1, alone="")
def deleted_first_checkpoint(world: Witnessed) -> None:
    world.drop(world.series(Series.CHECKPOINTS)[0])


@case("checkpoint-missing tail-missing", 1, alone="")
def deleted_checkpoint_hides_no_later_one(world: Witnessed) -> None:
    deleted_checkpoint_in_the_middle(world)
    deleted_tail_with_its_chunks(world)


@case("checkpoint-none", 2, alone="")
def deleted_checkpoints_with_their_rollups(world: Witnessed) -> None:
    """What is left is as it was before the first one, and no success."""
    world.drop(*world.series(Series.CHECKPOINTS), *world.series(Series.ROLLUPS))


@case("checkpoint-none device-missing", 2, alone="")
def deleted_device_with_all_checkpoints(world: Witnessed) -> None:
    deleted_checkpoints_with_their_rollups(world)
    deleted_device(world)


@case("checkpoint-invalid", 1, alone="")
def checkpoint_signed_by_the_wrong_admin(world: Witnessed) -> None:
    key, _ = world.statements[1]
    text = note.read(world.objects.pop(key)).text
    forged = note.write(text, SigningKey.generate(admin_key_name(TENANT)))
    world.put_series(Series.CHECKPOINTS, 2, forged)


@case("checkpoint-invalid", 1)
def flipped_byte_in_a_checkpoint(world: Witnessed) -> None:
    key = world.series(Series.CHECKPOINTS)[1]
    world.objects[key] = flip(world.objects[key])


@case("rollup-missing", 1, alone="")
def deleted_rollup(world: Witnessed) -> None:
    world.drop(world.series(Series.ROLLUPS)[1])


@case("rollup-altered", 1)
def flipped_byte_in_a_rollup(world: Witnessed) -> None:
    key = world.series(Series.ROLLUPS)[1]
    world.objects[key] = flip(world.objects[key])


@case("rollup-altered", 1)
def truncated_rollup(world: Witnessed) -> None:
    key = world.series(Series.ROLLUPS)[1]
    world.objects[key] = world.objects[key][:-1]


@case("timestamp-altered", 1)
def timestamp_with_other_bytes_than_its_name_says(world: Witnessed) -> None:
    key = world.put_series(Series.TIMESTAMPS, 3, b"a token")
    world.objects[key] = b"another"


@case("timestamp-unknown", 1)
def timestamp_of_no_checkpoint(world: Witnessed) -> None:
    world.put_series(Series.TIMESTAMPS, 77, b"a token")


# what is sealed


@case("", 0, sealed=True)
def wrapped_key_that_was_wrapped_anew(world: Witnessed) -> None:
    """For other officers; the old wrap went. It is a note."""
    key = world.find("/_keys/")[0]
    body = world.objects.pop(key)
    at = key.rindex("-") - 16
    sha = hashlib.sha256(body + b"x").hexdigest()[:16]
    world.objects[f"{key[:at]}{'0' * 16}-{sha}.age"] = body + b"x"


@case("key-missing", 1, sealed=True)
def deleted_wrapped_key(world: Witnessed) -> None:
    world.drop(world.find("/_keys/")[0])


@case("key-altered", 1, sealed=True)
def flipped_byte_in_a_wrapped_key(world: Witnessed) -> None:
    key = world.find("/_keys/")[0]
    world.objects[key] = flip(world.objects[key])


@case("key-altered", 1, sealed=True)
def truncated_wrapped_key(world: Witnessed) -> None:
    key = world.find("/_keys/")[0]
    world.objects[key] = world.objects[key][:-1]


@case("chunk-unreadable", 1, sealed=True, depth=Depth.RECORDS)
def chunk_sealed_to_another_recipient(world: Witnessed) -> None:
    """The device says that it is sealed to its month key, and nobody can open it."""
    device = world.devices[0]
    key = world.manifests(device)[-1]
    said = world.said(key)
    entry = said["chunks"][0]
    body = age.encrypt(b"a chunk", [age.generate()[1]])
    sha256 = hashlib.sha256(body).hexdigest()
    renamed = entry["key"].replace(entry["sha256"][:16], sha256[:16])
    world.drop(key, entry["key"])
    world.objects[renamed] = body
    entry.update(key=renamed, sha256=sha256, stored_bytes=len(body))
    world.put_manifest(said)


# places and the tests themselves


def ids() -> Any:
    """Give every case by its name."""
    return pytest.mark.parametrize("case", CASES, ids=[one.name for one in CASES])


def world_of(case: Case, plain: Witnessed, sealed: Witnessed) -> Witnessed:
    """Give the archive that the case is about, damaged."""
    world = (sealed if case.sealed else plain).copy()
    case.do(world)
    return world


@pytest.mark.parametrize("kind", ["plain", "sealed"])
@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("depth", list(Depth))
async def test_the_healthy_archive_has_no_finding(
    request: pytest.FixtureRequest, kind: str, *, trusted: bool, depth: Depth
) -> None:
    """Whoever looks, and however deep."""
    world = request.getfixturevalue(kind)
    report = await check(memory(world.objects), "", world, trusted=trusted, depth=depth)
    assert (report.findings, report.exit_status) == ((), 0)
    assert (report.manifests, report.chunks) == (10, 10)
    assert report.checkpoints == (3 if trusted else 0)


@ids()
async def test_each_damage_is_called_by_its_name(
    case: Case, plain: Witnessed, sealed: Witnessed
) -> None:
    """In memory, with an admin whom one trusts."""
    world = world_of(case, plain, sealed)
    report = await check(memory(world.objects), "", world, **case.wants)
    assert (codes(report), report.exit_status) == (sorted(case.codes), case.exit)


@ids()
async def test_without_an_admin_the_archives_own_signatures_speak(
    case: Case, plain: Witnessed, sealed: Witnessed
) -> None:
    """What only the admin's word can show is silent then; all else is seen all the same."""
    world = world_of(case, plain, sealed)
    report = await check(memory(world.objects), "", world, trusted=False, **case.wants)
    assert codes(report) == sorted(case.codes if case.alone is None else case.alone)


@ids()
async def test_in_a_folder_and_in_a_copy_of_it_elsewhere(
    case: Case, plain: Witnessed, sealed: Witnessed, tmp_path: Path
) -> None:
    """The copy lies under another prefix, and is verified without the network."""
    world = world_of(case, plain, sealed)
    write(tmp_path / "bucket", world.objects)
    write(tmp_path / "copy" / "of" / "it", world.objects)
    for folder, prefix in ((tmp_path / "bucket", ""), (tmp_path / "copy", "of/it")):
        async with FolderStore(folder) as store:
            report = await check(store, prefix, world, **case.wants)
        assert (codes(report), report.exit_status) == (sorted(case.codes), case.exit)


@pytest.fixture(scope="module")
def bucket(ceph: Any) -> tuple[Any, str]:
    """Make one bucket for the whole matrix."""
    return ceph, ceph.new_bucket()


@contextlib.asynccontextmanager
async def in_bucket(
    bucket: tuple[Any, str], folder: Path, before: dict[str, bytes], after: dict[str, bytes]
) -> AsyncIterator[Store]:
    """Give the store with the objects ``after`` in it, where ``before`` were put once."""
    server, name = bucket
    with server.client() as client:
        listed = client.list_objects_v2(Bucket=name).get("Contents", ())
        there = {one["Key"]: one["Size"] for one in listed}
        want = before if len(there) != len(before) else {}
        for key in there.keys() - before.keys():
            client.delete_object(Bucket=name, Key=key)
        for key, body in want.items():
            client.put_object(Bucket=name, Key=key, Body=body)
        changed = {key for key in after if before.get(key) != after[key]}
        for key in changed:
            client.put_object(Bucket=name, Key=key, Body=after[key])
        for key in before.keys() - after.keys():
            client.delete_object(Bucket=name, Key=key)
        async with open_store(server.settings(name, folder)) as store:
            yield store
        for key in changed - before.keys():
            client.delete_object(Bucket=name, Key=key)
        for key in (changed & before.keys()) | (before.keys() - after.keys()):
            client.put_object(Bucket=name, Key=key, Body=before[key])


@pytest.mark.ceph
@pytest.mark.parametrize("kind", ["plain", "sealed"])
async def test_on_a_real_s3_server(
    request: pytest.FixtureRequest, bucket: tuple[Any, str], kind: str, tmp_path: Path
) -> None:
    """Ceph RGW: the damage is done behind archiver's back, with a plain client.

    One damage of each kind of finding; all of them are tried on the other stores.
    """
    healthy = request.getfixturevalue(kind)
    of_kind = [one for one in CASES if one.sealed == (kind == "sealed")]
    cases = list({tuple(one.codes): one for one in of_kind}.values())
    wrong = {}
    async with in_bucket(bucket, tmp_path, healthy.objects, healthy.objects) as store:
        assert (await check(store, "", healthy, depth=Depth.RECORDS)).findings == ()
    for one in cases:
        world = healthy.copy()
        one.do(world)
        async with in_bucket(bucket, tmp_path, healthy.objects, world.objects) as store:
            report = await check(store, "", world, **one.wants)
        if (codes(report), report.exit_status) != (sorted(one.codes), one.exit):
            wrong[one.name] = codes(report)
    assert wrong == {}
    assert len(cases) > (3 if kind == "sealed" else 25)


# what concerns more than one object


async def test_a_manifest_that_is_too_long_is_not_even_fetched(plain: Witnessed) -> None:
    """It must not fill the memory of who verifies."""
    world = plain.copy()
    key = world.put_manifest(world.next_of(world.devices[0]))
    world.objects[key] += b"x" * note.MAX_NOTE_BYTES
    store = memory(world.objects)
    report = await check(store, "", world)
    assert (codes(report), report.exit_status) == (["manifest-invalid"], 1)
    assert key not in {call.key for call in store.calls if call.verb == "get"}


async def test_a_chunk_that_is_far_too_large_is_not_fetched(plain: Witnessed) -> None:
    """A listing is enough to see it."""
    world = plain.copy()
    key = world.chunks(world.devices[0])[0]
    world.objects[key] += b"x" * (129 * 1024 * 1024)
    store = memory(world.objects)
    assert codes(await check(store, "", world)) == ["chunk-size"]
    assert key not in {call.key for call in store.calls if call.verb == "get"}


async def test_many_large_manifests_are_not_fetched_together(
    plain: Witnessed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most 64 MiB of them are in memory, by what the listing says."""
    world = plain.copy()
    body = bytes(20 * 1024 * 1024)
    folder = world.manifests(world.devices[0])[0].rsplit("/", 1)[0]
    for seq in range(10, 20):
        world.objects[f"{folder}/{seq:012d}-{'0' * 16}.note"] = body
    store, now, most = memory(world.objects), 0, 0
    get = store.get

    async def slow(key: str) -> bytes:
        nonlocal now, most
        size = len(world.objects[key])
        now += size
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= size
        return await get(key)

    monkeypatch.setattr(store, "get", slow)
    report = await check(store, "", world)
    assert codes(report).count("manifest-altered") == 10
    assert most <= 64 * 1024 * 1024


async def test_a_device_that_was_revoked_need_not_speak_any_more(plain: Witnessed) -> None:
    """The other one is missed, and so are the checkpoints."""
    world = plain.copy()
    world.checkpoint(world.now)
    one, other = world.devices
    world.revoke(one, world.now)
    at = world.now + timedelta(days=40)
    report = await check(memory(world.objects), "", world, as_of=later_than(at))
    silent = [found.object for found in report.findings]
    assert codes(report) == ["silence", "silence"]
    assert silent == [f"tenant={TENANT}/_checkpoints/", other]


async def test_an_approved_device_that_never_spoke_is_missed(plain: Witnessed) -> None:
    """All that it ever shipped may have been removed. One that was revoked is not expected."""
    world = plain.copy()
    world.approve(STRANGER, world.now, stranger())
    report = await check(memory(world.objects), "", world)
    assert [(str(one.code), one.object) for one in report.findings] == [
        ("device-missing", STRANGER)
    ]
    world.revoke(STRANGER, world.now)
    assert codes(await check(memory(world.objects), "", world)) == []


async def test_the_window_of_silence_is_the_tenants(plain: Witnessed) -> None:
    """Days, as the policy has them."""
    as_of = later_than(plain.now + timedelta(days=40))
    store = memory(plain.objects)
    patient = {"silence_days": 60, "pause_days": 60}
    assert codes(await check(store, "", plain, as_of=as_of, **patient)) == []


async def test_checkpoints_that_stopped_are_missed_long_before_a_device_is(
    plain: Witnessed,
) -> None:
    """A bucket that was set back to last week looks like this."""
    world = plain.copy()
    world.checkpoint(world.now)
    as_of = later_than(world.now + timedelta(days=5))
    report = await check(memory(world.objects), "", world, as_of=as_of)
    assert [(str(one.code), one.object) for one in report.findings] == [
        ("silence", f"tenant={TENANT}/_checkpoints/")
    ]


async def test_a_bad_wrap_for_other_officers_closes_the_chunk_and_nothing_else(
    sealed: Witnessed,
) -> None:
    """It is listed and whole; who cannot open it says so, and counts what it could not read."""
    other = sealed.copy()
    other.identity = age.generate()[0]
    report = await check(memory(other.objects), "", other, depth=Depth.RECORDS)
    assert [(str(one.code), one.severity) for one in report.findings] == [("chunk-closed", "gap")]
    assert "10 chunks" in report.findings[0].meaning
    assert report.exit_status == 2


async def test_several_damages_are_all_found(plain: Witnessed) -> None:
    """One does not hide another."""
    world = plain.copy()
    for do in (
        flipped_byte,
        manifest_that_is_not_json,
        registry_signed_by_the_wrong_admin,
        flipped_byte_in_an_enrolment,
        unreferenced_object,
    ):
        do(world)
    found = codes(await check(memory(world.objects), "", world))
    assert {*found} == {
        "chunk-altered",
        "manifest-invalid",
        "registry-invalid",
        "enrolment-invalid",
        "foreign-object",
    }


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("kind", ["plain", "sealed"])
async def test_no_byte_of_a_listed_object_changes_unseen(
    request: pytest.FixtureRequest, kind: str, *, trusted: bool
) -> None:
    """Every object is changed once, at a place that is drawn."""
    world = request.getfixturevalue(kind)
    draw = random.Random(1)
    for key, body in world.objects.items():
        damaged = {**world.objects, key: flip(body, draw.randrange(len(body)))}
        report = await check(memory(damaged), "", world, trusted=trusted)
        assert report.exit_status == 1, key
        assert len([one for one in report.findings if one.severity is not Severity.NOTE]) == 1, key


def later_than(at: Any) -> str:
    """Write a time."""
    return later(at.isoformat(), 0)


@pytest.mark.parametrize("lost", [True, False])
async def test_roots_are_compared_behind_a_lost_checkpoint_too(
    plain: Witnessed, *, lost: bool
) -> None:
    """The tree goes on from the peaks of the next one: a roll-up in another order is seen."""
    world = plain.copy()
    world.checkpoint(world.now)
    key, last = world.statements.pop()
    entry = last.rollups[0]
    lines = unpack(world.objects[entry.key]).splitlines(keepends=True)
    body = pack(lines[::-1], level=3)
    world.drop(key, entry.key, *world.series(Series.CHECKPOINTS)[:1] if lost else ())
    other = world.put_series(Series.ROLLUPS, entry.first, body)
    changed = msgspec.structs.replace(
        entry, key=other, sha256=hashlib.sha256(body).hexdigest(), stored_bytes=len(body)
    )
    world.put_statement(msgspec.structs.replace(last, rollups=(changed,)))
    found = codes(await check(memory(world.objects), "", world))
    assert found == ["checkpoint-inconsistent", *["checkpoint-missing"][: int(lost)]]
