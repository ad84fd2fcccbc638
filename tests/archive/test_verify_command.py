"""``archiver verify`` over a witnessed copy: scopes, samples, going on, exit codes, no network."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from witnessed import Witnessed, archiver, write

from archiver.archive.findings import Code
from archiver.archive.meanings import MEANS
from archiver.evidence.keys import SigningKey

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def copy(plain: Witnessed, tmp_path: Path) -> Path:
    """Give a downloaded copy."""
    return write(tmp_path / "copy", plain.objects)


def verify(world: Witnessed, copy: Path, *words: object) -> Any:
    """Verify with the admin's key, as JSON."""
    key = world.admin.public
    said = archiver("verify", "--archive", copy, "--admin-key", key, "--json", *words)
    assert said.out, said.err
    report = json.loads(said.out)
    assert report["exit_status"] == said.code
    return report


def found(report: Any) -> list[str]:
    """Give the codes."""
    return [one["code"] for one in report["findings"]]


def test_every_code_says_what_it_means_for_the_evidence() -> None:
    """In words for whoever answers for the archive."""
    assert set(MEANS) == set(Code)


def test_a_report_is_grouped_and_says_what_it_means(plain: Witnessed, copy: Path) -> None:
    """The gravest kinds first; each object; the verdict last."""
    for key in plain.chunks(plain.devices[0])[:2]:
        (copy / key).unlink()
    (copy / "tenant=acme" / "notes.txt").write_text("x")
    said = archiver("verify", "--archive", copy, "--admin-key", plain.admin.public)
    lines = said.out.splitlines()
    kinds = [line for line in lines if line[:1] != " "][1:-2]
    assert said.code == 1
    assert kinds == ["invalid  foreign-object", "missing  chunk-missing  (2 times)"]
    assert f"         {MEANS['chunk-missing']}" in lines
    assert lines[-1] == "NOT as it should be (1 invalid, 2 missing)."


def test_a_name_in_the_store_cannot_write_lines_into_the_report(
    plain: Witnessed, copy: Path
) -> None:
    """Nor move the cursor, nor turn the direction of the text."""
    (copy / "tenant=acme" / "x\nComplete and valid.\x1b[2J\u202e\u2028y").write_text("x")
    said = archiver("verify", "--archive", copy, "--admin-key", plain.admin.public)
    assert said.code == 1
    assert r"x\nComplete and valid.\x1b[2J\u202e\u2028y" in said.out
    assert "Complete and valid." not in said.out.splitlines()


