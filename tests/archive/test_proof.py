"""A proof is checked by a script that knows nothing of archiver, and every lie in it is refused."""

# ruff: noqa: D103 - a lie is called what its function is called

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from witnessed import TENANT, Witnessed, archiver, write

from archiver.archive.proof import checker
from archiver.evidence import note
from archiver.evidence.keys import SigningKey, admin_key_name
from archiver.format.keys import Series

if TYPE_CHECKING:
    from collections.abc import Callable


def checked(proof: Path, key: object) -> subprocess.CompletedProcess[str]:
    """Run the script as a stranger: isolated, from a folder of its own."""
    script = proof.parent / "check_proof.py"
    if not script.exists():
        script.write_text(checker())
    return subprocess.run(
        [sys.executable, "-I", "-c", _ALONE, script, proof, str(key)],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


_ALONE = """
import runpy, sys
sys.argv = sys.argv[1:]
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("archiver", "msgspec", "zstandard"):
            raise ImportError(name)
sys.meta_path.insert(0, Refused())
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def covered(plain: Witnessed) -> Witnessed:
    """Cover everything with a checkpoint."""
    world = plain.copy()
    world.checkpoint(world.now)
    return world


@pytest.fixture(scope="module")
def proved(covered: Witnessed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prove one conversation by the command line; give the folder."""
    root = tmp_path_factory.mktemp("proved")
    archive = write(root / "archive", covered.objects)
    said = archiver(
        "proof", "c0-1", "--archive", archive, "--admin-key", covered.admin.public, "--to",
        root / "case",
    )  # fmt: skip
    assert (said.code, said.out.strip()) == (0, str(root / "case")), said.err
    return root / "case"


def test_a_stranger_checks_it_without_archiver(proved: Path, covered: Witnessed) -> None:
    """The script prints what ``sha256sum -c`` reads, and the chunks beside it are right."""
    done = checked(proved / "proof.json", covered.admin.public)
    assert (done.returncode, done.stderr.startswith("proved: fixed by admin/acme")) == (0, True)
    sums = subprocess.run(
        ["sha256sum", "-c", "-"],
        input=done.stdout,
        capture_output=True,
        text=True,
        check=False,
        cwd=proved,
    )
    assert sums.returncode == 0, sums.stderr
    assert done.stdout.count("\n") == 5


def test_the_script_is_short_and_needs_one_library() -> None:
    """Sixty lines can be read before they are believed."""
    lines = checker().splitlines()
    imported = [line for line in lines if line.startswith(("import", "from"))]
    assert len(lines) <= 60
    assert imported == [
        "import base64, hashlib, json, sys",
        "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey",
    ]


def test_the_records_are_read_with_zstd_and_jq(proved: Path) -> None:
    """What the proof is about comes out with common tools."""
    chunks = sorted(str(path) for path in proved.rglob("*.jsonl.zst"))
    command = 'zstd -qdc "$@" | jq -r \'select(.conversation == "c0-1") | .op\''
    done = subprocess.run(
        ["sh", "-c", command, "sh", *chunks], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["entry"] * 15


def test_the_commands_of_the_document_do_what_it_says(
    covered: Witnessed, proved: Path, tmp_path: Path
) -> None:
    """FORMAT.md, "Proofs": they are run as they stand there."""
    text = resources.files("archiver.format").joinpath("FORMAT.md").read_text("utf-8")
    commands = text.split("```proof\n")[1].split("```")[0]
    case = tmp_path / "case"
    shutil.copytree(proved, case)
    (case / "acme.pub").write_text(f"{covered.admin.public}\n")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", commands],
        cwd=case,
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(": OK", done.stdout)) == 5
    assert [json.loads(one)["op"] for one in done.stdout.splitlines()[5:]] == ["entry"] * 15


def resigned(proof: dict[str, Any], name: str, key: SigningKey) -> None:
    """Sign what the admin signed with another key."""
    proof[name] = note.write(note.read(proof[name].encode()).text, key).decode()


def other_signer(proof: dict[str, Any]) -> None:
    resigned(proof, "statement", SigningKey.generate(admin_key_name(TENANT)))


def other_registry_signer(proof: dict[str, Any]) -> None:
    resigned(proof, "registry", SigningKey.generate(admin_key_name(TENANT)))


def altered_manifest(proof: dict[str, Any]) -> None:
    proof["manifests"][0]["note"] = proof["manifests"][0]["note"].replace(
        "archiver 0", "archiver 9"
    )


def altered_statement(proof: dict[str, Any]) -> None:
    proof["statement"] = proof["statement"].replace('"seq":4', '"seq":5')


def altered_registry(proof: dict[str, Any]) -> None:
    proof["registry"] = proof["registry"].replace('"reason":null', '"reason":"no"')


def other_path(proof: dict[str, Any]) -> None:
    proof["manifests"][0]["path"][0] = "0" * 64


def longer_path(proof: dict[str, Any]) -> None:
    proof["manifests"][0]["path"].append("0" * 64)


def shorter_path(proof: dict[str, Any]) -> None:
    proof["manifests"][0]["path"].pop()


def other_index(proof: dict[str, Any]) -> None:
    proof["manifests"][0]["index"] ^= 1


def index_out_of_the_tree(proof: dict[str, Any]) -> None:
    proof["manifests"][0]["index"] = 10**6


def swapped_places(proof: dict[str, Any]) -> None:
    one, two = proof["manifests"][:2]
    one["note"], two["note"] = two["note"], one["note"]


def chunk_that_no_manifest_lists(proof: dict[str, Any]) -> None:
    proof["chunks"].append("tenant=acme/made-up")


def missing_manifest(proof: dict[str, Any]) -> None:
    proof["manifests"].pop()


def other_conversation(proof: dict[str, Any]) -> None:
    proof["conversation"] = "c1-0"


def other_tenant(proof: dict[str, Any]) -> None:
    proof["tenant"] = "other"


def no_chunks(proof: dict[str, Any]) -> None:
    proof["chunks"] = []


@pytest.mark.parametrize(
    "lie",
    [
        other_signer, other_registry_signer, altered_manifest, altered_statement, altered_registry,
        other_path, longer_path, shorter_path, other_index, index_out_of_the_tree, swapped_places,
        chunk_that_no_manifest_lists, missing_manifest, other_conversation, other_tenant, no_chunks,
    ],
)  # fmt: skip
def test_every_lie_is_refused(
    lie: Callable[[dict[str, Any]], None], proved: Path, covered: Witnessed, tmp_path: Path
) -> None:
    """One value changed, by somebody who has no key of the admin or the device."""
    proof = json.loads((proved / "proof.json").read_text())
    before = json.dumps(proof)
    lie(proof)
    assert json.dumps(proof) != before
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    done = checked(tmp_path / "proof.json", covered.admin.public)
    assert (done.returncode, "proved:" in done.stderr) == (1, False)
    assert done.stderr.startswith("NOT PROVED: ")
    assert "Traceback" not in done.stderr


def test_the_key_of_another_admin_proves_nothing(proved: Path) -> None:
    """The key comes from whom one trusts, never from the proof."""
    other = SigningKey.generate(admin_key_name(TENANT))
    done = checked(proved / "proof.json", other.public)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the admin did not sign" in done.stderr


def test_a_registry_from_before_a_revocation_does_not_do(
    covered: Witnessed, proved: Path, tmp_path: Path
) -> None:
    """The checkpoint names the registry that it was made with."""
    world = covered.copy()
    proof = json.loads((proved / "proof.json").read_text())
    proof["registry"] = world.objects[world.series(Series.REGISTRY)[0]].decode()
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    done = checked(tmp_path / "proof.json", world.admin.public)
    assert (done.returncode, "another registry" in done.stderr) == (1, True)


def test_what_no_checkpoint_covers_cannot_be_proved_yet(plain: Witnessed, tmp_path: Path) -> None:
    """The next one will; nothing is written."""
    archive = write(tmp_path / "archive", plain.objects)
    key = plain.admin.public
    said = archiver(
        "proof", "c0-1", "--archive", archive, "--admin-key", key, "--to", tmp_path / "p"
    )
    assert said.code == 3
    assert "2 of 5 chunks are in no checkpoint yet" in said.err
    assert not (tmp_path / "p").exists()


def test_an_archive_whose_roll_ups_were_altered_proves_nothing(
    covered: Witnessed, tmp_path: Path
) -> None:
    """The root would be another."""
    world = covered.copy()
    key = world.series(Series.ROLLUPS)[0]
    world.objects[key] = world.objects[world.series(Series.ROLLUPS)[1]]
    archive = write(tmp_path / "archive", world.objects)
    public = world.admin.public
    said = archiver(
        "proof", "c0-1", "--archive", archive, "--admin-key", public, "--to", tmp_path / "p"
    )
    assert (said.code, "not what the newest checkpoint covers" in said.err) == (3, True)


def test_a_sealed_conversation_needs_its_officer(sealed: Witnessed, tmp_path: Path) -> None:
    """Which chunks hold it is sealed too; with the key, the proof is one of ciphertext."""
    world = sealed.copy()
    world.checkpoint(world.now)
    archive = write(tmp_path / "archive", world.objects)
    words = ("--archive", archive, "--admin-key", world.admin.public, "--to", tmp_path / "p.json")
    assert archiver("proof", "c0-1", *words).code == 3
    (tmp_path / "officer.key").write_text(world.identity + "\n")
    said = archiver("proof", "c0-1", *words, "--identity", tmp_path / "officer.key")
    assert said.code == 0, said.err
    done = checked(tmp_path / "p.json", world.admin.public)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        sha256, key = line.split("  ")
        assert hashlib.sha256(world.objects[key]).hexdigest() == sha256
        assert key.endswith(".age")


def test_a_file_that_is_there_is_left_alone(covered: Witnessed, tmp_path: Path) -> None:
    """A proof is never written over another."""
    archive = write(tmp_path / "archive", covered.objects)
    (tmp_path / "p.json").write_text("mine")
    key = covered.admin.public
    said = archiver(
        "proof", "c0-1", "--archive", archive, "--admin-key", key, "--to", tmp_path / "p.json"
    )
    assert (said.code, (tmp_path / "p.json").read_text()) == (3, "mine")


def test_without_an_admins_key_nothing_is_proved(covered: Witnessed, tmp_path: Path) -> None:
    """Nobody would vouch for it."""
    archive = write(tmp_path / "archive", covered.objects)
    assert archiver("proof", "c0-1", "--archive", archive, "--to", tmp_path / "p.json").code == 64