@pytest.mark.parametrize("words", [[], ["--read-data"], ["--read-records"], ["--jobs", 2]])
def test_it_works_without_any_network(plain: Witnessed, copy: Path, words: list[str]) -> None:
    """A copy on a machine that is connected to nothing: no socket is ever asked for."""
    watch = (
        "import sys, runpy\n"
        "def hook(event, args):\n"
        "    if event in ('socket.connect', 'socket.bind', 'socket.getaddrinfo'):\n"
        "        raise SystemExit(99)\n"
        "sys.addaudithook(hook)\n"
        "sys.argv[0] = 'archiver'\n"
        "runpy.run_module('archiver', run_name='__main__')\n"
    )
    key = str(plain.admin.public)
    command = [sys.executable, "-c", watch, "verify", "--archive", copy, "--admin-key", key]
    done = subprocess.run(
        [*map(str, command), *map(str, words)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Complete and valid.")


def test_a_device_a_day_and_a_conversation_can_be_asked_for(plain: Witnessed, copy: Path) -> None:
    """What lies outside is counted nowhere and read not at all."""
    one, other = plain.devices
    gone = plain.chunks(one)[0]
    (copy / gone).write_bytes(b"")
    assert verify(plain, copy, "--read-data", "--device", other)["exit_status"] == 0
    report = verify(plain, copy, "--read-data", "--device", one)
    assert (found(report), report["chunks"], report["read"]) == (["chunk-truncated"], 5, 5)
    whose = next(
        entry["conversations"][0]["id"]
        for key in plain.manifests(one)
        for entry in plain.said(key)["chunks"]
        if entry["key"] == gone
    )
    far = "c1-1" if whose.startswith("c0") else "c0-1"
    assert verify(plain, copy, "--read-data", "--conversation", far)["exit_status"] == 0
    report = verify(plain, copy, "--read-data", "--conversation", whose)
    assert found(report) == ["chunk-truncated"]
    day = gone.split("/dt=")[1][:10]
    assert found(verify(plain, copy, "--since", day, "--until", day)) == ["chunk-size"]


def test_nothing_in_what_was_asked_for_is_no_success(plain: Witnessed, copy: Path) -> None:
    """A typing mistake must not look like a clean archive."""
    for words in (["--device", "0" * 16], ["--since", "2199-01-01"]):
        report = verify(plain, copy, *words)
        assert (found(report), report["exit_status"]) == (["nothing-in-scope"], 1)


def test_a_sample_of_nothing_is_no_success(plain: Witnessed, copy: Path) -> None:
    """Nothing is known of a chunk that was not read."""
    report = verify(plain, copy, "--subset", "1/999999")
    assert (found(report), report["read"], report["exit_status"]) == (["nothing-read"], 0, 2)


def test_a_key_of_another_admin_vouches_for_nothing(plain: Witnessed, copy: Path) -> None:
    """Each thing that it should have signed is named."""
    world = plain.copy()
    world.admin = SigningKey.generate("admin/acme")
    report = verify(world, copy)
    assert set(found(report)) == {"registry-invalid", "checkpoint-invalid"} | (
        set(found(report)) & {"rollup-not-listed"}
    )
    assert report["exit_status"] == 1


def test_without_a_key_the_archive_is_incomplete(copy: Path) -> None:
    """Nobody vouches for the devices."""
    said = archiver("verify", "--archive", copy)
    assert (said.code, "gap      registry-missing" in said.out) == (2, True)


def test_a_run_goes_on_where_another_was_cut_off(
    plain: Witnessed, copy: Path, tmp_path: Path
) -> None:
    """What was found sound is not read again, unless more is asked of it."""
    done = tmp_path / "done.txt"
    first = verify(plain, copy, "--subset", "1/2", "--resume", done)
    part = first["read"]
    assert 0 < part < first["chunks"] == 10
    with done.open("a") as file:
        file.write("bytes 0123")  # what a crash leaves
    second = verify(plain, copy, "--read-data", "--resume", done)
    assert (second["known"], second["read"]) == (part, 10 - part)
    third = verify(plain, copy, "--read-data", "--resume", done)
    assert (third["known"], third["read"], third["exit_status"]) == (10, 0, 0)
    deeper = verify(plain, copy, "--read-records", "--resume", done)
    assert (deeper["known"], deeper["read"]) == (0, 10)
    again = verify(plain, copy, "--read-data", "--resume", done)
    assert again["known"] == 10


def test_what_is_damaged_is_never_noted_as_sound(
    plain: Witnessed, copy: Path, tmp_path: Path
) -> None:
    """It is read again each time."""
    chunk = copy / plain.chunks(plain.devices[0])[0]
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
    for _ in range(2):
        report = verify(plain, copy, "--read-data", "--resume", tmp_path / "done")
        assert found(report) == ["chunk-altered"]


def test_another_size_is_looked_into_whatever_the_sample(
    plain: Witnessed, copy: Path, tmp_path: Path
) -> None:
    """The listing shows it, so neither a subset nor an earlier run hides it."""
    verify(plain, copy, "--read-data", "--resume", tmp_path / "done")
    chunk = copy / plain.chunks(plain.devices[0])[0]
    chunk.write_bytes(chunk.read_bytes() + b"more")
    for words in (["--subset", "1/999999"], ["--read-data", "--resume", tmp_path / "done"]):
        assert found(verify(plain, copy, *words)) == ["chunk-appended"]


def test_buckets_together_read_everything_once(plain: Witnessed, copy: Path) -> None:
    """Thirty nights read the whole archive."""
    assert sum(verify(plain, copy, "--subset", f"{n}/3")["read"] for n in (1, 2, 3)) == 10


@pytest.mark.parametrize(("subset", "least", "most"), [("50%", 5, 5), ("1", 1, 1), ("1G", 10, 10)])
def test_a_share_or_a_size_is_drawn(
    plain: Witnessed, copy: Path, subset: str, least: int, most: int
) -> None:
    """Anew each time, so that nobody knows what will be read."""
    assert least <= verify(plain, copy, "--subset", subset)["read"] <= most


@pytest.mark.parametrize("subset", ["0/3", "4/3", "0%", "101%", "x", "-1", "0", "1/0", ""])
def test_a_subset_that_means_nothing_is_a_mistake(copy: Path, subset: str) -> None:
    """64, before anything is read."""
    assert archiver("verify", "--archive", copy, "--subset", subset).code == 64


def test_silence_is_measured_up_to_the_time_that_is_given(plain: Witnessed, copy: Path) -> None:
    """A copy is judged up to its newest checkpoint; an auditor may ask for more."""
    assert found(verify(plain, copy)) == []
    report = verify(plain, copy, "--as-of", "2199-01-01")
    assert (set(found(report)), report["exit_status"]) == ({"silence"}, 2)
    assert found(verify(plain, copy, "--silence-days", 3650)) == []


def test_a_copy_that_is_not_there_could_not_be_verified(tmp_path: Path) -> None:
    """3: nothing is known."""
    assert archiver("verify", "--archive", tmp_path / "none").code == 3
